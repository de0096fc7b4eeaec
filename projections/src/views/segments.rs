//! The hot table of deferred revenue: one row of integers for each version of a schedule that is
//! in force, so that a report over a million lines reads numbers instead of trees of decimals.
//!
//! A line whose versions are in force one after another is a list of [`Segment`]s, each from its
//! version's day until the next one's. What a row cannot say (deliveries, usage, lines without an
//! end, suspensions, shares rounded month by month, changes that were late for a closed day)
//! stays with the general path: its line is in [`Segments::general`].

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::calendar::Day;
use ledger_core::command::shared::Method;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency, Rounding};
use ledger_core::policy::{Basis, Residual};
use ledger_core::posting::ContractId;
use ledger_core::revenue::schedule::Schedule;

mod cuts;
mod share;
mod sums;

pub use cuts::Cuts;
pub use sums::Selected;

/// Minor units that an amount of a row stays below: the decimals of the general path are exact
/// for every weight then, and so both give the same cent.
const MINOR_UNITS_MAX: i64 = 1_000_000_000_000_000;

/// No row.
const NONE: u32 = u32::MAX;

/// Where a line stands in the hot table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, BorshSerialize, BorshDeserialize)]
pub enum Place {
    /// Nowhere yet.
    #[default]
    New,
    /// Its last row.
    Row(u32),
    /// Nowhere: no row can say what it earns.
    General,
}

/// What a version of a schedule earns, from its day until the next one's. Days are day numbers,
/// amounts minor units.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub struct Segment {
    amount: i64,
    recognised: i64,
    from: i32,
    /// The first day on which another one is in force.
    until: i32,
    start: i32,
    end: i32,
    /// When the line was booked.
    pub booked: i32,
    /// Its contract, by number.
    pub contract: u32,
    /// Its product, by number; 0 where it has none.
    pub product: u32,
    /// The line's row before this one.
    before: u32,
    /// Its currency, by number.
    pub currency: u16,
    basis: Basis,
    rounding: Rounding,
}

impl Segment {
    /// The month in which its line was booked: months since the year 0.
    pub fn month_booked(&self) -> u32 {
        u32::try_from(cuts::month_number(cuts::day_of(self.booked)) - 1).unwrap_or(0)
    }
}

/// Names by number.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Names {
    numbers: BTreeMap<Identifier, u32>,
    names: Vec<Identifier>,
}

impl Names {
    fn add(&mut self, name: &Identifier) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = number_of(self.names.len());
        self.numbers.insert(name.clone(), number);
        self.names.push(name.clone());
        number
    }

    /// The number of a name.
    pub fn number(&self, name: &str) -> Option<u32> {
        name.parse::<Identifier>().ok().and_then(|name| self.numbers.get(&name).copied())
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> Option<&Identifier> {
        usize::try_from(number).ok().and_then(|index| self.names.get(index))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// The line that a version is of.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineOf<'a> {
    pub(super) contract: &'a ContractId,
    pub(super) line: &'a Identifier,
    /// The contract's number.
    pub(super) number: u32,
    pub(super) currency: Currency,
    pub(super) product: Option<&'a Identifier>,
    pub(super) booked: Day,
}

/// The hot table.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Segments {
    rows: Vec<Segment>,
    /// Rows that are empty, to be used again.
    free: Vec<u32>,
    /// The customer of each contract, both by number.
    customers_of: Vec<u32>,
    /// The lines that no row can speak for.
    general: Vec<(ContractId, Identifier)>,
    currencies: Vec<Currency>,
    /// The customers.
    pub customers: Names,
    /// The products; their numbers in rows are one higher.
    pub products: Names,
}

impl Segments {
    /// Takes a new contract, and gives it a number.
    pub(super) fn contract(&mut self, customer: &Identifier) -> u32 {
        let number = number_of(self.customers_of.len());
        self.customers_of.push(self.customers.add(customer));
        number
    }

    /// Takes a version of a line that is at `place`, which moves.
    pub(super) fn version(
        &mut self,
        place: &mut Place,
        of: &LineOf<'_>,
        schedule: &Schedule,
        is_late: bool,
    ) {
        let mut last = match place {
            Place::New => NONE,
            Place::Row(last) => *last,
            Place::General => return,
        };
        let new = self.segment(of, schedule).filter(|_| !is_late);
        let Some(mut new) = new else { return self.general(place, of) };
        // From its day on the new version is in force, whatever was to come.
        while let Some(row) = self.row(last) {
            if row.from < new.from {
                row.until = new.from;
                break;
            }
            last = self.remove(last);
        }
        new.before = last;
        *place = Place::Row(self.insert(new));
    }

    /// Takes note that a line needs the general path from now on.
    pub(super) fn general(&mut self, place: &mut Place, of: &LineOf<'_>) {
        let mut last = match place {
            Place::New => NONE,
            Place::Row(last) => *last,
            Place::General => return,
        };
        while last != NONE {
            last = self.remove(last);
        }
        self.general.push((of.contract.clone(), of.line.clone()));
        *place = Place::General;
    }

    /// The lines that no row can speak for.
    pub fn general_lines(&self) -> &[(ContractId, Identifier)] {
        &self.general
    }

    /// The customer of a row, by number.
    pub fn customer(&self, row: &Segment) -> u32 {
        usize::try_from(row.contract)
            .ok()
            .and_then(|index| self.customers_of.get(index))
            .copied()
            .unwrap_or(NONE)
    }

    /// The currencies, by number.
    pub fn currencies(&self) -> &[Currency] {
        &self.currencies
    }

    /// How many rows are in use.
    pub fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// Whether no row is in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn row(&mut self, number: u32) -> Option<&mut Segment> {
        usize::try_from(number).ok().and_then(|index| self.rows.get_mut(index))
    }

    fn insert(&mut self, row: Segment) -> u32 {
        if let Some(number) = self.free.pop()
            && let Some(slot) = self.row(number)
        {
            *slot = row;
            return number;
        }
        let number = number_of(self.rows.len());
        self.rows.push(row);
        number
    }

    /// Empties a row; the one before it.
    fn remove(&mut self, number: u32) -> u32 {
        let Some(row) = self.row(number) else { return NONE };
        row.until = row.from;
        let before = row.before;
        self.free.push(number);
        before
    }

    /// The row of a version; none where a row cannot say what it earns.
    fn segment(&mut self, of: &LineOf<'_>, schedule: &Schedule) -> Option<Segment> {
        let by_calendar = match schedule.method {
            Method::OverTime | Method::PointInTime | Method::OnInvoice => true,
            Method::Usage | Method::Milestone => false,
        };
        if !by_calendar
            || schedule.progress.is_some()
            || schedule.recurring.is_some()
            || schedule.is_paused
            || schedule.residual != Residual::Cumulative
            || schedule.start > schedule.end
        {
            return None;
        }
        Some(Segment {
            amount: minor_units(schedule.amount, of.currency)?,
            recognised: minor_units(schedule.recognised, of.currency)?,
            from: schedule.from.number(),
            until: i32::MAX,
            start: schedule.start.number(),
            end: schedule.end.number(),
            booked: of.booked.number(),
            contract: of.number,
            product: of.product.map_or(0, |product| self.products.add(product) + 1),
            before: NONE,
            currency: self.currency(of.currency)?,
            basis: schedule.basis,
            rounding: schedule.rounding,
        })
    }

    fn currency(&mut self, currency: Currency) -> Option<u16> {
        let known = self.currencies.iter().position(|one| *one == currency);
        let index = known.unwrap_or_else(|| {
            self.currencies.push(currency);
            self.currencies.len() - 1
        });
        u16::try_from(index).ok()
    }
}

/// An index as a number of four bytes. There is no room for as many things in memory as would
/// not fit.
fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}

/// An amount in whole minor units; none where it is finer, or very large.
fn minor_units(amount: Amount, currency: Currency) -> Option<i64> {
    let value = amount.decimal();
    let finer = currency.minor_units().checked_sub(value.scale())?;
    let units = i64::try_from(value.mantissa()).ok()?.checked_mul(10_i64.pow(finer))?;
    (units.abs() < MINOR_UNITS_MAX).then_some(units)
}
