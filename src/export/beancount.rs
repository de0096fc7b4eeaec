//! Files for beancount: the general ledger with a `balance` directive for every account and month.
//!
//! `balance` directives stand on the day after the month's end, because beancount checks them at the
//! start of a day, and with a tolerance of zero, because it would forgive a cent otherwise.

use std::collections::BTreeMap;
use std::io::Write;

use ledger_core::chart::{Account, AccountKind};
use ledger_core::money::{Amount, Currency};
use projections::reports::general_ledger::Entry;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::exit::Failure;
use crate::export::{Balance, Journal, Month, Totals, UNSAFE, priced};

/// Names of accounts by code.
type Names<'a> = BTreeMap<&'a str, String>;

/// Writes the file.
///
/// # Errors
/// As [`Journal::each_month`], or where the output cannot be written.
pub(crate) fn write(journal: &Journal<'_>, output: &mut dyn Write) -> Result<Totals, Failure> {
    let accounts = journal.ledger.chart().accounts();
    let names = names(&accounts);
    let currency = journal.ledger.currency();
    writeln!(
        output,
        "; revledger: {} through {}, as known at event {}",
        journal.from,
        journal.to,
        journal.ledger.sequence()
    )?;
    if journal.is_unsafe {
        writeln!(output, "; {UNSAFE}")?;
    }
    writeln!(output, "option \"title\" {}", quoted(journal.book))?;
    writeln!(output, "option \"operating_currency\" \"{}\"\n", currency.code())?;
    if !journal.ledger.other_currencies().is_empty() {
        // Beancount keeps the price of one and multiplies again, which is off by a hair: half of
        // the last digit, that it forgives anyway where an amount of the currency is there.
        let hair = Decimal::new(5, currency.minor_units().saturating_add(1));
        writeln!(output, "option \"inferred_tolerance_default\" \"{}:{hair}\"\n", currency.code())?;
    }
    for one in std::iter::once(currency).chain(journal.ledger.other_currencies()) {
        writeln!(output, "{} commodity {}", journal.from, one.code())?;
    }
    writeln!(output)?;
    for (code, account) in &accounts {
        writeln!(output, "{} open {}", journal.from, named(&names, code))?;
        writeln!(output, "  code: {}", quoted(code))?;
        if let Some(name) = &account.name {
            writeln!(output, "  name: {}", quoted(name))?;
        }
        let roles: Vec<&str> = account.roles.iter().map(|role| role.as_str()).collect();
        writeln!(output, "  roles: {}", quoted(&roles.join(" ")))?;
    }
    let opening = journal.opening();
    if !opening.is_empty() {
        writeln!(output, "\n{} * \"opening balances\"", journal.from)?;
        for one in &opening {
            posting(output, &named(&names, one.account), &amount(one.amount, one.currency))?;
        }
    }
    journal.each_month(|month| {
        for one in &month.entries {
            entry(one, currency, &names, output)?;
        }
        closing(month, &names, output)?;
        for (other, price) in &month.prices {
            let (other, book) = (other.code(), currency.code());
            writeln!(output, "{} price {other} {price} {book}", month.end)?;
        }
        Ok(())
    })
}

/// A name for each account. Where two codes would have one name, each gets a mark of its code.
fn names(accounts: &BTreeMap<String, Account>) -> Names<'_> {
    let mut plain: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (code, account) in accounts {
        plain.entry(name(code, account)).or_default().push(code);
    }
    let mut names = Names::new();
    for (name, codes) in plain {
        if let [code] = codes[..] {
            names.insert(code, name);
            continue;
        }
        for code in codes {
            let hash = schemas::chain::hex(&Sha256::digest(code));
            names.insert(code, format!("{name}-{}", hash.get(..8).unwrap_or(&hash)));
        }
    }
    names
}

/// `Assets:1200-Receivables`: a part of a name starts with a capital or a digit and has no other
/// signs than dashes.
fn name(code: &str, account: &Account) -> String {
    let root = match account.kind {
        AccountKind::Asset => "Assets",
        AccountKind::Liability => "Liabilities",
        AccountKind::Income => "Income",
        AccountKind::Expense => "Expenses",
    };
    let words = format!("{code} {}", account.name.as_deref().unwrap_or_default());
    let is_part = |letter: char| letter.is_ascii_alphanumeric();
    let parts: Vec<&str> =
        words.split(|letter| !is_part(letter)).filter(|part| !part.is_empty()).collect();
    let joined = parts.join("-");
    let mut letters = joined.chars();
    match letters.next() {
        Some(first) => format!("{root}:{}{}", first.to_ascii_uppercase(), letters.as_str()),
        None => format!("{root}:X"),
    }
}

fn named(names: &Names<'_>, code: &str) -> String {
    // Every account that is posted to is one of the chart.
    names.get(code).cloned().unwrap_or_else(|| quoted(code))
}

fn entry(
    entry: &Entry<'_>,
    book: Currency,
    names: &Names<'_>,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let payee = entry.customer.map_or("", |customer| customer.as_str());
    let narration = format!("{} {}", entry.kind_name(), entry.document);
    writeln!(output, "\n{} * {} {}", entry.date, quoted(payee), quoted(&narration))?;
    writeln!(output, "  entry: {}", quoted(&entry.id()))?;
    writeln!(output, "  seq: {}", entry.sequence)?;
    writeln!(output, "  type: {}", quoted(entry.kind_name()))?;
    writeln!(output, "  document: {}", quoted(&entry.document))?;
    if let Some(customer) = entry.customer {
        writeln!(output, "  customer: {}", quoted(customer.as_str()))?;
    }
    if let Some(event) = entry.event {
        writeln!(output, "  event: {}", event.sequence)?;
        writeln!(output, "  command: {}", quoted(event.command_id.as_str()))?;
        writeln!(output, "  actor: {}", quoted(&event.actor))?;
        if let Some(reason) = &event.reason {
            writeln!(output, "  reason: {}", quoted(reason))?;
        }
    }
    if !entry.lines.is_empty() {
        writeln!(output, "  lines: {}", quoted(&entry.line_names()))?;
    }
    if let Some(policy) = entry.policy() {
        writeln!(output, "  policy: {}", quoted(&policy))?;
    }
    for leg in &entry.legs {
        for amount in priced(leg, book) {
            posting(output, &named(names, leg.account), &amount.to_string())?;
        }
    }
    Ok(())
}

fn amount(amount: Amount, currency: Currency) -> String {
    format!("{} {}", currency.zero() + amount, currency.code())
}

fn posting(output: &mut dyn Write, account: &str, amount: &str) -> Result<(), Failure> {
    writeln!(output, "  {account:<40}  {amount:>20}")?;
    Ok(())
}

/// Asserts what stands on each account at the month's end.
fn closing(month: &Month<'_>, names: &Names<'_>, output: &mut dyn Write) -> Result<(), Failure> {
    writeln!(output)?;
    for Balance { account, currency, amount } in &month.closing {
        let (day, name, code) = (month.end.next(), named(names, account), currency.code());
        writeln!(output, "{day} balance {name}  {amount} ~ 0 {code}")?;
    }
    Ok(())
}

/// A text in quotes, in one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
