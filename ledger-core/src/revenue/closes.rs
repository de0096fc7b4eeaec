//! Which days were closed when: what is learned later about a closed day is posted on the first
//! open one, and a closed day's figures never change again (accounting, section 1).

use std::collections::BTreeSet;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::calendar::Day;

/// Closes and reopenings in order of sequence.
#[derive(Debug, Clone, Default, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Closes {
    /// From a sequence on, all days through this one are closed.
    list: Vec<(u64, Day)>,
}

impl Closes {
    /// Takes a close, or a reopening: the last closed day after it.
    pub fn take(&mut self, sequence: u64, through: Day) {
        self.list.push((sequence, through));
    }

    /// The day on which something is posted that is recorded now.
    pub fn posted(&self, effective: Day) -> Day {
        match self.list.last() {
            Some((_, closed)) => effective.max(closed.next()),
            None => effective,
        }
    }

    /// The last day that was closed before an event.
    pub fn closed_before(&self, sequence: u64) -> Option<Day> {
        let before = self.list.iter().take_while(|(at, _)| *at < sequence);
        before.last().map(|(_, through)| *through)
    }

    /// Whether nothing was ever closed.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The sequence behind which nothing changes a day's figures any more: that of the close
    /// which it is still under, else `sequence`.
    fn known(&self, day: Day, sequence: u64) -> u64 {
        let mut frozen = None;
        for (at, through) in self.list.iter().take_while(|(at, _)| *at <= sequence) {
            if *through < day {
                frozen = None;
            } else if frozen.is_none() {
                frozen = Some(*at);
            }
        }
        frozen.unwrap_or(sequence)
    }
}

/// A last closed day, behind which the figures know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The day.
    pub closed: Day,
    /// The last event that its own figures know.
    pub before: u64,
    /// The last event that those of the next day know.
    pub after: u64,
}

/// A prefix of the log.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    closes: &'a Closes,
    /// Its last event.
    pub sequence: u64,
}

impl<'a> At<'a> {
    /// The prefix that ends with an event.
    pub fn new(closes: &'a Closes, sequence: u64) -> Self {
        Self { closes, sequence }
    }

    /// The last event that may change a day's figures.
    pub fn known(&self, day: Day) -> u64 {
        if self.closes.is_empty() { self.sequence } else { self.closes.known(day, self.sequence) }
    }

    /// The days behind which the figures know more than on them: what was late is caught up there.
    pub fn steps(&self) -> Vec<Step> {
        let known = self.closes.list.iter().take_while(|(at, _)| *at <= self.sequence);
        let days: BTreeSet<Day> = known.map(|(_, through)| *through).collect();
        let step = |closed: Day| {
            let (before, after) = (self.known(closed), self.known(closed.next()));
            (before < after).then_some(Step { closed, before, after })
        };
        days.into_iter().filter_map(step).collect()
    }

    /// The days on which something that was late may be caught up.
    pub fn catch_ups(&self) -> impl Iterator<Item = Day> {
        let known = self.closes.list.iter().take_while(|(at, _)| *at <= self.sequence);
        known.map(|(_, through)| through.next())
    }

    /// The latest day on which something that was late may be caught up.
    pub fn last_catch_up(&self) -> Option<Day> {
        self.catch_ups().max()
    }
}
