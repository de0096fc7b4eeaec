//! `kill -9` in the middle of `apply`: what was acknowledged is there, in every round.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};

use serde_json::Value;

use crate::harness::Ledger;

const ROUNDS: u64 = 10;
const COMMANDS: u64 = 2_000;

fn commands() -> String {
    let mut text = String::from(
        r#"{"id":"c1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}
{"id":"c2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}
"#,
    );
    for number in 1..=COMMANDS {
        writeln!(
            text,
            r#"{{"id":"p{number}","command":"RecordPayment","effective":"2026-01-02","data":{{"payment":"P-{number}","customer":"C-1","amount":"1.00","currency":"USD","allocate":"none"}}}}"#
        )
        .unwrap();
    }
    text
}

/// Splitmix64: a plain generator, so that a printed seed gives the same round again.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let mut seed = match std::env::var("REVLEDGER_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("REVLEDGER_SEED={seed}");
    let input = commands();
    for _ in 0..ROUNDS {
        let stop_after = usize::try_from(next(&mut seed) % COMMANDS).unwrap();
        let ledger = Ledger::new();
        let acknowledged = kill_after(&ledger, &input, stop_after);

        // The second run repeats everything: what was acknowledged gives the same bytes.
        let again = ledger.expect(0, &["apply", "-"], &input).out;
        let again: Vec<&str> = again.lines().collect();
        assert_eq!(again[..acknowledged.len()], acknowledged, "stopped after {stop_after}");
        ledger.expect(0, &["verify"], "");
        let events = ledger.expect(0, &["report", "audit-trail", "--format", "json"], "").json();
        let count = events["rows"].as_array().unwrap().len();
        assert_eq!(u64::try_from(count).unwrap(), COMMANDS + 2, "each command once");
    }
}

/// Starts `apply`, reads so many replies, kills it, and returns the replies.
fn kill_after(ledger: &Ledger, input: &str, replies: usize) -> Vec<String> {
    let mut child = ledger.command(&["apply", "-"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged: Vec<String> = lines.take(replies).map(Result::unwrap).collect();
    // SIGKILL: the program gets no chance to tidy up.
    child.kill().unwrap();
    child.wait().unwrap();
    // The pipe breaks when the program dies.
    feeder.join().unwrap().ok();
    for line in &acknowledged {
        let reply: Value = serde_json::from_str(line).unwrap();
        assert_eq!(reply["outcome"], "accepted", "{line}");
    }
    acknowledged
}
