//! Billing runs: every invoice that falls due through a date, each on its own billing date, once
//! (contract, section 2; readings, 5).
//!
//! What falls due is found, and all that could refuse the run is looked at, before the first
//! document is made. The documents are made one after another, so that a run of a million of them
//! never holds them all.

use std::collections::{BTreeMap, btree_map};

use crate::calendar::Day;
use crate::command::collections::Block;
use crate::command::invoice::RunBilling;
use crate::command::{Command, CommandData};
use crate::decide::credit::{Progress, applied_to};
use crate::decide::{customer, fx, not_open, period};
use crate::event::invoice::BillingRun;
use crate::event::{EventData, NewEvent};
use crate::id::Identifier;
use crate::limits::{RUN_DOCUMENTS_MAX, RUN_LINES_MAX, RUN_YEARS_MAX};
use crate::money::{Amount, Currency};
use crate::policy::InvoiceGrouping;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

mod document;
mod due;

use document::{Group, Maker};
use due::{Due, Dues, dues};

/// A billing run that is accepted, and what of it has no document yet.
#[derive(Debug)]
pub struct RunPlan {
    command: Identifier,
    effective: Day,
    dues: btree_map::IntoIter<(Day, Identifier), Vec<Due>>,
    /// What falls due on one day to one customer, and how much of it has its documents.
    current: Option<((Day, Identifier), Vec<Due>, usize)>,
    documents: usize,
    gives_back: bool,
    /// What sums the run up; none once it was given.
    run: Option<BillingRun>,
    last_invoice: u64,
    last_credit: u64,
    used_credits: BTreeMap<Identifier, Amount>,
    progress: Progress,
}

/// Plans a billing run. One that was cut off by a crash is finished by the same command: what it
/// issued before does not fall due again, and counts in its totals.
///
/// # Errors
/// Everything that refuses it: a customer, order or tax rate that is missing, a closed day, a date
/// that is absurdly far, or a document that is too large. Where it is planned, all of its documents
/// can be made.
pub fn plan_run(
    book: &Identifier,
    state: &Ledger,
    command: &Command,
) -> Result<RunPlan, Rejection> {
    let CommandData::RunBilling(data) = &command.data else {
        let message = format!("{} is no billing run", command.data.name());
        return Err(Rejection::new(Code::CommandMalformed, message));
    };
    let Some(settings) = &state.book else { return Err(not_open(book)) };
    plan((book, &command.id), state, settings, command.effective, data)
}

/// All events of a run at once.
pub(in crate::decide) fn run(
    of: (&Identifier, &Identifier),
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RunBilling,
) -> Result<Vec<NewEvent>, Rejection> {
    plan(of, state, book, effective, data)?.into_events(state)
}

fn plan(
    (id, command): (&Identifier, &Identifier),
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RunBilling,
) -> Result<RunPlan, Rejection> {
    check(state, effective, data)?;
    let before = state.unfinished_runs.get(command).cloned().unwrap_or_default();
    let mut dues = dues(state, book, data)?;
    let (documents, held_back) = check_documents(state, book, &mut dues)?;
    let gives_back = dues.values().flatten().any(|due| due.net.is_negative());
    let run = BillingRun {
        book: id.clone(),
        through: data.through,
        customer: data.customer.clone(),
        order: data.order.clone(),
        invoices: before.invoices,
        credits: before.credits,
        held_back,
        totals: before.totals,
    };
    Ok(RunPlan {
        command: command.clone(),
        effective,
        dues: dues.into_iter(),
        current: None,
        documents,
        gives_back,
        run: Some(run),
        last_invoice: book.last_invoice_number,
        last_credit: book.last_credit_number,
        used_credits: BTreeMap::new(),
        progress: Progress::default(),
    })
}

/// Takes out what is held back, and refuses what cannot become documents. Gives how many documents
/// there are, and how many are held back.
fn check_documents(
    state: &Ledger,
    book: &Book,
    dues: &mut Dues,
) -> Result<(usize, u32), Rejection> {
    let maker = Maker { state, book };
    let (mut count, mut held_back) = (0, 0);
    for ((date, customer), all) in dues.iter_mut() {
        if book.policies.invoice_grouping == InvoiceGrouping::Customer {
            all.sort_by_key(|due| due.currency);
        }
        let is_held = state.collections.is_held(customer, Block::Invoices);
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (group, behind) = maker.first_group(*date, customer, rest);
            rest = behind;
            if is_held {
                // Nothing is marked as billed: the next run after the release issues it.
                held_back += group.documents();
                continue;
            }
            period::check_open(book, *date, "data.through")?;
            fx::rate(state, book, group.currency, *date)?;
            count += usize::try_from(group.documents()).unwrap_or(usize::MAX);
            if count > RUN_DOCUMENTS_MAX || group.is_too_large(book) {
                return Err(too_large());
            }
        }
        if is_held {
            all.clear();
        }
    }
    Ok((count, held_back))
}

impl RunPlan {
    /// How many invoices and credits it issues at least: what is given back may take several
    /// credits.
    pub fn documents_count(&self) -> usize {
        self.documents
    }

    /// The events of the next documents: an invoice with the credits that it uses, and what is given
    /// back with it; at last the event that sums the run up, and then none. `state` has everything
    /// folded that the plan gave before.
    ///
    /// # Errors
    /// None: the plan has looked at everything that could refuse it.
    pub fn next_events(&mut self, state: &Ledger) -> Result<Option<Vec<NewEvent>>, Rejection> {
        // The state knows them.
        self.used_credits.clear();
        self.progress = Progress::default();
        let events = self.documents(state)?;
        events.map(|events| fx::valued(state, events)).transpose()
    }

    /// All events at once. `state` is the one that the run was planned on.
    ///
    /// # Errors
    /// None: the plan has looked at everything that could refuse it.
    pub fn into_events(mut self, state: &Ledger) -> Result<Vec<NewEvent>, Rejection> {
        let mut events = Vec::with_capacity(self.documents + 1);
        if !self.gives_back {
            while let Some(documents) = self.documents(state)? {
                events.extend(documents);
            }
            return fx::valued(state, events);
        }
        let mut known = state.clone();
        while let Some(documents) = self.next_events(&known)? {
            for new in documents {
                // Behind everything that the state has.
                let sequence = u64::MAX / 2 + u64::try_from(events.len()).unwrap_or_default();
                known.apply(&new.clone().provisional(sequence, &self.command));
                events.push(new);
            }
        }
        Ok(events)
    }

    /// Whether it gives something back: what, depends on what it bills before. Where it does not,
    /// [`RunPlan::into_events`] needs no copy of the state.
    pub fn gives_back(&self) -> bool {
        self.gives_back
    }

    /// The events of the next documents, on a state that has none of those before.
    fn documents(&mut self, state: &Ledger) -> Result<Option<Vec<NewEvent>>, Rejection> {
        let Some(book) = &state.book else { return Ok(None) };
        loop {
            match self.current.take() {
                Some(((date, customer), all, from)) if from < all.len() => {
                    let rest = all.get(from..).unwrap_or_default();
                    let (group, behind) = Maker { state, book }.first_group(date, &customer, rest);
                    let next = all.len() - behind.len();
                    let events = self.issue(Maker { state, book }, group)?;
                    self.current = Some(((date, customer), all, next));
                    return Ok(Some(events));
                }
                Some(_) | None => match self.dues.next() {
                    Some((key, all)) => self.current = Some((key, all, 0)),
                    None => break,
                },
            }
        }
        let effective = self.effective;
        let last = self.run.take().map(EventData::BillingRunCompleted);
        Ok(last.map(|data| vec![NewEvent::new(effective, data)]))
    }

    /// One invoice for what is above zero; what is below becomes a credit on the account.
    fn issue(&mut self, maker: Maker<'_>, group: Group<'_>) -> Result<Vec<NewEvent>, Rejection> {
        let Group { date, currency, .. } = group;
        let mut events = Vec::with_capacity(1);
        if let Some((invoice, number)) = maker.invoice(group, self.last_invoice)? {
            self.last_invoice = number;
            self.add((1, 0), currency, invoice.total);
            let applied =
                applied_to(maker.state, maker.book, date, &invoice, &mut self.used_credits);
            let data = std::iter::once(EventData::InvoiceIssued(invoice)).chain(applied);
            events.extend(data.map(|data| NewEvent::new(date, data)));
        }
        let (credits, last) = maker.credits(group, self.last_credit, &mut self.progress)?;
        self.last_credit = last;
        for credit in credits {
            self.add((0, 1), currency, -credit.total);
            events.push(NewEvent::new(date, EventData::CreditIssued(credit)));
        }
        Ok(events)
    }

    fn add(&mut self, (invoices, credits): (u32, u32), currency: Currency, amount: Amount) {
        if let Some(run) = &mut self.run {
            run.invoices += invoices;
            run.credits += credits;
            *run.totals.entry(currency.code().to_owned()).or_insert(currency.zero()) += amount;
        }
    }
}

fn too_large() -> Rejection {
    Rejection::at(
        Code::BillingRunTooLarge,
        "data.through",
        format!(
            "the run would issue more than {RUN_DOCUMENTS_MAX} documents, or one of more than \
             {RUN_LINES_MAX} lines or with more text than an event takes; run it through an \
             earlier date first, or for one customer or order after another"
        ),
    )
}
/// Refuses a customer or an order that does not exist, and a date that is absurdly far.
fn check(state: &Ledger, effective: Day, data: &RunBilling) -> Result<(), Rejection> {
    let latest = effective.plus_months(12 * RUN_YEARS_MAX, effective.day());
    if data.through > latest {
        return Err(Rejection::at(
            Code::BillingRunTooFar,
            "data.through",
            format!(
                "{} is more than {RUN_YEARS_MAX} years after {effective}: is the year right?",
                data.through
            ),
        ));
    }
    if let Some(customer) = &data.customer {
        customer::find(state, customer, "data.customer")?;
    }
    if let Some(order) = data.order.as_ref().filter(|order| !state.orders.contains_key(*order)) {
        let message = format!("there is no order {order}");
        return Err(Rejection::at(Code::OrderUnknown, "data.order", message));
    }
    Ok(())
}
