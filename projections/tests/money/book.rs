//! A book in memory with one customer, on whose documents steps are played.

use ledger_core::calendar::Day;
use serde_json::Value;

use super::steps::{Names, Step};

#[path = "../common/book.rs"]
pub(crate) mod common;

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
    pub(crate) fn open(policies: &Value) -> Self {
        Self { inner: common::Book::open(policies), commands: 0 }
    }

    /// A book in EUR, with these rates of USD.
    pub(crate) fn foreign(policies: &Value, first: &str, rates: &[(i32, i64)]) -> Self {
        let mut inner = common::Book::open_in("EUR", policies);
        super::foreign::record(&mut inner, first, rates);
        Self { inner, commands: 0 }
    }

    pub(crate) fn send(&mut self, name: &str, effective: Day, data: &Value) -> bool {
        self.inner.send(name, effective, data)
    }

    /// Plays steps in the order of their days.
    pub(crate) fn play(&mut self, steps: &[Step]) {
        let mut steps: Vec<&Step> = steps.iter().collect();
        steps.sort_by_key(|step| step.day);
        for step in steps {
            let ledger = &self.inner.ledger;
            let names = Names {
                invoices: ledger.invoices.keys().map(ToString::to_string).collect(),
                payments: ledger.payments.keys().map(ToString::to_string).collect(),
                credits: ledger.credits.keys().map(ToString::to_string).collect(),
            };
            self.commands += 1;
            let (name, data) = step.on(&names, self.commands);
            self.inner.send(name, step.date(), &data);
        }
    }
}
