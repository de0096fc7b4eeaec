//! Billing periods: a grid of days that a line's term cuts at both ends (accounting, section 4).

use crate::calendar::Day;
use crate::command::shared::{Anchor, Per};
use crate::policy::MonthEnd;

/// A period of a line, with the whole period that it is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// First day within the term.
    pub start: Day,
    /// Last day within the term.
    pub end: Day,
    /// First day of the whole period.
    pub whole_start: Day,
    /// Last day of the whole period.
    pub whole_end: Day,
}

impl Period {
    /// Whether the term cuts nothing off.
    pub fn is_whole(&self) -> bool {
        self.start == self.whole_start && self.end == self.whole_end
    }

    /// Whether a day falls in it.
    pub fn contains(&self, day: Day) -> bool {
        self.start <= day && day <= self.end
    }
}

/// The length of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many months.
    Months(i32),
    /// So many days.
    Days(i32),
    /// One period, the whole term.
    Term,
}

impl From<Per> for Length {
    fn from(per: Per) -> Self {
        match per {
            Per::Week => Self::Days(7),
            Per::Month => Self::Months(1),
            Per::Quarter => Self::Months(3),
            Per::Year => Self::Months(12),
            Per::Term | Per::Once => Self::Term,
            Per::Days { days } => Self::Days(i32::try_from(days.max(1)).unwrap_or(i32::MAX)),
        }
    }
}

/// The periods of a line: where they begin, and the term that cuts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// First day of the term.
    pub start: Day,
    /// Last day of the term as agreed; none where it is open.
    pub end: Option<Day>,
    /// The day on which the term was cut short, before its agreed end.
    pub ended: Option<Day>,
    /// How long a whole period is.
    pub length: Length,
    /// A day on which a whole period begins, on or before `start`.
    base: Day,
    /// The day of the month on which periods begin; in a shorter month its last.
    anchor_day: u8,
}

/// What a grid is made of.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// First day of the term.
    pub start: Day,
    /// Last day of the term as agreed; none where it is open.
    pub end: Option<Day>,
    /// The last day, where something cut the term short.
    pub ended: Option<Day>,
}

impl Grid {
    /// Lays out the periods of a term: from the anchor where there is one, else from the start
    /// (readings, 9 and 10).
    pub fn new(span: Span, length: Length, anchor: Option<Anchor>, month_end: MonthEnd) -> Self {
        let Span { start, end, ended } = span;
        let sticks = |day: Day| month_end == MonthEnd::Stick && day == day.month().last();
        let day_of = |day: Day| if sticks(day) { 31 } else { day.day() };
        let (base, anchor_day) = match (length, anchor) {
            (Length::Term, _) | (Length::Days(_), None | Some(Anchor::DayOfMonth(_))) => (start, 1),
            (Length::Days(days), Some(Anchor::Date(date))) => {
                let periods = start.days_since(date).div_euclid(days);
                (date.plus_days(periods.saturating_mul(days)), 1)
            }
            (Length::Months(_), None) => (start, day_of(start)),
            (Length::Months(months), Some(Anchor::DayOfMonth(day))) => {
                let here = start.plus_months(0, day);
                let first = if here < start { start.plus_months(1, day) } else { here };
                let base = if first > start { first.plus_months(-months, day) } else { first };
                (base, day)
            }
            (Length::Months(months), Some(Anchor::Date(date))) => {
                let day = day_of(date);
                let periods = start.month().since(date.month()).div_euclid(months);
                let base = date.plus_months(periods * months, day);
                let base = if base > start { base.plus_months(-months, day) } else { base };
                (base, day)
            }
        };
        Self { start, end, ended, length, base, anchor_day }
    }

    /// The last day of the term; none where it is open.
    pub fn last(&self) -> Option<Day> {
        match (self.end, self.ended) {
            (Some(end), Some(ended)) => Some(end.min(ended)),
            (end, ended) => end.or(ended),
        }
    }

    /// The same periods without an end.
    #[must_use]
    pub fn endless(&self) -> Self {
        Self { end: None, ended: None, ..*self }
    }

    /// The whole term as one period.
    #[must_use]
    pub fn as_one(&self) -> Self {
        Self { length: Length::Term, ..*self }
    }

    /// The day of the month on which whole periods begin.
    pub fn anchor_day(&self) -> u8 {
        self.anchor_day
    }

    /// The first day of whole period `index`, counted from the one that holds the start.
    fn boundary(&self, index: i32) -> Day {
        match self.length {
            Length::Months(months) => {
                if index == 0 {
                    self.base
                } else {
                    self.base.plus_months(index.saturating_mul(months), self.anchor_day)
                }
            }
            Length::Days(days) => self.base.plus_days(index.saturating_mul(days)),
            Length::Term => self.base,
        }
    }

    /// The number of the whole period that holds a day, counted from the one with the start.
    pub fn index(&self, day: Day) -> i32 {
        match self.length {
            Length::Term => 0,
            Length::Days(days) => day.days_since(self.base).div_euclid(days),
            Length::Months(months) => {
                let index = day.month().since(self.base.month()).div_euclid(months);
                // A day in a period's first month can lie before its anchor.
                if self.boundary(index) > day { index - 1 } else { index }
            }
        }
    }

    /// The period of that number; none outside the term.
    pub fn period(&self, index: i32) -> Option<Period> {
        let last = self.last();
        if index < 0 || last.is_some_and(|last| last < self.start) {
            return None;
        }
        if self.length == Length::Term {
            let whole_end = self.end.unwrap_or(self.start);
            let end = self.ended.map_or(whole_end, |ended| ended.min(whole_end));
            let whole = Period { start: self.start, end, whole_start: self.start, whole_end };
            return (index == 0).then_some(whole);
        }
        let whole_start = self.boundary(index);
        let whole_end = self.boundary(index + 1).previous();
        let start = whole_start.max(self.start);
        let end = last.map_or(whole_end, |last| whole_end.min(last));
        (start <= end && whole_start <= whole_end).then_some(Period {
            start,
            end,
            whole_start,
            whole_end,
        })
    }

    /// The period that holds a day; before the term its first, none after it.
    pub fn at(&self, day: Day) -> Option<Period> {
        self.period(self.index(day.max(self.start)))
    }

    /// The periods from the one that holds a day on. Endless where the term is open.
    pub fn from(&self, day: Day) -> impl Iterator<Item = Period> + use<> {
        let grid = *self;
        let first = grid.index(day.max(grid.start));
        (first..).map_while(move |index| grid.period(index))
    }
}
