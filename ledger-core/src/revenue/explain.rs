//! How an earned amount comes about: its parts, in exact numbers and in words.
//!
//! The parts are those that the earned amount itself is summed from (`Schedule::each_part`,
//! `Meter::each_period`), so that the two cannot drift apart.

use std::fmt;

use rust_decimal::Decimal;

use crate::billing::grid::Period;
use crate::calendar::{Day, YearMonth};
use crate::decide::policy::rounding_word;
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::policy::Basis;
use crate::revenue::schedule::Schedule;

/// A share of an amount before rounding: `of × part / whole`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What is shared.
    pub of: Amount,
    /// The numerator.
    pub part: Decimal,
    /// The denominator.
    pub whole: Decimal,
}

impl Share {
    /// The share, rounded once.
    pub fn rounded(&self, currency: Currency, rounding: Rounding) -> Amount {
        currency.round(multiply_divide(self.of.decimal(), self.part, self.whole), rounding)
    }
}

/// What a part of an earned amount is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Nothing: the order is suspended.
    Suspended,
    /// Nothing: the line begins later.
    NotBegun {
        /// Its first day.
        start: Day,
    },
    /// Nothing: the line earns by what is recorded, and nothing was.
    Unrecorded,
    /// The share that is delivered.
    Delivered,
    /// All of the amount: its last day is reached.
    All,
    /// The share of the days or months that have passed.
    Passed {
        /// How they weigh.
        basis: Basis,
        /// Days of service in the calendar month that is under way, which the weights of the
        /// months are multiples of.
        unit: Decimal,
    },
    /// A calendar month before the day's own, rounded on its own.
    Month {
        /// Which one.
        month: YearMonth,
    },
    /// The days of the day's own month, of that month's share.
    Running {
        /// Which one.
        month: YearMonth,
    },
    /// The days of the last month, of what the months before it leave.
    Rest {
        /// Which one.
        month: YearMonth,
    },
    /// Whole periods of a line without an end.
    Periods {
        /// How many.
        count: i32,
        /// The first day of the first one.
        start: Day,
    },
    /// The period under way of a line without an end.
    Period {
        /// Its first day.
        start: Day,
        /// Its last day.
        end: Day,
        /// How its days weigh.
        basis: Basis,
    },
}

impl What {
    /// Whether nothing is added, and why: told in words alone.
    fn remark(&self) -> Option<String> {
        match self {
            Self::Suspended => Some("suspended".to_owned()),
            Self::NotBegun { start } => Some(format!("begins on {start}")),
            Self::Unrecorded => Some("nothing is recorded yet".to_owned()),
            Self::Delivered
            | Self::All
            | Self::Passed { .. }
            | Self::Month { .. }
            | Self::Running { .. }
            | Self::Rest { .. }
            | Self::Periods { .. }
            | Self::Period { .. } => None,
        }
    }

    /// The word of the kind, for readers that are programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::NotBegun { .. } => "not_begun",
            Self::Unrecorded => "unrecorded",
            Self::Delivered => "delivered",
            Self::All => "all",
            Self::Passed { .. } => "passed",
            Self::Month { .. } => "month",
            Self::Running { .. } => "running_month",
            Self::Rest { .. } => "last_month",
            Self::Periods { .. } => "whole_periods",
            Self::Period { .. } => "running_period",
        }
    }
}

/// A part of what is earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What for.
    pub what: What,
    /// What it is computed from; none where it is not a share of anything.
    pub share: Option<Share>,
    /// What it adds.
    pub amount: Amount,
}

impl Part {
    /// Nothing, and why.
    pub(super) fn nothing(what: What, currency: Currency) -> Self {
        Self { what, share: None, amount: currency.zero() }
    }

    /// An amount as it is.
    pub(super) fn plain(what: What, amount: Amount) -> Self {
        Self { what, share: None, amount }
    }

    /// Whether words show the share: of all of something the amount says enough, but how much is
    /// delivered is news.
    fn is_computed(&self) -> bool {
        self.share.is_some_and(|share| share.part != share.whole) || self.what == What::Delivered
    }

    /// A share that is rounded once.
    pub(super) fn share(
        what: What,
        share: Share,
        (currency, rounding): (Currency, Rounding),
    ) -> Self {
        Self { what, share: Some(share), amount: share.rounded(currency, rounding) }
    }
}

/// What a line has earned through a day under one version of its schedule, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// Earned before the version was in force.
    pub recognised: Amount,
    /// What is added to it.
    pub parts: Vec<Part>,
    /// How shares are rounded.
    pub rounding: Rounding,
}

impl Steps {
    /// What is earned in all.
    pub fn earned(&self) -> Amount {
        self.recognised + self.parts.iter().map(|part| part.amount).sum()
    }
}

/// What a period of usage earns through a day, and how that comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsagePeriod {
    /// The period.
    pub period: Period,
    /// How many readings it has through the day.
    pub readings: usize,
    /// What the readings come to together; none where there is nothing to price.
    pub units: Option<Decimal>,
    /// The price of the readings.
    pub rated: Amount,
    /// What the period costs at least; none while it is not over.
    pub least: Option<Amount>,
}

impl UsagePeriod {
    /// What it earns: its readings, topped up once it is over.
    pub fn earned(&self) -> Amount {
        self.least.map_or(self.rated, |least| self.rated.max(least))
    }

    /// What its last day adds to reach what it costs at least.
    pub fn top_up(&self) -> Amount {
        self.earned() - self.rated
    }
}

impl Schedule {
    /// How what is earned through `day` comes about; `done` is what was delivered by then.
    pub fn explain(&self, day: Day, done: Decimal, currency: Currency) -> Steps {
        let mut parts = Vec::new();
        self.each_part(day, done, currency, &mut |part| parts.push(part));
        Steps { recognised: self.recognised, parts, rounding: self.rounding }
    }
}

/// `60.00 + round(40.00 x 11/31 days, half_even) = 74.19`.
impl fmt::Display for Steps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut terms = Vec::new();
        let mut remarks = String::new();
        for part in &self.parts {
            match part.what.remark() {
                Some(remark) => remarks += &format!(" ({remark})"),
                None => terms.push(self.term(part)),
            }
        }
        if !self.recognised.is_zero() || terms.is_empty() {
            terms.insert(0, self.recognised.to_string());
        }
        for (index, term) in terms.iter().enumerate() {
            match (index, term.strip_prefix('-')) {
                (0, _) => formatter.write_str(term)?,
                (_, Some(positive)) => write!(formatter, " - {positive}")?,
                (_, None) => write!(formatter, " + {term}")?,
            }
        }
        formatter.write_str(&remarks)?;
        if terms.len() > 1 || self.parts.iter().any(Part::is_computed) {
            write!(formatter, " = {}", self.earned())?;
        }
        Ok(())
    }
}

impl Steps {
    /// What a part adds, as it is computed.
    fn term(&self, part: &Part) -> String {
        let Part { what, share, amount } = part;
        match share {
            Some(share) if part.is_computed() => {
                let (numerator, denominator, count) = numbers(*what, share);
                let (of, rounding) = (share.of, rounding_word(self.rounding));
                format!("round({of} x {numerator}/{denominator}{count}, {rounding})")
            }
            Some(_) | None => format!("{amount}{}", whole_of(*what)),
        }
    }
}

/// What a share of all of something is for.
fn whole_of(what: What) -> String {
    match what {
        What::Month { month } | What::Running { month } | What::Rest { month } => {
            format!(" for {month}")
        }
        What::Periods { count: 1, start } => format!(" for the period from {start}"),
        What::Periods { count, start } => format!(" for {count} periods from {start}"),
        What::Period { start, end, .. } => format!(" for {start} to {end}"),
        What::Suspended
        | What::NotBegun { .. }
        | What::Unrecorded
        | What::Delivered
        | What::All
        | What::Passed { .. } => String::new(),
    }
}

/// A share's numbers and what they count, as a person reads them: 3/12 months, not 93/372 of
/// their days.
fn numbers(what: What, share: &Share) -> (Decimal, Decimal, String) {
    let (part, whole) = (share.part.normalize(), share.whole.normalize());
    let weighed = |basis: Basis| match basis {
        Basis::Day => " days".to_owned(),
        Basis::MonthEven
        | Basis::MonthEvenProratedEnds
        | Basis::MonthEvenDailyEnds
        | Basis::HalfMonth
        | Basis::FullMonth => format!(" by {}", basis.as_str()),
    };
    match what {
        What::Passed { basis, unit } => {
            let is_even = matches!(basis, Basis::MonthEven | Basis::FullMonth);
            let divides = |value: Decimal| !unit.is_zero() && (value % unit).is_zero();
            if is_even && divides(part) && divides(whole) {
                let months = |value: Decimal| (value / unit).normalize();
                return (months(part), months(whole), " months".to_owned());
            }
            (part, whole, weighed(basis))
        }
        What::Period { start, end, basis } => {
            (part, whole, format!("{} of {start} to {end}", weighed(basis)))
        }
        What::Month { month } => (part, whole, format!(" for {month}")),
        What::Running { month } | What::Rest { month } => {
            (part, whole, format!(" days of {month}"))
        }
        What::Delivered => (part, whole, " delivered".to_owned()),
        What::Suspended
        | What::NotBegun { .. }
        | What::Unrecorded
        | What::All
        | What::Periods { .. } => (part, whole, String::new()),
    }
}
