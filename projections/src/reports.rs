//! The reports: functions of a prefix of the log and a business date (contract, section 7).

use std::collections::BTreeMap;
use std::str::FromStr;

use ledger_core::calendar::Day;
use ledger_core::rejection::{Code, Rejection};
use time::OffsetDateTime;

use crate::views::Views;

mod ageing;
mod audit;
mod collections;
mod contracts;
mod control;
mod documents;
mod earned;
mod explain;
mod ledger;
mod metrics;
mod open_items;
mod rpo;
mod table;

pub use control::Control;
pub use table::{Cell, Kind, Table};

/// A report's name, what it shows, and the filters that it takes besides `as_of`, `at_sequence`
/// and `known_at`.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in one line.
    pub about: &'static str,
    /// The filters that it takes.
    pub filters: &'static [&'static str],
    run: fn(&Query<'_>) -> Result<Table, Rejection>,
}

/// All reports.
pub const REPORTS: &[Report] = &[
    Report {
        name: "receivables",
        about: "open amounts by customer and age",
        filters: &["customer", "buckets", "basis"],
        run: open_items::receivables,
    },
    Report {
        name: "open-items",
        about: "invoices with an open amount",
        filters: &["customer", "invoice", "buckets", "basis"],
        run: open_items::open_items,
    },
    Report {
        name: "statement",
        about: "what a customer was billed and paid, with the balance",
        filters: &["customer", "from", "to"],
        run: open_items::statement,
    },
    Report {
        name: "deferred-revenue",
        about: "billed and recognised by contract",
        filters: &["customer", "order", "invoice"],
        run: contracts::deferred_revenue,
    },
    Report {
        name: "revenue",
        about: "revenue by day, month, quarter or year",
        filters: &["by", "from", "to", "customer", "order", "product", "gross"],
        run: contracts::revenue,
    },
    Report {
        name: "explain",
        about: "how the revenue of a contract in a month comes about",
        filters: &["order", "invoice", "line", "month"],
        run: explain::explain,
    },
    Report {
        name: "waterfall",
        about: "recognised and scheduled revenue by month",
        filters: &["by", "customer", "order", "product"],
        run: contracts::waterfall,
    },
    Report {
        name: "rollforward",
        about: "the contract liability from opening to closing",
        filters: &["from", "to"],
        run: contracts::rollforward,
    },
    Report {
        name: "rpo",
        about: "remaining performance obligations",
        filters: &["by", "customer", "order", "product"],
        run: rpo::rpo,
    },
    Report {
        name: "billing",
        about: "issued invoices",
        filters: &["customer", "order", "from", "to"],
        run: documents::billing,
    },
    Report {
        name: "trial-balance",
        about: "the balance of each account",
        filters: &["role"],
        run: ledger::trial_balance,
    },
    Report {
        name: "journal",
        about: "every entry, recognition included",
        filters: &["from", "to", "role", "document"],
        run: ledger::journal,
    },
    Report {
        name: "audit-trail",
        about: "who did what, when and why",
        filters: &["document", "customer", "actor", "type", "from", "to"],
        run: audit::audit_trail,
    },
    Report {
        name: "invoice",
        about: "one invoice as it stood",
        filters: &["invoice"],
        run: documents::invoice,
    },
    Report {
        name: "order",
        about: "one order as it stood",
        filters: &["order"],
        run: documents::order,
    },
    Report {
        name: "payment",
        about: "one payment as it stood",
        filters: &["payment"],
        run: documents::payment,
    },
    Report {
        name: "credit",
        about: "one credit as it stood",
        filters: &["credit"],
        run: documents::credit,
    },
    Report {
        name: "customer",
        about: "one customer as it stood",
        filters: &["customer"],
        run: documents::customer,
    },
    Report {
        name: "worklist",
        about: "overdue customers or invoices in the order in which to see to them",
        filters: &["by", "customer"],
        run: collections::worklist,
    },
    Report {
        name: "reminders",
        about: "issued reminders",
        filters: &["customer", "invoice", "from", "to"],
        run: collections::reminders,
    },
    Report {
        name: "cash",
        about: "money by day and method",
        filters: &["from", "to", "customer"],
        run: documents::cash,
    },
    Report {
        name: "metrics",
        about: "days sales outstanding and others",
        filters: &["from", "to"],
        run: metrics::metrics,
    },
];

/// The filters that every report takes.
const COMMON: &[&str] = &["as_of", "at_sequence", "known_at"];

/// The report of that name.
pub fn find(name: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.name == name)
}

/// What is asked of a report: filters by name, as every transport has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, String>);

impl Filters {
    /// Sets one filter; a `-` in its name counts as `_`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.replace('-', "_"), value.into());
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn day(&self, name: &str) -> Result<Option<Day>, Rejection> {
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
struct Query<'a> {
    views: &'a Views,
    filters: &'a Filters,
    as_of: Day,
    sequence: u64,
}

impl Query<'_> {
    /// The prefix of the log that the question is about.
    fn at(&self) -> crate::views::At<'_> {
        self.views.deferred_revenue.at(self.sequence)
    }

    fn from(&self) -> Result<Option<Day>, Rejection> {
        self.filters.day("from")
    }

    /// The last day: `to`, else the business date.
    fn to(&self) -> Result<Day, Rejection> {
        Ok(self.filters.day("to")?.unwrap_or(self.as_of))
    }

    /// The last day: `to`, but not beyond a business date that was asked for.
    fn last_day(&self) -> Result<Day, Rejection> {
        let to = self.to()?;
        Ok(if self.filters.get("as_of").is_some() { to.min(self.as_of) } else { to })
    }

    /// Whether a value passes a filter that may be missing.
    fn keeps(&self, filter: &str, value: Option<&str>) -> bool {
        self.filters.get(filter).is_none_or(|wanted| value == Some(wanted))
    }

    /// The value of a filter that the report cannot do without.
    fn needs(&self, filter: &str) -> Result<&str, Rejection> {
        self.filters.get(filter).ok_or_else(|| {
            Rejection::at(
                Code::ReportFilter,
                filter,
                format!("the report needs the filter {filter}"),
            )
        })
    }
}

/// Runs a report over views that were folded up to `views.sequence`. `today` is the business
/// date where the filters name none.
///
/// # Errors
/// `report.unknown`, `report.filter`, `report.out_of_range`, `date.invalid`, the code of a
/// document that does not exist, or `report.does_not_tie`.
pub fn run(name: &str, filters: &Filters, views: &Views, today: Day) -> Result<Table, Rejection> {
    let (query, mut table) = run_unchecked(name, filters, views, today)?;
    table.control = control::check(&query, name, &table)?;
    Ok(table)
}

/// The same without the check that it ties: for the invariants, which compare such figures
/// themselves.
///
/// # Errors
/// As [`run`], but for `report.does_not_tie`.
pub(crate) fn untied(
    name: &str,
    filters: &Filters,
    views: &Views,
    today: Day,
) -> Result<Table, Rejection> {
    run_unchecked(name, filters, views, today).map(|(_, table)| table)
}

fn run_unchecked<'a>(
    name: &str,
    filters: &'a Filters,
    views: &'a Views,
    today: Day,
) -> Result<(Query<'a>, Table), Rejection> {
    let report = find(name).ok_or_else(|| {
        let names: Vec<&str> = REPORTS.iter().map(|report| report.name).collect();
        let message = format!("there is no report {name:?}; there are {}", names.join(", "));
        Rejection::new(Code::ReportUnknown, message)
    })?;
    for filter in filters.0.keys() {
        if !COMMON.contains(&filter.as_str()) && !report.filters.contains(&filter.as_str()) {
            return Err(Rejection::at(
                Code::ReportFilter,
                filter,
                format!(
                    "{name} has no filter {filter:?}; it has {}",
                    COMMON.iter().chain(report.filters).copied().collect::<Vec<_>>().join(", ")
                ),
            ));
        }
    }
    let query = Query {
        views,
        filters,
        as_of: filters.day("as_of")?.unwrap_or(today),
        sequence: sequence(filters, views)?,
    };
    let mut table = (report.run)(&query)?;
    table.sequence = query.sequence;
    Ok((query, table))
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
                    let rows = &views.audit_trail.rows;
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
