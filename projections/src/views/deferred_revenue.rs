//! Deferred revenue: what each contract was billed, and the schedules of what it earns.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::event::invoice::DecidedPolicy;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::policy::Policies;
use ledger_core::posting::ContractId;
use ledger_core::revenue::explain::Steps;
use ledger_core::revenue::progress::Progress;
use ledger_core::revenue::schedule::{Schedule, in_force};
use ledger_core::revenue::usage::{Meter, MeterTerms};
use ledger_core::revenue::valuation::{Jumps, Valued};
use rust_decimal::Decimal;

use crate::facts::{BillValue, DeferredFact, EventFacts, Projection, ProjectionError};
use crate::views::segments::{LineOf, Place, Segments};
use crate::views::{At, BillRef, Closes};

/// A movement of what a contract was billed: an invoice above zero, a credit below.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Billed {
    /// When it is posted.
    pub date: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// Net of tax.
    pub amount: Amount,
    /// What it is worth in the book's currency, where that is another one.
    pub valued: Option<Box<BillValue>>,
    /// Whether it came late for closed days.
    pub late: bool,
}

/// Contra revenue: above zero it lowers revenue.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Contra {
    /// When it is posted.
    pub date: Day,
    /// When the ledger learned it.
    pub sequence: u64,
    /// The contract, where it is one's.
    pub contract: Option<ContractId>,
    /// Its line.
    pub line: Option<Identifier>,
    /// The product of its line.
    pub product: Option<Identifier>,
    /// Whose.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Net of tax.
    pub amount: Amount,
    /// Whether it came late for closed days.
    pub late: bool,
}

/// A line of a contract with the versions of its schedule.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Line {
    /// Its product.
    pub product: Option<Identifier>,
    /// When it was booked.
    pub booked: Day,
    /// Schedule versions with the sequence at which the ledger learned them.
    pub versions: Vec<(u64, Schedule)>,
    /// What was delivered.
    pub progress: Progress,
    /// Usage, where the line earns by it.
    pub meter: Option<Meter>,
    /// Where it stands in the hot table.
    place: Place,
}

/// A contract: an order, or an invoice without one.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Contract {
    /// Which one.
    pub id: ContractId,
    /// Whose.
    pub customer: Identifier,
    /// Its currency.
    pub currency: Currency,
    /// Its lines by id.
    pub lines: BTreeMap<Identifier, Box<Line>>,
    /// What it was billed.
    pub billed: Vec<Billed>,
    /// Its number in the hot table.
    pub number: u32,
    /// By the sequence of the event that they shaped, the policies in force then.
    pub policies: BTreeMap<u64, DecidedPolicy>,
}

impl Line {
    fn new(product: Option<Identifier>, booked: Day) -> Self {
        Self {
            product,
            booked,
            versions: Vec::new(),
            progress: Progress::default(),
            meter: None,
            place: Place::New,
        }
    }

    /// Takes a version. Most lines never get a second one: there is no room for more at first.
    fn add(&mut self, sequence: u64, schedule: &Schedule) {
        if self.versions.is_empty() {
            self.versions.reserve_exact(1);
        }
        self.versions.push((sequence, schedule.clone()));
    }

    /// Earned through a day, as known then: what was learned after a day was closed does not
    /// change it (accounting, section 1).
    pub fn earned(&self, day: Day, at: At<'_>, currency: Currency) -> Amount {
        self.earned_as_known(day, at.known(day), currency)
    }

    /// Earned through a day, as known at a sequence, whether the day is closed or not.
    pub fn earned_as_known(&self, day: Day, sequence: u64, currency: Currency) -> Amount {
        if let Some(meter) = &self.meter {
            return meter.earned_through(day, sequence);
        }
        match self.in_force(day, sequence) {
            Some(version) => {
                version.earned_through(day, self.done(version, day, sequence), currency)
            }
            None => currency.zero(),
        }
    }

    /// How what is earned through a day comes about, as known at a sequence; none where no
    /// schedule is in force.
    pub fn explain(&self, day: Day, sequence: u64, currency: Currency) -> Option<Steps> {
        let version = self.in_force(day, sequence)?;
        Some(version.explain(day, self.done(version, day, sequence), currency))
    }

    /// What was delivered through a day, where the version asks for it.
    fn done(&self, version: &Schedule, day: Day, sequence: u64) -> Decimal {
        match version.progress {
            Some(_) => self.progress.done_as_known(day, sequence),
            None => Decimal::ZERO,
        }
    }

    /// The events behind one and through another that changed what it earns.
    pub fn learned_at(&self, behind: u64, through: u64) -> BTreeSet<u64> {
        let versions = self.versions.iter().map(|(at, _)| *at);
        let steps = self.progress.steps(through).map(|(_, at, _)| at);
        let meter = self.meter.iter();
        let metered = meter.flat_map(|meter| {
            let readings = meter.readings(through).map(|(_, at, _)| at);
            readings.chain(meter.terms(through).map(|(at, _)| *at))
        });
        let all = versions.chain(steps).chain(metered);
        all.filter(|at| *at > behind && *at <= through).collect()
    }

    /// The version that decides what is earned through a day, as known at a sequence.
    pub fn in_force(&self, day: Day, sequence: u64) -> Option<&Schedule> {
        let known = self.versions.iter().filter(|(at, _)| *at <= sequence);
        in_force(known.map(|(_, version)| version), day)
    }

    /// The version that was recorded last, as known at a sequence.
    pub fn latest(&self, sequence: u64) -> Option<&Schedule> {
        let known = self.versions.iter().rev().find(|(at, _)| *at <= sequence);
        known.map(|(_, version)| version)
    }

    /// The first day on which it can earn, as known at a sequence.
    fn first(&self, sequence: u64) -> Option<Day> {
        let known = self.versions.iter().filter(|(one, _)| *one <= sequence);
        let scheduled = known.map(|(_, version)| version.from.min(version.start));
        let metered = self.meter.as_ref().and_then(|meter| meter.reach(sequence));
        scheduled.chain(metered.map(|(start, _)| start)).min()
    }

    /// The first day on which it can earn, and the last through `horizon`, which bounds a line
    /// without an end.
    pub fn reach(&self, at: At<'_>, horizon: Day) -> Option<(Day, Day)> {
        let known = self.versions.iter().filter(|(one, _)| *one <= at.sequence);
        let ends = known.map(|(_, version)| match version.recurring {
            Some(_) => horizon,
            None if version.is_paused => version.from,
            None => version.from.max(version.end),
        });
        let mut last = ends.max();
        if let Some((_, end)) = self.meter.as_ref().and_then(|meter| meter.reach(at.sequence)) {
            last = last.max(Some(end.map_or(horizon, |end| end.min(horizon))));
        }
        last = last.max(self.progress.days(at.sequence).max());
        // What is learned late is posted on the first open day.
        last = last.max(at.last_catch_up());
        self.first(at.sequence).zip(last)
    }
}

impl Contract {
    /// Its bills as known at a sequence, with their days.
    pub fn bills(&self, sequence: u64) -> impl Iterator<Item = (Day, BillRef<'_>)> {
        let known = self.billed.iter().filter(move |one| one.sequence <= sequence);
        known.map(|one| {
            let value = one.valued.as_ref();
            let bill = BillRef {
                invoice: value.and_then(|value| value.invoice.as_ref()),
                amount: one.amount,
                value: value.map_or(one.amount, |value| value.amount),
            };
            (one.date, bill)
        })
    }

    /// Billed net of credits through a day, as known at a sequence.
    pub fn billed(&self, day: Day, sequence: u64) -> Amount {
        let known = self.billed.iter().filter(|one| one.date <= day && one.sequence <= sequence);
        self.currency.zero() + known.map(|one| one.amount).sum()
    }

    /// Earned through a day, as known then.
    pub fn recognised(&self, day: Day, at: At<'_>) -> Amount {
        let earned = self.lines.values().map(|line| line.earned(day, at, self.currency));
        self.currency.zero() + earned.sum()
    }
}

impl<'a> Valued<'a> for &'a Contract {
    fn currency(&self) -> Currency {
        self.currency
    }

    fn recognised(&self, day: Day, at: At<'_>) -> Amount {
        Contract::recognised(self, day, at)
    }

    fn first_earned(&self, at: At<'_>) -> Option<Day> {
        self.lines.values().filter_map(|line| line.first(at.sequence)).min()
    }

    fn bills(&self, at: At<'_>) -> Vec<(Day, BillRef<'a>)> {
        Contract::bills(self, at.sequence).collect()
    }

    fn jumps(&self, at: At<'_>) -> Jumps {
        let mut jumps = Jumps::default();
        for line in self.lines.values() {
            let known = line.versions.iter().filter(|(one, _)| *one <= at.sequence);
            known.for_each(|(_, version)| jumps.version(version));
            if line.meter.is_some() {
                jumps.metered();
            }
        }
        jumps
    }
}

/// All contracts.
#[derive(Debug, Clone, Default)]
pub struct DeferredRevenue {
    /// By id: orders first.
    pub contracts: BTreeMap<ContractId, Contract>,
    /// Contra revenue in order of sequence.
    pub contra: Vec<Contra>,
    /// Which days were closed when.
    pub closes: Closes,
    /// The last event that changed what a line earns.
    pub changed: u64,
    /// The schedules once more, as integers.
    pub segments: Segments,
}

impl DeferredRevenue {
    /// The contracts as known at a sequence.
    pub fn at(&self, sequence: u64) -> At<'_> {
        At::new(&self.closes, sequence)
    }

    /// Takes the facts of one event.
    pub(super) fn apply(
        &mut self,
        facts: &EventFacts,
        policies: &Policies,
    ) -> Result<(), ProjectionError> {
        let sequence = facts.sequence;
        let date = self.closes.posted(facts.effective);
        let late = date != facts.effective;
        for fact in &facts.deferred_revenue {
            self.changed = if fact.earns() { sequence } else { self.changed };
            match fact {
                DeferredFact::Contract { id, customer, currency } => {
                    let segments = &mut self.segments;
                    self.contracts.entry(id.clone()).or_insert_with(|| Contract {
                        id: id.clone(),
                        customer: customer.clone(),
                        currency: *currency,
                        lines: BTreeMap::new(),
                        billed: Vec::new(),
                        number: segments.contract(customer),
                        policies: BTreeMap::new(),
                    });
                }
                DeferredFact::Version { contract, line, product, schedule } => {
                    let is_late = self.closes.posted(schedule.from) != schedule.from;
                    let (line, segments, of) = self.with_place(facts, contract, line, product)?;
                    line.add(sequence, schedule);
                    let product = line.product.as_ref();
                    let of = LineOf { product, booked: line.booked, ..of };
                    segments.version(&mut line.place, &of, schedule, is_late);
                }
                DeferredFact::Metered { contract, line, product, terms } => {
                    let (line, segments, of) = self.with_place(facts, contract, line, product)?;
                    metered(line, sequence, terms, policies, of.currency);
                    segments.general(&mut line.place, &of);
                }
                DeferredFact::Delivered { contract, line, step } => {
                    let line = self.line(facts, contract, line, &None)?;
                    line.progress.record(facts.effective, sequence, *step);
                }
                DeferredFact::Used { contract, line, day, quantity } => {
                    let line = self.line(facts, contract, line, &None)?;
                    if let Some(meter) = &mut line.meter {
                        meter.record(sequence, *day, *quantity);
                    }
                }
                DeferredFact::Billed { contract, amount, valued } => {
                    let contract = self.contract(facts, contract)?;
                    let (amount, valued) = (*amount, valued.clone());
                    contract.billed.push(Billed { date, sequence, amount, valued, late });
                }
                DeferredFact::Contra { contract, line: name, customer, currency, amount } => {
                    let known = contract.as_ref().and_then(|id| self.contracts.get(id));
                    let line = known.zip(name.as_ref()).and_then(|(one, id)| one.lines.get(id));
                    self.contra.push(Contra {
                        date,
                        sequence,
                        contract: contract.clone(),
                        line: name.clone(),
                        product: line.and_then(|line| line.product.clone()),
                        customer: customer.clone(),
                        currency: *currency,
                        amount: *amount,
                        late,
                    });
                }
                DeferredFact::Shaped { contract, policy } => {
                    let contract = self.contract(facts, contract)?;
                    contract.policies.insert(sequence, policy.clone());
                }
                DeferredFact::Closed { through } => self.closes.take(sequence, *through),
            }
        }
        Ok(())
    }

    /// A line of a contract, made where it is new.
    fn line(
        &mut self,
        facts: &EventFacts,
        contract: &ContractId,
        line: &Identifier,
        product: &Option<Identifier>,
    ) -> Result<&mut Line, ProjectionError> {
        self.with_place(facts, contract, line, product).map(|(line, ..)| line)
    }

    /// The same with the hot table, and what that wants to know of the line.
    fn with_place<'a>(
        &mut self,
        facts: &EventFacts,
        id: &'a ContractId,
        line: &'a Identifier,
        product: &Option<Identifier>,
    ) -> Result<(&mut Line, &mut Segments, LineOf<'a>), ProjectionError> {
        let booked = facts.effective;
        let Self { contracts, segments, .. } = self;
        let contract = contracts.get_mut(id).ok_or_else(|| unknown(facts, id))?;
        let (number, currency) = (contract.number, contract.currency);
        let of = LineOf { contract: id, line, number, currency, product: None, booked };
        let new = || Box::new(Line::new(product.clone(), booked));
        Ok((contract.lines.entry(line.clone()).or_insert_with(new), segments, of))
    }

    fn contract(
        &mut self,
        facts: &EventFacts,
        id: &ContractId,
    ) -> Result<&mut Contract, ProjectionError> {
        self.contracts.get_mut(id).ok_or_else(|| unknown(facts, id))
    }
}

fn unknown(facts: &EventFacts, id: &ContractId) -> ProjectionError {
    ProjectionError {
        projection: Projection::DeferredRevenue.name(),
        sequence: facts.sequence,
        reason: format!("it names the contract {id:?}, which no event before it made"),
    }
}

fn metered(
    line: &mut Line,
    sequence: u64,
    terms: &MeterTerms,
    policies: &Policies,
    currency: Currency,
) {
    match &mut line.meter {
        Some(meter) => meter.amend(sequence, terms.clone()),
        None => line.meter = Some(Meter::new(sequence, terms.clone(), policies, currency)),
    }
}
