//! Schedules of collecting through payment processors: when money is asked for, and when again.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::COLLECTION_RETRIES_MAX;

/// The name of customers that are not collected by a processor; also what naming none means.
pub const NONE: &str = "none";

/// Days between a failure and the next attempt at most.
const RETRY_DAYS_MAX: u32 = 366;

/// One schedule.
#[derive(
    Debug,
    Clone,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The processor whose adapter is to collect, for example `stripe`.
    pub processor: String,
    /// The day of the first attempt.
    #[serde(default)]
    pub when: When,
    /// Days from each failure to the attempt after it; none for a single attempt.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub retry_after_days: Vec<u32>,
    /// What the last failure does besides.
    #[serde(rename = "final", default)]
    pub last: Last,
}

/// The day of the first attempt.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The invoice's due date.
    #[default]
    Due,
    /// The day of its issue.
    Issued,
}

/// What the last failure does.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Last {
    /// Nothing.
    #[default]
    None,
    /// It stops new orders of the customer.
    Hold,
}

/// The schedules of a book by name.
#[derive(
    Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, BorshSerialize, BorshDeserialize,
)]
pub struct Schedules(BTreeMap<String, Schedule>);

/// What is wrong with a book's schedules, and where below `data.policies.collection`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The path from `collection` on, for example `.cards.retry_after_days[1]`.
    pub path: String,
    /// What, why, and what to do.
    pub message: String,
}

impl Schedules {
    /// The schedules of a book.
    ///
    /// # Errors
    /// The first one that makes no sense.
    pub fn of(named: &BTreeMap<String, Schedule>) -> Result<Self, Misfit> {
        named.iter().try_for_each(|(name, schedule)| check(name, schedule))?;
        Ok(Self(named.clone()))
    }

    /// The schedule that a customer names, with its name; none for a customer that is not
    /// collected by a processor.
    pub fn named(&self, named: Option<&str>) -> Option<(&str, &Schedule)> {
        self.0.get_key_value(named?).map(|(name, schedule)| (name.as_str(), schedule))
    }

    /// Whether a customer may name it.
    pub fn knows(&self, name: &str) -> bool {
        name == NONE || self.0.contains_key(name)
    }

    /// The names that a customer may use.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).chain([NONE]).collect()
    }
}

impl Schedule {
    /// Days from the n-th failure (from 1) to the next attempt; none where there is no other.
    pub fn retry_after(&self, failures: u32) -> Option<u32> {
        let index = usize::try_from(failures).ok()?.checked_sub(1)?;
        self.retry_after_days.get(index).copied()
    }
}

fn check(name: &str, schedule: &Schedule) -> Result<(), Misfit> {
    let misfit = |path: String, message: String| Err(Misfit { path, message });
    if name == NONE || !is_id(name) {
        let message = "a schedule's name has up to 64 of the letters a-z, digits and _, and is \
                       not none, which switches collecting off";
        return misfit(format!(".{name}"), message.to_owned());
    }
    if !is_id(&schedule.processor) {
        let message = "processor names the adapter, for example stripe: up to 64 of the letters \
                       a-z, digits and _";
        return misfit(format!(".{name}.processor"), message.to_owned());
    }
    if schedule.retry_after_days.len() > COLLECTION_RETRIES_MAX {
        let message = format!(
            "a schedule has up to {COLLECTION_RETRIES_MAX} retries: banks and card networks \
             punish more"
        );
        return misfit(format!(".{name}.retry_after_days"), message);
    }
    let mut days = schedule.retry_after_days.iter();
    match days.position(|days| !(1..=RETRY_DAYS_MAX).contains(days)) {
        None => Ok(()),
        Some(index) => misfit(
            format!(".{name}.retry_after_days[{index}]"),
            format!("the next attempt is 1 to {RETRY_DAYS_MAX} days after a failure"),
        ),
    }
}

fn is_id(text: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(is_one)
}
