//! What a command would do: decided on copies of the state and the views, and compared.

use std::collections::{BTreeMap, BTreeSet};

use commands::clock::SystemClock;
use commands::preview::{Would, would};
use commands::standing::Standing;
use ledger_core::calendar::{Day, YearMonth};
use ledger_core::command::Command;
use ledger_core::command::order::Treatment;
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::ContractId;
use ledger_core::rejection::Rejection;
use ledger_core::state::Ledger;
use ledger_core::state::order::Order;
use projections::facts::{DeferredFact, EventFacts};
use projections::outlook::billing::{self, Billing, Runs};
use projections::outlook::{self, Scope, Stand};
use projections::views::Views;

use crate::exit::Failure;

pub(crate) mod json;
pub(crate) mod print;

/// Months past the effective date through which what has no end is shown.
const OPEN_MONTHS: i32 = 12;

/// The answer.
#[derive(Debug)]
pub(crate) enum Preview {
    /// It would be refused.
    Refused(Rejection),
    /// It was accepted before, from this event on: nothing would be written.
    Repeated(u64),
    /// Its events would be written.
    Accepted(Box<Change>),
}

/// A figure without and with the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) before: Amount,
    pub(crate) after: Amount,
}

impl Pair {
    pub(crate) fn change(self) -> Amount {
        self.after - self.before
    }
}

/// What would be different.
#[derive(Debug)]
pub(crate) struct Change {
    /// The events that would be written.
    pub(crate) events: Vec<Event>,
    /// What happened, in one line each.
    pub(crate) summaries: Vec<String>,
    /// Of an amendment: how it is treated, and why.
    pub(crate) treatment: Option<(Treatment, String)>,
    /// The contracts, without and with the command, on the day `stands_on`.
    pub(crate) contracts: BTreeMap<ContractId, Contrast>,
    /// The day of the stands.
    pub(crate) stands_on: Day,
    /// Revenue of the contracts by month.
    pub(crate) revenue: BTreeMap<(YearMonth, Currency), Pair>,
    /// What billing runs would issue afterwards, by date, tax included.
    pub(crate) billing: BTreeMap<(Day, Currency), Pair>,
    /// Its documents, without and with the command.
    pub(crate) runs: (Billing, Billing),
    /// How far billing is shown.
    pub(crate) through: Day,
    /// How far the revenue of lines without an end is shown.
    pub(crate) open_through: Day,
}

/// Where a contract stands without and with the command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contrast {
    pub(crate) currency: Currency,
    pub(crate) before: Stand,
    pub(crate) after: Stand,
}

/// A book as its log left it: both are folded up to the same event.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) standing: Standing,
    pub(crate) views: Views,
}

/// What the command would do to the book.
///
/// # Errors
/// Where the views cannot take an event, which is a fault of the program.
pub(crate) fn preview(id: &Identifier, book: Book, command: &Command) -> Result<Preview, Failure> {
    let events = match would(id, &book.standing, command, &SystemClock) {
        Ok(Would::Write(events)) => events,
        Ok(Would::Repeat(first)) => return Ok(Preview::Repeated(first)),
        Err(rejection) => return Ok(Preview::Refused(rejection)),
    };
    change(id, book, events, command.effective).map(|change| Preview::Accepted(Box::new(change)))
}

fn change(
    id: &Identifier,
    book: Book,
    events: Vec<Event>,
    effective: Day,
) -> Result<Change, Failure> {
    let Book { standing, mut views } = book;
    let without = standing.ledger;
    let mut with = without.clone();
    events.iter().for_each(|event| with.apply(event));
    let facts: Vec<EventFacts> = events.iter().cloned().map(EventFacts::of).collect();
    let contracts = touched(&views, &facts);
    let orders: BTreeSet<Identifier> = contracts.iter().filter_map(order_of).cloned().collect();
    let through = horizon([&without, &with], &orders, effective);
    let posted = facts.iter().map(|one| views.deferred_revenue.closes.posted(one.effective));
    let stands_on = posted.max().unwrap_or(effective);
    let open_through = effective.month().plus(OPEN_MONTHS).last();
    let scope = Scope { contracts, since: views.sequence, horizon: open_through };
    let before = Figures::of(&views, &scope, stands_on);
    for one in &facts {
        views.fold(one).map_err(|error| {
            Failure::store("projection.stopped", "a projection cannot apply an event")
                .because(error)
        })?;
    }
    let after = Figures::of(&views, &scope, stands_on);
    let wanted = Runs { first: None, through };
    let runs = (
        billing::simulate(id, &without, &orders, wanted),
        billing::simulate(id, &with, &orders, wanted),
    );
    Ok(Change {
        treatment: events.iter().find_map(treatment),
        summaries: facts.into_iter().map(|one| one.audit_trail.summary).collect(),
        events,
        contracts: contrasts(&before, &after),
        stands_on,
        revenue: pairs(&before.revenue, &after.revenue, |(_, currency)| currency.zero()),
        billing: pairs(&runs.0.by_date(), &runs.1.by_date(), |(_, currency)| currency.zero()),
        runs,
        through,
        open_through,
    })
}

fn treatment(event: &Event) -> Option<(Treatment, String)> {
    if let EventData::OrderAmended(amended) = &event.data {
        return Some((amended.treatment, amended.treatment_reason.clone()));
    }
    None
}

/// The contracts that the events are about. Closing days or opening them can move what any of
/// them earns when.
fn touched(views: &Views, facts: &[EventFacts]) -> BTreeSet<ContractId> {
    let facts = || facts.iter().flat_map(|one| &one.deferred_revenue);
    if facts().any(|fact| matches!(fact, DeferredFact::Closed { .. })) {
        return views.deferred_revenue.contracts.keys().cloned().collect();
    }
    facts().filter_map(DeferredFact::contract).cloned().collect()
}

fn order_of(contract: &ContractId) -> Option<&Identifier> {
    match contract {
        ContractId::Order(order) => Some(order),
        ContractId::Invoice(_) => None,
    }
}

/// The last day of billing that is shown: behind the end of the orders, for arrears are billed on
/// the day after; of what has no end, a year.
fn horizon(ledgers: [&Ledger; 2], orders: &BTreeSet<Identifier>, effective: Day) -> Day {
    let open = effective.plus_months(OPEN_MONTHS, effective.day());
    let last = |order: &Order| {
        let lines = order.lines.iter().map(|line| line.placed.last().map_or(open, Day::next));
        lines.chain(order.end.map(Day::next)).max().unwrap_or(open)
    };
    let all = ledgers.into_iter().flat_map(|ledger| {
        orders.iter().filter_map(move |order| ledger.orders.get(order)).map(last)
    });
    all.chain(std::iter::once(effective)).max().unwrap_or(effective)
}

/// What the views say of the contracts.
struct Figures {
    stands: BTreeMap<ContractId, (Currency, Stand)>,
    revenue: BTreeMap<(YearMonth, Currency), Amount>,
}

impl Figures {
    fn of(views: &Views, scope: &Scope, day: Day) -> Self {
        let stand = |id: &ContractId| Some((id.clone(), outlook::stand(views, id, day)?));
        Self {
            stands: scope.contracts.iter().filter_map(stand).collect(),
            revenue: outlook::revenue_by_month(views, scope),
        }
    }
}

fn contrasts(before: &Figures, after: &Figures) -> BTreeMap<ContractId, Contrast> {
    let contrast = |(id, (currency, with)): (&ContractId, &(Currency, Stand))| {
        let zero = currency.zero();
        let nothing = Stand { billed: zero, recognised: zero, deferred: zero, unbilled: zero };
        let without = before.stands.get(id).map_or(nothing, |(_, stand)| *stand);
        (id.clone(), Contrast { currency: *currency, before: without, after: *with })
    };
    after.stands.iter().map(contrast).collect()
}

/// Both figures of each key that either side has.
fn pairs<K: Ord + Copy>(
    before: &BTreeMap<K, Amount>,
    after: &BTreeMap<K, Amount>,
    zero: impl Fn(K) -> Amount,
) -> BTreeMap<K, Pair> {
    let keys: BTreeSet<K> = before.keys().chain(after.keys()).copied().collect();
    let at = |map: &BTreeMap<K, Amount>, key: K| map.get(&key).copied().unwrap_or(zero(key));
    keys.into_iter()
        .map(|key| (key, Pair { before: at(before, key), after: at(after, key) }))
        .collect()
}
