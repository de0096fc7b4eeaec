//! A run of requests: each attempt that is due, once.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::collection::{Schedule, When};
use crate::command::request::RequestPayments;
use crate::decide::collections::{Asked, asked_for};
use crate::decide::customer;
use crate::decide::requests::{discount, discount_day, requested, schedule};
use crate::event::request::PaymentRequestRun;
use crate::event::{EventData, NewEvent};
use crate::id::Identifier;
use crate::limits::COMMAND_EVENTS_MAX;
use crate::money::Amount;
use crate::rejection::{Code, Rejection};
use crate::state::requests::Status;
use crate::state::{Book, Customer, Invoice, Ledger};

/// Asks for what is due.
pub(in crate::decide) fn run(
    id: &Identifier,
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RequestPayments,
) -> Result<Vec<NewEvent>, Rejection> {
    if let Some(customer) = &data.customer {
        customer::find(state, customer, "data.customer")?;
    }
    if data.through > effective {
        return Err(Rejection::at(
            Code::PaymentRequestTooEarly,
            "data.through",
            format!(
                "{} is after the command's own date {effective}: money is not taken before it is \
                 due; run it on that day",
                data.through
            ),
        ));
    }
    let completed = PaymentRequestRun {
        book: id.clone(),
        through: data.through,
        customer: data.customer.clone(),
        requests: 0,
        in_flight: 0,
        disputed: 0,
        promised: 0,
        exhausted: 0,
        reopened: 0,
        totals: BTreeMap::new(),
    };
    let mut run = Run { state, book, through: data.through, events: Vec::new(), completed };
    let wanted = |id: &Identifier| data.customer.as_ref().is_none_or(|wanted| wanted == id);
    for (_, owner) in state.customers.iter().filter(|(id, _)| wanted(id)) {
        if let Some(scheduled) = schedule(book, owner) {
            run.customer(owner, scheduled)?;
        }
    }
    let Run { mut events, completed, .. } = run;
    let data = EventData::PaymentRequestsCompleted(completed);
    events.push(NewEvent::new(effective, data));
    Ok(events)
}

/// A run under way.
struct Run<'a> {
    state: &'a Ledger,
    book: &'a Book,
    through: Day,
    events: Vec<NewEvent>,
    completed: PaymentRequestRun,
}

/// Whether the next attempt of an invoice is due.
enum Turn {
    Due,
    NotYet,
    InFlight,
    Exhausted,
    Reopened,
}

impl Run<'_> {
    fn customer(
        &mut self,
        owner: &Customer,
        scheduled: (&str, &Schedule),
    ) -> Result<(), Rejection> {
        for id in &owner.open_invoices {
            let Some(invoice) = self.state.invoices.get(id) else { continue };
            match self.turn(scheduled.1, id, invoice) {
                Turn::NotYet => {}
                Turn::InFlight => self.completed.in_flight += 1,
                Turn::Exhausted => self.completed.exhausted += 1,
                Turn::Reopened => self.completed.reopened += 1,
                Turn::Due => match asked_for(self.state, self.through, id, invoice) {
                    Asked::Disputed => self.completed.disputed += 1,
                    Asked::Promised => self.completed.promised += 1,
                    Asked::Amount(open, _) => {
                        let amount = open - discount(self.book, invoice, self.through);
                        self.ask(owner, scheduled, (id, invoice), amount)?;
                    }
                },
            }
        }
        Ok(())
    }

    fn turn(&self, schedule: &Schedule, id: &Identifier, invoice: &Invoice) -> Turn {
        let first = match schedule.when {
            When::Due => invoice.due.max(invoice.issued),
            When::Issued => invoice.issued,
        };
        if first > self.through {
            return Turn::NotYet;
        }
        let track = self.state.requests.get(id);
        let returned = track.map_or(0, |track| track.returned);
        match track.map(|track| &track.status) {
            Some(Status::InFlight) => Turn::InFlight,
            Some(Status::Failed(None)) => Turn::Exhausted,
            Some(Status::Failed(Some(next))) if *next > self.through => Turn::NotYet,
            // What a request had brought and the bank took back is the schedule's to try again;
            // what was refunded, charged back or moved is not.
            Some(Status::Failed(_) | Status::Paid(_) | Status::Canceled) | None
                if invoice.reopened() > returned =>
            {
                Turn::Reopened
            }
            Some(Status::Failed(_) | Status::Paid(_) | Status::Canceled) | None => Turn::Due,
        }
    }

    fn ask(
        &mut self,
        owner: &Customer,
        scheduled: (&str, &Schedule),
        (id, invoice): (&Identifier, &Invoice),
        amount: Amount,
    ) -> Result<(), Rejection> {
        if self.events.len() + 1 >= COMMAND_EVENTS_MAX {
            return Err(Rejection::at(
                Code::PaymentRequestRunTooLarge,
                "data.through",
                format!(
                    "the run would make more than the {} requests of one command; run it for one \
                     customer after another, which makes the same requests",
                    COMMAND_EVENTS_MAX - 1
                ),
            ));
        }
        let currency = invoice.currency;
        self.completed.requests += 1;
        *self.completed.totals.entry(currency.code().to_owned()).or_insert(currency.zero()) +=
            amount;
        let amount = (amount, discount_day(self.book, invoice, self.through));
        let request = requested(self.state, owner, scheduled, (id, invoice), amount);
        let data = EventData::PaymentRequested(request);
        self.events.push(NewEvent::new(self.through, data));
        Ok(())
    }
}
