//! How many bytes an event takes at most, known before it is written.
//!
//! A writer has to refuse an event that the log cannot take before the next command is decided. Writing
//! it takes longer than deciding it, so that this is left to another thread where no text and no list
//! of the event comes near the limit. Only the kinds that fill a log have a bound.

use crate::command::shared::Price;
use crate::event::invoice::{DecidedPolicy, InvoiceIssued, IssuedLine, RunLine};
use crate::event::order::{OrderPlaced, PlacedLine};
use crate::event::payment::{PaymentAllocated, PaymentReceived};
use crate::event::{Event, EventData};
use crate::id::Identifier;

/// Names, numbers and hashes of the body's envelope, the record's headers, and a subject whose book has
/// as long a name as it may, three bytes for each.
const ENVELOPE: usize = 2_048;
/// What a document has beside its texts and lists: names of fields, amounts, days.
const DOCUMENT: usize = 512;
/// The same of a line with all its fields and a schedule.
const LINE: usize = 2_048;
/// The same of an allocation with its discounts.
const ALLOCATION: usize = 320;
/// A price and what modifies it.
const PRICE: usize = 768;
/// A tier of a price, or a discount for early payment.
const ROW: usize = 256;
/// A character of a text is written as `\"` or `\\` at worst: texts have no control characters.
const ESCAPED: usize = 2;
/// Who asked and why may have control characters, which are written as `\u0000`.
const ESCAPED_CONTROL: usize = 6;
/// An id stands in the body, and with three bytes for each of its own in the subject and a header.
const NAMED: usize = ESCAPED + 3 + 3;

impl Event {
    /// The bytes that its record takes at most with its subject and headers; none where that is not
    /// known for its kind.
    pub fn bytes_at_most(&self) -> Option<usize> {
        if self.functional.is_some() {
            return None;
        }
        let data = match &self.data {
            EventData::InvoiceIssued(data) => invoice(data),
            EventData::PaymentReceived(data) => payment(data),
            EventData::PaymentAllocated(data) => allocated(data),
            EventData::OrderPlaced(data) => order(data),
            EventData::BookOpened(_)
            | EventData::ProductDefined(_)
            | EventData::TaxRateDefined(_)
            | EventData::FxRateRecorded(_)
            | EventData::PeriodClosed(_)
            | EventData::PeriodReopened(_)
            | EventData::CustomerRegistered(_)
            | EventData::CustomerUpdated(_)
            | EventData::CustomerHeld(_)
            | EventData::CustomerReleased(_)
            | EventData::PaymentPromised(_)
            | EventData::ReminderIssued(_)
            | EventData::DunningRunCompleted(_)
            | EventData::PaymentRequested(_)
            | EventData::PaymentRequestCanceled(_)
            | EventData::PaymentRequestsCompleted(_)
            | EventData::OrderAmended(_)
            | EventData::EstimateRevised(_)
            | EventData::OrderRenewed(_)
            | EventData::OrderCancelled(_)
            | EventData::OrderSuspended(_)
            | EventData::OrderResumed(_)
            | EventData::DeliveryRecorded(_)
            | EventData::UsageRecorded(_)
            | EventData::InvoiceVoided(_)
            | EventData::BillingRunCompleted(_)
            | EventData::DisputeOpened(_)
            | EventData::DisputeResolved(_)
            | EventData::PaymentDeallocated(_)
            | EventData::PaymentFailed(_)
            | EventData::PaymentRefunded(_)
            | EventData::PaymentChargedBack(_)
            | EventData::ChargebackWon(_)
            | EventData::InvoiceWrittenOff(_)
            | EventData::WriteOffRecovered(_)
            | EventData::AllowanceRecorded(_)
            | EventData::CreditIssued(_)
            | EventData::CreditApplied(_)
            | EventData::CreditRefunded(_)
            | EventData::CreditVoided(_) => return None,
        };
        let asked = self.actor.len() + self.reason.as_ref().map_or(0, String::len);
        let ids = ESCAPED * (id(&self.command_id) + id(&self.correlation_id));
        Some(ENVELOPE + DOCUMENT + ESCAPED_CONTROL * asked + ids + data)
    }
}

fn invoice(data: &InvoiceIssued) -> usize {
    let names = NAMED * (id(&data.invoice) + id(&data.customer));
    let lines: usize = data.lines.iter().map(issued_line).sum();
    let rows = ROW * data.cash_discounts.len();
    names + ESCAPED * optional_id(data.order.as_ref()) + rows + lines + policy(&data.policy)
}

fn issued_line(line: &IssuedLine) -> usize {
    let ids =
        id(&line.line) + optional_id(line.order_line.as_ref()) + optional_id(line.order.as_ref());
    let run = match &line.run {
        Some(RunLine::Adjustment(adjustment)) => {
            LINE + ESCAPED * (id(&adjustment.line) + adjustment.description.len())
        }
        Some(RunLine::Period { .. }) | None => 0,
    };
    let texts = text(line.description.as_ref()) + text(line.tax_code.as_ref());
    LINE + ESCAPED * (ids + texts) + run
}

fn order(data: &OrderPlaced) -> usize {
    let names = NAMED * (id(&data.order) + id(&data.customer));
    let texts = text(data.purchase_order.as_ref()) + text(data.renewal.as_ref());
    let lines: usize = data.lines.iter().map(placed_line).sum();
    names + ESCAPED * texts + lines + policy(&data.policy)
}

fn placed_line(line: &PlacedLine) -> usize {
    let ids =
        id(&line.line) + optional_id(line.product.as_ref()) + optional_id(line.renews.as_ref());
    let texts = text(line.description.as_ref()) + text(line.tax_code.as_ref());
    LINE + ESCAPED * (ids + texts) + price(&line.price)
}

fn price(price: &Price) -> usize {
    PRICE + ROW * price.tiers.as_ref().map_or(0, Vec::len)
}

fn payment(data: &PaymentReceived) -> usize {
    let names = NAMED * (id(&data.payment) + id(&data.customer));
    let texts =
        text(data.method.as_ref()) + text(data.reference.as_ref()) + text(data.request.as_ref());
    names + ESCAPED * texts
}

fn allocated(data: &PaymentAllocated) -> usize {
    let names = NAMED * (id(&data.payment) + id(&data.customer));
    let invoices: usize = data.allocations.iter().map(|one| ESCAPED * id(&one.invoice)).sum();
    names + ALLOCATION * data.allocations.len() + invoices + policy(&data.policy)
}

/// Policies are words of this program, and each stands there with its quotes, a colon and a comma.
fn policy(policy: &DecidedPolicy) -> usize {
    policy.iter().map(|(name, value)| ESCAPED * (name.len() + value.len()) + 6).sum()
}

fn id(id: &Identifier) -> usize {
    id.as_str().len()
}

fn optional_id(of: Option<&Identifier>) -> usize {
    of.map_or(0, id)
}

fn text(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}
