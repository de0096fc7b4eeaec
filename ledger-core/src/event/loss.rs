//! Events on what will not be paid.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::invoice::DecidedPolicy;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::policy::WriteOffTo;
use crate::revenue::schedule::Schedule;

/// An invoice, or a part of it, was given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceWrittenOff {
    /// The invoice.
    pub invoice: Identifier,
    /// Who owed it.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// What is no longer owed: `tax`, `loss` and the lines' `contract_balance` together.
    pub amount: Amount,
    /// Tax that is relieved: no longer owed to the authority.
    pub tax: Amount,
    /// The loss.
    pub loss: Amount,
    /// Where the loss goes.
    pub write_off_to: WriteOffTo,
    /// What it does to each line.
    pub lines: Vec<WrittenOffLine>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// A line of an invoice that was given up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenOffLine {
    /// The invoice line.
    pub invoice_line: Identifier,
    /// The order whose contract balance it lowers; the invoice's own where none is named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
    /// The order line whose price it lowers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_line: Option<Identifier>,
    /// Its net that is given up.
    pub net: Amount,
    /// Its tax that is given up, relieved or not.
    pub tax: Amount,
    /// The earned part of the net.
    pub earned: Amount,
    /// The unearned part, which clears the contract balance and is no loss.
    pub contract_balance: Amount,
    /// The line's new schedule version, where its price changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
    /// The line's later versions behind that one, where it had some.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub later: Vec<Schedule>,
}

impl WrittenOffLine {
    /// The line's new versions, in the order in which they are in force.
    pub fn versions(&self) -> impl Iterator<Item = &Schedule> {
        self.schedule.iter().chain(&self.later)
    }
}

/// A write-off was taken back: the amount is owed again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WriteOffRecovered {
    /// The invoice.
    pub invoice: Identifier,
    /// Who owes it.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// What is owed again: `tax`, `loss` and `recoveries` together.
    pub amount: Amount,
    /// Tax that had been relieved.
    pub tax: Amount,
    /// What the account gets back that the write-off had debited.
    pub loss: Amount,
    /// Which account that is.
    pub write_off_to: WriteOffTo,
    /// The rest, for the unearned part that it had cleared.
    pub recoveries: Amount,
}

/// The allowance for doubtful accounts was brought to what is needed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AllowanceRecorded {
    /// The book.
    pub book: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// What is needed.
    pub needed: Amount,
    /// What stood there before; below zero where write-offs had used up more.
    pub before: Amount,
    /// The difference: an expense above zero, a release below.
    pub change: Amount,
    /// By bucket what was open, the percentage and what is needed of it, where rates were named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub buckets: BTreeMap<String, AllowanceBucket>,
}

/// One ageing bucket of an allowance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AllowanceBucket {
    /// What was open in it.
    pub open: Amount,
    /// Percent.
    pub rate: Amount,
    /// What is needed of it.
    pub needed: Amount,
}
