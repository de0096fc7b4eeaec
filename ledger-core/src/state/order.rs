//! Orders in the state: contracts, their lines, what those cost, earn, and were billed.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;

use crate::billing::grid::{Grid, Length, Period, Span};
use crate::billing::terms::{Pricing, Terms, with};
use crate::billing::timeline::Timeline;
use crate::calendar::Day;
use crate::command::shared::{Method, Per, Timing};
use crate::event::order::{Adjustment, PlacedLine};
use crate::id::Identifier;
use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::{MonthEnd, Policies};
use crate::revenue::progress::Progress;
use crate::revenue::schedule::{Schedule, in_force};
use crate::revenue::usage::{Meter, MeterTerms};

/// An order: one contract.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct Order {
    /// Who ordered.
    pub customer: Identifier,
    /// Currency of all its money.
    pub currency: Currency,
    /// First day.
    pub start: Day,
    /// Last day; none where it is open.
    pub end: Option<Day>,
    /// Days from issue to due date of its invoices.
    pub payment_terms_days: Option<u32>,
    /// Ids of its amendments.
    pub amendments: BTreeSet<Identifier>,
    /// Its lines in order.
    pub lines: Vec<OrderLine>,
    /// The day of its cancellation.
    pub cancelled: Option<Day>,
    /// The first day of the suspension that it is in.
    pub suspended: Option<Day>,
}

/// A line of an order.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
pub struct OrderLine {
    /// The terms that were decided last.
    pub placed: PlacedLine,
    /// The terms from day to day, in order of their first days.
    pub terms: Timeline,
    /// All schedule versions in the order of recording.
    pub versions: Vec<Schedule>,
    /// What was delivered.
    pub progress: Progress,
    /// Usage, where the line is for it.
    pub meter: Option<Meter>,
    /// Ids of the usage readings, where the caller gave some.
    pub readings: BTreeSet<Identifier>,
    /// What was billed of it.
    pub billed: Billed,
    /// What credits took of what was earned, with their days.
    pub contra: Vec<(Day, Amount)>,
    /// What credits of the latest day with one took of what it is still to earn.
    pub lowered: Option<Lowered>,
    /// Whether an amendment removed it.
    pub removed: bool,
}

/// What the credits of one day took of what a line is still to earn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Lowered {
    /// The day.
    pub day: Day,
    /// How much.
    pub amount: Amount,
    /// How many schedule versions there were before the first of them.
    pub versions_before: usize,
}

/// What was billed of a line.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Billed {
    /// Net of tax and of credits, by any invoice.
    pub net: Amount,
    /// By the first day of the period, what billing runs invoiced for it at first.
    pub periods: BTreeMap<Day, BilledPeriod>,
    /// By the first day of the period, what adjustments billed of it besides.
    pub adjusted: BTreeMap<Day, Amount>,
    /// No period that starts earlier is still to be billed.
    pub next: Option<Day>,
    /// Differences that amendments made to billed periods, still to be billed.
    pub pending: Vec<Adjustment>,
    /// The invoices and their lines that bill it, oldest first.
    pub invoices: Vec<(Identifier, Identifier)>,
    /// Whether nothing more is billed, because a cancellation settled it.
    pub is_settled: bool,
}

/// A period that a billing run invoiced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BilledPeriod {
    /// Before tax.
    pub amount: Amount,
    /// The date of the invoice: what changes in the period falls due on it or later.
    pub issued: Day,
}

impl Order {
    /// The line of that name. A renewed line's successor goes by the old name, too, once it has
    /// begun.
    pub fn line(&self, id: &Identifier, day: Day) -> Option<(usize, &OrderLine)> {
        let mut found = self.lines.iter().enumerate().find(|(_, line)| line.placed.line == *id)?;
        while let Some(next) = self.lines.iter().enumerate().find(|(_, line)| {
            line.placed.renews.as_ref() == Some(&found.1.placed.line) && line.placed.start <= day
        }) {
            found = next;
        }
        Some(found)
    }

    /// The sum of what its lines earn in all once these stand as given: later ones of a line in
    /// place of earlier ones. Of lines without an end, through their running period.
    pub fn price_with(&self, changed: &[PlacedLine]) -> Amount {
        let last = |id: &Identifier| changed.iter().rev().find(|line| line.line == *id);
        let known = self.lines.iter().map(|line| {
            last(&line.placed.line).map_or(line.placed.allocated, |line| line.allocated)
        });
        let is_new =
            |line: &&PlacedLine| !self.lines.iter().any(|one| one.placed.line == line.line);
        let added = changed.iter().filter(is_new).map(|line| line.allocated);
        self.currency.zero() + known.sum() + added.sum()
    }
}

impl OrderLine {
    /// A line as it is added.
    pub fn new(
        placed: &PlacedLine,
        sequence: u64,
        policies: &Policies,
        currency: Currency,
    ) -> Self {
        let meter =
            placed.meter_terms().map(|terms| Meter::new(sequence, terms, policies, currency));
        Self {
            placed: placed.clone(),
            terms: vec![terms_of(placed, placed.terms_from.unwrap_or(placed.start))].into(),
            versions: placed.schedule.iter().cloned().collect(),
            progress: Progress::default(),
            meter,
            readings: BTreeSet::new(),
            billed: Billed { net: currency.zero(), ..Billed::default() },
            contra: Vec::new(),
            lowered: None,
            removed: false,
        }
    }

    /// Takes the terms that a change decided.
    pub fn change(&mut self, placed: &PlacedLine, sequence: u64) {
        if let Some(from) = placed.terms_from {
            self.terms = with(&self.terms, terms_of(placed, from));
        }
        if let (Some(meter), Some(terms)) = (&mut self.meter, placed.meter_terms()) {
            meter.amend(sequence, terms);
        }
        self.versions.extend(placed.schedule.iter().cloned());
        self.placed = placed.clone();
    }

    /// Earned through a day.
    pub fn earned_through(&self, day: Day, currency: Currency) -> Amount {
        if let Some(meter) = &self.meter {
            return meter.earned_through(day, u64::MAX);
        }
        match in_force(self.versions.iter(), day) {
            Some(version) => version.earned_through(day, self.progress.done(day), currency),
            None => currency.zero(),
        }
    }

    /// Earned through a day as the changes, credits and voids of the next day have it: what they
    /// catch up on is earned before anything else of that day.
    pub fn earned_before(&self, day: Day, currency: Currency) -> Amount {
        in_force(self.versions.iter(), day.next()).map_or(currency.zero(), |version| {
            version.earned_through(day, self.progress.done(day), currency)
        })
    }

    /// How much more it would still have to earn behind a day, had the credits of `on` not been:
    /// what they took of it, less what they took of the days until then.
    pub fn lowered_behind(&self, day: Day, on: Day, currency: Currency) -> Amount {
        let Some(lowered) = self.lowered.filter(|one| one.day == on) else { return Amount::ZERO };
        let without = self.versions.get(..lowered.versions_before).unwrap_or_default();
        let earned = in_force(without.iter(), day).map_or(currency.zero(), |version| {
            version.earned_through(day, self.progress.done(day), currency)
        });
        lowered.amount + (self.earned_through(day, currency) - earned)
    }

    /// Takes a credit of a day that lowers what it is still to earn.
    pub fn lower(&mut self, day: Day, amount: Amount) {
        let versions_before = self.versions.len();
        let new = Lowered { day, amount: Amount::ZERO, versions_before };
        let lowered = self.lowered.filter(|one| one.day == day).unwrap_or(new);
        self.lowered = Some(Lowered { amount: lowered.amount + amount, ..lowered });
    }

    /// Takes the void of a credit of a day: what it lowered is to be earned again.
    pub fn raised_by(&mut self, issued: Option<Day>, amount: Amount) {
        let of_day = |one: &Lowered| Some(one.day) == issued;
        if let Some(lowered) = self.lowered.filter(of_day) {
            let left = lowered.amount - amount;
            self.lowered = (!left.is_zero()).then_some(Lowered { amount: left, ..lowered });
        }
    }

    /// Takes a credit, a write-off or a chargeback of a day: what it takes out of the contract
    /// balance, what of it was earned, and the line's new versions.
    pub fn lowered_by<'a>(
        &mut self,
        day: Day,
        balance: Amount,
        earned: Amount,
        versions: impl Iterator<Item = &'a Schedule>,
    ) {
        let mut versions = versions.cloned().peekable();
        if versions.peek().is_some() {
            self.lower(day, balance);
        }
        self.versions.extend(versions);
        self.billed.net -= balance;
        self.contra.push((day, earned));
    }

    /// What it costs, as things stand.
    pub fn costs(&self, policies: &Policies, currency: Currency) -> Costs {
        Costs::new(&self.placed, self.terms.clone(), policies, currency)
    }

    /// Whether it is billed as it is delivered.
    pub fn is_billed_on_delivery(&self) -> bool {
        self.placed.billing.as_ref().is_some_and(|one| one.timing == Some(Timing::OnDelivery))
    }

    /// The share of it that is delivered through a day: the first number over the second.
    pub fn delivered(&self, day: Day) -> (Decimal, Decimal) {
        let version = self.versions.last();
        match version.and_then(|version| version.progress) {
            Some(measure) => (self.progress.done(day), measure.whole.decimal()),
            // Earned on its start; where it was stopped, what was delivered is all that there is.
            None => {
                let is_begun = day >= self.placed.start || !self.progress.done(day).is_zero();
                (if is_begun { Decimal::ONE } else { Decimal::ZERO }, Decimal::ONE)
            }
        }
    }

    /// The price of what is delivered through a day, each unit at the price that held when it was: what is
    /// earned of it. None where it earns another part of the order's price than its own, or where a
    /// credit took of it, also one that is void.
    pub fn price_of_delivered(&self, day: Day, currency: Currency) -> Option<Amount> {
        let is_own = self.placed.allocated == self.placed.amount && self.contra.is_empty();
        is_own.then(|| self.earned_through(day, currency))
    }

    /// The date on which a period is billed; none where it does not fall due by itself.
    pub fn billing_date(&self, period: &Period, month_end: MonthEnd) -> Option<Day> {
        let billing = self.placed.billing.as_ref()?;
        let is_usage = self.meter.is_some();
        let every = Length::from(billing.every);
        let span = self.placed.span();
        // A single period of usage that never ends does not fall due.
        if every == Length::Term && span.end.is_none() && span.ended.is_none() && is_usage {
            return None;
        }
        let grid = Grid::new(span, every, billing.anchor, month_end);
        let billed =
            if every == grid_length(&self.placed) { *period } else { grid.at(period.start)? };
        match billing.timing.unwrap_or(Timing::Advance) {
            Timing::Advance if !is_usage => Some(self.awake(period, billed.start)),
            Timing::Advance | Timing::Arrears => Some(billed.end.max(period.end).next()),
            Timing::OnDelivery => None,
        }
    }

    /// The day itself, or the one on which a suspension ends that it falls into.
    fn awake(&self, period: &Period, day: Day) -> Day {
        match self.terms.in_force(period.start) {
            Some(one) if one.is_suspended => {
                let later =
                    self.terms.iter().find(|other| other.from > one.from && !other.is_suspended);
                later.map_or(day, |later| later.from.max(day))
            }
            Some(_) | None => day,
        }
    }
}

impl Billed {
    /// What runs billed of a period, or of the deliveries of a day, with what is still to be billed
    /// of its changes.
    pub fn of_period(&self, start: Day) -> Amount {
        let first = self.periods.get(&start).map_or(Amount::ZERO, |one| one.amount);
        let adjusted = self.adjusted.get(&start).copied().unwrap_or_default();
        let pending = self.pending.iter().filter(|one| one.period_start == start);
        first + adjusted + pending.map(|one| one.amount).sum::<Amount>()
    }
}

impl PlacedLine {
    /// The line's term.
    pub fn span(&self) -> Span {
        Span { start: self.start, end: self.end, ended: self.ended }
    }

    /// The last day of the line; none where it is open.
    pub fn last(&self) -> Option<Day> {
        match (self.end, self.ended) {
            (Some(end), Some(ended)) => Some(end.min(ended)),
            (end, ended) => end.or(ended),
        }
    }

    /// The period that its price is for.
    pub fn per(&self) -> Per {
        self.price.per.unwrap_or(Per::Once)
    }

    /// Whether its price is for the whole term, not for each of its periods.
    pub fn is_priced_once(&self) -> bool {
        Length::from(self.per()) == Length::Term
    }

    /// The terms of its usage, where it is for that.
    pub fn meter_terms(&self) -> Option<MeterTerms> {
        (self.recognition.method == Method::Usage).then(|| MeterTerms {
            from: self.terms_from.unwrap_or(self.start),
            start: self.start,
            end: self.end,
            ended: self.ended,
            price: self.price.clone(),
            quantity: self.quantity,
            discount: self.discount,
            anchor: self.billing.as_ref().and_then(|billing| billing.anchor),
            is_suspended: self.is_suspended,
        })
    }
}

/// The terms of a line from a day on.
pub fn terms_of(placed: &PlacedLine, from: Day) -> Terms {
    Terms {
        from,
        price: placed.price.clone(),
        quantity: placed.quantity,
        discount: placed.discount,
        is_suspended: placed.is_suspended,
        contained_tax: placed.contained_tax,
    }
}

/// The length of the periods in which a line costs and is billed: those of its billing, where it
/// has some, else those of its price.
fn grid_length(placed: &PlacedLine) -> Length {
    let priced = Length::from(placed.per());
    let Some(billing) = &placed.billing else { return priced };
    let billed = Length::from(billing.every);
    let is_endless = placed.last().is_none() && priced == Length::Term;
    if placed.recognition.method == Method::Usage || billed == Length::Term || is_endless {
        return priced;
    }
    billed
}

/// What a line costs period by period.
#[derive(Debug, Clone)]
pub struct Costs {
    /// How its periods are priced.
    pub pricing: Pricing,
    /// The terms from day to day.
    pub terms: Timeline,
    /// Where the price is for the whole term, its periods are parts of this by days.
    whole: Option<Amount>,
}

impl Costs {
    /// The costs of a line under these terms; where its price is for the whole term,
    /// `placed.amount` is that price.
    pub fn new(
        placed: &PlacedLine,
        terms: impl Into<Timeline>,
        policies: &Policies,
        currency: Currency,
    ) -> Self {
        let anchor = placed.billing.as_ref().and_then(|billing| billing.anchor);
        let grid = Grid::new(placed.span(), grid_length(placed), anchor, policies.month_end);
        let pricing = Pricing::new(grid, placed.per(), policies, currency);
        Self {
            pricing,
            terms: terms.into(),
            whole: placed.is_priced_once().then_some(placed.amount),
        }
    }

    /// Its periods.
    pub fn grid(&self) -> &Grid {
        &self.pricing.grid
    }

    /// What a period costs.
    pub fn period(&self, period: &Period) -> Amount {
        let Some(whole) = self.whole else { return self.pricing.period(&self.terms, period) };
        let grid = &self.pricing.grid;
        if grid.length == Length::Term {
            return whole;
        }
        let last = grid.last().unwrap_or(period.end);
        let days = |to: Day| Decimal::from(to.days_since(grid.start) + 1);
        let through = |to: Day| {
            let share = multiply_divide(whole.decimal(), days(to), days(last));
            self.pricing.currency.round(share, self.pricing.rounding)
        };
        through(period.end) - through(period.start.previous())
    }

    /// What the periods of one period of the price cost together, at the terms that were decided
    /// last: what recurs where a line has no end.
    pub fn cycle(&self) -> Amount {
        let zero = self.pricing.currency.zero();
        let Some(terms) = self.terms.last() else { return zero };
        let grid = self.pricing.grid.endless();
        // Whole periods of such a line cost the same, whichever it is.
        match grid.at(grid.start) {
            Some(period) if self.pricing.parts() == 1 => self.pricing.whole(terms, &period),
            Some(_) => self.pricing.currency.round(terms.whole(), self.pricing.rounding),
            None => zero,
        }
    }

    /// The price of the whole term: of all periods, or of the one that the price is for. Nothing
    /// where there is no end.
    pub fn total(&self) -> Amount {
        self.rest(self.pricing.grid.start)
    }

    /// The price of the periods from the one that holds a day on.
    pub fn rest(&self, from: Day) -> Amount {
        if self.whole.is_none() {
            return self.pricing.rest(&self.terms, from);
        }
        // The single period of a price for the whole term, with the changes inside it.
        let grid = self.pricing.grid.as_one();
        let pricing = Pricing { grid, ..self.pricing };
        let zero = self.pricing.currency.zero();
        grid.period(0).map_or(zero, |period| pricing.period(&self.terms, &period))
    }
}
