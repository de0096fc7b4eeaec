//! Events of credits.

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::shared::Allocation;
use crate::event::invoice::DecidedPolicy;
use crate::event::order::Adjustment;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::policy::CreditRevenue;
use crate::revenue::schedule::Schedule;

/// What the names of the book's series of credits begin with; the number follows.
pub const CREDIT_SERIES: &str = "CN-";

/// A credit was issued.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct CreditIssued {
    /// The credit's id.
    pub credit: Identifier,
    /// Who gets it.
    pub customer: Identifier,
    /// The invoice whose lines it credits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Identifier>,
    /// Currency of all its money.
    pub currency: Currency,
    /// Before tax.
    pub net: Amount,
    /// Tax given back.
    pub tax: Amount,
    /// What the customer gets.
    pub total: Amount,
    /// What is credited.
    pub lines: Vec<CreditedLine>,
    /// What it does to revenue.
    pub revenue: CreditRevenue,
    /// Its number in the book's series, where the series named it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub number: Option<u64>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The policies that shaped it.
    pub policy: DecidedPolicy,
}

/// A line of a credit as it was decided.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct CreditedLine {
    /// The invoice line that it credits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice_line: Option<Identifier>,
    /// The order whose contract balance it lowers; the invoice's own where none is named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
    /// The order line whose price it lowers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_line: Option<Identifier>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Before tax: `contra_revenue`, `contract_balance` and `revenue` together.
    pub net: Amount,
    /// Tax given back.
    pub tax: Amount,
    /// The part debited to contra_revenue on the credit's date.
    pub contra_revenue: Amount,
    /// The part debited to the contract balance.
    pub contract_balance: Amount,
    /// The line's new schedule version, where its price changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
    /// The line's later versions behind that one, where it had some.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub later: Vec<Schedule>,
    /// The difference of a billed period that a billing run gives back with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub adjustment: Option<Adjustment>,
    /// The period, or the delivery of a day, whose first billing came out below zero, and which a
    /// billing run gives back with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub period: Option<PeriodGivenBack>,
}

/// A period of an order line whose first billing is below zero, so that it comes as a credit. All
/// credit lines that give back parts of it sum to its amount; one of them carries it.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PeriodGivenBack {
    /// Its first day.
    pub start: Day,
    /// Its last day.
    pub end: Day,
    /// What it came to before tax: below zero.
    pub amount: Amount,
}

impl CreditedLine {
    /// The line's new versions, in the order in which they are in force.
    pub fn versions(&self) -> impl Iterator<Item = &Schedule> {
        self.schedule.iter().chain(&self.later)
    }
}

/// A credit was voided: the reverse of what it posted, on the void's date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditVoided {
    /// The credit.
    pub credit: Identifier,
    /// Whose it was.
    pub customer: Identifier,
    /// The invoice whose lines it credited.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Identifier>,
    /// Currency of all its money.
    pub currency: Currency,
    /// What the customer no longer has.
    pub total: Amount,
    /// What it had settled, which is open again.
    pub reopened: Vec<Allocation>,
    /// Its lines, each with the version that catches its schedule up.
    pub lines: Vec<CreditedLine>,
}

/// A credit settled invoices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditApplied {
    /// The credit.
    pub credit: Identifier,
    /// Whose it is.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Which invoices, and how much of each.
    pub allocations: Vec<Allocation>,
}

/// A credit was paid back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CreditRefunded {
    /// The credit.
    pub credit: Identifier,
    /// Whose it is.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// What was paid back.
    pub amount: Amount,
}
