//! One document as it stood, issued invoices, and cash.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{ContractId, Role};
use ledger_core::rejection::{Code, Rejection};
use ledger_core::{collection, dunning};
use serde_json::{Value, json};

use crate::facts::Used;
use crate::reports::late::flag;
use crate::reports::open_items::{left, open, status};
use crate::reports::{Query, Table, functional};
use crate::views::{Line, Settlement, Use};

/// Issued invoices, by the days on which they are posted.
pub(super) fn billing(query: &Query<'_>) -> Result<Table, Rejection> {
    let (from, to) = (query.from()?, query.to()?);
    let mut rows = Vec::new();
    for (id, fact) in &query.views.receivables.invoices {
        let issued = &fact.issued;
        let order = issued.order.as_ref().map(|order| order.as_str());
        if fact.sequence > query.sequence
            || fact.posted > to
            || from.is_some_and(|from| fact.posted < from)
            || !query.keeps("customer", Some(issued.customer.as_str()))
            || !query.keeps("order", order)
        {
            continue;
        }
        rows.push((fact, id, issued));
    }
    rows.sort_by_key(|(fact, _, issued)| (issued.issued, fact.sequence));
    let mut table = Table::new(&[
        "date",
        "invoice",
        "customer",
        "order",
        "currency",
        "net:amount",
        "tax:amount",
        "total:amount",
        "late",
        "book_total:amount",
    ]);
    let zero = query.views.currency().map_or(Amount::ZERO, |currency| currency.zero());
    for (fact, id, issued) in rows {
        let of = (fact.sequence, Role::AccountsReceivable);
        let book = functional::at_own_rate(query, of, (issued.total, issued.total));
        table.rows.push(vec![
            issued.issued.into(),
            id.as_str().into(),
            issued.customer.as_str().into(),
            issued.order.as_ref().map_or("", |order| order.as_str()).into(),
            issued.currency.code().into(),
            issued.net.into(),
            issued.tax.into(),
            issued.total.into(),
            flag(fact.is_late()).into(),
            (zero + book).into(),
        ]);
    }
    Ok(table)
}

/// The history of a document from the audit trail.
fn history(query: &Query<'_>, kind: &str, id: &str) -> Value {
    let rows = query.views.audit_trail.rows().iter().filter(|row| {
        row.sequence <= query.sequence
            && ((row.document.as_str() == id && row.document_kind == kind)
                || row.touches.iter().any(|other| other.as_str() == id))
    });
    rows.map(|row| {
        json!({
            "sequence": row.sequence,
            "effective": row.effective,
            "type": row.kind,
            "actor": row.actor,
            "command_id": row.command_id,
            "reason": row.reason,
            "summary": row.summary,
        })
    })
    .collect()
}

fn missing(code: Code, kind: &str, id: &str) -> Rejection {
    Rejection::at(code, kind, format!("there is no {kind} {id} up to that point of the log"))
}

/// One invoice.
pub(super) fn invoice(query: &Query<'_>) -> Result<Table, Rejection> {
    let id = query.needs("invoice")?;
    let name = id.parse::<Identifier>().ok();
    let found = name.and_then(|name| query.views.receivables.invoices.get(&name));
    let Some(fact) = found.filter(|fact| fact.sequence <= query.sequence) else {
        return Err(missing(Code::InvoiceUnknown, "invoice", id));
    };
    let issued = &fact.issued;
    let open = open(fact, query.as_of, query.sequence).unwrap_or(issued.currency.zero());
    let mut table = Table::new(&[
        "invoice",
        "customer",
        "issued",
        "due",
        "currency",
        "net:amount",
        "tax:amount",
        "total:amount",
        "open:amount",
        "status",
    ]);
    table.rows.push(vec![
        id.into(),
        issued.customer.as_str().into(),
        issued.issued.into(),
        issued.due.into(),
        issued.currency.code().into(),
        issued.net.into(),
        issued.tax.into(),
        issued.total.into(),
        open.into(),
        status(fact, query.as_of, query.sequence, open).into(),
    ]);
    let settlements = fact.settlements.iter().filter(|one| one.sequence <= query.sequence);
    let settlements: Vec<&Settlement> = settlements.collect();
    table.details = Some(json!({
        "lines": issued.lines, "settlements": settlements, "history": history(query, "invoice", id),
    }));
    Ok(table)
}

/// One payment.
pub(super) fn payment(query: &Query<'_>) -> Result<Table, Rejection> {
    let id = query.needs("payment")?;
    let name = id.parse::<Identifier>().ok();
    let found = name.and_then(|name| query.views.receivables.payments.get(&name));
    let Some(fact) = found.filter(|fact| fact.sequence <= query.sequence) else {
        return Err(missing(Code::PaymentUnknown, "payment", id));
    };
    let received = &fact.received;
    let unapplied = left(received.amount, &fact.uses, query.as_of, query.sequence);
    let known = |day: Day, at: u64| day <= query.as_of && at <= query.sequence;
    let uses = fact.uses.iter().filter(|one| known(one.effective, one.sequence));
    let applied: Amount = uses.filter(|one| one.of == Used::Payment).map(|one| one.amount).sum();
    let back = query.views.receivables.paid_back.iter();
    let back = back.filter(|one| one.payment == received.payment);
    let back: Amount =
        back.filter(|one| known(one.effective, one.sequence)).map(|one| one.amount).sum();
    let zero = received.currency.zero();
    let mut table = Table::new(&[
        "payment",
        "customer",
        "date",
        "currency",
        "amount:amount",
        "fee:amount",
        "applied:amount",
        "unapplied:amount",
        "paid_back:amount",
    ]);
    table.rows.push(vec![
        id.into(),
        received.customer.as_str().into(),
        fact.effective.into(),
        received.currency.code().into(),
        received.amount.into(),
        received.fee.into(),
        (zero + applied).into(),
        unapplied.into(),
        (zero + back).into(),
    ]);
    table.details = Some(json!({"history": history(query, "payment", id)}));
    Ok(table)
}

/// One credit: `amount` is what the customer gets, tax included (readings, 24).
pub(super) fn credit(query: &Query<'_>) -> Result<Table, Rejection> {
    let id = query.needs("credit")?;
    let found = query.views.receivables.credits.iter().find(|(name, _)| name.as_str() == id);
    let Some((_, fact)) = found.filter(|(_, fact)| fact.sequence <= query.sequence) else {
        return Err(missing(Code::CreditUnknown, "credit", id));
    };
    let issued = &fact.issued;
    let unused = left(issued.total, &fact.uses, query.as_of, query.sequence);
    let mut table = Table::new(&[
        "credit",
        "customer",
        "date",
        "currency",
        "net:amount",
        "tax:amount",
        "amount:amount",
        "applied:amount",
        "unused:amount",
    ]);
    table.rows.push(vec![
        id.into(),
        issued.customer.as_str().into(),
        fact.effective.into(),
        issued.currency.code().into(),
        issued.net.into(),
        issued.tax.into(),
        issued.total.into(),
        (issued.total - unused).into(),
        unused.into(),
    ]);
    table.details = Some(json!({"lines": issued.lines, "history": history(query, "credit", id)}));
    Ok(table)
}

/// One order.
pub(super) fn order(query: &Query<'_>) -> Result<Table, Rejection> {
    let id = query.needs("order")?;
    let found =
        query.views.deferred_revenue.contracts.values().find(
            |contract| matches!(&contract.id, ContractId::Order(order) if order.as_str() == id),
        );
    let is_known = |line: &Line| !line.learned_at(0, query.sequence).is_empty();
    let Some(contract) =
        found.filter(|contract| contract.lines.values().any(|line| is_known(line)))
    else {
        return Err(missing(Code::OrderUnknown, "order", id));
    };
    let latest = contract.lines.values().filter_map(|line| line.latest(query.sequence));
    let price: Amount = latest.map(|version| version.total()).sum();
    let mut table = Table::new(&[
        "order",
        "customer",
        "currency",
        "transaction_price:amount",
        "billed:amount",
        "recognised:amount",
    ]);
    table.rows.push(vec![
        id.into(),
        contract.customer.as_str().into(),
        contract.currency.code().into(),
        (contract.currency.zero() + price).into(),
        contract.billed(query.as_of, query.sequence).into(),
        contract.recognised(query.as_of, query.at()).into(),
    ]);
    let lines: serde_json::Map<String, Value> = contract
        .lines
        .iter()
        .filter(|(_, line)| is_known(line))
        .map(|(name, line)| {
            let known = line.versions.iter().filter(|(at, _)| *at <= query.sequence);
            let versions: Vec<Value> = known
                .map(|(sequence, version)| json!({"sequence": sequence, "schedule": version}))
                .collect();
            (
                name.to_string(),
                json!({"product": line.product, "booked": line.booked,
                "recognised": line.earned(query.as_of, query.at(), contract.currency),
                "versions": versions}),
            )
        })
        .collect();
    table.details = Some(json!({"lines": lines, "history": history(query, "order", id)}));
    Ok(table)
}

/// One customer.
pub(super) fn customer(query: &Query<'_>) -> Result<Table, Rejection> {
    let id = query.needs("customer")?;
    let collections = &query.views.collections;
    let found = query.views.customers.keys().find(|name| name.as_str() == id);
    let found = found.and_then(|name| collections.customer(name, query.as_of, query.sequence));
    let Some(registered) = found else {
        return Err(missing(Code::CustomerUnknown, "customer", id));
    };
    let mut table = Table::new(&[
        "customer",
        "name",
        "currency",
        "open:amount",
        "unapplied:amount",
        "on_hold",
        "dunning",
        "collection",
    ]);
    let on_hold = collections.on_hold(&registered.customer, query.as_of, query.sequence);
    let dunning = query.views.policies.dunning.named(registered.dunning.as_deref());
    let schedules = &query.views.policies.collection;
    let schedule = schedules.named(registered.collection.as_deref());
    let own = registered.currency.or(query.views.currency());
    for (currency, (owed, unapplied)) in balances(query, id, own) {
        table.rows.push(vec![
            id.into(),
            registered.name.as_str().into(),
            currency.code().into(),
            owed.into(),
            unapplied.into(),
            on_hold.clone().into(),
            dunning.map_or(dunning::NONE, |(name, _)| name).into(),
            schedule.map_or(collection::NONE, |(name, _)| name).into(),
        ]);
    }
    table.details =
        Some(json!({"registered": registered, "history": history(query, "customer", id)}));
    Ok(table)
}

/// What a customer owes, and what is unapplied, by currency: in its own one, and each other that it
/// has something in.
fn balances(
    query: &Query<'_>,
    customer: &str,
    own: Option<Currency>,
) -> BTreeMap<Currency, (Amount, Amount)> {
    let zeros = |currency: Currency| (currency.zero(), currency.zero());
    let mut balances: BTreeMap<Currency, (Amount, Amount)> = BTreeMap::new();
    let view = &query.views.receivables;
    for fact in view.invoices.values().filter(|fact| fact.issued.customer.as_str() == customer) {
        let currency = fact.issued.currency;
        let owed = open(fact, query.as_of, query.sequence).unwrap_or(currency.zero());
        balances.entry(currency).or_insert(zeros(currency)).0 += owed;
    }
    let known = |day: Day, at: u64| day <= query.as_of && at <= query.sequence;
    let mut beside = |currency: Currency, amount: Amount, uses: &[Use]| {
        let left = left(amount, uses, query.as_of, query.sequence);
        balances.entry(currency).or_insert(zeros(currency)).1 += left;
    };
    for fact in view.payments.values().filter(|fact| fact.received.customer.as_str() == customer) {
        if known(fact.effective, fact.sequence) {
            beside(fact.received.currency, fact.received.amount, &fact.uses);
        }
    }
    for fact in view.credits.values().filter(|fact| fact.issued.customer.as_str() == customer) {
        if known(fact.effective, fact.sequence) {
            beside(fact.issued.currency, fact.issued.total, &fact.uses);
        }
    }
    balances.retain(|currency, (owed, beside)| {
        Some(*currency) == own || !(owed.is_zero() && beside.is_zero())
    });
    balances.extend(own.filter(|own| !balances.contains_key(own)).map(|own| (own, zeros(own))));
    balances
}

/// Received, refunded, fees, and what of it came late for closed days, by day and method.
type CashSums<'a> = BTreeMap<(Day, String, &'a str), [Amount; 4]>;

/// Money by day and method.
pub(super) fn cash(query: &Query<'_>) -> Result<Table, Rejection> {
    let sums = cash_sums(query, (query.from()?, query.to()?));
    let mut table = Table::new(&[
        "date",
        "method",
        "currency",
        "received:amount",
        "refunded:amount",
        "fees:amount",
        "net:amount",
        "late:amount",
    ]);
    for ((date, method, currency), [money, refunded, fees, late]) in sums {
        table.rows.push(vec![
            date.into(),
            method.into(),
            currency.into(),
            money.into(),
            refunded.into(),
            fees.into(),
            (money - refunded - fees).into(),
            late.into(),
        ]);
    }
    Ok(table)
}

fn cash_sums<'a>(query: &Query<'a>, (from, to): (Option<Day>, Day)) -> CashSums<'a> {
    let mut sums: CashSums<'a> = BTreeMap::new();
    let in_range = |day: Day, at: u64| {
        day <= to && from.is_none_or(|from| day >= from) && at <= query.sequence
    };
    let view = &query.views.receivables;
    for fact in view.payments.values() {
        let received = &fact.received;
        if in_range(fact.effective, fact.sequence)
            && query.keeps("customer", Some(received.customer.as_str()))
        {
            let method = received.method.clone().unwrap_or_default();
            let key = (fact.effective, method, received.currency.code());
            let zero = received.currency.zero();
            let [money, _, fees, late] = sums.entry(key).or_insert([zero; 4]);
            *money += received.amount;
            *fees += received.fee;
            if fact.late {
                *late += received.amount - received.fee;
            }
        }
    }
    for fact in view.credits.values() {
        for one in fact.uses.iter().filter(|one| one.of == Used::CreditRefund) {
            if in_range(one.effective, one.sequence)
                && query.keeps("customer", Some(fact.issued.customer.as_str()))
            {
                let key = (one.effective, String::new(), fact.issued.currency.code());
                let zero = fact.issued.currency.zero();
                let [_, refunded, _, late] = sums.entry(key).or_insert([zero; 4]);
                *refunded += one.amount;
                if one.late {
                    *late -= one.amount;
                }
            }
        }
    }
    for one in &view.paid_back {
        if in_range(one.effective, one.sequence)
            && query.keeps("customer", Some(one.customer.as_str()))
        {
            let payment = view.payments.get(&one.payment);
            let method = payment.and_then(|fact| fact.received.method.clone()).unwrap_or_default();
            let key = (one.effective, method, one.currency.code());
            let [_, refunded, fees, late] = sums.entry(key).or_insert([one.currency.zero(); 4]);
            *refunded += one.amount;
            *fees += one.fee;
            if one.late {
                *late -= one.amount + one.fee;
            }
        }
    }
    sums
}
