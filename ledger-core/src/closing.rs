//! What is looked at before days are closed, and what a book makes of it (docs/CLOSE.md).

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::policy::CloseCheck;

/// Something that is looked at before days are closed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// What a billing run through the last day would still issue.
    Unbilled,
    /// Money that was received and settles nothing.
    UnappliedCash,
    /// Credit that was issued and is neither used nor paid back.
    UnusedCredits,
    /// Requests for money that the processor has not answered.
    PaymentRequests,
    /// Lines that earn by usage without a reading in the days that are closed.
    UsageMissing,
    /// Lines whose term is over and that are not delivered in full.
    DeliveriesMissing,
    /// Whole months that are closed with the last one, without a close of their own.
    SkippedMonths,
    /// The control accounts equal the documents.
    Books,
}

impl Check {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 8] = [
        Self::Books,
        Self::SkippedMonths,
        Self::Unbilled,
        Self::UsageMissing,
        Self::DeliveriesMissing,
        Self::UnappliedCash,
        Self::UnusedCredits,
        Self::PaymentRequests,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unbilled => "unbilled",
            Self::UnappliedCash => "unapplied_cash",
            Self::UnusedCredits => "unused_credits",
            Self::PaymentRequests => "payment_requests",
            Self::UsageMissing => "usage_missing",
            Self::DeliveriesMissing => "deliveries_missing",
            Self::SkippedMonths => "skipped_months",
            Self::Books => "books",
        }
    }

    /// The check of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.as_str() == name)
    }

    /// What a closer can do about what it found.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unbilled => "run RunBilling through that date",
            Self::UnappliedCash => "allocate it, or pay it back",
            Self::UnusedCredits => "apply them, or pay them back",
            Self::PaymentRequests => "wait for the processor, or cancel them",
            Self::UsageMissing => "record the usage, or a reading of 0",
            Self::DeliveriesMissing => "record the deliveries, or end the lines",
            Self::SkippedMonths => "close them one by one first",
            Self::Books => "`revledger verify` names what does not fit",
        }
    }

    /// What is made of it where a book does not say.
    const fn usual(self) -> CloseCheck {
        match self {
            Self::Books => CloseCheck::Refuse,
            Self::Unbilled
            | Self::UnappliedCash
            | Self::UnusedCredits
            | Self::PaymentRequests
            | Self::UsageMissing
            | Self::DeliveriesMissing
            | Self::SkippedMonths => CloseCheck::Warn,
        }
    }
}

/// What a book makes of each check: the policy `close_checks`.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize,
)]
pub struct Checks(BTreeMap<Check, CloseCheck>);

impl Checks {
    /// The same for every check.
    pub fn all(word: CloseCheck) -> Self {
        Self(Check::ALL.into_iter().map(|check| (check, word)).collect())
    }

    /// By name, as a book says it.
    ///
    /// # Errors
    /// What of it is none of the checks or none of the words.
    pub fn of(named: &BTreeMap<String, String>) -> Result<Self, String> {
        let one = |(name, word): (&String, &String)| {
            let check = Check::parse(name).ok_or_else(|| {
                let names: Vec<&str> = Check::ALL.iter().map(|check| check.as_str()).collect();
                format!("there is no check {name:?}; there are {names:?}")
            })?;
            let word = CloseCheck::parse(word)
                .ok_or_else(|| format!("{name} is one of {:?}", CloseCheck::WORDS))?;
            Ok((check, word))
        };
        named.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// What is made of a check.
    pub fn get(&self, check: Check) -> CloseCheck {
        self.0.get(&check).copied().unwrap_or(check.usual())
    }
}
