//! Commands on invoices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::shared::{Discount, Recognition};
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// Issues an invoice on the command's effective date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueInvoice {
    /// The invoice's id; the book's gapless series numbers it where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Identifier>,
    /// Who owes it.
    pub customer: Identifier,
    /// The order that it bills.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
    /// Currency of all its money.
    pub currency: Currency,
    /// Due date; issue date plus terms where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due: Option<Day>,
    /// Spread over the lines by net amount, before tax.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount: Option<Discount>,
    /// Early-payment discounts, of which the best that money is in time for is taken.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cash_discounts: Vec<CashDiscount>,
    /// What is billed.
    pub lines: Vec<InvoiceLine>,
}

/// An early-payment discount.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CashDiscount {
    /// A share of the gross.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub percent: Option<Amount>,
    /// An amount.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
    /// The last day on which it may be taken.
    pub until: Day,
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvoiceLine {
    /// The line's id within the invoice; its number from 1 where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<Identifier>,
    /// The order line that it bills; revenue follows the order then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_line: Option<Identifier>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// Units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantity: Option<Amount>,
    /// Price of a unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit_price: Option<Amount>,
    /// The line's amount, instead of quantity and unit price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
    /// Off the line, before tax.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount: Option<Discount>,
    /// A tax code of the book.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_code: Option<String>,
    /// Percent on top of the net amount.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tax_rate: Option<Amount>,
    /// First day of service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_start: Option<Day>,
    /// Last day of service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service_end: Option<Day>,
    /// How it is recognised.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recognition: Option<Recognition>,
}

/// Issues every invoice that falls due through a date, each on its own billing date, once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunBilling {
    /// The last billing date.
    pub through: Day,
    /// Only this customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Identifier>,
    /// Only this order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Identifier>,
}

/// Voids an invoice that nothing was applied to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidInvoice {
    /// The invoice.
    pub invoice: Identifier,
}

/// Marks an invoice as disputed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenDispute {
    /// The invoice.
    pub invoice: Identifier,
    /// How much of it; all that is open where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
    /// Why.
    pub reason: String,
}

/// Ends a dispute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveDispute {
    /// The invoice.
    pub invoice: Identifier,
    /// Who was right.
    pub outcome: DisputeOutcome,
}

/// How a dispute ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeOutcome {
    /// The customer was right.
    Upheld,
    /// The invoice stands.
    Rejected,
}
