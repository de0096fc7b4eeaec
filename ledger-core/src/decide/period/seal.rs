//! The figures that a close seals, from the writer's own state.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::event::close::{ContractRoll, ReceivablesRoll, Seal};
use crate::money::Amount;
use crate::policy::FxRevaluation;
use crate::posting::{ContractId, Role};
use crate::revenue::schedule::in_force;
use crate::state::books::{ContractKind, ReceivableKind, Sealed};
use crate::state::{Book, Ledger};
use rust_decimal::Decimal;

/// The books at the end of a day that is not closed yet, and how they came there since the last
/// close that stands.
pub(super) fn seal(state: &Ledger, book: &Book, through: Day) -> Seal {
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
    let recognised = recognised(state, book, through);
    let mut contracts: BTreeMap<&ContractId, Amount> = state.books.billed(through);
    contracts.retain(|contract, _| !is_at_rates(state, book, contract));
    for (contract, earned) in &recognised {
        *contracts.entry(contract).or_default() -= *earned;
    }
    for balance in contracts.into_values() {
        add(Role::DeferredRevenue, -balance.max(Amount::ZERO));
        add(Role::UnbilledReceivable, (-balance).max(Amount::ZERO));
    }
    let at_rates = state.foreign_contracts(book, through);
    add(Role::DeferredRevenue, -at_rates.deferred);
    add(Role::UnbilledReceivable, at_rates.unbilled);
    add(Role::FxGainLoss, at_rates.loss);
    let earned = recognised.into_values().sum::<Amount>() + at_rates.recognised;
    add(Role::Revenue, -earned);
    // Each item opens at its own rate: at a month's end it stands at that of the day.
    if book.policies.fx_revaluation == FxRevaluation::On && through == through.month().last() {
        for (role, amount) in state.revaluation(book, through) {
            add(role, amount);
            add(Role::FxGainLoss, -amount);
        }
    }
    trial_balance.retain(|_, amount| !amount.is_zero());
    Seal {
        sequence: state.books.sequence,
        currency: book.currency,
        from,
        trial_balance,
        receivables: receivables(state, book, (from, through)),
        contract_liability: contracts_roll(state, book, (from, through), (earned, at_rates.loss)),
    }
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
    (earned, loss): (Amount, Amount),
) -> ContractRoll {
    let zero = book.currency.zero();
    let last = state.books.last_close();
    let before = |of: fn(&Sealed) -> Amount| zero + last.as_ref().map(of).unwrap_or_default();
    let opening = before(|sealed| sealed.liability);
    let sums = state.books.posted(from, through);
    let billed = zero - sums.contract(ContractKind::Billed);
    let credited = zero + sums.contract(ContractKind::Credited);
    let written_off = zero + sums.contract(ContractKind::WrittenOff);
    let recognised = zero + earned - before(|sealed| sealed.recognised);
    let fx = zero + loss - before(|sealed| sealed.fx);
    let closing = opening + billed - recognised - credited - written_off + fx;
    ContractRoll { opening, billed, recognised, credited, written_off, fx, closing }
}

/// Whether a contract has another currency than the book's, and so stands at exchange rates.
fn is_at_rates(state: &Ledger, book: &Book, contract: &ContractId) -> bool {
    let currency = match contract {
        ContractId::Order(id) => state.orders.get(id).map(|one| one.currency),
        ContractId::Invoice(id) => state.invoices.get(id).map(|one| one.currency),
    };
    currency.is_some_and(|currency| currency != book.currency)
}

/// What each contract in the book's currency earns through a day that is not closed.
fn recognised(state: &Ledger, book: &Book, through: Day) -> BTreeMap<ContractId, Amount> {
    let mut sums: BTreeMap<ContractId, Amount> = BTreeMap::new();
    for (id, order) in state.orders.iter().filter(|(_, one)| one.currency == book.currency) {
        let lines = order.lines.iter();
        let earned: Amount = lines.map(|line| line.earned_through(through, order.currency)).sum();
        if !earned.is_zero() {
            sums.insert(ContractId::Order(id.clone()), earned);
        }
    }
    for (id, invoice) in state.invoices.iter().filter(|(_, one)| one.currency == book.currency) {
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
