//! Letters and e-mails of reminders: one for each customer and dunning run.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::event::collections::ReminderIssued;
use ledger_core::event::customer::CustomerRegistered;
use ledger_core::id::{Identifier, subject_token};
use ledger_core::money::{Amount, Currency};
use projections::views::Views;
use sha2::{Digest, Sha256};

use crate::exit::Failure;

pub(crate) mod mail;
pub(crate) mod texts;

use texts::Texts;

/// A letter to one customer about the reminders of one run.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// To whom.
    pub(crate) customer: CustomerRegistered,
    /// The date of the reminders.
    pub(crate) date: Day,
    /// The same for the same run, in hex: a letter that comes twice is seen to be the same one.
    pub(crate) id: String,
    /// What it is about.
    pub(crate) subject: String,
    /// What it says.
    pub(crate) text: String,
}

/// The letters of all runs on a day, by customer.
///
/// # Errors
/// Where a reminder names a text that the table does not have.
pub(crate) fn letters(views: &Views, texts: &Texts, date: Day) -> Result<Vec<Letter>, Failure> {
    let mut groups: BTreeMap<(&Identifier, &Identifier), Vec<&ReminderIssued>> = BTreeMap::new();
    for reminders in views.collections.reminders.values() {
        for one in reminders.iter().filter(|one| one.effective == date) {
            let issued = &one.value.issued;
            groups.entry((&issued.customer, &one.value.run)).or_default().push(issued);
        }
    }
    let mut letters = Vec::with_capacity(groups.len());
    for ((customer, run), reminders) in groups {
        let Some(record) = views.customers.get(customer) else { continue };
        let Some(words) = texts.language(record.locale.as_deref()) else { continue };
        // The latest stage sets the tone of the whole letter.
        let latest = reminders.iter().max_by_key(|one| one.after_days);
        let Some(latest) = latest else { continue };
        let notice = words.notice(&latest.notice)?;
        letters.push(Letter {
            customer: record.clone(),
            date,
            id: id(views, run, customer),
            subject: notice.subject.clone(),
            text: text(record, date, (words, notice), &reminders),
        });
    }
    Ok(letters)
}

/// From book, run and customer, so that sending a run twice sends the same ids.
fn id(views: &Views, run: &Identifier, customer: &Identifier) -> String {
    let book = views.book.as_ref().map_or("", |book| book.book.as_str());
    let parts = [book, run.as_str(), customer.as_str()].map(subject_token);
    schemas::chain::hex(&Sha256::digest(parts.join(".")))
}

fn text(
    customer: &CustomerRegistered,
    date: Day,
    (words, notice): (&texts::Language, &texts::Notice),
    reminders: &[&ReminderIssued],
) -> String {
    let mut lines = vec![customer.name.clone()];
    lines.extend(customer.address.iter().flat_map(|address| address.lines()).map(str::to_owned));
    lines.extend([String::new(), date.to_string(), String::new(), notice.subject.clone()]);
    lines.push(String::new());
    lines.push(words.greeting.replace("{name}", &customer.name));
    lines.extend([String::new(), notice.text.clone(), String::new()]);
    let mut totals: BTreeMap<Currency, Amount> = BTreeMap::new();
    let mut rows = vec![words.columns.clone()];
    for one in reminders {
        *totals.entry(one.currency).or_insert(one.currency.zero()) += one.open;
        rows.push([
            one.invoice.to_string(),
            one.due.to_string(),
            one.days_overdue.to_string(),
            format!("{} {}", one.open, one.currency),
        ]);
    }
    for (currency, total) in totals {
        let sum = format!("{total} {currency}");
        rows.push([words.total.clone(), String::new(), String::new(), sum]);
    }
    lines.extend(aligned(&rows));
    lines.extend([String::new(), words.closing.clone(), String::new()]);
    lines.join("\n")
}

/// Columns of equal width: text to the left, numbers to the right.
fn aligned(rows: &[[String; 4]]) -> Vec<String> {
    let width = |column: fn(&[String; 4]) -> &String| {
        rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0)
    };
    let widths = (width(|row| &row[0]), width(|row| &row[1]), width(|row| &row[2]));
    let last = width(|row| &row[3]);
    let line = |[invoice, due, days, open]: &[String; 4]| {
        let (first, second, third) = widths;
        format!("{invoice:<first$}  {due:<second$}  {days:>third$}  {open:>last$}")
    };
    rows.iter().map(line).collect()
}
