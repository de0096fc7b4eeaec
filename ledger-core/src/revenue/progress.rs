//! How far a line is delivered: recorded quantities and percentages, by date (readings, 12).

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::money::Amount;

/// One recorded delivery.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// So many units more.
    Added(Amount),
    /// So many percent of the line in all, in place of what was said before; it may fall.
    Reached(Amount),
}

/// A step with its place on both time axes, and what it comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Recorded {
    day: Day,
    sequence: u64,
    step: Step,
    /// Delivered through this step, all known ones before it counted.
    done: Decimal,
}

/// The steps of a line, in order of their days.
#[derive(Debug, Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Progress {
    steps: Vec<Recorded>,
}

impl Progress {
    /// Adds a step. One that is recorded late moves what the later ones come to.
    pub fn record(&mut self, day: Day, sequence: u64, step: Step) {
        let at = self.steps.partition_point(|one| (one.day, one.sequence) <= (day, sequence));
        self.steps.insert(at, Recorded { day, sequence, step, done: Decimal::ZERO });
        let mut done = match at.checked_sub(1).and_then(|before| self.steps.get(before)) {
            Some(before) => before.done,
            None => Decimal::ZERO,
        };
        for one in self.steps.iter_mut().skip(at) {
            done = after(done, one.step);
            one.done = done;
        }
    }

    /// Whether anything was recorded.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Delivered through a day: units, or percent.
    pub fn done(&self, day: Day) -> Decimal {
        let count = self.steps.partition_point(|one| one.day <= day);
        count
            .checked_sub(1)
            .and_then(|last| self.steps.get(last))
            .map_or(Decimal::ZERO, |one| one.done)
    }

    /// The same, as known at a sequence.
    pub fn done_as_known(&self, day: Day, sequence: u64) -> Decimal {
        let known = self.steps.iter().filter(|one| one.sequence <= sequence);
        known
            .take_while(|one| one.day <= day)
            .fold(Decimal::ZERO, |done, one| after(done, one.step))
    }

    /// The most that was delivered at any time: what a new step may not carry above the whole.
    pub fn most_from(&self, day: Day) -> Decimal {
        let later = self.steps.iter().filter(|one| one.day > day).map(|one| one.done);
        later.fold(self.done(day), Decimal::max)
    }

    /// Day, sequence and step of what was recorded, as known at a sequence.
    pub fn steps(&self, sequence: u64) -> impl Iterator<Item = (Day, u64, Step)> {
        let known = self.steps.iter().filter(move |one| one.sequence <= sequence);
        known.map(|one| (one.day, one.sequence, one.step))
    }

    /// The days of the steps, as known at a sequence.
    pub fn days(&self, sequence: u64) -> impl Iterator<Item = Day> {
        self.steps.iter().filter(move |one| one.sequence <= sequence).map(|one| one.day)
    }
}

fn after(done: Decimal, step: Step) -> Decimal {
    match step {
        Step::Added(quantity) => done + quantity.decimal(),
        Step::Reached(percent) => percent.decimal(),
    }
}
