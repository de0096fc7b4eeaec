//! Events of collections. None of them posts: a reminder changes no balance.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::command::collections::Block;
use crate::event::customer::CustomerRegistered;
use crate::event::invoice::DecidedPolicy;
use crate::id::Identifier;
use crate::money::{Amount, Currency};

/// A customer was changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerUpdated {
    /// The customer.
    pub customer: Identifier,
    /// The fields that the command named.
    pub changed: Vec<String>,
    /// The customer as it is now, in full.
    pub now: CustomerRegistered,
}

/// A customer was put on hold, by a command or by the last stage of a dunning policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerHeld {
    /// The customer.
    pub customer: Identifier,
    /// What is stopped from now on and was not before.
    pub blocks: BTreeSet<Block>,
    /// All that is stopped now.
    pub in_force: BTreeSet<Block>,
    /// The invoice whose reminder did it; none where a command did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoice: Option<Identifier>,
}

/// A hold, or a part of one, has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerReleased {
    /// The customer.
    pub customer: Identifier,
    /// What may go on.
    pub blocks: BTreeSet<Block>,
    /// What is still stopped.
    pub in_force: BTreeSet<Block>,
}

/// The customer has promised to pay.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct PaymentPromised {
    /// The invoice.
    pub invoice: Identifier,
    /// Who promised.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// The last day on which the promise is kept by paying.
    pub date: Day,
    /// What is promised.
    pub amount: Amount,
    /// What was open then: the promise is kept once no more than the difference is open.
    pub open: Amount,
}

impl PaymentPromised {
    /// What is still to come of the promise when so much of the invoice is open.
    pub fn missing(&self, open: Amount) -> Amount {
        let rest = open - (self.open - self.amount);
        if rest.is_positive() { rest } else { self.currency.zero() }
    }
}

/// A reminder was issued. It is dated on the last day that its run covered.
#[derive(
    Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, BorshSerialize, BorshDeserialize,
)]
pub struct ReminderIssued {
    /// The invoice.
    pub invoice: Identifier,
    /// Who owes it.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// The stage of the policy, counted from 1.
    pub stage: u32,
    /// The days overdue from which the stage is due.
    pub after_days: u32,
    /// The id of the text that it is written with.
    pub notice: String,
    /// The invoice's due date.
    pub due: Day,
    /// Days overdue on the reminder's date.
    pub days_overdue: u32,
    /// What it asks for: what is open and not disputed.
    pub open: Amount,
    /// What is open and disputed, where a part is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disputed: Option<Amount>,
    /// The dunning policy that asked for it.
    pub policy: DecidedPolicy,
}

/// A dunning run ended: what it issued stands before it, under the same command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DunningRun {
    /// The book.
    pub book: Identifier,
    /// The day on which invoices were looked at.
    pub through: Day,
    /// The customer that it was for, if not for all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<Identifier>,
    /// Reminders that it issued.
    pub reminders: u32,
    /// Customers that it put on hold.
    pub holds: u32,
    /// Invoices whose reminder was due and left out: all that is open is disputed.
    pub disputed: u32,
    /// Invoices whose reminder was due and left out: a promise to pay is not past its date.
    pub promised: u32,
    /// Invoices whose reminder was due and left out: a processor is collecting them.
    #[serde(skip_serializing_if = "is_none", default)]
    pub requested: u32,
    /// What the reminders ask for, by currency.
    pub totals: BTreeMap<String, Amount>,
}

/// Whether nothing was counted: events of earlier releases do not have the count.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field over by reference")]
fn is_none(count: &u32) -> bool {
    *count == 0
}
