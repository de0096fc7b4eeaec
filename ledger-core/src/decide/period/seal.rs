//! The figures that a close seals, from the writer's own state.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::event::close::{ContractRoll, ReceivablesRoll, Seal};
use crate::money::{Amount, Currency};
use crate::posting::{ContractId, Role};
use crate::revenue::schedule::in_force;
use crate::state::books::{ContractKind, ReceivableKind};
use crate::state::{Book, Ledger};
use rust_decimal::Decimal;

/// The books at the end of a day that is not closed yet, and how they came there since the last
/// close that stands. None where there are documents in other currencies than the book's: what
/// their contracts stand at in the book's is computed by the reports alone.
pub(super) fn seal(state: &Ledger, book: &Book, through: Day) -> Option<Seal> {
    if has_other_currencies(state, book) {
        return None;
    }
    let zero = book.currency.zero();
    let last = state.books.last_close();
    let from = last.map(|sealed| sealed.through.next());
    let posted = state.books.posted(None, through);
    let mut trial_balance: BTreeMap<String, Amount> = BTreeMap::new();
    let mut add = |role: Role, amount: Amount| {
        *trial_balance.entry(role.as_str().to_owned()).or_insert(zero) += amount;
    };
    for role in Role::ALL {
        add(role, posted.role(role));
    }
    let billed = state.books.billed(through);
    let recognised = recognised(state, through);
    let mut contracts: BTreeMap<&ContractId, Amount> = billed;
    for (contract, earned) in &recognised {
        *contracts.entry(contract).or_default() -= *earned;
    }
    for balance in contracts.into_values() {
        add(Role::DeferredRevenue, -balance.max(Amount::ZERO));
        add(Role::UnbilledReceivable, (-balance).max(Amount::ZERO));
    }
    let earned: Amount = recognised.into_values().sum();
    add(Role::Revenue, -earned);
    trial_balance.retain(|_, amount| !amount.is_zero());
    Some(Seal {
        sequence: state.books.sequence,
        currency: book.currency,
        from,
        trial_balance,
        receivables: receivables(state, book, (from, through)),
        contract_liability: contracts_roll(state, book, (from, through), earned),
    })
}

/// Whether any document has another currency than the book's.
pub(super) fn has_other_currencies(state: &Ledger, book: &Book) -> bool {
    let is_other = |currency: Currency| currency != book.currency;
    state.orders.values().any(|one| is_other(one.currency))
        || state.invoices.values().any(|one| is_other(one.currency))
        || state.payments.values().any(|one| is_other(one.currency))
        || state.credits.values().any(|one| is_other(one.currency))
}

fn receivables(
    state: &Ledger,
    book: &Book,
    (from, through): (Option<Day>, Day),
) -> ReceivablesRoll {
    let zero = book.currency.zero();
    let before = from.map(|from| state.books.posted(None, from.previous()));
    let opening = before.map_or(zero, |sums| zero + sums.role(Role::AccountsReceivable));
    let sums = state.books.posted(from, through);
    ReceivablesRoll {
        opening,
        invoiced: zero + sums.receivable(ReceivableKind::Invoiced),
        paid: zero - sums.receivable(ReceivableKind::Paid),
        credited: zero - sums.receivable(ReceivableKind::Credited),
        written_off: zero - sums.receivable(ReceivableKind::WrittenOff),
        closing: opening + sums.role(Role::AccountsReceivable),
    }
}

fn contracts_roll(
    state: &Ledger,
    book: &Book,
    (from, through): (Option<Day>, Day),
    earned: Amount,
) -> ContractRoll {
    let zero = book.currency.zero();
    let kinds = [ContractKind::Billed, ContractKind::Credited, ContractKind::WrittenOff];
    let before = from.map(|from| state.books.posted(None, from.previous())).unwrap_or_default();
    let earned_before = state.books.last_close().map_or(zero, |sealed| sealed.recognised);
    let billed_before: Amount = kinds.iter().map(|kind| -before.contract(*kind)).sum();
    let opening = zero + billed_before - earned_before;
    let sums = state.books.posted(from, through);
    let billed = zero - sums.contract(ContractKind::Billed);
    let credited = zero + sums.contract(ContractKind::Credited);
    let written_off = zero + sums.contract(ContractKind::WrittenOff);
    let recognised = zero + earned - earned_before;
    let closing = opening + billed - recognised - credited - written_off;
    ContractRoll { opening, billed, recognised, credited, written_off, closing }
}

/// What each contract earns through a day that is not closed.
fn recognised(state: &Ledger, through: Day) -> BTreeMap<ContractId, Amount> {
    let mut sums: BTreeMap<ContractId, Amount> = BTreeMap::new();
    for (id, order) in &state.orders {
        let lines = order.lines.iter();
        let earned: Amount = lines.map(|line| line.earned_through(through, order.currency)).sum();
        if !earned.is_zero() {
            sums.insert(ContractId::Order(id.clone()), earned);
        }
    }
    for (id, invoice) in &state.invoices {
        let currency = invoice.currency;
        let versions =
            invoice.lines.iter().filter_map(|one| in_force(one.versions.iter(), through));
        let earned: Amount =
            versions.map(|version| version.earned_through(through, Decimal::ZERO, currency)).sum();
        if !earned.is_zero() {
            sums.insert(ContractId::Invoice(id.clone()), earned);
        }
    }
    sums
}
