//! Commands that are delivered twice or thrice: the log, byte for byte, and every reply are those of
//! commands that came once. Reports are made of the log alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use commands::clock::FixedClock;
use commands::writer;
use futures::future::join_all;
use ledger_core::calendar::Day;
use ledger_core::command::Command;
use ledger_core::id::Identifier;
use ledger_core::log::memory::MemoryLog;
use ledger_core::log::{Record, SharedLog};
use ledger_core::state::Ledger;
use proptest::prelude::*;
use schemas::command::{Origin, parse};
use schemas::record::decode;
use serde_json::{Value, json};
use time::macros::datetime;

#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "../../projections/tests/money/steps.rs"]
mod money_steps;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "../../projections/tests/contracts/steps.rs"]
mod order_steps;

use money_steps::Names;

fn book() -> Identifier {
    "main".parse().unwrap()
}

fn command(id: usize, (name, date, data): &(&str, Day, Value)) -> Command {
    let envelope =
        json!({"id": format!("c{id}"), "command": name, "effective": date, "data": data});
    let origin =
        Origin { book: book(), actor: "test".to_owned(), today: *date, command_name: None };
    parse(envelope.to_string().as_bytes(), &origin, &mut String::new).unwrap()
}

/// Delivers commands, all at once, to a new writer on a log; the replies.
async fn deliver(log: &SharedLog, commands: &[Command]) -> Vec<Vec<u8>> {
    let clock = Arc::new(FixedClock(datetime!(2026-05-01 09:00 UTC)));
    let running = writer::start(book(), 0, Arc::clone(log), clock).await.unwrap();
    let handle = running.handle();
    join_all(commands.iter().map(|command| handle.submit(command.clone(), None))).await
}

async fn records(log: &SharedLog) -> Vec<Record> {
    log.read(1, 100_000).await.unwrap().into_iter().map(|stored| stored.record).collect()
}

/// What the steps of a case choose from, as the log has it.
async fn names(log: &SharedLog) -> Names {
    let mut ledger = Ledger::default();
    for stored in log.read(1, 100_000).await.unwrap() {
        ledger.apply(&decode(&stored).unwrap());
    }
    Names {
        invoices: ledger.invoices.keys().map(ToString::to_string).collect(),
        payments: ledger.payments.keys().map(ToString::to_string).collect(),
        credits: ledger.credits.keys().map(ToString::to_string).collect(),
    }
}

/// A step on orders, or on money.
#[derive(Debug, Clone)]
enum Step {
    Order(order_steps::Step),
    Money(money_steps::Step),
    Close(i32),
}

impl Step {
    fn day(&self) -> i32 {
        match self {
            Self::Order(step) => step.day,
            Self::Money(step) => step.day,
            Self::Close(day) => *day,
        }
    }

    fn command(&self, names: &Names, number: u32) -> (&'static str, Day, Value) {
        match self {
            Self::Order(step) => {
                let (name, data) = step.command(number);
                (name, step.date(), data)
            }
            Self::Money(step) => {
                let (name, data) = step.on(names, number);
                (name, step.date(), data)
            }
            Self::Close(day) => {
                let through = "2026-01-01".parse::<Day>().unwrap().plus_days(*day);
                ("ClosePeriod", through.next(), json!({"through": through}))
            }
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let orders = order_steps::steps(12).prop_map(|all| all.into_iter().map(Step::Order));
    let money = money_steps::steps(12).prop_map(|all| all.into_iter().map(Step::Money));
    let closes = prop::collection::vec((0_i32..300).prop_map(Step::Close), 0..3);
    (orders, money, closes).prop_map(|(orders, money, closes)| {
        let mut all: Vec<Step> = orders.chain(money).chain(closes).collect();
        all.sort_by_key(Step::day);
        all
    })
}

fn is_accepted(reply: &[u8]) -> bool {
    let reply: Value = serde_json::from_slice(reply).unwrap();
    reply["outcome"] == "accepted"
}

/// Each command as it comes first, and again behind places that are drawn: an accepted one anywhere
/// later, a refused one at once, since later it may find other books.
fn deliveries(replies: &[Vec<u8>], draws: &[(u8, u32)]) -> Vec<usize> {
    let mut order: Vec<(usize, usize)> = Vec::new();
    for (index, (reply, (times, draw))) in replies.iter().zip(draws.iter().cycle()).enumerate() {
        order.push((index, index));
        for time in 0..*times {
            let left = replies.len() - index;
            let drawn = usize::try_from(*draw).unwrap() / (usize::from(time) * 7 + 1) % left;
            order.push((if is_accepted(reply) { index + drawn } else { index }, index));
        }
    }
    // Of those behind one place its own command is the first: the sort is stable.
    order.sort_by_key(|(place, index)| (*place, place != index));
    order.into_iter().map(|(_, index)| index).collect()
}

async fn check(
    policies: &Value,
    steps: &[Step],
    draws: &[(u8, u32)],
    restart: usize,
) -> Result<(), TestCaseError> {
    let first = "2026-01-01".parse().unwrap();
    let open = json!({"currency": "USD", "policies": policies});
    let customer = json!({"customer": "C", "name": "C"});
    let once: SharedLog = Arc::new(MemoryLog::new());
    let mut commands = vec![
        command(0, &("OpenBook", first, open)),
        command(1, &("RegisterCustomer", first, customer)),
    ];
    let mut replies = deliver(&once, &commands).await;
    for (step, number) in steps.iter().zip(1..) {
        let one = step.command(&names(&once).await, number);
        let one = command(commands.len(), &one);
        replies.extend(deliver(&once, std::slice::from_ref(&one)).await);
        commands.push(one);
    }
    let order = deliveries(&replies, draws);
    let twice: SharedLog = Arc::new(MemoryLog::new());
    let all: Vec<Command> = order.iter().map(|index| commands[*index].clone()).collect();
    let (before, after) = all.split_at(restart % all.len());
    let mut again = deliver(&twice, before).await;
    again.extend(deliver(&twice, after).await);
    prop_assert_eq!(again.len(), order.len());
    for (index, reply) in order.iter().zip(&again) {
        prop_assert_eq!(reply, &replies[*index], "{:?}", commands[*index]);
    }
    prop_assert_eq!(records(&twice).await, records(&once).await);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn a_command_may_come_more_than_once(
        policies in order_steps::policies(), steps in steps(),
        draws in prop::collection::vec((0_u8..3, any::<u32>()), 60), restart in any::<usize>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(&policies, &steps, &draws, restart))?;
    }
}
