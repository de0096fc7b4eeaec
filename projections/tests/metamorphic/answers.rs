//! Every report of a book, in a form in which two books can be compared.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use projections::reports::{Cell, Filters, REPORTS, Table};

use super::book::Book;
use super::{asked, common};

/// Reports of the log itself, which tell in which order things were recorded.
const OF_THE_LOG: [&str; 3] = ["audit-trail", "closes", "explain"];

/// Columns that name places in the log.
const PLACES: [&str; 3] = ["sequence", "entry", "command_id"];

/// A report with its filters.
pub(crate) type Question = (&'static str, Vec<(&'static str, String)>);

/// Every report as of a day: of the book, of each customer, and of each document.
pub(crate) fn questions(book: &Book, customers: &[&str], as_of: Day) -> Vec<Question> {
    let mut all = Vec::new();
    for report in REPORTS.iter().filter(|report| !OF_THE_LOG.contains(&report.name)) {
        let name = report.name;
        let ledger = &book.ledger;
        let ids: Option<Vec<String>> = match name {
            "invoice" => Some(ledger.invoices.keys().map(ToString::to_string).collect()),
            "payment" => Some(ledger.payments.keys().map(ToString::to_string).collect()),
            "credit" => Some(ledger.credits.keys().map(ToString::to_string).collect()),
            "order" => Some(ledger.orders.keys().map(ToString::to_string).collect()),
            _ => None,
        };
        let ways: Vec<Vec<(&'static str, String)>> = match (name, ids) {
            (_, Some(ids)) => ids.into_iter().map(|id| vec![(name, id)]).collect(),
            ("account", None) => {
                let roles = ["accounts_receivable", "deferred_revenue", "revenue"];
                roles.iter().map(|role| vec![("role", (*role).to_owned())]).collect()
            }
            ("revenue", None) => by(&["month", "day", "order", "customer"]),
            ("waterfall", None) => by(&["month", "order", "booked"]),
            (_, None) => vec![Vec::new()],
        };
        let needs_customer = name == "statement" || name == "customer";
        for way in ways {
            let day = vec![("as_of", as_of.to_string())];
            if !needs_customer {
                all.push((name, [way.clone(), day.clone()].concat()));
            }
            if report.filters.contains(&"customer") || name == "customer" {
                for customer in customers {
                    let of = vec![("customer", (*customer).to_owned())];
                    all.push((name, [way.clone(), of, day.clone()].concat()));
                }
            }
        }
    }
    all
}

fn by(words: &[&str]) -> Vec<Vec<(&'static str, String)>> {
    words.iter().map(|word| vec![("by", (*word).to_owned())]).collect()
}

/// A report, or the code with which it is refused.
pub(crate) fn ask(book: &common::Book, (name, filters): &Question) -> Result<Table, String> {
    let mut all = Filters::default();
    filters.iter().for_each(|(filter, value)| all.set(filter, value.as_str()));
    let today = "2028-12-31".parse().unwrap();
    asked::try_report(book, name, &all, today).map_err(|rejection| rejection.code)
}

/// The rows without the log's places and with the names of series told apart by customer, in the
/// order of their texts.
fn rows(book: &Book, name: &str, table: &Table) -> Vec<Vec<String>> {
    let names = book.of_series();
    let row = |row: &Vec<Cell>| -> Vec<String> {
        let cells = table.columns.iter().zip(row);
        // An account's running balance has the other documents of the day in it.
        let is_running = |column: &str| name == "account" && column == "balance";
        let cells = cells
            .filter(|((column, _), _)| !PLACES.contains(&column.as_str()) && !is_running(column));
        cells.map(|(_, cell)| named(&names, cell.text())).collect()
    };
    let mut rows: Vec<Vec<String>> = table.rows.iter().map(row).collect();
    rows.sort();
    rows
}

fn named(names: &BTreeMap<String, String>, text: String) -> String {
    names.get(&text).cloned().unwrap_or(text)
}

type Rows = Vec<Vec<String>>;

/// The reports that are not the same in two books, each with the rows that only one of them has.
pub(crate) fn differences(
    one: &Book,
    other: &Book,
    customers: &[&str],
    as_of: Day,
) -> Vec<(String, [Rows; 2])> {
    let (one, mut other) = (answers(one, customers, as_of), answers(other, customers, as_of));
    let mut all = Vec::new();
    for (question, answer) in one {
        let again = other.remove(&question).unwrap_or_default();
        if answer != again {
            let only = |these: &Rows, those: &Rows| -> Rows {
                these.iter().filter(|row| !those.contains(row)).cloned().collect()
            };
            let both = [only(&answer, &again), only(&again, &answer)];
            all.push((format!("{question} as of {as_of}"), both));
        }
    }
    all.extend(other.into_iter().map(|(question, rows)| (question, [Vec::new(), rows])));
    all
}

/// All reports, by question; of one that is refused the code.
fn answers(book: &Book, customers: &[&str], as_of: Day) -> BTreeMap<String, Rows> {
    let names = book.of_series();
    let answer = |question: &Question| {
        let filters: Vec<String> =
            question.1.iter().map(|(_, value)| named(&names, value.clone())).collect();
        let key = format!("{} {filters:?}", question.0);
        let refused = |code: String| vec![vec![code]];
        (key, ask(book, question).map_or_else(refused, |table| rows(book, question.0, &table)))
    };
    questions(book, customers, as_of).iter().map(answer).collect()
}
