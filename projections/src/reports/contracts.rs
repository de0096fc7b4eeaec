//! Contracts: deferred revenue, revenue, the waterfall, the roll-forward and what remains.

use std::collections::BTreeMap;

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::money::Amount;
use ledger_core::posting::{ContractId, Target};
use ledger_core::rejection::{Code, Rejection};

use crate::facts::Movement;
use crate::reports::earned::{self, MonthSums, other_lines};
use crate::reports::{Query, Table, functional, late};
use crate::views::{Contract, Line};

pub(super) fn order_of(contract: &Contract) -> Option<&str> {
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
pub(super) fn lines<'a>(query: &'a Query<'_>) -> impl Iterator<Item = (&'a Contract, &'a Line)> {
    contracts(query)
        .flat_map(|contract| contract.lines.values().map(move |line| (contract, &**line)))
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
        "late:amount",
        "book_recognised:amount",
        "book_deferred:amount",
        "book_unbilled:amount",
    ]);
    let steps = query.at().steps();
    for contract in contracts(query) {
        let billed = contract.billed(query.as_of, query.sequence);
        let recognised = contract.recognised(query.as_of, query.at());
        let zero = contract.currency.zero();
        let range = (None, query.as_of);
        let late = late::of_balance(contract, (&steps, query.sequence), range);
        if billed.is_zero() && recognised.is_zero() && late.is_zero() {
            continue;
        }
        let book = functional::standing(query, contract, query.as_of);
        table.rows.push(vec![
            order_of(contract).unwrap_or("").into(),
            invoice_of(contract).unwrap_or("").into(),
            contract.customer.as_str().into(),
            contract.currency.code().into(),
            billed.into(),
            recognised.into(),
            (billed - recognised).max(zero).into(),
            (recognised - billed).max(zero).into(),
            late.into(),
            book.recognised.into(),
            book.deferred.into(),
            book.unbilled.into(),
        ]);
    }
    Ok(table)
}

/// A length of time that revenue is shown by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    Day,
    Month,
    Quarter,
    Year,
}

impl Span {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "day" => Self::Day,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// The span's last day.
    pub(super) fn last(self, day: Day) -> Day {
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

    pub(super) fn label(self, day: Day) -> String {
        let month = day.month();
        match self {
            Self::Day => day.to_string(),
            Self::Month => month.to_string(),
            Self::Quarter => format!("{:04}-Q{}", month.year, (month.month - 1) / 3 + 1),
            Self::Year => format!("{:04}", month.year),
        }
    }
}

/// The end of the period that a line without an end is in on the business date: what it has
/// begun, it will earn. None where it has not begun.
pub(super) fn running_end(query: &Query<'_>, line: &Line) -> Option<Day> {
    if let Some(meter) = &line.meter {
        let period = meter.period(query.as_of).filter(|period| period.contains(query.as_of));
        // A term of usage without an end is never over.
        return period.map(|one| one.end).filter(|end| end.date() != time::Date::MAX);
    }
    let version = line.in_force(query.as_of, query.at().known(query.as_of))?;
    if query.as_of < version.start {
        return None;
    }
    if query.as_of <= version.end {
        return Some(version.end);
    }
    version.recurring.and_then(|recurring| recurring.period(query.as_of)).map(|period| period.end)
}

/// Adds what a line earns in each span of `first..=last`.
fn earn_by_span(
    query: &Query<'_>,
    contract: &Contract,
    line: &Line,
    (range, horizon): ((Day, Day), Day),
    span: Span,
    add: &mut dyn FnMut(Day, Amount),
) {
    let Some((first, last)) = line.reach(query.at(), horizon) else { return };
    let mut day = first.max(range.0);
    let last = last.min(range.1);
    let mut before = line.earned(day.previous(), query.at(), contract.currency);
    while day <= last {
        let end = span.last(day).min(range.1);
        let through = line.earned(end, query.at(), contract.currency);
        add(day, through - before);
        before = through;
        day = span.last(day).next();
    }
}

/// Revenue net of contra revenue; `gross` leaves contra revenue out.
pub(super) fn revenue(query: &Query<'_>) -> Result<Table, Rejection> {
    let by = query.filters.get("by").unwrap_or("month");
    let from = query.from()?.unwrap_or(Day::from_numbers(1, 1, 1).unwrap_or(query.as_of));
    let to = query.last_day()?;
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
    for (contract, line) in other_lines(query) {
        let code = contract.currency.code();
        earn_by_span(
            query,
            contract,
            line,
            ((from, to), to),
            span.unwrap_or(Span::Month),
            &mut |day, earned| {
                let key = span.map_or_else(|| group(contract, line), |span| span.label(day));
                *sums.entry((key, code)).or_insert(contract.currency.zero()) += earned;
            },
        );
    }
    earned::add_spans(query, (from, to), (by, span), &mut sums);
    if query.filters.get("gross") != Some("true") {
        contra(query, (from, to), by, span, &mut sums);
    }
    let late = late::of_revenue(query, (from, to), (by, span));
    let name = span.map_or_else(|| by.to_owned(), |span| span.name().to_owned());
    let mut table = Table::new(&[&name, "currency", "amount:amount", "late:amount"]);
    for ((key, currency), amount) in sums {
        let key = (key, currency);
        // With the decimals of the amount.
        let late = amount - (amount - late.get(&key).copied().unwrap_or_default());
        if !amount.is_zero() || !late.is_zero() {
            table.rows.push(vec![key.0.into(), currency.into(), amount.into(), late.into()]);
        }
    }
    Ok(table)
}

/// Takes contra revenue off, on the days on which it was posted.
fn contra<'a>(
    query: &'a Query<'_>,
    (from, to): (Day, Day),
    by: &str,
    span: Option<Span>,
    sums: &mut BTreeMap<(String, &'a str), Amount>,
) {
    for fact in &query.views.deferred_revenue.contra {
        let order = match &fact.contract {
            Some(ContractId::Order(order)) => Some(order.as_str()),
            Some(ContractId::Invoice(_)) | None => None,
        };
        let product = fact.product.as_ref().map(|product| product.as_str());
        if fact.date < from
            || fact.date > to
            || fact.sequence > query.sequence
            || !query.keeps("customer", Some(fact.customer.as_str()))
            || !query.keeps("order", order)
            || !query.keeps("product", product)
        {
            continue;
        }
        let key = match (span, by) {
            (Some(span), _) => span.label(fact.date),
            (None, "order") => order.unwrap_or("").to_owned(),
            (None, "customer") => fact.customer.to_string(),
            (None, _) => product.unwrap_or("").to_owned(),
        };
        let sum = sums.entry((key, fact.currency.code())).or_insert(fact.currency.zero());
        *sum -= fact.amount;
    }
}

pub(super) fn by_unknown(known: &str) -> Rejection {
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
    let group = |contract: &Contract, line: &Line| match by {
        "product" => line.product.as_ref().map(ToString::to_string).unwrap_or_default(),
        "order" => order_of(contract).unwrap_or("").to_owned(),
        "customer" => contract.customer.to_string(),
        "booked" => line.booked.month().to_string(),
        _ => String::new(),
    };
    let mut sums = MonthSums::new();
    earned::add_months(query, by, &mut sums);
    for (contract, line) in other_lines(query) {
        // What is booked later is not scheduled yet; what it earned in the past, it did.
        let is_booked = line.booked <= query.as_of;
        let group = group(contract, line);
        let zero = contract.currency.zero();
        let earned_through = |day: Day| line.earned(day, query.at(), contract.currency);
        let range = (always, running_end(query, line).unwrap_or(query.as_of));
        earn_by_span(query, contract, line, range, Span::Month, &mut |day, earned| {
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
            sum.1 += if is_booked { earned - past } else { zero };
        });
    }
    let mut columns = vec!["month", "currency"];
    columns.extend((by != "month").then_some(by));
    columns.extend(["recognised:amount", "scheduled:amount", "late:amount"]);
    let late = late::of_waterfall(query, &group);
    let mut table = Table::new(&columns);
    for (key, (recognised, scheduled)) in sums {
        let late = recognised - (recognised - late.get(&key).copied().unwrap_or_default());
        if recognised.is_zero() && scheduled.is_zero() && late.is_zero() {
            continue;
        }
        let (month, currency, group) = key;
        let mut row = vec![month.to_string().into(), currency.into()];
        row.extend((by != "month").then(|| group.into()));
        row.extend([recognised.into(), scheduled.into(), late.into()]);
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
        "late:amount",
    ]);
    let steps = query.at().steps();
    let Some(currency) = query.views.currency() else { return Ok(table) };
    let zero = currency.zero();
    let (mut opening, mut closing, mut recognised, mut fx) = (zero, zero, zero, zero);
    let mut late = zero;
    for contract in query.views.deferred_revenue.contracts.values() {
        let before = functional::standing(query, contract, from.previous());
        let after = functional::standing(query, contract, to);
        opening += before.deferred - before.unbilled;
        closing += after.deferred - after.unbilled;
        recognised += after.recognised - before.recognised;
        fx += after.loss - before.loss;
        late += late::of_balance_in_book(query, contract, &steps, (from, to));
    }
    let (mut billed, mut credited, mut written_off) = (zero, zero, zero);
    for entry in &query.views.receivables.entries {
        if entry.date < from || entry.date > to || entry.sequence > query.sequence {
            continue;
        }
        for leg in entry.book_legs() {
            if matches!(leg.target, Target::Contract(_)) {
                match entry.movement {
                    Movement::Billed => billed -= leg.amount,
                    Movement::Credited => credited += leg.amount,
                    Movement::WrittenOff => written_off += leg.amount,
                }
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
        written_off.into(),
        fx.into(),
        closing.into(),
        late.into(),
    ]);
    Ok(table)
}
