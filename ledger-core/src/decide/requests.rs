//! Collecting through payment processors: which money is asked for, and what answers mean.
//!
//! An invoice has one request in flight at most. Runs of any frequency never ask twice for one
//! attempt: what is in flight is left out, and after a failure the next attempt has its day.
//! Money that was given back is never asked for again unless somebody does so by hand.

use crate::calendar::Day;
use crate::collection::{Last, Schedule};
use crate::command::payment::FailPayment;
use crate::command::request::{CancelPaymentRequest, RequestPayment};
use crate::decide::collections::{hold_orders, undisputed};
use crate::decide::{customer, invoice, payment, policy, text};
use crate::event::EventData;
use crate::event::request::{PaymentRequestCanceled, PaymentRequested};
use crate::id::Identifier;
use crate::money::Amount;
use crate::rejection::{Code, Rejection};
use crate::state::requests::{Status, Track, id, parts};
use crate::state::{Book, Customer, Invoice, Ledger};

mod run;

pub(super) use run::run;

/// Asks for the money of one invoice by hand.
pub(super) fn request(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RequestPayment,
) -> Result<Vec<EventData>, Rejection> {
    let owed = invoice::find(state, &data.invoice, "data.invoice")?;
    let owner = customer::find(state, &owed.customer, "data.invoice")?;
    let Some(scheduled) = schedule(book, owner) else {
        return Err(Rejection::at(
            Code::CollectionNone,
            "data.invoice",
            format!(
                "the customer {} has no schedule, so no processor is known; name one with \
                 UpdateCustomer and its field collection",
                owed.customer
            ),
        ));
    };
    if let Some(request) = state.request_in_flight(&data.invoice) {
        return Err(Rejection::at(
            Code::PaymentRequestInFlight,
            "data.invoice",
            format!(
                "the request {request} is in flight: a second one could charge twice; wait for \
                 its result, or end it with CancelPaymentRequest"
            ),
        ));
    }
    let refuse = |field: &str, message: String| {
        Err(Rejection::at(Code::PaymentRequestInvalid, field, message))
    };
    if effective < owed.issued {
        let message = format!("{} was issued on {}, later", data.invoice, owed.issued);
        return refuse("effective", message);
    }
    let amount = match data.amount {
        Some(amount) => owed.currency.exact(amount, "data.amount")?,
        None => undisputed(state, &data.invoice, owed) - discount(book, owed, effective),
    };
    if owed.voided || !owed.open.is_positive() {
        return refuse("data.invoice", format!("nothing is open of {}", data.invoice));
    }
    if !amount.is_positive() || amount > owed.open {
        let message = format!(
            "{amount} is asked for, {} of {} is open (disputed parts included); ask for more than \
             zero and not more than that",
            owed.open, data.invoice
        );
        return refuse("data.amount", message);
    }
    let amount = (amount, discount_day(book, owed, effective));
    let asked = requested(state, owner, scheduled, (&data.invoice, owed), amount);
    Ok(vec![EventData::PaymentRequested(asked)])
}

/// Ends a request in flight that nothing was charged for.
pub(super) fn cancel(
    state: &Ledger,
    data: &CancelPaymentRequest,
) -> Result<Vec<EventData>, Rejection> {
    text::check_optional("data.code", data.code.as_ref())?;
    let (invoice, attempt, track) = find(state, &data.request)?;
    if attempt != track.attempt || track.status != Status::InFlight {
        return Err(finished(&data.request, attempt, track));
    }
    let customer = invoice::find(state, &invoice, "data.request")?.customer.clone();
    let (request, code) = (data.request.clone(), data.code.clone());
    let canceled = PaymentRequestCanceled { request, invoice, customer, code };
    Ok(vec![EventData::PaymentRequestCanceled(canceled)])
}

/// The invoice of a request that money came of. Also one that had ended: money that is there is
/// recorded, whatever was thought of it before.
pub(super) fn paying(
    state: &Ledger,
    request: &str,
    payer: &Identifier,
) -> Result<Identifier, Rejection> {
    let (invoice, _, _) = find(state, request)?;
    let owed = invoice::find(state, &invoice, "data.request")?;
    if owed.customer == *payer {
        return Ok(invoice);
    }
    Err(Rejection::at(
        Code::CustomerMismatch,
        "data.request",
        format!("the request {request} is for an invoice of {}, not of {payer}", owed.customer),
    ))
}

/// The day by which money takes an early-payment discount: that of its request, where one was left
/// out then. Who was asked in time is not charged a rest because the processor came later.
pub(super) fn taking(state: &Ledger, request: Option<&str>, received: Day) -> Day {
    let asked = request.and_then(parts).and_then(|(invoice, attempt)| {
        let track = state.requests.get(&invoice)?;
        track.discount_day.filter(|_| track.attempt == attempt)
    });
    asked.map_or(received, |day| day.min(received))
}

/// What a failure does to a request.
#[derive(Default)]
pub(super) struct Failing {
    /// The request that it ends, or whose money it takes back.
    pub(super) request: Option<String>,
    /// The day of the next attempt.
    pub(super) next_attempt: Option<Day>,
    /// The hold that comes with the last one.
    pub(super) held: Option<EventData>,
}

/// Which request a failure is of. `takes_back`: it takes back money that had been recorded.
pub(super) fn failing(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &FailPayment,
    takes_back: bool,
) -> Result<Failing, Rejection> {
    let was_paid = |track: &Track| match (&track.status, &data.payment) {
        (Status::Paid(payment), Some(named)) => payment == named,
        (Status::Paid(_) | Status::InFlight | Status::Failed(_) | Status::Canceled, _) => false,
    };
    let track = match &data.request {
        None => match state.requests.get(&data.invoice) {
            // Who takes money back need not know which request it had come of.
            Some(track) if takes_back && was_paid(track) => track,
            Some(_) | None => return Ok(Failing::default()),
        },
        Some(request) => {
            let (invoice, attempt, track) = find(state, request)?;
            if invoice != data.invoice {
                let message = format!("the request {request} is not of {}", data.invoice);
                return Err(Rejection::at(Code::PaymentRequestUnknown, "data.request", message));
            }
            let is_last = attempt == track.attempt;
            let ends = track.status == Status::InFlight || (takes_back && was_paid(track));
            match (is_last && ends, takes_back) {
                (true, _) => track,
                // Money goes back all the same; the request had ended otherwise.
                (false, true) => return Ok(Failing::default()),
                (false, false) => return Err(finished(request, attempt, track)),
            }
        }
    };
    let owed = invoice::find(state, &data.invoice, "data.invoice")?;
    let owner = customer::find(state, &owed.customer, "data.invoice")?;
    let scheduled = schedule(book, owner);
    let wait = scheduled.and_then(|(_, schedule)| schedule.retry_after(track.failures + 1));
    let next_attempt =
        wait.map(|days| effective.plus_days(i32::try_from(days).unwrap_or(i32::MAX)));
    let holds = scheduled.is_some_and(|(_, schedule)| schedule.last == Last::Hold);
    let held = (holds && next_attempt.is_none())
        .then(|| hold_orders(state, &owed.customer, &data.invoice))
        .flatten();
    Ok(Failing { request: Some(id(&data.invoice, track.attempt)), next_attempt, held })
}

/// The schedule of a customer, with its name.
fn schedule<'a>(book: &'a Book, owner: &Customer) -> Option<(&'a str, &'a Schedule)> {
    book.policies.collection.named(owner.registered.collection.as_deref())
}

/// The invoice and number of a request, and what is known of that invoice's requests.
fn find<'a>(state: &'a Ledger, request: &str) -> Result<(Identifier, u32, &'a Track), Rejection> {
    parts(request)
        .and_then(|(invoice, attempt)| {
            let track = state.requests.get(&invoice)?;
            (1..=track.attempt).contains(&attempt).then_some((invoice, attempt, track))
        })
        .ok_or_else(|| {
            let message = format!(
                "there is no request {request:?}; name one as its event PaymentRequested does, \
                 for example INV-1/1"
            );
            Rejection::at(Code::PaymentRequestUnknown, "data.request", message)
        })
}

fn finished(request: &str, attempt: u32, track: &Track) -> Rejection {
    let is_last = attempt == track.attempt;
    let how = match &track.status {
        Status::InFlight => format!("number {} came after it", track.attempt),
        Status::Failed(_) | Status::Canceled | Status::Paid(_) if !is_last => {
            format!("number {} came after it", track.attempt)
        }
        Status::Failed(_) => "it failed".to_owned(),
        Status::Canceled => "it was canceled".to_owned(),
        Status::Paid(payment) => {
            format!("it was paid by {payment}: to take that money back, name the payment")
        }
    };
    let message = format!("the request {request} has ended already, {how}; nothing is to be done");
    Rejection::at(Code::PaymentRequestFinished, "data.request", message)
}

/// The early-payment discount that money of that day takes: it is not asked for. Of an invoice in
/// dispute it is unknown which part it would be of.
fn discount(book: &Book, owed: &Invoice, day: Day) -> Amount {
    if owed.disputed { owed.currency.zero() } else { payment::offered(book, owed, day) }
}

/// That day, where money of it takes such a discount.
fn discount_day(book: &Book, owed: &Invoice, day: Day) -> Option<Day> {
    discount(book, owed, day).is_positive().then_some(day)
}

/// The next request of an invoice.
fn requested(
    state: &Ledger,
    owner: &Customer,
    (name, schedule): (&str, &Schedule),
    (invoice, owed): (&Identifier, &Invoice),
    (amount, discount_day): (Amount, Option<Day>),
) -> PaymentRequested {
    let attempt = state.requests.get(invoice).map_or(0, |track| track.attempt) + 1;
    PaymentRequested {
        request: id(invoice, attempt),
        invoice: invoice.clone(),
        customer: owed.customer.clone(),
        amount,
        currency: owed.currency,
        attempt,
        processor: schedule.processor.clone(),
        payer: owner.registered.payer.clone(),
        payment_method: owner.registered.payment_method.clone(),
        discount_day,
        policy: policy::decided(&[("collection", name.to_owned())]),
    }
}
