//! Dunning policies: which reminder is due how many days after the due date (contract, section 5).

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::limits::DUNNING_STAGES_MAX;

/// The policy of customers that name none.
pub const STANDARD: &str = "standard";

/// The name that switches reminders off.
pub const NONE: &str = "none";

/// One stage of a dunning policy.
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
pub struct Stage {
    /// Days overdue from which on it is due.
    pub after_days: u32,
    /// The id of the text that the reminder is written with.
    pub notice: String,
    /// Whether its reminder also stops new orders of the customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hold: Option<bool>,
}

/// The dunning policies of a book by name, each with its stages in order of their days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct Policies(BTreeMap<String, Vec<Stage>>);

impl Default for Policies {
    fn default() -> Self {
        let stage = |(after_days, notice): (u32, &str)| Stage {
            after_days,
            notice: notice.to_owned(),
            hold: None,
        };
        let stages = [
            (7, "reminder"),
            (14, "second_reminder"),
            (30, "urgent_reminder"),
            (60, "final_notice"),
        ];
        Self(BTreeMap::from([(STANDARD.to_owned(), stages.map(stage).to_vec())]))
    }
}

/// What is wrong with a book's dunning policies, and where below `data.policies.dunning`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The path from `dunning` on, for example `.gentle[1].after_days`.
    pub path: String,
    /// What, why, and what to do.
    pub message: String,
}

impl Policies {
    /// The policies of a book: its own, and `standard` where it does not have one of that name.
    ///
    /// # Errors
    /// The first policy or stage that makes no sense.
    pub fn of(named: &BTreeMap<String, Vec<Stage>>) -> Result<Self, Misfit> {
        let mut policies = Self::default();
        for (name, stages) in named {
            check(name, stages)?;
            policies.0.insert(name.clone(), stages.clone());
        }
        Ok(policies)
    }

    /// The stages of the policy that a customer names; none for no reminders. A name that the book
    /// does not have counts as `standard`, so that nobody is left out by a slip of the pen.
    pub fn stages(&self, named: Option<&str>) -> &[Stage] {
        self.named(named).map_or(&[], |(_, stages)| stages)
    }

    /// The same with the name of the policy that is in force; none for no reminders.
    pub fn named(&self, named: Option<&str>) -> Option<(&str, &[Stage])> {
        let name = named.unwrap_or(STANDARD);
        if name == NONE {
            return None;
        }
        let found = self.0.get_key_value(name).or_else(|| self.0.get_key_value(STANDARD));
        found.map(|(name, stages)| (name.as_str(), stages.as_slice()))
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

/// Whole days that an invoice is overdue on a day; 0 up to its due date.
pub fn days_overdue(due: Day, day: Day) -> u32 {
    u32::try_from(day.days_since(due)).unwrap_or(0)
}

/// The latest stage that is due after so many days, with its number from 1.
pub fn due(stages: &[Stage], days_overdue: u32) -> Option<(u32, &Stage)> {
    (1..).zip(stages).take_while(|(_, stage)| stage.after_days <= days_overdue).last()
}

/// The first stage that comes later than the one that was reminded of last.
pub fn next(stages: &[Stage], reminded: Option<u32>) -> Option<(u32, &Stage)> {
    (1..).zip(stages).find(|(_, stage)| reminded.is_none_or(|last| stage.after_days > last))
}

fn check(name: &str, stages: &[Stage]) -> Result<(), Misfit> {
    let misfit = |path: String, message: &str| Err(Misfit { path, message: message.to_owned() });
    if name == NONE || name.is_empty() {
        return misfit(format!(".{name}"), "the name none switches reminders off: use another one");
    }
    if stages.is_empty() || stages.len() > DUNNING_STAGES_MAX {
        let message = format!(
            "a dunning policy has 1 to {DUNNING_STAGES_MAX} stages; customers that are to get no \
             reminder name the policy none"
        );
        return misfit(format!(".{name}"), &message);
    }
    let mut seen = BTreeSet::new();
    for (index, stage) in stages.iter().enumerate() {
        let at = |field: &str| format!(".{name}[{index}].{field}");
        if stage.after_days == 0 || seen.last().is_some_and(|last| stage.after_days <= *last) {
            let message = "stages ascend: each is due more days after the due date than the one \
                           before it, the first at least 1";
            return misfit(at("after_days"), message);
        }
        seen.insert(stage.after_days);
        let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if stage.notice.is_empty() || stage.notice.len() > 64 || !stage.notice.bytes().all(is_id) {
            let message = "notice is the id of a text: up to 64 of the letters a-z, digits and _";
            return misfit(at("notice"), message);
        }
    }
    Ok(())
}
