//! What billing runs would issue from a state on: `RunBilling` month by month on a copy of it.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::command::invoice::RunBilling;
use ledger_core::command::{Command, CommandData};
use ledger_core::content_hash::ContentHash;
use ledger_core::decide::decide;
use ledger_core::event::{Event, EventData, NewEvent};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::paged::PagedMap;
use ledger_core::rejection::{Code, Rejection};
use ledger_core::state::Ledger;
use ledger_core::state::books::Books;
use ledger_core::state::collections::Collections;
use time::OffsetDateTime;

/// Orders that are billed together: a bound on the documents of one run.
const ORDERS_AT_ONCE: usize = 100;

/// A document of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its date.
    pub date: Day,
    /// When it is to be paid; of a credit its date.
    pub due: Day,
    /// Whether it gives back.
    pub is_credit: bool,
    /// Whose.
    pub customer: Identifier,
    /// The order, where it is for one.
    pub order: Option<Identifier>,
    /// Its currency.
    pub currency: Currency,
    /// Before tax; of a credit below zero.
    pub net: Amount,
    /// Tax.
    pub tax: Amount,
    /// Both together.
    pub total: Amount,
}

/// What runs would issue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Billing {
    /// The documents by date.
    pub documents: Vec<Document>,
    /// The refusals that runs would stop with.
    pub refused: Vec<Rejection>,
}

impl Billing {
    /// What is owed for each date, tax included.
    pub fn by_date(&self) -> BTreeMap<(Day, Currency), Amount> {
        let mut sums = BTreeMap::new();
        for one in &self.documents {
            *sums.entry((one.date, one.currency)).or_insert(one.currency.zero()) += one.total;
        }
        sums
    }
}

/// Which runs are meant.
#[derive(Debug, Clone, Copy)]
pub struct Runs {
    /// The first run is through this day, or through the end of the month in which the orders
    /// start.
    pub first: Option<Day>,
    /// The last run is through this day.
    pub through: Day,
}

/// Bills the orders as far as a day, each month's end a run of its own, as a finance team does.
pub fn simulate(
    book: &Identifier,
    ledger: &Ledger,
    orders: &BTreeSet<Identifier>,
    runs: Runs,
) -> Billing {
    let mut billing = Billing::default();
    for batch in batches(ledger, orders) {
        // Only what a run reads: a copy of the whole book would be large for nothing.
        let mut trial = Trial { book, ledger: part(ledger, &batch), billing: &mut billing };
        if let Err(rejection) = trial.run_all(runs)
            && !trial.billing.refused.contains(&rejection)
        {
            trial.billing.refused.push(rejection);
        }
    }
    billing.documents.sort_by(|one, other| {
        (one.date, &one.customer, &one.order, one.is_credit).cmp(&(
            other.date,
            &other.customer,
            &other.order,
            other.is_credit,
        ))
    });
    billing
}

/// The orders in pieces; a customer's stay together, for they may share an invoice.
fn batches(ledger: &Ledger, orders: &BTreeSet<Identifier>) -> Vec<BTreeSet<Identifier>> {
    let mut by_customer: BTreeMap<&Identifier, Vec<&Identifier>> = BTreeMap::new();
    for id in orders {
        if let Some(order) = ledger.orders.get(id) {
            by_customer.entry(&order.customer).or_default().push(id);
        }
    }
    let mut batches: Vec<BTreeSet<Identifier>> = Vec::new();
    for orders in by_customer.into_values() {
        match batches.last_mut() {
            Some(batch) if batch.len() + orders.len() <= ORDERS_AT_ONCE => {
                batch.extend(orders.into_iter().cloned());
            }
            Some(_) | None => batches.push(orders.into_iter().cloned().collect()),
        }
    }
    batches
}

/// The state of these orders alone, with their customers and documents.
fn part(ledger: &Ledger, orders: &BTreeSet<Identifier>) -> Ledger {
    let orders: PagedMap<_, _> = kept(ledger.orders.iter(), |id, _| orders.contains(id));
    let customers: BTreeSet<&Identifier> = orders.values().map(|order| &order.customer).collect();
    Ledger {
        book: ledger.book.clone(),
        products: ledger.products.clone(),
        customers: kept(ledger.customers.iter(), |id, _| customers.contains(id)),
        invoices: kept(ledger.invoices.iter(), |_, one| customers.contains(&one.customer)),
        payments: kept(ledger.payments.iter(), |_, one| customers.contains(&one.customer)),
        credits: kept(ledger.credits.iter(), |_, one| customers.contains(&one.customer)),
        rates: ledger.rates.clone(),
        values: ledger.values.clone(),
        tax_rates: ledger.tax_rates.clone(),
        foreign: ledger_core::state::foreign::Foreign::default(),
        unfinished_runs: BTreeMap::new(),
        // As if nobody were on hold: a hold keeps back what falls due, and ends.
        collections: Collections::default(),
        requests: BTreeMap::new(),
        books: Books::default(),
        orders: orders.clone(),
    }
}

fn kept<'a, T: Clone + 'a, M: FromIterator<(Identifier, T)>>(
    all: impl Iterator<Item = (&'a Identifier, &'a T)>,
    keep: impl Fn(&Identifier, &T) -> bool,
) -> M {
    all.filter(|(id, one)| keep(id, one)).map(|(id, one)| (id.clone(), one.clone())).collect()
}

/// Runs on a state of their own.
struct Trial<'a> {
    book: &'a Identifier,
    ledger: Ledger,
    billing: &'a mut Billing,
}

impl Trial<'_> {
    fn run_all(&mut self, runs: Runs) -> Result<(), Rejection> {
        let starts = self.ledger.orders.values().map(|order| order.start);
        let Some(mut from) = starts.min() else { return Ok(()) };
        let first = runs.first.unwrap_or(from);
        while from <= runs.through {
            let to = if from < first { first } else { from.month().last() }.min(runs.through);
            self.run(from, to)?;
            from = to.next();
        }
        Ok(())
    }

    /// One run; where it would be too large, its days in two.
    fn run(&mut self, from: Day, to: Day) -> Result<(), Rejection> {
        let id: Identifier = "preview".parse()?;
        let data = RunBilling { through: to, customer: None, order: None };
        let command = Command {
            id: id.clone(),
            effective: to,
            reason: None,
            correlation_id: id,
            actor: "preview".to_owned(),
            content_hash: ContentHash::default(),
            data: CommandData::RunBilling(data),
        };
        match decide(self.book, &self.ledger, &command) {
            Ok(events) => {
                events.into_iter().for_each(|event| self.take(event, &command));
                Ok(())
            }
            Err(rejection) if rejection.code == Code::BillingRunTooLarge.as_str() && from < to => {
                let middle = from.plus_days(to.days_since(from) / 2);
                self.run(from, middle)?;
                self.run(middle.next(), to)
            }
            Err(rejection) => Err(rejection),
        }
    }

    fn take(&mut self, new: NewEvent, command: &Command) {
        if let Some(document) = document(&new) {
            self.billing.documents.push(document);
        }
        self.ledger.apply(&Event {
            // Behind everything that happened: the order within a run is all that is read of it.
            sequence: u64::MAX,
            id: String::new(),
            effective: new.effective,
            recorded_at: OffsetDateTime::UNIX_EPOCH,
            actor: command.actor.clone(),
            command_id: command.id.clone(),
            command_hash: ContentHash::default(),
            correlation_id: command.id.clone(),
            reason: None,
            data: new.data,
            functional: new.functional,
        });
    }
}

/// The document that an event of a run issues.
fn document(new: &NewEvent) -> Option<Document> {
    if let EventData::InvoiceIssued(invoice) = &new.data {
        return Some(Document {
            date: new.effective,
            due: invoice.due,
            is_credit: false,
            customer: invoice.customer.clone(),
            order: invoice.order.clone(),
            currency: invoice.currency,
            net: invoice.net,
            tax: invoice.tax,
            total: invoice.total,
        });
    }
    let EventData::CreditIssued(credit) = &new.data else { return None };
    Some(Document {
        date: new.effective,
        due: new.effective,
        is_credit: true,
        customer: credit.customer.clone(),
        order: credit.lines.iter().find_map(|line| line.order.clone()),
        currency: credit.currency,
        net: -credit.net,
        tax: -credit.tax,
        total: -credit.total,
    })
}
