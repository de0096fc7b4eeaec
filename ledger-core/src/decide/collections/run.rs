//! Dunning runs: each reminder that is due by the customer's dunning policy, once.
//!
//! Of an invoice the latest stage that is due gets a reminder, if neither it nor a later one had
//! one; stages before it are passed over for good. So a run that was skipped is made up for with
//! one reminder, and runs of any frequency never issue a stage twice. What is settled by now is
//! not reminded of, whatever its date.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::command::collections::RunDunning;
use crate::decide::collections::{hold_orders, undisputed};
use crate::decide::{customer, policy};
use crate::dunning::{self, Stage};
use crate::event::collections::{DunningRun, ReminderIssued};
use crate::event::{EventData, NewEvent};
use crate::id::Identifier;
use crate::limits::COMMAND_EVENTS_MAX;
use crate::money::Amount;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Customer, Invoice, Ledger};

/// Issues the reminders that are due.
pub(in crate::decide) fn run(
    id: &Identifier,
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RunDunning,
) -> Result<Vec<NewEvent>, Rejection> {
    if let Some(customer) = &data.customer {
        customer::find(state, customer, "data.customer")?;
    }
    let completed = DunningRun {
        book: id.clone(),
        through: data.through,
        customer: data.customer.clone(),
        reminders: 0,
        holds: 0,
        disputed: 0,
        promised: 0,
        requested: 0,
        totals: BTreeMap::new(),
    };
    let mut run = Run { state, book, through: data.through, events: Vec::new(), completed };
    let wanted = |id: &Identifier| data.customer.as_ref().is_none_or(|wanted| wanted == id);
    for (_, customer) in state.customers.iter().filter(|(id, _)| wanted(id)) {
        run.customer(customer)?;
    }
    let Run { mut events, completed, .. } = run;
    events.push(NewEvent::new(effective, EventData::DunningRunCompleted(completed)));
    Ok(events)
}

/// A run under way.
struct Run<'a> {
    state: &'a Ledger,
    book: &'a Book,
    through: Day,
    events: Vec<NewEvent>,
    completed: DunningRun,
}

/// Why an invoice is not asked for now, or what is asked for.
pub(in crate::decide) enum Asked {
    /// All that is open is disputed.
    Disputed,
    /// A promise to pay is not past its date.
    Promised,
    /// So much is open and not disputed, so much is disputed.
    Amount(Amount, Amount),
}

/// What an invoice is asked for on a day: what is open, unless it is disputed or promised.
pub(in crate::decide) fn asked_for(
    state: &Ledger,
    day: Day,
    id: &Identifier,
    invoice: &Invoice,
) -> Asked {
    let open = undisputed(state, id, invoice);
    if !open.is_positive() {
        return Asked::Disputed;
    }
    let promise = state.collections.promises.get(id);
    let is_promised = promise
        .is_some_and(|promise| day <= promise.date && promise.missing(invoice.open).is_positive());
    if is_promised { Asked::Promised } else { Asked::Amount(open, invoice.open - open) }
}

impl Run<'_> {
    /// The reminders of one customer, and the hold that one of them may bring.
    fn customer(&mut self, owner: &Customer) -> Result<(), Rejection> {
        let named = owner.registered.dunning.as_deref();
        let Some((policy, stages)) = self.book.policies.dunning.named(named) else {
            return Ok(());
        };
        let mut hold_for: Option<&Identifier> = None;
        for id in &owner.open_invoices {
            let Some(invoice) = self.state.invoices.get(id) else { continue };
            let days = dunning::days_overdue(invoice.due, self.through);
            let Some((number, stage)) = dunning::due(stages, days) else { continue };
            let reminded = self.state.collections.reminded.get(id);
            if reminded.is_some_and(|last| *last >= stage.after_days) {
                continue;
            }
            if self.state.request_in_flight(id).is_some() {
                self.completed.requested += 1;
                continue;
            }
            match asked_for(self.state, self.through, id, invoice) {
                Asked::Disputed => self.completed.disputed += 1,
                Asked::Promised => self.completed.promised += 1,
                Asked::Amount(open, disputed) => {
                    let stage = (policy, number, stage);
                    self.remind(id, invoice, stage, days, (open, disputed))?;
                    if stage.2.hold == Some(true) {
                        hold_for = hold_for.or(Some(id));
                    }
                }
            }
        }
        match hold_for {
            Some(invoice) => self.hold(&owner.registered.customer, invoice),
            None => Ok(()),
        }
    }

    fn remind(
        &mut self,
        id: &Identifier,
        invoice: &Invoice,
        (policy, number, stage): (&str, u32, &Stage),
        days_overdue: u32,
        (open, disputed): (Amount, Amount),
    ) -> Result<(), Rejection> {
        let currency = invoice.currency;
        self.completed.reminders += 1;
        *self.completed.totals.entry(currency.code().to_owned()).or_insert(currency.zero()) += open;
        self.push(EventData::ReminderIssued(ReminderIssued {
            invoice: id.clone(),
            customer: invoice.customer.clone(),
            currency,
            stage: number,
            after_days: stage.after_days,
            notice: stage.notice.clone(),
            due: invoice.due,
            days_overdue,
            open,
            disputed: Some(disputed).filter(|disputed| disputed.is_positive()),
            policy: policy::decided(&[("dunning", policy.to_owned())]),
        }))
    }

    fn hold(&mut self, customer: &Identifier, invoice: &Identifier) -> Result<(), Rejection> {
        let Some(held) = hold_orders(self.state, customer, invoice) else { return Ok(()) };
        self.completed.holds += 1;
        self.push(held)
    }

    fn push(&mut self, data: EventData) -> Result<(), Rejection> {
        if self.events.len() + 1 >= COMMAND_EVENTS_MAX {
            return Err(Rejection::at(
                Code::DunningRunTooLarge,
                "data.through",
                format!(
                    "the run would issue more than the {} reminders and holds of one command; run \
                     it for one customer after another, which issues the same reminders",
                    COMMAND_EVENTS_MAX - 1
                ),
            ));
        }
        self.events.push(NewEvent::new(self.through, data));
        Ok(())
    }
}
