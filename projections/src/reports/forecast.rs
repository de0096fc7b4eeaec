//! Expected cash by month: open items by the day on which they are expected to be paid, and what
//! billing runs are to issue.
//!
//! An open item is expected on its due date plus the days that its customer was late on average, the
//! promised part of it on the promised day; nothing before the business date. What is disputed is
//! apart. Unapplied cash and credits pay for what is expected first.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::limits::RUN_YEARS_MAX;
use ledger_core::money::{Amount, Currency};
use ledger_core::rejection::{Code, Rejection};

use crate::outlook::billing::{Billing, Runs, simulate};
use crate::reports::open_items::{disputed, open, paid_on, unapplied};
use crate::reports::{Cell, Query, Table};

/// Months that are shown where the filters name no last day.
const MONTHS: i32 = 12;

/// What cash is expected of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A credit that a billing run is to issue; on one day it comes first, and pays for the rest.
    Credit,
    /// The promised part of an open item.
    Promised,
    /// The rest of an open item.
    Due,
    /// An invoice that a billing run is to issue.
    Scheduled,
    /// The disputed part of an open item, which nobody counts on.
    Disputed,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "scheduled_credit",
            Self::Promised => "promised",
            Self::Due => "due",
            Self::Scheduled => "scheduled",
            Self::Disputed => "disputed",
        }
    }
}

/// Cash that is expected on a day. Its order is that in which credit pays for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Flow {
    customer: Identifier,
    currency: Currency,
    on: Day,
    kind: Kind,
    due: Day,
    invoice: Option<Identifier>,
    order: Option<Identifier>,
    amount: Amount,
}

/// The amounts of a row.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    open_items: Amount,
    scheduled: Amount,
    /// What unapplied cash and credits pay for of it.
    unapplied: Amount,
    disputed: Amount,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.open_items += other.open_items;
        self.scheduled += other.scheduled;
        self.unapplied += other.unapplied;
        self.disputed += other.disputed;
    }

    fn cells(&self, currency: Currency) -> [Cell; 6] {
        let zero = currency.zero();
        let expected = self.open_items + self.scheduled - self.unapplied;
        let amounts = [expected, self.open_items, self.scheduled, -self.unapplied, self.disputed];
        let [expected, open_items, scheduled, unapplied, disputed] =
            amounts.map(|amount| Cell::Amount(zero + amount));
        [currency.code().into(), expected, open_items, scheduled, unapplied, disputed]
    }
}

const AMOUNTS: [&str; 6] = [
    "currency",
    "expected_cash:amount",
    "open_items:amount",
    "scheduled:amount",
    "unapplied:amount",
    "disputed:amount",
];

/// What the rows are grouped by, besides the month and the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Month,
    Customer,
    Invoice,
}

/// How many days late each customer paid on average, over the invoices that money has settled;
/// below zero: early. Half a day counts as one.
type Habits<'a> = BTreeMap<&'a Identifier, i32>;

/// Expected cash by month, through the filter `to`, else twelve months.
pub(super) fn forecast(query: &Query<'_>) -> Result<Table, Rejection> {
    let by = match query.filters.get("by") {
        None | Some("month") => By::Month,
        Some("customer") => By::Customer,
        Some("invoice") => By::Invoice,
        Some(other) => {
            let message = format!("{other:?} is no way to group; by is month, customer or invoice");
            return Err(Rejection::at(Code::ReportFilter, "by", message));
        }
    };
    let through = through(query)?;
    let habits = habits(query);
    let mut flows = open_flows(query, &habits);
    flows.extend(scheduled_flows(query, &habits, through)?);
    flows.sort();
    let paid = pay(query, flows);
    Ok(match by {
        By::Month => by_month(&paid, through),
        By::Customer => by_customer(&paid, &habits, through),
        By::Invoice => by_invoice(&paid, &habits, through),
    })
}

fn through(query: &Query<'_>) -> Result<Day, Rejection> {
    let as_of = query.as_of;
    let to = query.filters.day("to")?.unwrap_or(as_of.plus_months(MONTHS, as_of.day()));
    let furthest = as_of.plus_months(12 * RUN_YEARS_MAX, as_of.day());
    if to < as_of || to > furthest {
        let message = format!("a forecast as of {as_of} ends between that day and {furthest}");
        return Err(Rejection::at(Code::ReportFilter, "to", message));
    }
    Ok(to)
}

fn habits<'a>(query: &Query<'a>) -> Habits<'a> {
    let mut sums: BTreeMap<&Identifier, (i64, i64)> = BTreeMap::new();
    for fact in query.views.receivables.invoices.values() {
        if !query.keeps("customer", Some(fact.issued.customer.as_str())) {
            continue;
        }
        if let Some(paid_on) = paid_on(fact, query.as_of, query.sequence) {
            let sum = sums.entry(&fact.issued.customer).or_default();
            sum.0 += i64::from(paid_on.days_since(fact.issued.due));
            sum.1 += 1;
        }
    }
    let mean = |(days, count): (i64, i64)| (2 * days + count).div_euclid(2 * count);
    let mean = |sum| i32::try_from(mean(sum)).unwrap_or(i32::MAX);
    sums.into_iter().map(|(customer, sum)| (customer, mean(sum))).collect()
}

/// When something that is due then is expected, by what the customer is used to.
fn expected(query: &Query<'_>, habits: &Habits<'_>, customer: &Identifier, due: Day) -> Day {
    due.plus_days(habits.get(customer).copied().unwrap_or_default()).max(query.as_of)
}

fn open_flows(query: &Query<'_>, habits: &Habits<'_>) -> Vec<Flow> {
    let (day, sequence) = (query.as_of, query.sequence);
    let mut flows = Vec::new();
    for (id, fact) in &query.views.receivables.invoices {
        let issued = &fact.issued;
        let open = open(fact, day, sequence).filter(|open| !open.is_zero());
        let Some(open) = open else { continue };
        if !query.keeps("customer", Some(issued.customer.as_str())) {
            continue;
        }
        let disputed = disputed(fact, day, sequence, open);
        let promise = query.views.collections.promise(id, day, sequence);
        // A broken promise says nothing about when the money comes.
        let promise = promise.filter(|promise| promise.date >= day);
        let promised = promise.map_or(issued.currency.zero(), |promise| promise.missing(open));
        let promised = promised.min(open - disputed);
        let usual = expected(query, habits, &issued.customer, issued.due);
        let parts = [
            (Kind::Promised, promise.map_or(usual, |promise| promise.date), promised),
            (Kind::Due, usual, open - disputed - promised),
            (Kind::Disputed, usual, disputed),
        ];
        flows.extend(parts.into_iter().filter(|part| !part.2.is_zero()).map(
            |(kind, on, amount)| Flow {
                customer: issued.customer.clone(),
                currency: issued.currency,
                on,
                kind,
                due: issued.due,
                invoice: Some(id.clone()),
                order: issued.order.clone(),
                amount,
            },
        ));
    }
    flows
}

fn scheduled_flows(
    query: &Query<'_>,
    habits: &Habits<'_>,
    through: Day,
) -> Result<Vec<Flow>, Rejection> {
    let billing = scheduled(query, through)?;
    let flow = |document: crate::outlook::billing::Document| {
        let on = if document.is_credit {
            document.date.max(query.as_of)
        } else {
            expected(query, habits, &document.customer, document.due)
        };
        Flow {
            customer: document.customer,
            currency: document.currency,
            on,
            kind: if document.is_credit { Kind::Credit } else { Kind::Scheduled },
            due: document.due,
            invoice: None,
            order: document.order,
            amount: document.total,
        }
    };
    Ok(billing.documents.into_iter().map(flow).collect())
}

/// What billing runs would issue from the business date on, with what they are behind.
fn scheduled(query: &Query<'_>, through: Day) -> Result<Billing, Rejection> {
    let Some(book) = &query.views.book else { return Ok(Billing::default()) };
    let orders = query.orders.filter(|orders| orders.when == query.when()).ok_or_else(|| {
        let message = "a forecast needs the orders as of its date; ask for it by its name";
        Rejection::new(Code::ReportUnavailable, message)
    })?;
    let runs = Runs { first: Some(query.as_of), through };
    let asked = orders.of(query.filters.get("customer"));
    let billing = simulate(&book.book, &orders.ledger, &asked, runs);
    match billing.refused.into_iter().next() {
        None => Ok(Billing { documents: billing.documents, refused: Vec::new() }),
        // Less than all of it would be a wrong number.
        Some(refused) => Err(Rejection {
            message: format!("a billing run through {through} would stop: {}", refused.message),
            ..refused
        }),
    }
}

/// Lets unapplied cash and credits pay for what is expected first.
fn pay(query: &Query<'_>, flows: Vec<Flow>) -> Vec<(Flow, Sums)> {
    let mut left: BTreeMap<(Identifier, Currency), Amount> = unapplied(query)
        .into_iter()
        .map(|((customer, currency), amount)| ((customer.clone(), currency), amount))
        .collect();
    let mut paid = Vec::with_capacity(flows.len());
    for flow in flows {
        let credit = left.entry((flow.customer.clone(), flow.currency)).or_default();
        let amount = flow.amount;
        let mut sums = Sums::default();
        match flow.kind {
            Kind::Credit => {
                *credit -= amount;
                continue;
            }
            Kind::Disputed => sums.disputed = amount,
            Kind::Promised | Kind::Due => sums.open_items = amount,
            Kind::Scheduled => sums.scheduled = amount,
        }
        if flow.kind != Kind::Disputed {
            sums.unapplied = amount.min(*credit).max(Amount::ZERO);
            *credit -= sums.unapplied;
        }
        paid.push((flow, sums));
    }
    paid
}

/// The month; what comes after the last day is `later`, which sorts behind every month.
fn month(flow: &Flow, through: Day) -> String {
    if flow.on > through { "later".to_owned() } else { flow.on.month().to_string() }
}

fn table(columns: &[&str]) -> Table {
    let columns: Vec<&str> = columns.iter().chain(&AMOUNTS).copied().collect();
    Table::new(&columns)
}

fn by_month(paid: &[(Flow, Sums)], through: Day) -> Table {
    let mut rows: BTreeMap<(String, Currency), Sums> = BTreeMap::new();
    for (flow, sums) in paid {
        rows.entry((month(flow, through), flow.currency)).or_default().add(sums);
    }
    let mut table = table(&["month"]);
    for ((month, currency), sums) in rows {
        let mut cells = vec![month.into()];
        cells.extend(sums.cells(currency));
        table.rows.push(cells);
    }
    table
}

fn days_late(habits: &Habits<'_>, customer: &Identifier) -> Cell {
    habits.get(customer).map_or(Cell::Empty, |days| Cell::Integer((*days).into()))
}

fn by_customer(paid: &[(Flow, Sums)], habits: &Habits<'_>, through: Day) -> Table {
    let mut rows: BTreeMap<(String, &Identifier, Currency), Sums> = BTreeMap::new();
    for (flow, sums) in paid {
        let key = (month(flow, through), &flow.customer, flow.currency);
        rows.entry(key).or_default().add(sums);
    }
    let mut table = table(&["month", "customer", "days_late:integer"]);
    for ((month, customer, currency), sums) in rows {
        let mut cells = vec![month.into(), customer.as_str().into(), days_late(habits, customer)];
        cells.extend(sums.cells(currency));
        table.rows.push(cells);
    }
    table
}

fn by_invoice(paid: &[(Flow, Sums)], habits: &Habits<'_>, through: Day) -> Table {
    let mut paid: Vec<&(Flow, Sums)> = paid.iter().collect();
    // A stable sort: what is expected on one day stays in the order in which it was paid for.
    paid.sort_by_key(|(flow, _)| flow.on);
    let mut table = table(&[
        "month",
        "date",
        "customer",
        "days_late:integer",
        "invoice",
        "order",
        "due",
        "kind",
    ]);
    let id = |id: &Option<Identifier>| id.as_ref().map_or(Cell::Empty, |id| id.as_str().into());
    for (flow, sums) in paid {
        let mut cells = vec![
            month(flow, through).into(),
            flow.on.into(),
            flow.customer.as_str().into(),
            days_late(habits, &flow.customer),
            id(&flow.invoice),
            id(&flow.order),
            flow.due.into(),
            flow.kind.as_str().into(),
        ];
        cells.extend(sums.cells(flow.currency));
        table.rows.push(cells);
    }
    table
}
