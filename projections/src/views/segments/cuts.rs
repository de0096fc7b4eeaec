//! The days through which a report wants to know what was earned.

use ledger_core::calendar::Day;

/// Days between the first and the last cut up to which every day's cut is kept in a table.
const TABLE_DAYS_MAX: i32 = 1 << 17;

/// A day through which a report wants to know what was earned, with the month that it is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) day: i32,
    /// Months since the year 0.
    pub(super) month: i32,
    /// The first and the last day of the month.
    pub(super) in_month: (i32, i32),
}

/// Days in ascending order, each once.
#[derive(Debug, Clone)]
pub struct Cuts {
    cuts: Vec<Cut>,
    days: Vec<Day>,
    /// For each day from the first cut to the last, the first cut that is not before it.
    table: Vec<u32>,
}

/// Months since the year 0.
pub(super) fn month_number(day: Day) -> i32 {
    day.month().year * 12 + i32::from(day.month().month)
}

/// The day of a day number; the first that there is where none fits.
pub(super) fn day_of(number: i32) -> Day {
    Day::new(time::Date::from_julian_day(number).unwrap_or(time::Date::MIN))
}

impl Cuts {
    /// These days, in any order.
    pub fn new(mut days: Vec<Day>) -> Self {
        days.sort_unstable();
        days.dedup();
        let cuts: Vec<Cut> = days.iter().map(|day| cut(*day)).collect();
        let mut table = Vec::new();
        if let (Some(first), Some(last)) = (cuts.first(), cuts.last())
            && last.day - first.day < TABLE_DAYS_MAX
        {
            let mut index = 0;
            for day in first.day..=last.day {
                index += u32::from(at(&cuts, index).is_some_and(|cut| cut.day < day));
                table.push(index);
            }
        }
        Self { cuts, days, table }
    }

    /// The days.
    pub fn days(&self) -> &[Day] {
        &self.days
    }

    pub(super) fn all(&self) -> &[Cut] {
        &self.cuts
    }

    /// The first cut that is not before a day.
    pub(super) fn index(&self, day: i32) -> usize {
        let first = self.cuts.first().map_or(0, |cut| cut.day);
        if self.table.is_empty() {
            return self.cuts.partition_point(|cut| cut.day < day);
        }
        match usize::try_from(i64::from(day) - i64::from(first)) {
            Ok(since) => self.table.get(since).map_or(self.cuts.len(), |index| to_index(*index)),
            // Before all of them.
            Err(_) => 0,
        }
    }
}

fn to_index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn at(cuts: &[Cut], index: u32) -> Option<&Cut> {
    cuts.get(to_index(index))
}

fn cut(day: Day) -> Cut {
    let month = day.month();
    let in_month = (month.first().number(), month.last().number());
    Cut { day: day.number(), month: month_number(day), in_month }
}
