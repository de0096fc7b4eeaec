//! The invariants of the books on every prefix of the log (accounting, section 7), event by event and
//! at the speed of the fold.
//!
//! A prefix is right where the one before it is, and its last event moves both sides of each equation
//! by the same: the control accounts, by the legs of its entry, and the documents, by what was issued,
//! settled and used. Both are posted on one day, so that what holds for a prefix holds for every date
//! in it. What an event says of lines, names and numbers is looked at once it is folded.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use ledger_core::event::credit::CreditedLine;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, multiply_divide};
use ledger_core::posting::{ContractId, Functional, Posting, Role, Target};

use crate::facts::{DeferredFact, DigestParts, EventFacts, ProjectionError, ReceivablesFact};
use crate::invariants::{self, Violation};
use crate::replay::Fold;
use crate::views::Views;

/// Views that are checked while they are folded.
#[derive(Debug, Default)]
pub struct Checked {
    /// The views.
    pub views: Views,
    /// The first event behind which an invariant does not hold.
    pub first: Option<Violation>,
    valued: BTreeMap<Identifier, Valued>,
    last_invoice: u64,
    last_credit: u64,
    commands: Commands,
}

/// What a document in another currency than the book's stands at, computed from what happened to it.
#[derive(Debug, Clone, Copy)]
struct Valued {
    total: Amount,
    whole: Amount,
    left: Amount,
    value: Amount,
}

/// What one event moves, each sum by its own route.
#[derive(Debug, Default, PartialEq, Eq)]
struct Moves {
    receivable: Amount,
    beside: Amount,
    contracts: Amount,
}

impl Fold for Checked {
    fn sequence(&self) -> u64 {
        self.views.sequence
    }

    fn take(&mut self, facts: &EventFacts, parts: DigestParts<'_>) -> Result<(), ProjectionError> {
        let named = self.check_names(facts);
        self.views.take(facts, parts)?;
        self.commands.take(facts);
        let found = named.or_else(|| self.check_moves(facts)).or_else(|| self.check_lines(facts));
        if self.first.is_none() {
            self.first = found;
        }
        Ok(())
    }
}

impl Checked {
    /// The first violation of all: of the prefixes, and of what only the whole log can tell.
    pub fn finish(&mut self) -> Option<Violation> {
        let again = self.commands.again().map(|sequence| Violation {
            sequence: Some(sequence),
            invariant: "one command id, one effect",
            message: "its command's id had its effect in an earlier event".to_owned(),
        });
        let known = self.first.take().into_iter().chain(again);
        let first = known.min_by_key(|one| one.sequence);
        first.or_else(|| invariants::at_end(&self.views).into_iter().next())
    }

    /// A document's id is used once, and a series has neither gap nor repeat.
    fn check_names(&mut self, facts: &EventFacts) -> Option<Violation> {
        let views = &self.views.receivables;
        let mut named: Option<(&Identifier, bool)> = None;
        let mut numbered = None;
        for fact in &facts.receivables {
            if let ReceivablesFact::Invoice(data) = fact {
                named = Some((&data.invoice, views.invoices.contains_key(&data.invoice)));
                numbered = data.number.map(|number| (number, &mut self.last_invoice));
            }
            if let ReceivablesFact::Credit(data) = fact {
                named = Some((&data.credit, views.credits.contains_key(&data.credit)));
                numbered = data.number.map(|number| (number, &mut self.last_credit));
            }
            if let ReceivablesFact::Payment(data) = fact {
                named = Some((&data.payment, views.payments.contains_key(&data.payment)));
            }
        }
        let (id, is_known) = named?;
        if is_known {
            let message = format!("the id {id} has a document already");
            return Some(violation(facts, "a document's id is used once", message));
        }
        let (number, last) = numbered?;
        let expected = std::mem::replace(last, number) + 1;
        (number != expected).then(|| {
            let message = format!("{id} has the number {number}, not {expected}");
            violation(facts, "a series has no gap and no repeat", message)
        })
    }

    /// The legs of the entry move the control accounts as the documents say, in both currencies.
    fn check_moves(&mut self, facts: &EventFacts) -> Option<Violation> {
        let mut entered = Moves::default();
        let (mut valued, mut own): (Option<Moves>, Option<&Functional>) = (None, None);
        let (mut documents, mut values) = (Moves::default(), Moves::default());
        for fact in &facts.receivables {
            if let ReceivablesFact::Entry { legs, functional, .. } = fact {
                post(legs, &mut entered);
                if let Some(functional) = functional {
                    post(&functional.legs(), valued.get_or_insert_default());
                    own = Some(functional);
                }
            }
        }
        for fact in &facts.receivables {
            self.document(fact, own, (&mut documents, &mut values));
        }
        for fact in &facts.deferred_revenue {
            if let DeferredFact::Billed { amount, valued, .. } = fact {
                documents.contracts -= *amount;
                values.contracts -= valued.as_ref().map_or(Amount::ZERO, |one| one.amount);
            }
        }
        let message = |entered: &Moves, documents: &Moves| {
            format!("its entry moves {entered}, its documents {documents}")
        };
        let invariant = "control accounts are the sum of their documents";
        if entered != documents {
            return Some(violation(facts, invariant, message(&entered, &documents)));
        }
        let valued = valued.filter(|valued| *valued != values)?;
        let text = format!("in the book's currency {}", message(&valued, &values));
        Some(violation(facts, invariant, text))
    }

    /// What a fact moves of open items, of money and credit that is left, and the values of that.
    fn document(
        &mut self,
        fact: &ReceivablesFact,
        functional: Option<&Functional>,
        (documents, values): (&mut Moves, &mut Moves),
    ) {
        let opened = |role| functional.map(|functional| functional.role(role).abs());
        match fact {
            ReceivablesFact::Invoice(data) => {
                documents.receivable += data.total;
                let whole = opened(Role::AccountsReceivable);
                values.receivable += self.open(&data.invoice, data.total, whole);
            }
            ReceivablesFact::Payment(data) => {
                documents.beside += data.amount;
                let whole = opened(Role::UnappliedCash);
                values.beside += self.open(&data.payment, data.amount, whole);
            }
            ReceivablesFact::Credit(data) => {
                documents.beside += data.total;
                let whole = opened(Role::CustomerCredits);
                values.beside += self.open(&data.credit, data.total, whole);
            }
            ReceivablesFact::Settlement { invoice, amount, .. } => {
                documents.receivable -= *amount;
                values.receivable -= self.lower(invoice, *amount);
            }
            ReceivablesFact::Use { document, amount, .. } => {
                documents.beside -= *amount;
                values.beside -= self.lower(document, *amount);
            }
            ReceivablesFact::Book(_)
            | ReceivablesFact::Customer(_)
            | ReceivablesFact::Collections(_)
            | ReceivablesFact::Dispute { .. }
            | ReceivablesFact::PaidBack { .. }
            | ReceivablesFact::Closed { .. }
            | ReceivablesFact::FxRate(_)
            | ReceivablesFact::RevenueAccount { .. }
            | ReceivablesFact::Entry { .. } => {}
        }
    }

    fn open(&mut self, id: &Identifier, total: Amount, whole: Option<Amount>) -> Amount {
        let Some(whole) = whole else { return Amount::ZERO };
        let valued = Valued { total, whole, left: total, value: whole };
        self.valued.insert(id.clone(), valued);
        whole
    }

    /// Takes an amount off a document: what is left keeps its proportion of the whole.
    fn lower(&mut self, id: &Identifier, amount: Amount) -> Amount {
        let Some(currency) = self.views.currency() else { return Amount::ZERO };
        let Some(one) = self.valued.get_mut(id) else { return Amount::ZERO };
        one.left -= amount;
        let (whole, left, total) = (one.whole.decimal(), one.left.decimal(), one.total.decimal());
        let exact = multiply_divide(whole, left, total);
        let after = currency.round(exact, self.views.policies.rounding);
        let moved = one.value - after;
        one.value = after;
        moved
    }

    /// Recognised and to come are the price of each line that the event changes.
    fn check_lines(&self, facts: &EventFacts) -> Option<Violation> {
        let mut sums = facts.deferred_revenue.iter().filter_map(|fact| {
            let DeferredFact::Version { contract, line, .. } = fact else { return None };
            self.line_sum(contract, line)
        });
        sums.next().map(|message| violation(facts, invariants::LINES_SUM, message))
    }

    fn line_sum(&self, id: &ContractId, line: &Identifier) -> Option<String> {
        let contract = self.views.deferred_revenue.contracts.get(id)?;
        invariants::line_sum(&self.views, contract, line, contract.lines.get(line)?)
    }
}

impl std::fmt::Display for Moves {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { receivable, beside, contracts } = self;
        write!(formatter, "accounts_receivable by {receivable}, unapplied cash and credits by ")?;
        write!(formatter, "{beside}, contracts by {contracts}")
    }
}

fn violation(facts: &EventFacts, invariant: &'static str, message: String) -> Violation {
    Violation { sequence: Some(facts.sequence), invariant, message }
}

/// Adds what legs post to the control accounts; what customers are owed is above zero.
fn post(legs: &[Posting], moves: &mut Moves) {
    for leg in legs {
        let Target::Role(role) = leg.target else {
            moves.contracts += leg.amount;
            continue;
        };
        if role == Role::AccountsReceivable {
            moves.receivable += leg.amount;
        } else if role == Role::UnappliedCash || role == Role::CustomerCredits {
            moves.beside -= leg.amount;
        }
    }
}

/// The command ids that were seen, as hashes: the events of a command stand side by side.
#[derive(Debug, Default)]
struct Commands {
    last: Option<Identifier>,
    /// Of each command's first event: hashes of the id, and the sequence.
    groups: Vec<(u64, u64, u64)>,
}

impl Commands {
    fn take(&mut self, facts: &EventFacts) {
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
    fn again(&mut self) -> Option<u64> {
        self.groups.sort_unstable();
        let pairs = self.groups.iter().zip(self.groups.iter().skip(1));
        let again = pairs.filter(|(one, next)| (one.0, one.1) == (next.0, next.1));
        again.map(|(_, next)| next.2).min()
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
            let is_back = |line: &CreditedLine| line.adjustment.is_some() || line.period.is_some();
            return data.lines.iter().any(is_back);
        }
        false
    };
    facts.audit_trail.kind == "BillingRunCompleted" || facts.receivables.iter().any(is_run)
}
