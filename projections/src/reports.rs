//! The reports: functions of a prefix of the log and a business date (contract, section 7).

use ledger_core::calendar::Day;
use ledger_core::rejection::{Code, Rejection};

use crate::outlook::orders::{Orders, When};
use crate::views::Views;

mod account;
mod ageing;
mod audit;
mod closes;
mod collections;
mod contracts;
mod control;
mod documents;
mod earned;
pub(crate) mod explain;
mod forecast;
mod functional;
pub mod general_ledger;
mod late;
mod ledger;
mod metrics;
mod open_items;
mod query;
mod rpo;
mod table;

pub use control::Control;
pub(crate) use control::wanted;
pub use query::Filters;
use query::Query;
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
        filters: &["role", "revalue"],
        run: ledger::trial_balance,
    },
    Report {
        name: "journal",
        about: "every entry, recognition included",
        filters: &["from", "to", "role", "document"],
        run: ledger::journal,
    },
    Report {
        name: "account",
        about: "every movement of one account, or of the accounts of a role, with its balance",
        filters: &["account", "role", "from", "to"],
        run: account::account,
    },
    Report {
        name: "audit-trail",
        about: "who did what, when and why",
        filters: &["document", "customer", "actor", "type", "from", "to"],
        run: audit::audit_trail,
    },
    Report {
        name: "closes",
        about: "every close and reopening, with what was sealed and what was still open",
        filters: &[],
        run: closes::closes,
    },
    Report {
        name: "corrections",
        about: "what was recorded for closed days, and its effect by role",
        filters: &["document", "customer", "actor", "type", "from", "to"],
        run: closes::corrections,
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
        name: "payment-requests",
        about: "what processors were asked to collect, and what came of it",
        filters: &["customer", "invoice", "status", "from", "to"],
        run: collections::payment_requests,
    },
    Report {
        name: "cash",
        about: "money by day and method",
        filters: &["from", "to", "customer"],
        run: documents::cash,
    },
    Report {
        name: FORECAST,
        about: "expected cash by month: open items, and scheduled billings",
        filters: &["by", "to", "customer"],
        run: forecast::forecast,
    },
    Report {
        name: "metrics",
        about: "days sales outstanding, sales volume, customer lifetime value and others",
        filters: &["by", "from", "to", "customer"],
        run: metrics::metrics,
    },
];

/// The report that reads the orders.
const FORECAST: &str = "forecast";

/// Reports that look ahead, or show documents, and not only what was posted: as of a closed day they
/// tell what was known when it was closed. The others keep a closed day's figures by themselves.
const AS_KNOWN_AT_THE_CLOSE: &[&str] = &[
    "waterfall",
    "rpo",
    FORECAST,
    "metrics",
    "worklist",
    "reminders",
    "payment-requests",
    "invoice",
    "order",
    "payment",
    "credit",
    "customer",
];

/// The filters that every report takes.
const COMMON: &[&str] = &["as_of", "at_sequence", "known_at"];

/// The report of that name.
pub fn find(name: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.name == name)
}

/// What a report reads.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The views, folded up to `views.sequence`.
    pub views: &'a Views,
    /// The orders, for a report that [`needs_orders`].
    pub orders: Option<&'a Orders>,
    /// The business date where the filters name none.
    pub today: Day,
}

/// As of when a report reads the orders, too, which are no view: few ask for them, and every event
/// of an order would have to be kept twice. None for most reports.
///
/// # Errors
/// As [`run`].
pub fn needs_orders(
    name: &str,
    filters: &Filters,
    views: &Views,
    today: Day,
) -> Result<Option<When>, Rejection> {
    let query = Source { views, orders: None, today }.query(filters)?;
    let query = query.as_known_at_the_close(name);
    Ok((name == FORECAST).then(|| query.when()))
}

/// Runs a report over views. `today` is the business date where the filters name none.
///
/// # Errors
/// `report.unknown`, `report.filter`, `report.out_of_range`, `date.invalid`, the code of a
/// document that does not exist, `report.does_not_tie`, or `report.unavailable` of one that
/// [`needs_orders`].
pub fn run(name: &str, filters: &Filters, views: &Views, today: Day) -> Result<Table, Rejection> {
    run_on(name, filters, Source { views, orders: None, today })
}

/// Runs any report.
///
/// # Errors
/// As [`run`].
pub fn run_on(name: &str, filters: &Filters, source: Source<'_>) -> Result<Table, Rejection> {
    let (query, mut table) = run_unchecked(name, filters, source)?;
    table.control = control::check(&query, name, &table)?;
    Ok(table)
}

/// Runs a report without the check that it ties: for the invariants, which compare such figures
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
    let source = Source { views, orders: None, today };
    run_unchecked(name, filters, source).map(|(_, table)| table)
}

/// The days and the prefix of the log that filters ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first day, where one was asked for.
    pub from: Option<Day>,
    /// The last day: `to`, else the business date.
    pub to: Day,
    /// The last event that counts.
    pub sequence: u64,
}

/// The range that filters ask for; `today` is the business date where they name none.
///
/// # Errors
/// `date.invalid`, `date.end_before_start` or `report.out_of_range`.
pub fn range(filters: &Filters, views: &Views, today: Day) -> Result<Range, Rejection> {
    let query = Source { views, orders: None, today }.query(filters)?;
    query.range()
}

fn run_unchecked<'a>(
    name: &str,
    filters: &'a Filters,
    source: Source<'a>,
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
    let query = source.query(filters)?.as_known_at_the_close(name);
    let mut table = (report.run)(&query)?;
    table.sequence = query.sequence;
    Ok((query, table))
}
