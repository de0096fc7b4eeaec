//! A book in memory, on which steps are played.

use ledger_core::calendar::Day;
use serde_json::{Value, json};

use super::steps::Step;

#[path = "../common/book.rs"]
pub(crate) mod common;

#[derive(Clone)]
pub(crate) struct Book {
    inner: common::Book,
    commands: u32,
}

impl std::ops::Deref for Book {
    type Target = common::Book;

    fn deref(&self) -> &common::Book {
        &self.inner
    }
}

impl Book {
    /// A book with these policies and one customer.
    pub(crate) fn open(policies: &Value) -> Self {
        Self { inner: common::Book::open(policies), commands: 0 }
    }

    /// A book in EUR, with these rates of USD.
    pub(crate) fn foreign(policies: &Value, first: &str, rates: &[(i32, i64)]) -> Self {
        let mut inner = common::Book::open_in("EUR", policies);
        super::foreign::record(&mut inner, first, rates);
        Self { inner, commands: 0 }
    }

    /// Plays steps in the order of their days.
    pub(crate) fn play(&mut self, steps: &[Step]) {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by_key(|step| step.day);
        for step in steps {
            self.step(step);
        }
    }

    /// Sends a step's command; whether it was accepted.
    pub(crate) fn step(&mut self, step: &Step) -> bool {
        self.commands += 1;
        let (name, data) = step.command(self.commands);
        self.inner.send(name, step.date(), &data)
    }

    /// Records more rates of USD.
    pub(crate) fn rates(&mut self, rates: &[(i32, i64)]) {
        super::foreign::record(&mut self.inner, "0.8", rates);
    }

    pub(crate) fn bill(&mut self, through: Day) {
        assert!(self.inner.send("RunBilling", through, &json!({"through": through})));
    }

    pub(crate) fn close(&mut self, through: Day) {
        assert!(self.inner.send("ClosePeriod", through.next(), &json!({"through": through})));
    }
}
