//! What an event moves: its entry moves the control accounts as its documents say.

use std::collections::BTreeMap;

use ledger_core::decide::policy;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency, Rounding, multiply_divide};
use ledger_core::posting::{Functional, Posting, Role, Target};

use crate::facts::{DeferredFact, EventFacts, ReceivablesFact};
use crate::invariants::Violation;
use crate::prefix::violation;

/// What documents in other currencies than the book's stand at.
#[derive(Debug, Default)]
pub(super) struct Documents {
    valued: BTreeMap<Identifier, Valued>,
    book: Option<(Currency, Rounding)>,
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

impl Documents {
    /// The legs of the entry move the control accounts as the documents say, in both currencies.
    pub(super) fn take(&mut self, facts: &EventFacts) -> Option<Violation> {
        for fact in &facts.receivables {
            if let ReceivablesFact::Book(book) = fact {
                let policies = policy::policies(&book.policies).unwrap_or_default();
                self.book = Some((book.currency, policies.rounding));
            }
        }
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
        let Some((currency, rounding)) = self.book else { return Amount::ZERO };
        let Some(one) = self.valued.get_mut(id) else { return Amount::ZERO };
        one.left -= amount;
        let (whole, left, total) = (one.whole.decimal(), one.left.decimal(), one.total.decimal());
        let exact = multiply_divide(whole, left, total);
        let after = currency.round(exact, rounding);
        let moved = one.value - after;
        one.value = after;
        moved
    }
}

impl std::fmt::Display for Moves {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { receivable, beside, contracts } = self;
        write!(formatter, "accounts_receivable by {receivable}, unapplied cash and credits by ")?;
        write!(formatter, "{beside}, contracts by {contracts}")
    }
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
