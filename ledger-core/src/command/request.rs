//! Commands of collecting through payment processors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::id::Identifier;
use crate::money::Amount;

/// Asks the customers' processors for the money of each invoice that is due, each attempt once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPayments {
    /// The day on which invoices are looked at, and the date of the requests; not after the
    /// command's own date, for nothing is charged before it is due.
    pub through: Day,
    /// Only this customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Identifier>,
}

/// Asks the customer's processor for the money of one invoice, whatever its schedule says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPayment {
    /// The invoice.
    pub invoice: Identifier,
    /// How much; what is open and not disputed where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub amount: Option<Amount>,
}

/// Ends a request in flight that nothing was charged for. It counts as no attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelPaymentRequest {
    /// The request.
    pub request: String,
    /// Why, for example `invoice_settled`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
}
