//! A book in memory on which commands on orders and on money are played, and days are closed.

use ledger_core::calendar::Day;
use ledger_core::event::EventData;
use proptest::prelude::*;
use serde_json::json;

use super::common;
use super::money_steps::{self, Names};
use super::order_steps;

/// Something that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Order(order_steps::Step),
    Money(money_steps::Step),
}

impl Step {
    /// Its day of the year: steps are played in the order of their days.
    pub(crate) fn day(&self) -> i32 {
        match self {
            Self::Order(step) => step.day,
            Self::Money(step) => step.day,
        }
    }
}

/// The policies of both.
pub(crate) fn policies() -> impl Strategy<Value = serde_json::Value> {
    (order_steps::policies(), money_steps::policies()).prop_map(|(mut all, money)| {
        let (Some(all_of), Some(money)) = (all.as_object_mut(), money.as_object()) else {
            return all;
        };
        all_of.extend(money.clone());
        all
    })
}

/// Commands on orders and on money, in random order.
pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let orders = order_steps::steps(most).prop_map(|all| all.into_iter().map(Step::Order));
    let money = money_steps::steps(most).prop_map(|all| all.into_iter().map(Step::Money));
    (orders, money).prop_flat_map(|(orders, money)| {
        Just(orders.chain(money).collect::<Vec<_>>()).prop_shuffle()
    })
}

/// What a USD is worth: days of the year, ten-thousandths, and what the rate is for.
pub(crate) type Rate = (i32, i64, &'static str);

/// Rates, most of them late when days are closed.
pub(crate) fn rates() -> impl Strategy<Value = Vec<Rate>> {
    let kinds = prop::sample::select(vec!["spot", "spot", "closing"]);
    prop::collection::vec((0_i32..420, 4_000_i64..25_000, kinds), 0..6)
}

#[derive(Clone)]
pub(crate) struct Book {
    inner: common::Book,
    pub(crate) commands: u32,
    pub(crate) accepted: u32,
    /// Whether orders are in the book's currency where other documents are in another one.
    pub(crate) are_orders_own: bool,
}

impl std::ops::Deref for Book {
    type Target = common::Book;

    fn deref(&self) -> &common::Book {
        &self.inner
    }
}

impl Book {
    pub(crate) fn open(policies: &serde_json::Value) -> Self {
        Self {
            inner: common::Book::open(policies),
            commands: 0,
            accepted: 0,
            are_orders_own: false,
        }
    }

    /// A book in EUR, whose documents are in USD.
    pub(crate) fn foreign(policies: &serde_json::Value) -> Self {
        let inner = common::Book::open_in("EUR", policies);
        let mut book = Self { inner, commands: 0, accepted: 0, are_orders_own: false };
        assert!(book.rate("2025-01-01", "0.9137") && book.rate("2026-02-10", "0.8451"));
        book
    }

    /// Records what a USD is worth from a day on.
    pub(crate) fn rate(&mut self, date: &str, rate: &str) -> bool {
        let start = "2026-01-01".parse().unwrap();
        let data = json!({"from": "USD", "to": "EUR", "rate": rate, "date": date});
        self.inner.send("RecordFxRate", start, &data)
    }

    /// Records a rate, of a month's last day where it is for closings.
    pub(crate) fn rate_of(&mut self, (days, rate, kind): &Rate) -> bool {
        let start: Day = "2026-01-01".parse().unwrap();
        let date = start.plus_days(*days);
        let date = if *kind == "closing" { date.month().last() } else { date };
        let rate = format!("{}.{:04}", rate / 10_000, rate % 10_000);
        let data = json!({"from": "USD", "to": "EUR", "rate": rate, "date": date, "type": kind});
        self.inner.send("RecordFxRate", start, &data)
    }

    /// Plays steps in the order of their days.
    pub(crate) fn play(&mut self, steps: &[Step]) {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by_key(|step| step.day());
        for step in steps {
            self.step(step);
        }
    }

    /// Plays one, whatever came before.
    pub(crate) fn step(&mut self, step: &Step) {
        self.commands += 1;
        let (name, date, data) = match step {
            Step::Order(step) => {
                let (name, mut data) = step.command(self.commands);
                if self.are_orders_own && data.get("currency").is_some() {
                    data["currency"] = json!("EUR");
                }
                (name, step.date(), data)
            }
            Step::Money(step) => {
                let (name, data) = step.on(&self.names(), self.commands);
                (name, step.date(), data)
            }
        };
        self.accepted += u32::from(self.inner.send(name, date, &data));
    }

    pub(crate) fn names(&self) -> Names {
        let ledger = &self.inner.ledger;
        Names {
            invoices: ledger.invoices.keys().map(ToString::to_string).collect(),
            payments: ledger.payments.keys().map(ToString::to_string).collect(),
            credits: ledger.credits.keys().map(ToString::to_string).collect(),
        }
    }

    /// Sends a command; whether it was accepted.
    pub(crate) fn send(&mut self, name: &str, effective: Day, data: &serde_json::Value) -> bool {
        self.inner.send(name, effective, data)
    }

    /// Closes days; whether they were open.
    pub(crate) fn close(&mut self, through: Day) -> bool {
        self.inner.send("ClosePeriod", through.next(), &json!({"through": through}))
    }

    /// Opens days again; whether they were closed.
    pub(crate) fn reopen(&mut self, from: Day) -> bool {
        self.inner.send("ReopenPeriod", from, &json!({"from": from}))
    }

    /// Closes with a seal.
    pub(crate) fn seals(&self) -> usize {
        let is_sealed = |data: &EventData| matches!(data, EventData::PeriodClosed(closed) if closed.seal.is_some());
        self.inner.events.iter().filter(|event| is_sealed(&event.data)).count()
    }
}
