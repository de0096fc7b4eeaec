//! The outbox: requests of one processor that have no result yet, folded from the log.

use std::collections::BTreeMap;

use commands::clock::{self, Clock};
use ledger_core::calendar::Day;
use ledger_core::event::request::PaymentRequested;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::log::SharedLog;
use ledger_core::state::Ledger;
use schemas::record::decode;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::exit::Failure;

/// Records of one read.
const BATCH_RECORDS: usize = 4_096;

/// What the ids of an adapter's commands begin with.
const COLLECTED: &str = "collect/";

/// What the ids of commands begin with that a webhook or an import makes of the processor's events.
const IMPORTED: &str = "stripe/";

/// A request without a result.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    /// The book.
    pub(crate) book: String,
    /// The id of its event: what idempotency keys and commands' ids are made of.
    pub(crate) event: String,
    /// When the ledger recorded it: nothing was charged before.
    pub(crate) recorded_at: OffsetDateTime,
    /// The book's date of it.
    pub(crate) date: Day,
    /// What is asked.
    pub(crate) asked: PaymentRequested,
}

impl Pending {
    /// A command that brings a result. Its id is the same after a crash.
    pub(crate) fn envelope(&self, result: &str, command: &str, data: &Value) -> Value {
        json!({
            "id": format!("{COLLECTED}{}/{result}", self.event), "command": command,
            "reason": format!("collected by {}", self.asked.processor), "data": data,
        })
    }
}

/// The requests without a result, and the state of the book that they are checked against.
#[derive(Debug)]
pub(crate) struct Outbox {
    processor: &'static str,
    book: String,
    ledger: Ledger,
    pending: BTreeMap<String, Pending>,
    /// Requests that somebody else ended than the adapter or Stripe: by invoice, the first first.
    ended: BTreeMap<Identifier, Vec<Pending>>,
    /// The last payment that came of a request of this processor.
    collected: Option<Identifier>,
    sequence: u64,
}

impl Outbox {
    /// An outbox that has read nothing yet.
    pub(crate) fn new(processor: &'static str, book: &str) -> Self {
        Self {
            processor,
            book: book.to_owned(),
            ledger: Ledger::default(),
            pending: BTreeMap::new(),
            ended: BTreeMap::new(),
            collected: None,
            sequence: 0,
        }
    }

    /// Folds what the log holds by now.
    ///
    /// # Errors
    /// Where it cannot be read, or an event cannot be decoded.
    pub(crate) async fn catch_up(&mut self, log: &SharedLog) -> Result<(), Failure> {
        loop {
            let batch = log.read(self.sequence + 1, BATCH_RECORDS).await?;
            if batch.is_empty() {
                return Ok(());
            }
            for stored in &batch {
                self.take(decode(stored)?);
            }
        }
    }

    fn take(&mut self, event: Event) {
        self.ledger.apply(&event);
        self.sequence = event.sequence;
        if let EventData::PaymentRequested(asked) = event.data {
            if asked.processor == self.processor {
                let (id, recorded_at, date) = (event.id, event.recorded_at, event.effective);
                let book = self.book.clone();
                let pending = Pending { book, event: id, recorded_at, date, asked };
                self.pending.insert(pending.asked.request.clone(), pending);
            }
            return;
        }
        let is_told =
            [COLLECTED, IMPORTED].iter().any(|one| event.command_id.as_str().starts_with(one));
        if let EventData::PaymentRequestCanceled(ended) = &event.data {
            self.end(&ended.request, is_told);
        }
        if let EventData::PaymentReceived(received) = &event.data
            && let Some(request) = &received.request
            && self.pending.remove(request).is_some()
        {
            self.collected = Some(received.payment.clone());
        }
        if let EventData::PaymentFailed(failed) = &event.data {
            failed.request.iter().for_each(|request| self.end(request, is_told));
        }
    }

    /// Ends a request. `is_told`: by an answer of the processor.
    fn end(&mut self, request: &str, is_told: bool) {
        if let Some(pending) = self.pending.remove(request)
            && !is_told
        {
            self.ended.entry(pending.asked.invoice.clone()).or_default().push(pending);
        }
    }

    /// The earlier requests for the same invoice that were ended without the processor's word.
    pub(crate) fn ended(&self, invoice: &Identifier) -> &[Pending] {
        self.ended.get(invoice).map_or(&[], Vec::as_slice)
    }

    /// The requests that `is_due` takes, in the order of their recording. One that is dated ahead
    /// waits for its day, in the book's time zone: nothing is charged before it is due.
    pub(crate) fn pending(&self, clock: &dyn Clock, is_due: &dyn Fn(&str) -> bool) -> Vec<Pending> {
        let zone = self.ledger.book.as_ref().map_or("UTC", |book| book.time_zone.as_str());
        let today = clock::today(clock, zone).unwrap_or_else(|_| Day::new(clock.now().date()));
        let due = self.pending.values().filter(|one| one.date <= today);
        let due = due.filter(|one| is_due(&one.asked.request));
        let mut due: Vec<Pending> = due.cloned().collect();
        due.sort_by_key(|one| one.recorded_at);
        due
    }

    /// Whether a request has no result, as far as the log was read.
    pub(crate) fn holds(&self, request: &str) -> bool {
        self.pending.contains_key(request)
    }

    /// The last payment that came of a request: the processor's account has it, if it is the right
    /// one.
    pub(crate) fn collected(&self) -> Option<&Identifier> {
        self.collected.as_ref()
    }

    /// Whether a charge is a payment of the book.
    pub(crate) fn is_recorded(&self, charge: &str) -> bool {
        let payment = charge.parse::<Identifier>();
        payment.is_ok_and(|payment| self.ledger.payments.contains_key(&payment))
    }

    /// Whether nothing is owed on an invoice any more, so that no run asks for it.
    pub(crate) fn is_settled(&self, invoice: &Identifier) -> bool {
        let invoice = self.ledger.invoices.get(invoice);
        invoice.is_some_and(|invoice| invoice.voided || !invoice.open.is_positive())
    }

    /// Whether so much of the invoice is still open and not disputed.
    pub(crate) fn is_open_for(&self, asked: &PaymentRequested) -> bool {
        let Some(invoice) = self.ledger.invoices.get(&asked.invoice) else { return false };
        let disputed = self.ledger.collections.disputes.get(&asked.invoice);
        let disputed = disputed.map_or(invoice.currency.zero(), |part| {
            part.map_or(invoice.open, |part| part.min(invoice.open))
        });
        !invoice.voided && asked.amount <= invoice.open - disputed
    }

    /// Whether a request has no result, as the log stands now.
    ///
    /// # Errors
    /// As [`Outbox::catch_up`].
    pub(crate) async fn is_in_flight(
        &mut self,
        log: &SharedLog,
        request: &str,
    ) -> Result<bool, Failure> {
        self.catch_up(log).await?;
        Ok(self.holds(request))
    }
}
