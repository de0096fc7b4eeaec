//! A question to a report: its filters, checked.

use std::collections::BTreeMap;
use std::str::FromStr;

use ledger_core::calendar::Day;
use ledger_core::rejection::{Code, Rejection};
use time::OffsetDateTime;

use crate::outlook::orders::{Orders, When};
use crate::reports::{AS_KNOWN_AT_THE_CLOSE, Range, Source};
use crate::views::{At, Views};

/// What is asked of a report: filters by name, as every transport has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(pub(super) BTreeMap<String, String>);

impl Filters {
    /// Sets one filter; a `-` in its name counts as `_`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.replace('-', "_"), value.into());
    }

    /// Asks as known at a sequence, whatever was named.
    pub fn pin(&mut self, sequence: u64) {
        self.0.remove("known_at");
        self.set("at_sequence", sequence.to_string());
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn day(&self, name: &str) -> Result<Option<Day>, Rejection> {
        self.get(name)
            .map(|text| {
                Day::from_str(text)
                    .map_err(|rejection| Rejection { field: Some(name.to_owned()), ..rejection })
            })
            .transpose()
    }
}

/// A question, checked: what the reports read.
#[derive(Clone, Copy)]
pub(super) struct Query<'a> {
    pub(super) views: &'a Views,
    pub(super) orders: Option<&'a Orders>,
    pub(super) filters: &'a Filters,
    pub(super) as_of: Day,
    pub(super) sequence: u64,
}

impl Query<'_> {
    /// The prefix of the log that the question is about.
    pub(super) fn at(&self) -> At<'_> {
        self.views.deferred_revenue.at(self.sequence)
    }

    /// As of when.
    pub(super) fn when(&self) -> When {
        When { as_of: self.as_of, sequence: self.sequence }
    }

    pub(super) fn from(&self) -> Result<Option<Day>, Rejection> {
        self.filters.day("from")
    }

    /// The last day: `to`, else the business date.
    pub(super) fn to(&self) -> Result<Day, Rejection> {
        Ok(self.filters.day("to")?.unwrap_or(self.as_of))
    }

    /// The last day: `to`, but not beyond a business date that was asked for.
    pub(super) fn last_day(&self) -> Result<Day, Rejection> {
        let to = self.to()?;
        Ok(if self.filters.get("as_of").is_some() { to.min(self.as_of) } else { to })
    }

    /// The days and the prefix that are asked for.
    pub(super) fn range(&self) -> Result<Range, Rejection> {
        let (from, to) = (self.from()?, self.to()?);
        if let Some(from) = from.filter(|from| *from > to) {
            let message = format!("{from} is after {to}: the range has no day");
            return Err(Rejection::at(Code::DateEndBeforeStart, "from", message));
        }
        Ok(Range { from, to, sequence: self.sequence })
    }

    /// Whether a value passes a filter that may be missing.
    pub(super) fn keeps(&self, filter: &str, value: Option<&str>) -> bool {
        self.filters.get(filter).is_none_or(|wanted| value == Some(wanted))
    }

    /// The value of a filter that the report cannot do without.
    pub(super) fn needs(&self, filter: &str) -> Result<&str, Rejection> {
        self.filters.get(filter).ok_or_else(|| {
            Rejection::at(
                Code::ReportFilter,
                filter,
                format!("the report needs the filter {filter}"),
            )
        })
    }
}

impl<'a> Query<'a> {
    /// The question as of a closed day that it names, to a report that looks ahead or shows
    /// documents: what was recorded since the close does not count.
    pub(super) fn as_known_at_the_close(self, report: &str) -> Self {
        if self.filters.get("as_of").is_none() || !AS_KNOWN_AT_THE_CLOSE.contains(&report) {
            return self;
        }
        Self { sequence: self.at().known(self.as_of).min(self.sequence), ..self }
    }
}

impl<'a> Source<'a> {
    pub(super) fn query(self, filters: &'a Filters) -> Result<Query<'a>, Rejection> {
        Ok(Query {
            views: self.views,
            orders: self.orders,
            filters,
            as_of: filters.day("as_of")?.unwrap_or(self.today),
            sequence: sequence(filters, self.views)?,
        })
    }
}

/// The prefix of the log that the question is about.
fn sequence(filters: &Filters, views: &Views) -> Result<u64, Rejection> {
    let out_of_range =
        |field: &str, message: String| Err(Rejection::at(Code::ReportOutOfRange, field, message));
    match (filters.get("at_sequence"), filters.get("known_at")) {
        (None, None) => Ok(views.sequence),
        (Some(_), Some(_)) => {
            out_of_range("at_sequence", "name at_sequence or known_at, not both".to_owned())
        }
        (Some(text), None) => match text.parse::<u64>() {
            Ok(sequence) if sequence <= views.sequence => Ok(sequence),
            Ok(_) | Err(_) => out_of_range(
                "at_sequence",
                format!("{text:?} is not a sequence; the log ends at {}", views.sequence),
            ),
        },
        (None, Some(text)) => {
            let format = &time::format_description::well_known::Rfc3339;
            match OffsetDateTime::parse(text, format) {
                Ok(instant) => {
                    let rows = views.audit_trail.rows();
                    let count = rows.partition_point(|row| row.recorded_at <= instant);
                    Ok(rows.get(..count).and_then(<[_]>::last).map_or(0, |row| row.sequence))
                }
                Err(_) => out_of_range(
                    "known_at",
                    format!("{text:?} is not an instant such as 2026-01-31T12:00:00Z"),
                ),
            }
        }
    }
}
