//! Events of collecting through payment processors. None of them posts: asking for money moves
//! none.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::event::invoice::DecidedPolicy;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// A processor is to collect money: an adapter that reads the log does it, and answers with
/// `RecordPayment`, `FailPayment` or `CancelPaymentRequest`, naming the request.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PaymentRequested {
    /// The request: the invoice and the number of the attempt, `INV-1/1`.
    pub request: String,
    /// The invoice.
    pub invoice: Identifier,
    /// Who owes it.
    pub customer: Identifier,
    /// What is to be collected.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The number of the request among those of its invoice, from 1.
    pub attempt: u32,
    /// Whose adapter is to collect.
    pub processor: String,
    /// What the processor calls the customer.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payer: Option<String>,
    /// What the processor calls the card or mandate.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub payment_method: Option<String>,
    /// The day whose early-payment discount is not asked for: money of this request takes it, also
    /// where the processor charges later.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub discount_day: Option<Day>,
    /// The schedule that asked for it.
    pub policy: DecidedPolicy,
}

/// A request ended without an attempt: nothing was charged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRequestCanceled {
    /// The request.
    pub request: String,
    /// Its invoice.
    pub invoice: Identifier,
    /// Who owes it.
    pub customer: Identifier,
    /// Why, in a word.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
}

/// A run of requests ended: what it asked for stands before it, under the same command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentRequestRun {
    /// The book.
    pub book: Identifier,
    /// The day on which invoices were looked at.
    pub through: Day,
    /// The customer that it was for, if not for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Identifier>,
    /// Requests that it made.
    pub requests: u32,
    /// Invoices left out: a request of theirs is in flight.
    pub in_flight: u32,
    /// Invoices left out: all that is open is disputed.
    pub disputed: u32,
    /// Invoices left out: a promise to pay is not past its date.
    pub promised: u32,
    /// Invoices left out: every attempt of their schedule failed.
    pub exhausted: u32,
    /// Invoices left out: money of theirs was taken off again, and nobody has asked for it anew.
    pub reopened: u32,
    /// What is asked for, by currency.
    pub totals: BTreeMap<String, Amount>,
}
