//! What is found without views is what is found with them: on random books, and on books in one of
//! whose events something was bent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::Amount;
use ledger_core::posting::{Role, Target};
use projections::facts::{
    DeferredFact, EventFacts, ProjectionError, ReceivablesFact, Written, WrittenFacts,
};
use projections::invariants::Violation;
use projections::prefix::{Checked, Light};
use projections::replay::Fold;
use proptest::prelude::*;
use proptest::sample::Index;

#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "closes/book.rs"]
mod book;
#[path = "common/book.rs"]
mod common;
#[path = "money/steps.rs"]
mod money_steps;
#[expect(dead_code, reason = "shared with other tests, which use more of it")]
#[path = "contracts/steps.rs"]
mod order_steps;

use book::{Book, policies, steps};

/// What is bent in the facts of an event.
#[derive(Debug, Clone, Copy)]
enum Bend {
    /// A cent of the entry, from one account to another.
    Shift(Role, Role),
    /// A cent of a leg.
    Leg,
    /// A cent of what a contract was billed.
    Billed,
    /// The days over which a line earns: they begin behind their end.
    Term,
    /// A cent of a document.
    Total,
    /// A cent of what was settled or used.
    Settled,
    /// The number in the series.
    Number,
    /// The id of the document: that of another event's.
    Name,
    /// The document that is settled or used: one that is not there.
    Unknown,
    /// A dispute of an invoice that is not there.
    Disputed,
    /// The command's id: that of another event's.
    Command,
}

/// Each is tried on each book.
const BENDS: [Bend; 13] = [
    Bend::Shift(Role::AccountsReceivable, Role::Cash),
    Bend::Shift(Role::Cash, Role::UnappliedCash),
    Bend::Shift(Role::Cash, Role::DeferredRevenue),
    Bend::Leg,
    Bend::Billed,
    Bend::Term,
    Bend::Total,
    Bend::Settled,
    Bend::Number,
    Bend::Name,
    Bend::Unknown,
    Bend::Disputed,
    Bend::Command,
];

fn nowhere() -> Identifier {
    "nowhere".parse().unwrap()
}

fn cent() -> Amount {
    "0.01".parse().unwrap()
}

/// Bends one of the events that the bend fits; nothing where it fits none.
fn bent(all: &[EventFacts], (at, other): (Index, Index), what: Bend) -> Option<Vec<EventFacts>> {
    let other = &all[other.index(all.len())];
    let bend = |facts: &EventFacts| {
        let mut facts = facts.clone();
        bend(&mut facts, other, what);
        facts
    };
    let fits: Vec<usize> =
        (0..all.len()).filter(|place| bend(&all[*place]) != all[*place]).collect();
    let place = *fits.get(at.index(fits.len().max(1)))?;
    let mut all = all.to_vec();
    all[place] = bend(&all[place]);
    Some(all)
}

/// Bends the facts of an event; `other` are those of another one.
fn bend(facts: &mut EventFacts, other: &EventFacts, bend: Bend) {
    if let Bend::Command = bend {
        facts.audit_trail.command_id = other.audit_trail.command_id.clone();
    }
    if let Bend::Disputed = bend
        && !facts.receivables.is_empty()
    {
        let invoice = nowhere();
        facts.receivables.push(ReceivablesFact::Dispute { invoice, is_open: true, amount: None });
    }
    for fact in &mut facts.receivables {
        of_documents(fact, other, bend);
    }
    for fact in &mut facts.deferred_revenue {
        match (bend, fact) {
            (Bend::Billed, DeferredFact::Billed { amount, .. }) => *amount += cent(),
            (Bend::Term, DeferredFact::Version { schedule, .. }) => {
                schedule.start = schedule.end.plus_days(40);
            }
            _ => {}
        }
    }
}

fn of_documents(fact: &mut ReceivablesFact, other: &EventFacts, bend: Bend) {
    match (bend, fact) {
        (Bend::Shift(from, to), ReceivablesFact::Entry { legs, .. }) => {
            if let Some(leg) = legs.iter_mut().find(|leg| leg.target == Target::Role(from)) {
                leg.amount -= cent();
                let mut leg = leg.clone();
                (leg.target, leg.amount) = (Target::Role(to), cent());
                legs.push(leg);
            }
        }
        (Bend::Leg, ReceivablesFact::Entry { legs, .. }) => {
            legs.iter_mut().take(1).for_each(|leg| leg.amount += cent());
        }
        (Bend::Total, ReceivablesFact::Invoice(data)) => data.total += cent(),
        (Bend::Total, ReceivablesFact::Payment(data)) => data.amount += cent(),
        (Bend::Total, ReceivablesFact::Credit(data)) => data.total += cent(),
        (
            Bend::Settled,
            ReceivablesFact::Settlement { amount, .. } | ReceivablesFact::Use { amount, .. },
        ) => *amount -= cent(),
        (Bend::Number, ReceivablesFact::Invoice(data)) => data.number = Some(2),
        (Bend::Number, ReceivablesFact::Credit(data)) => data.number = Some(2),
        (Bend::Name, ReceivablesFact::Invoice(data)) => {
            data.invoice = other.audit_trail.document.clone();
        }
        (Bend::Name, ReceivablesFact::Payment(data)) => {
            data.payment = other.audit_trail.document.clone();
        }
        (
            Bend::Unknown,
            ReceivablesFact::Settlement { invoice: id, .. }
            | ReceivablesFact::Dispute { invoice: id, .. }
            | ReceivablesFact::Use { document: id, .. },
        ) => *id = nowhere(),
        _ => {}
    }
}

/// With views, of the facts as they are.
fn with_views(all: &[EventFacts]) -> Result<Option<Violation>, ProjectionError> {
    let mut checked = Checked::default();
    for facts in all {
        WrittenFacts::of(facts).events().try_for_each(|written| checked.take(facts, written))?;
    }
    Ok(checked.finish())
}

/// Folds facts as a replay does, without what the fold has no use for.
fn fold<F: Fold + Default>(all: &[EventFacts]) -> Result<F, ProjectionError> {
    let mut fold = F::default();
    for facts in all.iter().cloned() {
        fold.take(&F::pick(facts), Written::default())?;
        if fold.is_done() {
            break;
        }
    }
    Ok(fold)
}

/// Whether all is well, as the fold without views says; the two must not contradict each other.
fn is_well(all: &[EventFacts]) -> bool {
    let found = with_views(all);
    let trimmed = fold::<Checked>(all).map(|mut checked| checked.finish());
    assert_eq!(trimmed, found, "what is left out is not looked at");
    match fold::<Light>(all) {
        Ok(mut light) => {
            let is_well = light.finish();
            assert!(!is_well || found == Ok(None), "{found:?}");
            is_well
        }
        Err(error) => {
            assert_eq!(found, Err(error));
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn the_checks_without_views_say_what_those_with_views_say(
        policies in policies(), steps in steps(20), is_foreign in prop::bool::weighted(0.1),
        close in prop::option::weighted(0.1, 0_i32..300),
        places in prop::collection::vec((any::<Index>(), any::<Index>()), BENDS.len()),
    ) {
        let mut book = if is_foreign { Book::foreign(&policies) } else { Book::open(&policies) };
        let day: Day = "2026-01-01".parse().unwrap();
        let closed = close.is_some_and(|days| book.close(day.plus_days(days)));
        book.play(&steps);
        let end: Day = "2027-12-31".parse().unwrap();
        book.send("RunBilling", end, &serde_json::json!({"through": end}));
        let all: Vec<EventFacts> = book.events.iter().cloned().map(EventFacts::of).collect();
        // What can be judged without views is: a book without closes in one currency.
        prop_assert_eq!(is_well(&all), !is_foreign && !closed);
        for (place, what) in places.into_iter().zip(BENDS) {
            if let Some(all) = bent(&all, place, what) {
                is_well(&all);
            }
        }
    }
}
