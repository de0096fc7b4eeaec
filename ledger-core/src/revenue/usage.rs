//! Usage: readings that are rated period by period, and earned when they happen (accounting,
//! section 3; readings, 15 and 55).

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::billing::grid::{Grid, Length, Period, Span};
use crate::billing::price::{discounted, of_units};
use crate::billing::proration::share;
use crate::billing::terms::{Terms, in_force, with};
use crate::billing::timeline::Timeline;
use crate::calendar::Day;
use crate::command::shared::{Aggregate, Anchor, Discount, Per, Price};
use crate::money::{Amount, Currency, Rounding};
use crate::policy::{MonthEnd, Policies, Proration};
use crate::revenue::explain::UsagePeriod;

/// The terms of a usage line from a day on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
pub struct MeterTerms {
    /// The first day on which they hold.
    pub from: Day,
    /// First day of the line.
    pub start: Day,
    /// Last day of the line; none where it is open.
    pub end: Option<Day>,
    /// The last day, where something cut the line short.
    pub ended: Option<Day>,
    /// The price of a period's usage.
    pub price: Price,
    /// Units that are committed: a period costs at least their price.
    pub quantity: Amount,
    /// Off each period's price.
    pub discount: Option<Discount>,
    /// Where periods begin.
    pub anchor: Option<Anchor>,
    /// Whether the order is suspended.
    pub is_suspended: bool,
}

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Reading {
    day: Day,
    sequence: u64,
    quantity: Amount,
}

/// A usage line: its terms and its readings, both with the sequence at which they were learned.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Meter {
    terms: Vec<(u64, MeterTerms)>,
    readings: Vec<Reading>,
    currency: Currency,
    rounding: Rounding,
    proration: Proration,
    month_end: MonthEnd,
}

/// A meter as it was known at some sequence.
struct Known<'a> {
    meter: &'a Meter,
    grid: Grid,
    terms: Timeline,
    /// Readings by the start of their period.
    readings: BTreeMap<Day, Vec<Reading>>,
}

impl Meter {
    /// A line without readings.
    pub fn new(sequence: u64, terms: MeterTerms, policies: &Policies, currency: Currency) -> Self {
        Self {
            terms: vec![(sequence, terms)],
            readings: Vec::new(),
            currency,
            rounding: policies.rounding,
            proration: policies.proration,
            month_end: policies.month_end,
        }
    }

    /// Takes other terms.
    pub fn amend(&mut self, sequence: u64, terms: MeterTerms) {
        self.terms.push((sequence, terms));
    }

    /// Takes a reading.
    pub fn record(&mut self, sequence: u64, day: Day, quantity: Amount) {
        let at = self.readings.partition_point(|one| (one.day, one.sequence) <= (day, sequence));
        self.readings.insert(at, Reading { day, sequence, quantity });
    }

    /// Earned through a day, as known at a sequence: whole periods at their price, the running
    /// one at what its readings so far come to.
    pub fn earned_through(&self, day: Day, sequence: u64) -> Amount {
        let mut sum = self.currency.zero();
        if let Some(known) = self.known(sequence, None) {
            known.each_period(day, &mut |one| sum += one.earned());
        }
        sum
    }

    /// How what is earned through a day comes about, period by period.
    pub fn explain(&self, day: Day, sequence: u64) -> Vec<UsagePeriod> {
        let mut periods = Vec::new();
        if let Some(known) = self.known(sequence, None) {
            known.each_period(day, &mut |one| periods.push(one));
        }
        periods
    }

    /// What the period that holds a day costs in all, as known now.
    pub fn period_price(&self, period: &Period) -> Amount {
        let Some(known) = self.known(u64::MAX, Some(period)) else { return self.currency.zero() };
        let readings = known.readings.get(&period.start).map_or(&[][..], Vec::as_slice);
        let before = self.readings.iter().rev().find(|one| one.day < period.start);
        known.closed(period, readings, before.map(|one| one.quantity)).earned()
    }

    /// The period that holds a day, as known now.
    pub fn period(&self, day: Day) -> Option<Period> {
        let (_, latest) = self.terms.last()?;
        let grid = self.grid(latest);
        if grid.length == Length::Term && grid.last().is_none() {
            return Some(endless(&grid));
        }
        grid.at(day)
    }

    /// The same meter with the readings of one period only: enough to price that.
    #[must_use]
    pub fn of_period(&self, period: &Period) -> Self {
        let first = self.readings.partition_point(|one| one.day < period.start);
        let end = self.readings.partition_point(|one| one.day <= period.end);
        // The last reading before it can carry over.
        let from = first.saturating_sub(1);
        Self {
            terms: self.terms.clone(),
            readings: self.readings.get(from..end).unwrap_or_default().to_vec(),
            ..*self
        }
    }

    fn grid(&self, terms: &MeterTerms) -> Grid {
        let span = Span { start: terms.start, end: terms.end, ended: terms.ended };
        let per = terms.price.per.unwrap_or(Per::Once);
        Grid::new(span, Length::from(per), terms.anchor, self.month_end)
    }

    /// The first and the last day of the line, as known at a sequence; open where there is none.
    pub fn reach(&self, sequence: u64) -> Option<(Day, Option<Day>)> {
        let (_, latest) = self.terms.iter().rev().find(|(at, _)| *at <= sequence)?;
        let last = match (latest.end, latest.ended) {
            (Some(end), Some(ended)) => Some(end.min(ended)),
            (end, ended) => end.or(ended),
        };
        Some((latest.start, last))
    }

    /// The days of the readings, as known at a sequence.
    pub fn days(&self, sequence: u64) -> impl Iterator<Item = Day> {
        self.readings.iter().filter(move |one| one.sequence <= sequence).map(|one| one.day)
    }

    /// Day, sequence and quantity of each reading, as known at a sequence.
    pub fn readings(&self, sequence: u64) -> impl Iterator<Item = (Day, u64, Amount)> {
        let known = self.readings.iter().filter(move |one| one.sequence <= sequence);
        known.map(|one| (one.day, one.sequence, one.quantity))
    }

    /// The terms with the sequences at which they were learned, as known at a sequence.
    pub fn terms(&self, sequence: u64) -> impl Iterator<Item = &(u64, MeterTerms)> {
        self.terms.iter().filter(move |(at, _)| *at <= sequence)
    }

    /// The meter as known at a sequence, with all its readings or those of one period.
    fn known(&self, sequence: u64, only: Option<&Period>) -> Option<Known<'_>> {
        let mut list = Timeline::default();
        let mut latest = None;
        for (_, one) in self.terms.iter().filter(|(at, _)| *at <= sequence) {
            let terms = Terms {
                from: one.from,
                price: one.price.clone(),
                quantity: one.quantity,
                discount: one.discount,
                is_suspended: one.is_suspended,
                contained_tax: None,
            };
            list = with(&list, terms);
            latest = Some(one);
        }
        let latest = latest?;
        let grid = self.grid(latest);
        let (first, end) = match only {
            Some(period) => (
                self.readings.partition_point(|one| one.day < period.start),
                self.readings.partition_point(|one| one.day <= period.end),
            ),
            None => (0, self.readings.len()),
        };
        let mut readings: BTreeMap<Day, Vec<Reading>> = BTreeMap::new();
        // What was read behind the last day, before the line was cut short, it neither bills nor earns.
        let last = grid.last();
        for one in self.readings.get(first..end).unwrap_or_default() {
            if one.sequence <= sequence && last.is_none_or(|last| one.day <= last) {
                let period = grid.at(one.day).map_or(grid.start, |period| period.start);
                readings.entry(period).or_default().push(*one);
            }
        }
        Some(Known { meter: self, grid, terms: list, readings })
    }
}

/// The single period of a term without an end.
fn endless(grid: &Grid) -> Period {
    let end = Day::new(time::Date::MAX);
    Period { start: grid.start, end, whole_start: grid.start, whole_end: end }
}

impl Known<'_> {
    /// The periods. A term without an end is one period that is never over.
    fn periods(&self) -> impl Iterator<Item = Period> {
        let grid = &self.grid;
        let is_endless = grid.length == Length::Term && grid.last().is_none();
        let endless = is_endless.then(|| endless(grid));
        let others = grid.from(grid.start).filter(move |_| !is_endless);
        endless.into_iter().chain(others)
    }

    /// Shows each period that has begun by a day: one that is over at its price, the running one at
    /// what its readings so far come to.
    fn each_period(&self, day: Day, see: &mut impl FnMut(UsagePeriod)) {
        let mut carried = None;
        for period in self.periods().take_while(|period| period.start <= day) {
            let readings = self.readings.get(&period.start).map_or(&[][..], Vec::as_slice);
            see(if period.end <= day {
                self.closed(&period, readings, carried)
            } else {
                let count = readings.partition_point(|one| one.day <= day);
                self.running(&period, readings.get(..count).unwrap_or_default(), None)
            });
            carried = readings.last().map(|one| one.quantity).or(carried);
        }
    }

    /// A period that is not over: the price of its readings so far.
    fn running(
        &self,
        period: &Period,
        readings: &[Reading],
        carried: Option<Amount>,
    ) -> UsagePeriod {
        let terms = in_force(&self.terms, period.start).or(self.terms.first());
        let aggregate = terms.and_then(|terms| terms.price.aggregate).unwrap_or(Aggregate::Sum);
        UsagePeriod {
            period: *period,
            readings: readings.len(),
            units: combine(aggregate, readings, carried),
            rated: self.rated(period, readings, carried),
            least: None,
        }
    }

    /// What readings come to before the period's floor; `carried` is the last reading of an
    /// earlier period, where the period is over.
    fn rated(&self, period: &Period, readings: &[Reading], carried: Option<Amount>) -> Amount {
        let meter = self.meter;
        let Some(first) = in_force(&self.terms, period.start).or(self.terms.first()) else {
            return meter.currency.zero();
        };
        let priced = |terms: &Terms, readings: &[Reading]| {
            let aggregate = terms.price.aggregate.unwrap_or(Aggregate::Sum);
            match combine(aggregate, readings, carried) {
                Some(units) if !terms.is_suspended => {
                    discounted(of_units(&terms.price, units), terms.discount)
                }
                Some(_) | None => Decimal::ZERO,
            }
        };
        // New terms price what is read from their first day on, on top of what was read before.
        let mut sum = priced(first, readings);
        let mut before = first;
        for changed in self.terms.within(period) {
            if changed.from > period.start {
                let count = readings.partition_point(|one| one.day < changed.from);
                let earlier = readings.get(..count).unwrap_or_default();
                sum += priced(changed, readings) - priced(changed, earlier);
                sum -= priced(before, readings) - priced(before, earlier);
            }
            before = changed;
        }
        meter.currency.round(sum, meter.rounding)
    }

    /// The price of a period that is over: its usage, topped up to what it costs at least.
    fn closed(
        &self,
        period: &Period,
        readings: &[Reading],
        carried: Option<Amount>,
    ) -> UsagePeriod {
        let meter = self.meter;
        let rated = self.running(period, readings, carried);
        let Some(terms) = in_force(&self.terms, period.end).filter(|one| !one.is_suspended) else {
            return rated;
        };
        let committed = if terms.quantity.is_zero() {
            Decimal::ZERO
        } else {
            of_units(&terms.price, terms.quantity.decimal())
        };
        let floor = terms.price.minimum.map_or(committed, |least| least.decimal().max(committed));
        let floor = discounted(floor, terms.discount);
        let part = if self.grid.length == Length::Term {
            floor
        } else {
            share(meter.proration, self.grid.length, period, period.start, period.end).times(floor)
        };
        UsagePeriod { least: Some(meter.currency.round(part, meter.rounding)), ..rated }
    }
}

/// What a period's readings come to; none where there is nothing to price.
fn combine(aggregate: Aggregate, readings: &[Reading], carried: Option<Amount>) -> Option<Decimal> {
    let quantities = readings.iter().map(|one| one.quantity.decimal());
    match aggregate {
        Aggregate::Sum => (!readings.is_empty()).then(|| quantities.sum()),
        Aggregate::Max => quantities.max(),
        Aggregate::Last => readings.last().map(|one| one.quantity.decimal()),
        Aggregate::LastEver => {
            readings.last().map(|one| one.quantity).or(carried).map(Amount::decimal)
        }
    }
}
