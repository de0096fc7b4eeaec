//! Journals for hledger and ledger: the common subset of the two, and where they differ their own.
//!
//! Every amount is explicit, and each month ends with an entry of zeros that asserts the balance of
//! every account: loading the file is the check.

use std::collections::BTreeMap;
use std::io::Write;

use ledger_core::chart::{Account, AccountKind};
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::Role;
use projections::reports::general_ledger::Entry;

use crate::exit::Failure;
use crate::export::{Balance, Journal, Month, Totals, UNSAFE, priced};

/// Which of the two programs reads the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// hledger 1.25 or later.
    Hledger,
    /// ledger 3.
    Ledger,
}

/// The tags of entries, which ledger wants declared.
const TAGS: [&str; 10] = [
    "seq", "type", "document", "customer", "event", "command", "actor", "reason", "lines", "policy",
];

/// Names of accounts by code.
type Names<'a> = BTreeMap<&'a str, String>;

/// Writes the journal.
///
/// # Errors
/// As [`Journal::each_month`], or where the output cannot be written.
pub(crate) fn write(
    journal: &Journal<'_>,
    flavour: Flavour,
    output: &mut dyn Write,
) -> Result<Totals, Failure> {
    let accounts = journal.ledger.chart().accounts();
    let names: Names<'_> =
        accounts.iter().map(|(code, account)| (code.as_str(), name(code, account))).collect();
    header(journal, flavour, output)?;
    for (code, account) in &accounts {
        declare(flavour, &named(&names, code), (code, account), output)?;
    }
    let opening = journal.opening();
    if !opening.is_empty() {
        writeln!(output, "\n{} (O{}) opening balances", journal.from, journal.from)?;
        for one in &opening {
            let amount = amount(one.amount, one.currency);
            posting(output, &named(&names, one.account), &amount)?;
        }
    }
    journal.each_month(|month| {
        for one in &month.entries {
            entry(one, (flavour, journal.ledger.currency()), &names, output)?;
        }
        closing(month, &names, output)?;
        for (other, price) in &month.prices {
            let (other, book) = (other.code(), journal.ledger.currency());
            writeln!(output, "P {} {other} {price} {}", month.end, book.code())?;
        }
        Ok(())
    })
}

fn header(journal: &Journal<'_>, flavour: Flavour, output: &mut dyn Write) -> Result<(), Failure> {
    let currency = journal.ledger.currency();
    writeln!(
        output,
        "; revledger: book {}, {} through {}, as known at event {}",
        text(journal.book),
        journal.from,
        journal.to,
        journal.ledger.sequence()
    )?;
    if journal.is_unsafe {
        writeln!(output, "; {UNSAFE}")?;
    }
    if flavour == Flavour::Hledger {
        writeln!(output, "decimal-mark .")?;
    }
    writeln!(output)?;
    for currency in std::iter::once(currency).chain(journal.ledger.other_currencies()) {
        let (sample, code) = (sample(currency), currency.code());
        match flavour {
            // A mark is needed even where no digits follow it.
            Flavour::Hledger if currency.minor_units() == 0 => {
                writeln!(output, "commodity {sample}. {code}")?;
            }
            Flavour::Hledger => writeln!(output, "commodity {sample} {code}")?,
            Flavour::Ledger => writeln!(output, "commodity {code}\n    format {sample} {code}")?,
        }
    }
    if flavour == Flavour::Ledger {
        for tag in TAGS {
            writeln!(output, "tag {tag}")?;
        }
    }
    writeln!(output)?;
    Ok(())
}

/// A number with the decimals of a currency.
fn sample(currency: Currency) -> String {
    (currency.zero() + Amount::from_decimal(rust_decimal::Decimal::ONE_THOUSAND)).to_string()
}

fn declare(
    flavour: Flavour,
    name: &str,
    (code, account): (&str, &Account),
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let roles: Vec<&str> = account.roles.iter().map(|role| role.as_str()).collect();
    match flavour {
        Flavour::Hledger => writeln!(
            output,
            "account {name}  ; type:{}, code:{}, roles:{}",
            kind(account),
            text(code),
            roles.join(" ")
        )?,
        Flavour::Ledger => {
            let code = text(code);
            writeln!(output, "account {name}\n    note code {code}, {}", roles.join(" "))?;
        }
    }
    Ok(())
}

/// The letter of an account's type, as hledger has them.
fn kind(account: &Account) -> &'static str {
    let is_cash = account.roles.iter().all(|role| *role == Role::Cash);
    match account.kind {
        AccountKind::Asset if is_cash => "C",
        AccountKind::Asset => "A",
        AccountKind::Liability => "L",
        AccountKind::Income => "R",
        AccountKind::Expense => "X",
    }
}

fn root(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Asset => "assets",
        AccountKind::Liability => "liabilities",
        AccountKind::Income => "income",
        AccountKind::Expense => "expenses",
    }
}

/// `assets:1200 Receivables`. The code has no blank, so that no two accounts get one name.
fn name(code: &str, account: &Account) -> String {
    let code = text(code).replace(':', "%3A");
    match account.name.as_deref().map(words).filter(|name| !name.is_empty()) {
        Some(name) => format!("{}:{code} {name}", root(account.kind)),
        None => format!("{}:{code}", root(account.kind)),
    }
}

fn named(names: &Names<'_>, code: &str) -> String {
    // Every account that is posted to is one of the chart.
    names.get(code).cloned().unwrap_or_else(|| text(code))
}

fn entry(
    entry: &Entry<'_>,
    (flavour, book): (Flavour, Currency),
    names: &Names<'_>,
    output: &mut dyn Write,
) -> Result<(), Failure> {
    let (id, kind, document) = (text(&entry.id()), text(entry.kind_name()), text(&entry.document));
    writeln!(output, "\n{} ({id}) {kind} {document}", entry.date)?;
    let tags = tags(entry);
    match flavour {
        Flavour::Hledger => {
            let tags: Vec<String> = tags.iter().map(|(tag, is)| format!("{tag}:{is}")).collect();
            writeln!(output, "    ; {}", tags.join(", "))?;
        }
        Flavour::Ledger => {
            for (tag, is) in tags {
                writeln!(output, "    ; {tag}: {is}")?;
            }
        }
    }
    for leg in &entry.legs {
        for amount in priced(leg, book) {
            posting(output, &named(names, leg.account), &amount.to_string())?;
        }
    }
    Ok(())
}

/// What leads back to the event.
fn tags(entry: &Entry<'_>) -> Vec<(&'static str, String)> {
    let mut tags = vec![
        ("seq", entry.sequence.to_string()),
        ("type", text(entry.kind_name())),
        ("document", text(&entry.document)),
    ];
    tags.extend(entry.customer.map(|customer| ("customer", text(customer.as_str()))));
    if let Some(event) = entry.event {
        tags.push(("event", event.sequence.to_string()));
        tags.push(("command", text(event.command_id.as_str())));
        tags.push(("actor", words(&event.actor)));
        tags.extend(event.reason.as_deref().map(|reason| ("reason", words(reason))));
    }
    if !entry.lines.is_empty() {
        let lines: Vec<String> = entry.lines.iter().map(|line| text(line.as_str())).collect();
        tags.push(("lines", lines.join(" ")));
    }
    tags.extend(entry.policy().map(|policy| ("policy", words(&policy))));
    tags
}

fn amount(amount: Amount, currency: Currency) -> String {
    format!("{} {}", currency.zero() + amount, currency.code())
}

fn posting(output: &mut dyn Write, account: &str, amount: &str) -> Result<(), Failure> {
    // Two blanks end the account's name.
    writeln!(output, "    {account:<40}  {amount:>20}")?;
    Ok(())
}

/// Asserts what stands on each account at the month's end.
fn closing(month: &Month<'_>, names: &Names<'_>, output: &mut dyn Write) -> Result<(), Failure> {
    writeln!(output, "\n{} (B{}) balances", month.end, month.end)?;
    for Balance { account, currency, amount: stands } in &month.closing {
        let (zero, stands) = (amount(currency.zero(), *currency), amount(*stands, *currency));
        posting(output, &named(names, account), &format!("{zero} = {stands}"))?;
    }
    Ok(())
}

/// An id or code as one word that both programs read as text: what they would take for something
/// else is percent-encoded, so that no two become one.
pub(super) fn text(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for letter in id.chars() {
        let is_special = matches!(letter, '%' | ';' | '|' | ',' | '(' | ')' | '[' | ']' | '"');
        if is_special || letter.is_whitespace() || letter.is_control() {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                text += &format!("%{byte:02X}");
            }
        } else {
            text.push(letter);
        }
    }
    text
}

/// Free text in one line with single blanks, without what ends a name, a tag or a line.
fn words(free: &str) -> String {
    let is_end = |letter: char| letter.is_control() || matches!(letter, ';' | ',' | ':' | '|');
    let spaced: String =
        free.chars().map(|letter| if is_end(letter) { ' ' } else { letter }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
