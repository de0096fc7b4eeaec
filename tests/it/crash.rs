//! `kill -9` in the middle of `apply`: what was acknowledged is there, in every round.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};

use serde_json::Value;

use crate::harness::Ledger;

const ROUNDS: u64 = 10;
const COMMANDS: u64 = 2_000;
/// Rounds of billing runs.
const BILLING_ROUNDS: u64 = 5;

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

/// Days that the order is billed for, one invoice each.
const DAYS: u64 = 1_800;

/// Billing runs, the last one of 1,200 invoices, and invoices by hand between them.
fn billing() -> String {
    let mut text = String::from(
        r#"{"id":"c1","command":"OpenBook","effective":"2026-01-01","data":{"currency":"USD"}}
{"id":"c2","command":"RegisterCustomer","effective":"2026-01-01","data":{"customer":"C-1","name":"One"}}
{"id":"c3","command":"PlaceOrder","effective":"2026-01-01","data":{"order":"O","customer":"C-1","currency":"USD","start":"2026-01-01","end":"2030-12-05","lines":[{"line":"L","price":{"model":"flat","amount":"1.00","per":{"days":1}},"recognition":{"method":"over_time"},"billing":{"every":{"days":1}}}]}}
"#,
    );
    let first: ledger_core::calendar::Day = "2026-01-01".parse().unwrap();
    for (number, days) in (60..=600).step_by(60).chain([1_800]).enumerate() {
        let through = first.plus_days(days - 1);
        writeln!(
            text,
            r#"{{"id":"i{number}","command":"IssueInvoice","effective":"2026-01-01","data":{{"customer":"C-1","currency":"USD","lines":[{{"amount":"5.00"}}]}}}}
{{"id":"r{number}","command":"RunBilling","effective":"2026-01-01","data":{{"through":"{through}"}}}}"#
        )
        .unwrap();
    }
    text
}

#[test]
fn the_series_has_no_gap_and_no_repeat_after_a_kill() {
    let mut seed = match std::env::var("REVLEDGER_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("REVLEDGER_SEED={seed}");
    let input = billing();
    let replies = u64::try_from(input.lines().count()).unwrap();
    for _ in 0..BILLING_ROUNDS {
        let stop_after = usize::try_from(next(&mut seed) % replies).unwrap();
        let ledger = Ledger::new();
        let acknowledged = kill_after(&ledger, &input, stop_after);
        let again = ledger.expect(0, &["apply", "-"], &input).out;
        let again: Vec<&str> = again.lines().collect();
        assert_eq!(again[..acknowledged.len()], acknowledged, "stopped after {stop_after}");
        ledger.expect(0, &["verify"], "");
        let report = ["report", "billing", "--as-of", "2031-01-01", "--format", "json"];
        let billing = ledger.expect(0, &report, "").json();
        let number = |row: &Value| -> u64 {
            row["invoice"].as_str().unwrap().strip_prefix("INV-").unwrap().parse().unwrap()
        };
        let mut numbers: Vec<u64> =
            billing["rows"].as_array().unwrap().iter().map(number).collect();
        numbers.sort_unstable();
        let is_dense = numbers.iter().copied().eq(1..=DAYS + 11);
        assert!(is_dense, "stopped after {stop_after}: {} invoices", numbers.len());
    }
}
