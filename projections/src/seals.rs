//! The seals of closes against the folded books: the writer computed the figures from its own
//! state, the reports have them from theirs, and one knows nothing of the other.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::event::close::{ContractRoll, PeriodClosed, ReceivablesRoll, Seal};
use ledger_core::money::Amount;
use ledger_core::posting::{Role, Target};

use crate::facts::Closing;
use crate::invariants::Violation;
use crate::reports::{Filters, Table, untied};
use crate::views::{Entry, Views};

/// A close or a reopening with its place in the log.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// The event.
    pub sequence: u64,
    /// What it closed, with the figures.
    pub closed: &'a PeriodClosed,
    /// The sequence of the event that opened some of its days again, if one did.
    pub reopened: Option<u64>,
}

/// All closes of a prefix of the log.
pub fn closes(views: &Views, sequence: u64) -> Vec<Sealed<'_>> {
    let known = views.audit_trail.closings.iter().filter(|(at, _)| *at <= sequence);
    let mut all: Vec<Sealed<'_>> = Vec::new();
    for (at, closing) in known {
        match closing {
            Closing::Closed(closed) => {
                all.push(Sealed { sequence: *at, closed, reopened: None });
            }
            Closing::Reopened(reopened) => {
                let touched = all.iter_mut().filter(|one| one.closed.through >= reopened.from);
                for one in touched.filter(|one| one.reopened.is_none()) {
                    one.reopened = Some(*at);
                }
            }
        }
    }
    all
}

/// Every seal that is not what the books were at the close, or, while the close stands, are now.
pub fn check(views: &Views) -> Vec<Violation> {
    let mut violations = Vec::new();
    for one in closes(views, views.sequence) {
        let Some(seal) = one.closed.seal.as_deref() else { continue };
        let through = one.closed.through;
        let mut off =
            misfit(views, seal, (through, one.sequence)).map(|what| format!("at the close {what}"));
        if one.reopened.is_none() {
            off = off.or_else(|| {
                misfit(views, seal, (through, views.sequence)).map(|what| format!("now {what}"))
            });
        }
        violations.extend(off.map(|what| Violation {
            sequence: Some(one.sequence),
            invariant: "a seal is what the books are",
            message: format!("the close of the days through {through}: {what}"),
        }));
    }
    violations
}

/// The first figure of a seal that is not that of the books as known at a sequence.
fn misfit(views: &Views, seal: &Seal, (through, sequence): (Day, u64)) -> Option<String> {
    let Some(books) = figures(views, seal.from, (through, sequence)) else {
        return Some("the reports cannot be made".to_owned());
    };
    let sealed = flat(&seal.trial_balance, &seal.receivables, &seal.contract_liability);
    let folded = flat(&books.trial_balance, &books.receivables, &books.contract_liability);
    let names: Vec<&String> = sealed.keys().chain(folded.keys()).collect();
    let of =
        |all: &BTreeMap<String, Amount>, name: &String| all.get(name).copied().unwrap_or_default();
    let off = names.into_iter().find(|name| of(&sealed, name) != of(&folded, name))?;
    Some(format!(
        "{off} was sealed as {}, and the books have {}",
        of(&sealed, off),
        of(&folded, off)
    ))
}

/// All figures by name; those of nothing are left out.
fn flat(
    balances: &BTreeMap<String, Amount>,
    receivables: &ReceivablesRoll,
    contracts: &ContractRoll,
) -> BTreeMap<String, Amount> {
    let mut all: BTreeMap<String, Amount> =
        balances.iter().map(|(role, amount)| (format!("balance of {role}"), *amount)).collect();
    let named = [
        ("receivables: opening", receivables.opening),
        ("receivables: invoiced", receivables.invoiced),
        ("receivables: paid", receivables.paid),
        ("receivables: credited", receivables.credited),
        ("receivables: written_off", receivables.written_off),
        ("receivables: closing", receivables.closing),
        ("contract_liability: opening", contracts.opening),
        ("contract_liability: billed", contracts.billed),
        ("contract_liability: recognised", contracts.recognised),
        ("contract_liability: credited", contracts.credited),
        ("contract_liability: written_off", contracts.written_off),
        ("contract_liability: fx", contracts.fx),
        ("contract_liability: closing", contracts.closing),
    ];
    all.extend(named.map(|(name, amount)| (name.to_owned(), amount)));
    all.retain(|_, amount| !amount.is_zero());
    all
}

/// What a seal holds, from the reports.
struct Figures {
    trial_balance: BTreeMap<String, Amount>,
    receivables: ReceivablesRoll,
    contract_liability: ContractRoll,
}

fn figures(views: &Views, from: Option<Day>, (through, sequence): (Day, u64)) -> Option<Figures> {
    let first = from.or_else(|| Day::from_numbers(1, 1, 2)).unwrap_or(through);
    let mut filters = Filters::default();
    filters.pin(sequence);
    filters.set("as_of", through.to_string());
    let balances = untied("trial-balance", &filters, views, through).ok()?;
    let mut trial_balance = BTreeMap::new();
    for row in 0..balances.rows.len() {
        let role = balances.rows.get(row)?.get(column(&balances, "role")?)?.text();
        trial_balance.insert(role, amount(&balances, row, "balance")?);
    }
    filters.set("from", first.to_string());
    filters.set("to", through.to_string());
    let roll = untied("rollforward", &filters, views, through).ok()?;
    let of = |name: &str| amount(&roll, 0, name);
    let contract_liability = ContractRoll {
        opening: of("opening")?,
        billed: of("billed")?,
        recognised: of("recognised")?,
        credited: of("credited")?,
        written_off: of("written_off")?,
        fx: of("fx")?,
        closing: of("closing")?,
    };
    let receivables = receivables(views, first, (through, sequence));
    Some(Figures { trial_balance, receivables, contract_liability })
}

fn column(table: &Table, name: &str) -> Option<usize> {
    table.columns.iter().position(|(column, _)| column == name)
}

fn amount(table: &Table, row: usize, name: &str) -> Option<Amount> {
    Some(table.rows.get(row)?.get(column(table, name)?)?.amount())
}

/// accounts_receivable from its entries, by the types of their events.
fn receivables(views: &Views, first: Day, (through, sequence): (Day, u64)) -> ReceivablesRoll {
    let mut roll = ReceivablesRoll::default();
    for entry in &views.receivables.entries {
        if entry.date > through || entry.sequence > sequence {
            continue;
        }
        let moved = receivable(entry);
        roll.closing += moved;
        if entry.date < first {
            roll.opening += moved;
            continue;
        }
        match kind(views, entry.sequence) {
            "InvoiceIssued" | "InvoiceVoided" => roll.invoiced += moved,
            "CreditApplied" | "CreditVoided" => roll.credited -= moved,
            "InvoiceWrittenOff" | "WriteOffRecovered" => roll.written_off -= moved,
            _ => roll.paid -= moved,
        }
    }
    roll
}

fn receivable(entry: &Entry) -> Amount {
    let legs = entry.book_legs();
    let legs = legs.filter(|leg| leg.target == Target::Role(Role::AccountsReceivable));
    legs.map(|leg| leg.amount).sum()
}

/// The type of an event.
fn kind(views: &Views, sequence: u64) -> &str {
    let row = usize::try_from(sequence).unwrap_or(usize::MAX).checked_sub(1);
    row.and_then(|row| views.audit_trail.rows().get(row)).map_or("", |row| row.kind.as_ref())
}
