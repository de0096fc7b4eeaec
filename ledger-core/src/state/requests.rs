//! What asking processors for money needs to know: the last request of each invoice.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::calendar::Day;
use crate::event::payment::{PaymentFailed, PaymentReceived};
use crate::event::request::{PaymentRequestCanceled, PaymentRequested};
use crate::id::Identifier;
use crate::state::Ledger;

/// The requests of one invoice.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Track {
    /// The number of the last request.
    pub attempt: u32,
    /// Failures in a row: which wait comes next.
    pub failures: u32,
    /// How often a request's money was taken back, and so the invoice opened again.
    pub returned: u32,
    /// The day whose early-payment discount the last request leaves out.
    pub discount_day: Option<Day>,
    /// How the last request stands.
    pub status: Status,
}

/// How a request stands.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Status {
    /// The processor has not answered.
    InFlight,
    /// It failed; the next attempt is due on that day, if there is one.
    Failed(Option<Day>),
    /// That payment came of it.
    Paid(Identifier),
    /// It ended without an attempt.
    Canceled,
}

/// By invoice. An entry stays when the invoice is paid: a number is never given twice, and money
/// that comes late finds its request.
pub type Requests = BTreeMap<Identifier, Track>;

/// The id of a request.
pub fn id(invoice: &Identifier, attempt: u32) -> String {
    format!("{invoice}/{attempt}")
}

/// The invoice and the number in a request's id, if it is one.
pub fn parts(request: &str) -> Option<(Identifier, u32)> {
    let (invoice, attempt) = request.rsplit_once('/')?;
    let (invoice, attempt) = (invoice.parse().ok()?, attempt.parse().ok()?);
    // `INV-1/01` and `INV-1/+1` are no ids, though they could be read.
    (id(&invoice, attempt) == request).then_some((invoice, attempt))
}

impl Ledger {
    /// The request in flight of an invoice.
    pub fn request_in_flight(&self, invoice: &Identifier) -> Option<String> {
        let track = self.requests.get(invoice)?;
        (track.status == Status::InFlight).then(|| id(invoice, track.attempt))
    }
}

/// A processor was asked.
pub(super) fn requested(ledger: &mut Ledger, data: &PaymentRequested) {
    let track = ledger.requests.entry(data.invoice.clone()).or_insert(Track {
        attempt: 0,
        failures: 0,
        returned: 0,
        discount_day: None,
        status: Status::InFlight,
    });
    // Failures count in a row: money that stayed ends the row, money that was returned does not.
    if matches!(track.status, Status::Paid(_)) {
        track.failures = 0;
    }
    track.attempt = data.attempt;
    track.discount_day = data.discount_day;
    track.status = Status::InFlight;
}

/// A request ended without an attempt.
pub(super) fn canceled(ledger: &mut Ledger, data: &PaymentRequestCanceled) {
    if let Some(track) = last(ledger, Some(&data.request)) {
        track.status = Status::Canceled;
    }
}

/// Money came: of the last request, or of an earlier one that was thought to have failed.
pub(super) fn paid(ledger: &mut Ledger, data: &PaymentReceived) {
    if let Some(track) = last(ledger, data.request.as_deref()) {
        // Its attempt had not failed after all.
        let was_wrong = matches!(track.status, Status::Failed(_));
        track.failures = track.failures.saturating_sub(u32::from(was_wrong));
        track.status = Status::Paid(data.payment.clone());
    }
}

/// A request failed, or its money was taken back.
pub(super) fn failed(ledger: &mut Ledger, data: &PaymentFailed) {
    if let Some(track) = last(ledger, data.request.as_deref()) {
        track.failures += 1;
        let mut taken = data.taken.iter().flat_map(|taken| &taken.allocations);
        track.returned += u32::from(taken.any(|one| one.invoice == data.invoice));
        track.status = Status::Failed(data.next_attempt);
    }
}

/// The track of a request, where it is the last one of its invoice.
fn last<'a>(ledger: &'a mut Ledger, request: Option<&str>) -> Option<&'a mut Track> {
    let (invoice, attempt) = parts(request?)?;
    ledger.requests.get_mut(&invoice).filter(|track| track.attempt == attempt)
}
