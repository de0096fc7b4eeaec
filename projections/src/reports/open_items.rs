//! Receivables: what is open, how old it is, and a customer's statement (accounting, section 5).

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::rejection::{Code, Rejection};

use crate::facts::{Settles, Used};
use crate::reports::ageing::Ageing;
use crate::reports::late::flag;
use crate::reports::{Cell, Query, Table, functional};
use crate::views::{InvoiceFact, Settlement, Use};

/// What is open of an invoice on a day, as known at a sequence; none before it was issued.
///
/// An invoice that was late for closed days is posted behind them. Where they were opened again, its
/// money may be posted before itself: until it comes, the receivable is below zero by that.
pub(super) fn open(fact: &InvoiceFact, day: Day, sequence: u64) -> Option<Amount> {
    if fact.sequence > sequence {
        return None;
    }
    let settled: Amount = fact
        .settlements
        .iter()
        .filter(|one| one.effective <= day && one.sequence <= sequence)
        .map(|one| one.amount)
        .sum();
    if fact.posted > day {
        return (!settled.is_zero()).then_some(-settled);
    }
    Some(fact.issued.total - settled)
}

/// The disputed part of what is open.
pub(super) fn disputed(fact: &InvoiceFact, day: Day, sequence: u64, open: Amount) -> Amount {
    let last =
        fact.disputes.iter().rev().find(|one| one.effective <= day && one.sequence <= sequence);
    match last {
        Some(dispute) if dispute.is_open => dispute.amount.map_or(open, |part| part.min(open)),
        Some(_) | None => fact.issued.currency.zero(),
    }
}

/// The day of the last money for an invoice that money has settled; none where it is open, was
/// written off, voided, or settled by credit alone.
pub(super) fn paid_on(fact: &InvoiceFact, day: Day, sequence: u64) -> Option<Day> {
    if !open(fact, day, sequence)?.is_zero() {
        return None;
    }
    let known = |one: &&Settlement| one.effective <= day && one.sequence <= sequence;
    let settlements = || fact.settlements.iter().filter(known);
    let sum = |kind: Settles| -> Amount {
        settlements().filter(|one| one.kind == kind).map(|one| one.amount).sum()
    };
    if !sum(Settles::Payment).is_positive()
        || !sum(Settles::WriteOff).is_zero()
        || !sum(Settles::Void).is_zero()
    {
        return None;
    }
    let money = settlements().filter(|one| one.kind == Settles::Payment);
    money.filter(|one| one.amount.is_positive()).map(|one| one.effective).max()
}

/// What is left of an amount after its uses.
pub(super) fn left(amount: Amount, uses: &[Use], day: Day, sequence: u64) -> Amount {
    let used = uses.iter().filter(|one| one.effective <= day && one.sequence <= sequence);
    amount - used.map(|one| one.amount).sum()
}

/// Unapplied cash and unused credits of each customer, which stand beside the buckets.
pub(super) fn unapplied<'a>(query: &Query<'a>) -> BTreeMap<(&'a Identifier, Currency), Amount> {
    let mut sums: BTreeMap<(&Identifier, Currency), Amount> = BTreeMap::new();
    let mut add = |customer: &'a Identifier, currency: Currency, amount: Amount| {
        if !amount.is_zero() {
            *sums.entry((customer, currency)).or_default() += amount;
        }
    };
    let is_asked = |at: u64, customer: &Identifier| {
        at <= query.sequence && query.keeps("customer", Some(customer.as_str()))
    };
    // As an invoice, one that was late may be used before the day on which it is posted.
    let rest = |on: Day, amount: Amount, uses: &[Use]| {
        let amount = if on <= query.as_of { amount } else { Amount::ZERO };
        left(amount, uses, query.as_of, query.sequence)
    };
    for fact in query.views.receivables.payments.values() {
        let received = &fact.received;
        if is_asked(fact.sequence, &received.customer) {
            let left = rest(fact.effective, received.amount, &fact.uses);
            add(&received.customer, received.currency, left);
        }
    }
    for fact in query.views.receivables.credits.values() {
        let issued = &fact.issued;
        if is_asked(fact.sequence, &issued.customer) {
            let left = rest(fact.effective, issued.total, &fact.uses);
            add(&issued.customer, issued.currency, left);
        }
    }
    sums
}

/// What a customer owes by age.
#[derive(Default)]
pub(super) struct Aged {
    pub(super) buckets: BTreeMap<usize, Amount>,
    pub(super) total: Amount,
    disputed: Amount,
    late: Amount,
    /// All of it in the book's currency.
    book: Amount,
}

/// What is open by customer and age.
pub(super) fn aged<'a>(
    query: &Query<'a>,
) -> Result<BTreeMap<(&'a Identifier, Currency), Aged>, Rejection> {
    let ageing = Ageing::of(query)?;
    let mut aged: BTreeMap<(&Identifier, Currency), Aged> = BTreeMap::new();
    for fact in query.views.receivables.invoices.values() {
        if !query.keeps("customer", Some(fact.issued.customer.as_str())) {
            continue;
        }
        let open = open(fact, query.as_of, query.sequence).filter(|open| !open.is_zero());
        let Some(open) = open else { continue };
        let row = aged.entry((&fact.issued.customer, fact.issued.currency)).or_default();
        let place = ageing.place(ageing.days(fact, query.as_of));
        *row.buckets.entry(place).or_default() += open;
        row.total += open;
        row.disputed += disputed(fact, query.as_of, query.sequence, open);
        row.book += functional::open_value(query, fact, open, query.as_of);
        row.late += if fact.is_late() { open } else { Amount::ZERO };
    }
    Ok(aged)
}

/// Open amounts by customer and age; unapplied cash and unused credits stand beside.
pub(super) fn receivables(query: &Query<'_>) -> Result<Table, Rejection> {
    let names = Ageing::of(query)?.names;
    let mut columns = vec!["customer".to_owned(), "currency".to_owned()];
    columns.extend(names.iter().map(|name| format!("{name}:amount")));
    columns.extend(
        ["total", "unapplied", "disputed", "late", "book_total"]
            .map(|name| format!("{name}:amount")),
    );
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut table = Table::new(&columns);
    let book = query.views.currency().map_or(Amount::ZERO, |currency| currency.zero());
    let mut aged = aged(query)?;
    let unapplied = unapplied(query);
    for key in unapplied.keys() {
        aged.entry(*key).or_default();
    }
    for ((customer, currency), row) in aged {
        let zero = currency.zero();
        let mut cells = vec![customer.as_str().into(), currency.code().into()];
        cells.extend(
            (0..names.len())
                .map(|at| Cell::Amount(zero + row.buckets.get(&at).copied().unwrap_or_default())),
        );
        let beside = unapplied.get(&(customer, currency)).copied().unwrap_or_default();
        let amounts = [row.total, beside, row.disputed, row.late];
        cells.extend(amounts.map(|amount| Cell::Amount(zero + amount)));
        cells.push(Cell::Amount(book + row.book));
        table.rows.push(cells);
    }
    Ok(table)
}

/// Invoices with an open amount.
pub(super) fn open_items(query: &Query<'_>) -> Result<Table, Rejection> {
    let ageing = Ageing::of(query)?;
    let mut table = Table::new(&[
        "invoice",
        "customer",
        "issued",
        "due",
        "currency",
        "amount:amount",
        "open:amount",
        "days_overdue:integer",
        "bucket",
        "status",
        "late",
        "book_open:amount",
    ]);
    let zero = query.views.currency().map_or(Amount::ZERO, |currency| currency.zero());
    for (id, fact) in &query.views.receivables.invoices {
        let Some(open) = open(fact, query.as_of, query.sequence) else { continue };
        let issued = &fact.issued;
        if open.is_zero()
            || !query.keeps("customer", Some(issued.customer.as_str()))
            || !query.keeps("invoice", Some(id.as_str()))
        {
            continue;
        }
        let overdue = ageing.days(fact, query.as_of);
        table.rows.push(vec![
            id.as_str().into(),
            issued.customer.as_str().into(),
            issued.issued.into(),
            issued.due.into(),
            issued.currency.code().into(),
            issued.total.into(),
            open.into(),
            Cell::Integer(overdue.max(0).into()),
            ageing.name(overdue).into(),
            status(fact, query.as_of, query.sequence, open).into(),
            flag(fact.is_late()).into(),
            (zero + functional::open_value(query, fact, open, query.as_of)).into(),
        ]);
    }
    Ok(table)
}

/// The status of an invoice (accounting, section 5).
pub(super) fn status(fact: &InvoiceFact, day: Day, sequence: u64, open: Amount) -> &'static str {
    let by = |kind: Settles| -> Amount {
        let known = |one: &&Settlement| one.effective <= day && one.sequence <= sequence;
        let settlements = fact.settlements.iter().filter(known);
        settlements.filter(|one| one.kind == kind).map(|one| one.amount).sum()
    };
    if fact
        .settlements
        .iter()
        .any(|one| one.kind == Settles::Void && one.effective <= day && one.sequence <= sequence)
    {
        "void"
    } else if open.is_zero() && by(Settles::WriteOff).is_positive() {
        "written_off"
    } else if open.is_zero() {
        "paid"
    } else if disputed(fact, day, sequence, open).is_positive() {
        "disputed"
    } else if day > fact.issued.due {
        "overdue"
    } else if open < fact.issued.total {
        "partially_paid"
    } else {
        "open"
    }
}

/// What a use of money or credit is called that moves the balance; none where it settles an
/// invoice, which moves from one side to the other.
fn moved(one: &Use) -> Option<&'static str> {
    match one.of {
        Used::Payment | Used::Credit => None,
        Used::Overpayment => Some("small_balance"),
        Used::PaymentRefund | Used::CreditRefund => Some("refund"),
        Used::PaymentFailed => Some("payment_failed"),
        Used::ChargeBack if one.amount.is_negative() => Some("chargeback_won"),
        Used::ChargeBack => Some("chargeback"),
        Used::CreditVoid => Some("credit_void"),
    }
}

/// What a customer was billed, paid and credited, with the running balance (readings, 23).
pub(super) fn statement(query: &Query<'_>) -> Result<Table, Rejection> {
    let wanted = query.needs("customer")?;
    if !query.views.customers.keys().any(|id| id.as_str() == wanted) {
        return Err(Rejection::at(
            Code::CustomerUnknown,
            "customer",
            format!("there is no customer {wanted}"),
        ));
    }
    let (from, to) = (query.from()?, query.to()?);
    let mut lines = movements(query, wanted);
    lines.retain(|line| line.0 <= to && line.1 <= query.sequence);
    lines.sort();
    let columns =
        ["date", "document", "kind", "amount:amount", "balance:amount", "currency", "late"];
    let mut table = Table::new(&columns);
    // What is owed in one currency is not netted against another.
    let mut balances: BTreeMap<Currency, Amount> = BTreeMap::new();
    for (date, _, document, kind, amount, currency, late) in lines {
        let balance = balances.entry(currency).or_insert(currency.zero());
        *balance += amount;
        if from.is_none_or(|from| date >= from) {
            table.rows.push(vec![
                date.into(),
                document.into(),
                kind.into(),
                amount.into(),
                (*balance).into(),
                currency.code().into(),
                flag(late).into(),
            ]);
        }
    }
    Ok(table)
}

/// Day, sequence, document, kind, amount, currency, and whether it came late for closed days.
type Movement = (Day, u64, String, &'static str, Amount, Currency, bool);

/// What moves the balance of a customer.
fn movements(query: &Query<'_>, customer: &str) -> Vec<Movement> {
    let view = &query.views.receivables;
    let mut lines: Vec<Movement> = Vec::new();
    for (id, fact) in &view.invoices {
        if fact.issued.customer.as_str() != customer {
            continue;
        }
        let (id, issued) = (id.to_string(), &fact.issued);
        let (currency, late) = (issued.currency, fact.is_late());
        let (total, sequence) = (issued.total, fact.sequence);
        lines.push((fact.posted, sequence, id.clone(), "invoice", total, currency, late));
        for one in &fact.settlements {
            let kind = match one.kind {
                Settles::WriteOff if one.amount.is_negative() => "write_off_recovery",
                Settles::SmallBalance
                | Settles::CashDiscount
                | Settles::WriteOff
                | Settles::Void => one.kind.as_str(),
                // They only move between the receivable and what stands beside it.
                Settles::Payment | Settles::Credit => continue,
            };
            let (day, amount, late) = (one.effective, -one.amount, one.late);
            lines.push((day, one.sequence, id.clone(), kind, amount, currency, late));
        }
    }
    let mut beside = |(day, sequence, id, kind, amount, currency, late): Movement, uses: &[Use]| {
        let used = uses.iter().filter_map(|one| moved(one).map(|kind| (one, kind)));
        lines.extend(used.map(|(one, kind)| {
            (one.effective, one.sequence, String::clone(&id), kind, one.amount, currency, one.late)
        }));
        lines.push((day, sequence, id, kind, amount, currency, late));
    };
    for (id, fact) in &view.payments {
        let received = &fact.received;
        if received.customer.as_str() == customer {
            let (id, amount) = (id.to_string(), -received.amount);
            let own = (
                fact.effective,
                fact.sequence,
                id,
                "payment",
                amount,
                received.currency,
                fact.late,
            );
            beside(own, &fact.uses);
        }
    }
    for (id, fact) in &view.credits {
        let issued = &fact.issued;
        if issued.customer.as_str() == customer {
            let (id, amount) = (id.to_string(), -issued.total);
            let own =
                (fact.effective, fact.sequence, id, "credit", amount, issued.currency, fact.late);
            beside(own, &fact.uses);
        }
    }
    lines
}
