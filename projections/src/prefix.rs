//! The invariants of the books on every prefix of the log (accounting, section 7), event by event and
//! at the speed of the fold.
//!
//! A prefix is right where the one before it is, and its last event moves both sides of each equation
//! by the same: the control accounts, by the legs of its entry, and the documents, by what was issued,
//! settled and used. Both are posted on one day, so that what holds for a prefix holds for every date
//! in it. What an event says of lines, names and numbers is looked at once it is folded.
//!
//! Most of that asks for no views, which take longer to fill than all checks: [`check`] goes without
//! them ([`Light`]) as long as it can, and begins anew with them ([`Checked`]) where it cannot.

use ledger_core::id::Identifier;
use ledger_core::log::SharedLog;
use ledger_core::posting::ContractId;
use schemas::chain::Chain;

use crate::facts::{DeferredFact, EventFacts, ProjectionError, ReceivablesFact, Written};
use crate::invariants::{self, Violation};
use crate::replay::{Fold, ReplayError, catch_up};
use crate::views::Views;

mod light;
mod moves;
mod names;

pub use light::Light;
use moves::Documents;
use names::{Commands, Names, is_given_back};

/// What was found in a log that is whole.
#[derive(Debug)]
pub struct Found {
    /// Its last event.
    pub sequence: u64,
    /// The first violation of all.
    pub first: Option<Violation>,
    /// The views, where the checks needed them: always where days were closed.
    pub views: Option<Views>,
}

/// Checks a log from its first event through `through`, with its hash chain.
///
/// # Errors
/// [`ReplayError`] at the first event that does not fit.
pub async fn check(
    log: &SharedLog,
    through: u64,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Found, ReplayError> {
    let (mut light, mut chain) = (Light::default(), Chain::START);
    catch_up(log, &mut light, &mut chain, Some(through), progress).await?;
    if light.finish() {
        return Ok(Found { sequence: light.sequence(), first: None, views: None });
    }
    drop(light);
    let (mut checked, mut chain) = (Checked::default(), Chain::START);
    catch_up(log, &mut checked, &mut chain, Some(through), progress).await?;
    let first = checked.finish();
    Ok(Found { sequence: checked.sequence(), first, views: Some(checked.views) })
}

/// Views that are checked while they are folded, but not hashed: their digests are of nothing.
#[derive(Debug, Default)]
pub struct Checked {
    /// The views.
    pub views: Views,
    /// The first event behind which an invariant does not hold.
    pub first: Option<Violation>,
    names: Names,
    documents: Documents,
    commands: Commands,
}

impl Fold for Checked {
    const WRITES: bool = false;

    type Needs = EventFacts;

    fn sequence(&self) -> u64 {
        self.views.sequence
    }

    fn pick(facts: EventFacts) -> EventFacts {
        trim(facts)
    }

    fn take(&mut self, facts: &EventFacts, written: Written<'_>) -> Result<(), ProjectionError> {
        let named = self.names.take(facts);
        self.views.take(facts, written)?;
        self.commands.take(facts);
        let moved = self.documents.take(facts);
        let found = named.or(moved).or_else(|| self.check_lines(facts));
        if self.first.is_none() {
            self.first = found;
        }
        Ok(())
    }
}

impl Checked {
    /// The first violation of all: of the prefixes, and of what only the whole log can tell.
    pub fn finish(&mut self) -> Option<Violation> {
        let known = self.first.take().into_iter().chain(self.commands.again());
        let first = known.min_by_key(|one| one.sequence);
        first.or_else(|| invariants::at_end(&self.views).into_iter().next())
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

/// Takes away what no check looks at.
fn trim(mut facts: EventFacts) -> EventFacts {
    for fact in &mut facts.receivables {
        if let ReceivablesFact::Invoice(data) = fact {
            data.lines.retain(|line| line.run.is_some());
            data.lines.truncate(1);
            data.policy.clear();
        }
        if let ReceivablesFact::Credit(data) = fact {
            data.lines.retain(is_given_back);
            data.lines.truncate(1);
            data.policy.clear();
        }
    }
    for fact in &mut facts.deferred_revenue {
        if let DeferredFact::Shaped { policy, .. } = fact {
            policy.clear();
        }
    }
    let row = &mut facts.audit_trail;
    row.summary = String::new();
    row.reason = None;
    row.touches = Vec::new();
    facts.actor = String::new();
    facts
}

fn violation(facts: &EventFacts, invariant: &'static str, message: String) -> Violation {
    Violation { sequence: Some(facts.sequence), invariant, message }
}
