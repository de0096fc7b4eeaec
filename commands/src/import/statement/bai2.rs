//! BAI2: records of one line each, amounts in minor units, and control totals on three levels.

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency};
use rust_decimal::Decimal;

use super::{Balance, Entry, Fault, Part, Side, Statement};

mod record;

use record::{Record, Totals, detail, records, summaries};

/// Ledger balances among the summary codes of an account.
const OPENING: u32 = 10;
const CLOSING: u32 = 15;
/// Type codes of credits and debits among the details.
const CREDITS: std::ops::Range<u32> = 100..400;
const DEBITS: std::ops::Range<u32> = 400..700;
/// Credits that take an earlier movement back: debit reversals and returned items.
const REVERSALS: [u32; 6] = [252, 255, 257, 258, 261, 266];

/// What is known of the group that is read.
#[derive(Debug, Default)]
struct Group {
    id: String,
    as_of: Option<Day>,
    currency: String,
    totals: Totals,
    first: usize,
}

/// Reads a file with all its statements: one for each account of each group.
///
/// # Errors
/// Where it is no BAI2, or its last record is missing.
pub fn read(text: &str) -> Result<Vec<Statement>, Fault> {
    let records = records(text)?;
    let mut statements: Vec<Statement> = Vec::new();
    let (mut file, mut group, mut account) =
        (Totals::default(), Group::default(), Totals::default());
    let last = records.last().map_or(1, |record| record.line);
    let mut is_complete = false;
    let mut open = false;
    for record in &records {
        let lines = record.lines;
        for totals in [&mut file, &mut group.totals, &mut account] {
            totals.records += lines;
        }
        match record.code.as_str() {
            "01" => file.records = lines,
            "02" => {
                group = begin(record, statements.len(), lines);
                file.parts += 1;
            }
            "03" => {
                account = Totals { records: lines, ..Totals::default() };
                group.totals.parts += 1;
                statements.push(open_account(record, &group, &mut account));
                open = true;
            }
            "16" if open => {
                if let Some(statement) = statements.last_mut() {
                    add(record, &group, statement, &mut account);
                }
            }
            "49" if open => {
                open = false;
                let told = account.check(record, "account", None);
                fault(statements.last_mut(), told);
                group.totals.sum += account.told.unwrap_or(account.sum);
            }
            "98" => {
                let told = group.totals.check(record, "group", Some("accounts"));
                for statement in statements.iter_mut().skip(group.first) {
                    fault(Some(statement), told.clone());
                }
                file.sum += group.totals.told.unwrap_or(group.totals.sum);
                group.first = statements.len();
            }
            "99" => {
                let told = file.check(record, "file", Some("groups"));
                for statement in &mut statements {
                    fault(Some(statement), told.clone());
                }
                is_complete = true;
            }
            other => {
                let message = format!("a record {other:?} has no place here");
                return Err(Fault::malformed(record.line, message));
            }
        }
    }
    if !is_complete || open || group.first != statements.len() {
        return Err(Fault::malformed(last, "the file has no end (99): it is cut short"));
    }
    Ok(statements)
}

/// The first fault of a statement counts.
fn fault(statement: Option<&mut Statement>, told: Result<(), Fault>) {
    if let (Some(statement), Err(fault)) = (statement, told) {
        statement.fault.get_or_insert(fault);
    }
}

/// `02,receiver,originator,status,as-of date,as-of time,currency,…`.
fn begin(record: &Record<'_>, first: usize, lines: i64) -> Group {
    let field = |index: usize| record.field(index);
    let currency = field(6);
    Group {
        id: [field(2), field(4), field(5)].join("/"),
        as_of: day(field(4)),
        // What the standard says where nothing is said.
        currency: if currency.is_empty() { "USD".to_owned() } else { currency.to_owned() },
        totals: Totals { records: lines, ..Totals::default() },
        first,
    }
}

/// `03,account,currency,` and summaries: code, amount, count, funds.
fn open_account(record: &Record<'_>, group: &Group, totals: &mut Totals) -> Statement {
    let own = record.field(2);
    let currency = if own.is_empty() { &group.currency } else { own };
    let mut statement = Statement {
        account: record.field(1).to_owned(),
        id: group.id.clone(),
        line: record.line,
        ..Statement::default()
    };
    match summaries(record) {
        Ok(found) => {
            for (code, amount) in found {
                totals.sum += amount;
                let balance = money(amount, currency)
                    .map(|amount| Balance { amount, currency: currency.to_owned() });
                match code {
                    OPENING => statement.opening = balance,
                    CLOSING => statement.closing = balance,
                    _ => {}
                }
            }
        }
        Err(fault) => statement.fault = Some(fault),
    }
    // Kept for the entries, which name no currency of their own.
    totals.currency = currency.to_owned();
    if statement.account.is_empty() {
        statement.fault = Some(Fault::malformed(record.line, "the statement names no account"));
    }
    statement
}

/// `16,type,amount,funds,…,bank's reference,customer's reference,text`.
fn add(record: &Record<'_>, group: &Group, statement: &mut Statement, totals: &mut Totals) {
    let detail = match detail(record) {
        Ok(detail) => detail,
        Err(error) => return fault(Some(statement), Err(error)),
    };
    totals.sum += detail.units;
    let side = if CREDITS.contains(&detail.kind) {
        Side::Credit
    } else if DEBITS.contains(&detail.kind) {
        Side::Debit
    } else if detail.units == 0 {
        return;
    } else {
        let message = format!("type {} is neither a credit nor a debit", detail.kind);
        return fault(Some(statement), Err(Fault::malformed(record.line, message)));
    };
    let Some(amount) = money(detail.units, &totals.currency).filter(|one| !one.is_negative())
    else {
        let message = format!("no amount in {}, or one below zero", totals.currency);
        return fault(Some(statement), Err(Fault::malformed(record.line, message)));
    };
    let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    statement.entries.push(Entry {
        line: record.line,
        booked: group.as_of,
        valued: detail.valued.and_then(day),
        amount,
        currency: totals.currency.clone(),
        side,
        is_reversal: REVERSALS.contains(&detail.kind),
        is_booked: true,
        bank_id: present(detail.bank),
        parts: vec![Part {
            amount,
            end_to_end: present(detail.customer),
            remittance: detail.text,
            ..Part::default()
        }],
    });
}

/// Minor units as an amount of the currency.
fn money(units: i64, currency: &str) -> Option<Amount> {
    let currency = Currency::parse(currency).ok()?;
    Some(Amount::from_decimal(Decimal::new(units, currency.minor_units())))
}

/// YYMMDD.
fn day(text: &str) -> Option<Day> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u8>().ok();
    if text.len() != 6 {
        return None;
    }
    Day::from_numbers(2000 + i32::from(number(0..2)?), number(2..4)?, number(4..6)?)
}

#[cfg(test)]
mod tests;
