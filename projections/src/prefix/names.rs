//! What may be used once only: the ids and numbers of documents, and the ids of commands.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use ledger_core::event::credit::{CREDIT_SERIES, CreditedLine};
use ledger_core::event::invoice::INVOICE_SERIES;
use ledger_core::id::Identifier;

use crate::facts::{EventFacts, ReceivablesFact};
use crate::invariants::Violation;
use crate::prefix::violation;

/// The names and numbers that were seen.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) invoices: BTreeSet<Identifier>,
    pub(super) payments: BTreeSet<Identifier>,
    pub(super) credits: BTreeSet<Identifier>,
    last_invoice: u64,
    last_credit: u64,
}

impl Names {
    /// A document's id is used once, and a series has neither gap nor repeat.
    pub(super) fn take(&mut self, facts: &EventFacts) -> Option<Violation> {
        let mut named: Option<(&Identifier, bool)> = None;
        let mut numbered = None;
        for fact in &facts.receivables {
            if let ReceivablesFact::Invoice(data) = fact {
                named = Some((&data.invoice, self.invoices.insert(data.invoice.clone())));
                let series = (INVOICE_SERIES, &mut self.last_invoice, &self.invoices);
                numbered = data.number.map(|number| (number, series));
            }
            if let ReceivablesFact::Credit(data) = fact {
                named = Some((&data.credit, self.credits.insert(data.credit.clone())));
                let series = (CREDIT_SERIES, &mut self.last_credit, &self.credits);
                numbered = data.number.map(|number| (number, series));
            }
            if let ReceivablesFact::Payment(data) = fact {
                named = Some((&data.payment, self.payments.insert(data.payment.clone())));
            }
        }
        let (id, is_new) = named?;
        if !is_new {
            let message = format!("the id {id} has a document already");
            return Some(violation(facts, "a document's id is used once", message));
        }
        let (number, (series, last, known)) = numbered?;
        let before = std::mem::replace(last, number);
        let is_others = |name: &Identifier| name != id && known.contains(name);
        let expected = next(series, before, number, is_others);
        (number != expected).then(|| {
            let message = format!("{id} has the number {number}, not {expected}");
            violation(facts, "a series has no gap and no repeat", message)
        })
    }
}

/// The number that comes next. A caller may have used a name of the series: it stands in the place of
/// that number.
fn next(series: &str, last: u64, given: u64, is_others: impl Fn(&Identifier) -> bool) -> u64 {
    let is_taken = |number: &u64| {
        let name = format!("{series}{number}").parse::<Identifier>();
        name.is_ok_and(|name| is_others(&name))
    };
    let first = last.saturating_add(1);
    (first..given).find(|number| !is_taken(number)).unwrap_or(first.max(given))
}

/// The command ids that were seen, as hashes: the events of a command stand side by side.
#[derive(Debug, Default)]
pub(super) struct Commands {
    last: Option<Identifier>,
    /// Of each command's first event: hashes of the id, and the sequence.
    groups: Vec<(u64, u64, u64)>,
}

impl Commands {
    pub(super) fn take(&mut self, facts: &EventFacts) {
        let id = &facts.audit_trail.command_id;
        if self.last.as_ref() == Some(id) {
            return;
        }
        self.last = Some(id.clone());
        // A billing run that was cut off goes on with the same id.
        if !is_of_a_run(facts) {
            self.groups.push((hash(id, 0), hash(id, 1), facts.sequence));
        }
    }

    /// The first event whose command had an effect before.
    pub(super) fn again(&mut self) -> Option<Violation> {
        self.groups.sort_unstable();
        let pairs = self.groups.iter().zip(self.groups.iter().skip(1));
        let again = pairs.filter(|(one, next)| (one.0, one.1) == (next.0, next.1));
        let sequence = again.map(|(_, next)| next.2).min()?;
        Some(Violation {
            sequence: Some(sequence),
            invariant: "one command id, one effect",
            message: "its command's id had its effect in an earlier event".to_owned(),
        })
    }
}

fn hash(id: &Identifier, salt: u8) -> u64 {
    let mut hasher = DefaultHasher::new();
    salt.hash(&mut hasher);
    id.hash(&mut hasher);
    hasher.finish()
}

/// Whether an event is a document of a billing run, or ends one.
fn is_of_a_run(facts: &EventFacts) -> bool {
    let is_run = |fact: &ReceivablesFact| {
        if let ReceivablesFact::Invoice(data) = fact {
            return data.lines.iter().any(|line| line.run.is_some());
        }
        if let ReceivablesFact::Credit(data) = fact {
            return data.lines.iter().any(is_given_back);
        }
        false
    };
    facts.audit_trail.kind == "BillingRunCompleted" || facts.receivables.iter().any(is_run)
}

/// Whether a run made the line, which gives back what was billed too much.
pub(super) fn is_given_back(line: &CreditedLine) -> bool {
    line.adjustment.is_some() || line.period.is_some()
}
