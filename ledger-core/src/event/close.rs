//! Closing days and opening them again: what the books were then, and what was still open.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::closing::Check;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// All days up to one are closed: what is recorded later for them is posted on the first open
/// day.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PeriodClosed {
    /// The book.
    pub book: Identifier,
    /// The last closed day.
    pub through: Day,
    /// The last closed day before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<Day>,
    /// The figures of the books at the end of the last closed day; none of earlier releases.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seal: Option<Box<Seal>>,
    /// What was still open, and was closed over.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<Finding>,
}

/// Closed days are open again.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PeriodReopened {
    /// The book.
    pub book: Identifier,
    /// The first day that is open again.
    pub from: Day,
    /// The last closed day before.
    pub before: Day,
}

/// The figures of the books at a close, as the writer's own state has them.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct Seal {
    /// The last event that they know: the close itself comes right behind it.
    pub sequence: u64,
    /// The currency of all figures: the book's.
    pub currency: Currency,
    /// The first day of the roll-forwards: the day after the last close that stands. None: they
    /// begin with the book.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub from: Option<Day>,
    /// The balance of each role at the end of the last closed day, debit-positive.
    pub trial_balance: BTreeMap<String, Amount>,
    /// What customers owe, from opening to closing.
    pub receivables: ReceivablesRoll,
    /// Billed less recognised, from opening to closing.
    pub contract_liability: ContractRoll,
}

/// accounts_receivable from opening to closing: opening + invoiced - paid - credited -
/// written_off = closing.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct ReceivablesRoll {
    /// At the end of the day before.
    pub opening: Amount,
    /// Invoices, less voided ones.
    pub invoiced: Amount,
    /// Money with the discounts and small rests that went with it, less what was taken back.
    pub paid: Amount,
    /// Credits that were applied, less what voiding them opened again.
    pub credited: Amount,
    /// Write-offs, less recoveries.
    pub written_off: Amount,
    /// At the end of the last day.
    pub closing: Amount,
}

/// The contract liability (less the contract assets) from opening to closing: opening + billed -
/// recognised - credited - written_off + fx = closing.
#[derive(
    Debug,
    Clone,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    BorshSerialize,
    BorshDeserialize,
)]
pub struct ContractRoll {
    /// At the end of the day before.
    pub opening: Amount,
    /// Invoices net of tax, less voided ones.
    pub billed: Amount,
    /// Revenue.
    pub recognised: Amount,
    /// What credits took of the contract balance.
    pub credited: Amount,
    /// What write-offs took of it.
    pub written_off: Amount,
    /// Losses, above zero, from bills at another exchange rate than what they bill was earned at.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub fx: Amount,
    /// At the end of the last day.
    pub closing: Amount,
}

fn is_zero(amount: &Amount) -> bool {
    amount.is_zero()
}

/// What a check found open.
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
pub struct Finding {
    /// The check.
    pub check: Check,
    /// How many there are.
    pub count: u32,
    /// What they come to, by currency.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub amounts: BTreeMap<String, Amount>,
    /// The first of them by name.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub first: Vec<String>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// Whether the book refuses it and the closer accepted it, for the reason of the event.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub accepted: bool,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.check.as_str(), self.count)?;
        let amounts: Vec<String> =
            self.amounts.iter().map(|(code, amount)| format!("{amount} {code}")).collect();
        if !amounts.is_empty() {
            write!(formatter, ", {}", amounts.join(" + "))?;
        }
        if !self.first.is_empty() {
            let count = usize::try_from(self.count).unwrap_or(usize::MAX);
            let more = if count > self.first.len() { ", ..." } else { "" };
            write!(formatter, " ({}{more})", self.first.join(", "))?;
        }
        if let Some(note) = &self.note {
            write!(formatter, ": {note}")?;
        }
        if self.accepted { write!(formatter, " [accepted]") } else { Ok(()) }
    }
}
