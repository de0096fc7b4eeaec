//! Contracts: deferred revenue, revenue, the waterfall, the roll-forward and what remains.

use std::collections::BTreeMap;

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::money::Amount;
use ledger_core::posting::{ContractId, Role, Target};
use ledger_core::rejection::{Code, Rejection};

use crate::reports::{Query, Table};
use crate::views::{Contract, Line};

fn order_of(contract: &Contract) -> Option<&str> {
    match &contract.id {
        ContractId::Order(order) => Some(order.as_str()),
        ContractId::Invoice(_) => None,
    }
}

fn invoice_of(contract: &Contract) -> Option<&str> {
    match &contract.id {
        ContractId::Order(_) => None,
        ContractId::Invoice(invoice) => Some(invoice.as_str()),
    }
}

/// The contracts that pass the filters.
fn contracts<'a>(query: &'a Query<'_>) -> impl Iterator<Item = &'a Contract> {
    query.views.deferred_revenue.contracts.values().filter(|contract| {
        query.keeps("customer", Some(contract.customer.as_str()))
            && query.keeps("order", order_of(contract))
            && query.keeps("invoice", invoice_of(contract))
    })
}

/// Their lines that pass the filters.
fn lines<'a>(query: &'a Query<'_>) -> impl Iterator<Item = (&'a Contract, &'a Line)> {
    contracts(query)
        .flat_map(|contract| contract.lines.values().map(move |line| (contract, line)))
        .filter(|(_, line)| {
            query.keeps("product", line.product.as_ref().map(|product| product.as_str()))
        })
}

/// Billed and recognised by contract; deferred or unbilled, never both.
pub(super) fn deferred_revenue(query: &Query<'_>) -> Result<Table, Rejection> {
    let mut table = Table::new(&[
        "order",
        "invoice",
        "customer",
        "currency",
        "billed:amount",
        "recognised:amount",
        "deferred:amount",
        "unbilled:amount",
    ]);
    for contract in contracts(query) {
        let billed = contract.billed(query.as_of, query.sequence);
        let recognised = contract.recognised(query.as_of, query.sequence);
        let zero = contract.currency.zero();
        if billed.is_zero() && recognised.is_zero() {
            continue;
        }
        table.rows.push(vec![
            order_of(contract).unwrap_or("").into(),
            invoice_of(contract).unwrap_or("").into(),
            contract.customer.as_str().into(),
            contract.currency.code().into(),
            billed.into(),
            recognised.into(),
            (billed - recognised).max(zero).into(),
            (recognised - billed).max(zero).into(),
        ]);
    }
    Ok(table)
}

/// A length of time that revenue is shown by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Span {
    Day,
    Month,
    Quarter,
    Year,
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "day" => Self::Day,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The span's last day.
    fn last(self, day: Day) -> Day {
        let month = day.month();
        match self {
            Self::Day => day,
            Self::Month => month.last(),
            Self::Quarter => {
                let in_quarter = (i32::from(month.month) - 1) % 3;
                month.plus(2 - in_quarter).last()
            }
            Self::Year => YearMonth { year: month.year, month: 12 }.last(),
        }
    }

    fn label(self, day: Day) -> String {
        let month = day.month();
        match self {
            Self::Day => day.to_string(),
            Self::Month => month.to_string(),
            Self::Quarter => format!("{:04}-Q{}", month.year, (month.month - 1) / 3 + 1),
            Self::Year => format!("{:04}", month.year),
        }
    }
}

/// The first day on which a line can earn, and the last.
fn reach(line: &Line, sequence: u64) -> Option<(Day, Day)> {
    let known = line.versions.iter().filter(|(at, _)| *at <= sequence);
    let first = known.clone().map(|(_, version)| version.from.min(version.start)).min()?;
    let last = known.map(|(_, version)| version.from.max(version.end)).max()?;
    Some((first, last))
}

/// Adds what a line earns in each span of `first..=last`.
fn earn_by_span(
    query: &Query<'_>,
    contract: &Contract,
    line: &Line,
    range: (Day, Day),
    span: Span,
    add: &mut dyn FnMut(Day, Amount),
) {
    let Some((first, last)) = reach(line, query.sequence) else { return };
    let mut day = first.max(range.0);
    let last = last.min(range.1);
    let mut before = line.earned(day.previous(), query.sequence, contract.currency);
    while day <= last {
        let end = span.last(day).min(range.1);
        let through = line.earned(end, query.sequence, contract.currency);
        add(day, through - before);
        before = through;
        day = span.last(day).next();
    }
}

/// Revenue net of contra revenue; `gross` leaves contra revenue out.
pub(super) fn revenue(query: &Query<'_>) -> Result<Table, Rejection> {
    let by = query.filters.get("by").unwrap_or("month");
    let from = query.from()?.unwrap_or(Day::from_numbers(1, 1, 1).unwrap_or(query.as_of));
    let to = query.to()?.min(query.as_of);
    let span = Span::parse(by);
    let group = |contract: &Contract, line: &Line| match by {
        "order" => order_of(contract).unwrap_or("").to_owned(),
        "customer" => contract.customer.to_string(),
        _ => line.product.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    if span.is_none() && !["order", "customer", "product"].contains(&by) {
        return Err(by_unknown("day, month, quarter, year, order, customer or product"));
    }
    let mut sums: BTreeMap<(String, &str), Amount> = BTreeMap::new();
    for (contract, line) in lines(query) {
        let code = contract.currency.code();
        earn_by_span(
            query,
            contract,
            line,
            (from, to),
            span.unwrap_or(Span::Month),
            &mut |day, earned| {
                let key = span.map_or_else(|| group(contract, line), |span| span.label(day));
                *sums.entry((key, code)).or_insert(contract.currency.zero()) += earned;
            },
        );
    }
    if query.filters.get("gross") != Some("true") {
        contra(query, from, to, by, span, &mut sums);
    }
    let name = span.map_or_else(|| by.to_owned(), |span| span.name().to_owned());
    let mut table = Table::new(&[&name, "currency", "amount:amount"]);
    for ((key, currency), amount) in sums {
        if !amount.is_zero() {
            table.rows.push(vec![key.into(), currency.into(), amount.into()]);
        }
    }
    Ok(table)
}

/// Takes contra revenue off, on the days on which it was posted.
fn contra<'a>(
    query: &'a Query<'_>,
    from: Day,
    to: Day,
    by: &str,
    span: Option<Span>,
    sums: &mut BTreeMap<(String, &'a str), Amount>,
) {
    for fact in query.views.receivables.credits.values() {
        let issued = &fact.issued;
        let in_range = fact.effective >= from && fact.effective <= to;
        if !in_range
            || fact.sequence > query.sequence
            || !query.keeps("customer", Some(issued.customer.as_str()))
        {
            continue;
        }
        for line in &issued.lines {
            let order = line.order.as_ref().map(|order| order.as_str());
            if !query.keeps("order", order) || !query.keeps("product", None) {
                continue;
            }
            let key = match (span, by) {
                (Some(span), _) => span.label(fact.effective),
                (None, "order") => order.unwrap_or("").to_owned(),
                (None, "customer") => issued.customer.to_string(),
                (None, _) => String::new(),
            };
            let sum = sums.entry((key, issued.currency.code())).or_insert(issued.currency.zero());
            *sum -= line.contra_revenue;
        }
    }
}

fn by_unknown(known: &str) -> Rejection {
    Rejection::at(Code::ReportFilter, "by", format!("the report is shown by {known}"))
}

/// Recognised (through the business date) and scheduled (after it) by month.
pub(super) fn waterfall(query: &Query<'_>) -> Result<Table, Rejection> {
    let by = query.filters.get("by").unwrap_or("month");
    if !["month", "product", "order", "customer", "booked"].contains(&by) {
        return Err(by_unknown("month, product, order, customer or booked"));
    }
    let always = (
        Day::from_numbers(1, 1, 1).unwrap_or(query.as_of),
        Day::from_numbers(9999, 12, 31).unwrap_or(query.as_of),
    );
    let mut sums: BTreeMap<(YearMonth, &str, String), (Amount, Amount)> = BTreeMap::new();
    for (contract, line) in lines(query) {
        if line.booked > query.as_of {
            continue;
        }
        let group = match by {
            "product" => line.product.as_ref().map(ToString::to_string).unwrap_or_default(),
            "order" => order_of(contract).unwrap_or("").to_owned(),
            "customer" => contract.customer.to_string(),
            "booked" => line.booked.month().to_string(),
            _ => String::new(),
        };
        let zero = contract.currency.zero();
        let earned_through = |day: Day| line.earned(day, query.sequence, contract.currency);
        earn_by_span(query, contract, line, always, Span::Month, &mut |day, earned| {
            let month = day.month();
            let past = if month.last() <= query.as_of {
                earned
            } else if month.first() > query.as_of {
                zero
            } else {
                earned_through(query.as_of) - earned_through(day.previous())
            };
            let key = (month, contract.currency.code(), group.clone());
            let sum = sums.entry(key).or_insert((zero, zero));
            sum.0 += past;
            sum.1 += earned - past;
        });
    }
    let mut columns = vec!["month", "currency"];
    columns.extend((by != "month").then_some(by));
    columns.extend(["recognised:amount", "scheduled:amount"]);
    let mut table = Table::new(&columns);
    for ((month, currency, group), (recognised, scheduled)) in sums {
        if recognised.is_zero() && scheduled.is_zero() {
            continue;
        }
        let mut row = vec![month.to_string().into(), currency.into()];
        row.extend((by != "month").then(|| group.into()));
        row.extend([recognised.into(), scheduled.into()]);
        table.rows.push(row);
    }
    Ok(table)
}

/// The contract liability (deferred less unbilled) from opening to closing.
pub(super) fn rollforward(query: &Query<'_>) -> Result<Table, Rejection> {
    let to = query.to()?;
    let from = query.from()?.unwrap_or(YearMonth { year: to.month().year, month: 1 }.first());
    let mut table = Table::new(&[
        "from",
        "to",
        "currency",
        "opening:amount",
        "billed:amount",
        "recognised:amount",
        "credited:amount",
        "written_off:amount",
        "fx:amount",
        "closing:amount",
    ]);
    let Some(currency) = query.views.currency() else { return Ok(table) };
    let zero = currency.zero();
    let (mut opening, mut closing, mut recognised) = (zero, zero, zero);
    for contract in query.views.deferred_revenue.contracts.values() {
        let balance = |day: Day| {
            contract.billed(day, query.sequence) - contract.recognised(day, query.sequence)
        };
        opening += balance(from.previous());
        closing += balance(to);
        recognised += contract.recognised(to, query.sequence)
            - contract.recognised(from.previous(), query.sequence);
    }
    let (mut billed, mut credited) = (zero, zero);
    for entry in &query.views.receivables.entries {
        if entry.date < from || entry.date > to || entry.sequence > query.sequence {
            continue;
        }
        for leg in &entry.legs {
            if matches!(leg.target, Target::Contract(_)) {
                let is_credit =
                    entry.legs.iter().any(|leg| leg.target == Target::Role(Role::CustomerCredits));
                if is_credit { credited += leg.amount } else { billed -= leg.amount }
            }
        }
    }
    table.rows.push(vec![
        from.into(),
        to.into(),
        currency.code().into(),
        opening.into(),
        billed.into(),
        recognised.into(),
        credited.into(),
        zero.into(),
        zero.into(),
        closing.into(),
    ]);
    Ok(table)
}

/// Price allocated to what is not delivered yet, by time band (ASC 606-10-50-13).
pub(super) fn rpo(query: &Query<'_>) -> Result<Table, Rejection> {
    let mut sums: BTreeMap<&str, (Amount, Amount)> = BTreeMap::new();
    let year_on = query.as_of.next().plus_months(12, query.as_of.next().day()).previous();
    for (contract, line) in lines(query) {
        let Some(latest) = line.latest(query.sequence) else { continue };
        if line.booked > query.as_of {
            continue;
        }
        let earned = |day: Day| line.earned(day, query.sequence, contract.currency);
        let zero = contract.currency.zero();
        let sum = sums.entry(contract.currency.code()).or_insert((zero, zero));
        let soon = earned(year_on);
        sum.0 += soon - earned(query.as_of);
        sum.1 += latest.total() - soon;
    }
    let mut table =
        Table::new(&["currency", "next_12_months:amount", "later:amount", "total:amount"]);
    for (currency, (soon, later)) in sums {
        table.rows.push(vec![currency.into(), soon.into(), later.into(), (soon + later).into()]);
    }
    Ok(table)
}
