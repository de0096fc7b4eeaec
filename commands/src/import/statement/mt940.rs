//! SWIFT MT940: fields `:61:` and `:86:` between an opening and a closing balance.

use ledger_core::calendar::Day;
use ledger_core::money::Amount;

use super::{Balance, Entry, Fault, Side, Statement};

mod information;

/// Characters of a full line: what follows one is its continuation, without a blank between.
const LINE_FULL: usize = 65;

/// One field: its tag, its lines, and where it begins.
#[derive(Debug)]
struct Field<'a> {
    tag: &'a str,
    lines: Vec<&'a str>,
    line: u64,
}

/// Reads a file with all its statements.
///
/// # Errors
/// Where there is no statement in it.
pub fn read(text: &str) -> Result<Vec<Statement>, Fault> {
    let mut statements: Vec<Statement> = Vec::new();
    for fields in messages(text) {
        statements.push(statement(&fields));
    }
    if statements.is_empty() {
        return Err(Fault::malformed(1, "there is no field :20:, so this is no MT940"));
    }
    Ok(statements)
}

/// The fields of each message: one begins with `:20:` and ends with a dash or the next one.
fn messages(text: &str) -> Vec<Vec<Field<'_>>> {
    let mut messages: Vec<Vec<Field<'_>>> = Vec::new();
    let mut is_inside = false;
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim_end_matches('\r');
        if line.trim() == "-" || line.starts_with("-}") {
            is_inside = false;
            continue;
        }
        match tag(line) {
            Some((tag, rest)) => {
                // A fragment without :20: is a message of its own, so that it is told.
                if tag == "20" || (!is_inside && tag.len() >= 2 && tag != "940") {
                    messages.push(Vec::new());
                    is_inside = true;
                }
                if let Some(fields) = messages.last_mut().filter(|_| is_inside) {
                    fields.push(Field { tag, lines: vec![rest], line: number });
                }
            }
            None => {
                let field = messages.last_mut().and_then(|fields| fields.last_mut());
                if let Some(field) = field.filter(|_| is_inside) {
                    field.lines.push(line);
                }
            }
        }
    }
    messages
}

/// A tag such as `:60F:` at the beginning of a line, and what follows it.
fn tag(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = line.strip_prefix(':')?.split_once(':')?;
    let digits = tag.bytes().take_while(u8::is_ascii_digit).count();
    let is_tag = (2..=3).contains(&digits) && tag.len() <= digits + 1;
    (is_tag && tag.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some((tag, rest))
}

fn statement(fields: &[Field<'_>]) -> Statement {
    let line = fields.first().map_or(1, |field| field.line);
    let value = |tag: &str| {
        let field = fields.iter().find(|field| field.tag == tag);
        field.and_then(|field| field.lines.first()).map(|text| text.trim()).unwrap_or_default()
    };
    let number = [value("28C"), value("28")].concat();
    let pick = |tags: [&str; 2]| tags.into_iter().map(value).find(|text| !text.is_empty());
    let (opening, closing) = (pick(["60F", "60M"]), pick(["62F", "62M"]));
    let mut statement = Statement {
        account: value("25").to_owned(),
        // Many banks number nothing: the balances tell one day from another then.
        id: [value("20"), &number, opening.unwrap_or_default(), closing.unwrap_or_default()]
            .join("/"),
        line,
        ..Statement::default()
    };
    let outcome = fill(fields, opening, closing, &mut statement);
    statement.fault = outcome.err();
    statement
}

fn fill(
    fields: &[Field<'_>],
    opening: Option<&str>,
    closing: Option<&str>,
    statement: &mut Statement,
) -> Result<(), Fault> {
    let line = statement.line;
    let cut = |what: &str| Fault::malformed(line, format!("the statement has no {what}"));
    let opening = balance(opening.ok_or_else(|| cut("opening balance (:60F:)"))?, line)?;
    let currency = opening.currency.clone();
    statement.opening = Some(opening);
    let mut fault = None;
    let mut fields = fields.iter().peekable();
    while let Some(field) = fields.next() {
        if field.tag != "61" {
            continue;
        }
        // What stands behind the closing balance is about the statement, and not about an entry.
        let about = fields.next_if(|next| next.tag == "86");
        match entry(field, about, &currency) {
            Ok(entry) => statement.entries.push(entry),
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    if let Some(fault) = fault {
        return Err(fault);
    }
    if statement.account.is_empty() {
        return Err(cut("account (:25:)"));
    }
    let closing = closing.ok_or_else(|| cut("closing balance (:62F:): it is cut short"))?;
    statement.closing = Some(balance(closing, line)?);
    Ok(())
}

/// `C131016DEM84349,74`.
fn balance(text: &str, line: u64) -> Result<Balance, Fault> {
    let wrong = || Fault::malformed(line, format!("{text:?} is no balance"));
    let (sign, rest) = text.split_at_checked(1).ok_or_else(wrong)?;
    let (_, rest) = rest.split_at_checked(6).ok_or_else(wrong)?;
    let (currency, digits) = rest.split_at_checked(3).ok_or_else(wrong)?;
    let amount = amount(digits).ok_or_else(wrong)?;
    let amount = match sign {
        "C" => amount,
        "D" => -amount,
        _ => return Err(wrong()),
    };
    Ok(Balance { amount, currency: currency.to_owned() })
}

/// A decimal comma, with nothing behind it where there are no decimals.
fn amount(text: &str) -> Option<Amount> {
    let text = text.trim().replace(',', ".");
    let amount: Amount = text.strip_suffix('.').unwrap_or(&text).parse().ok()?;
    (!amount.is_negative()).then_some(amount)
}

/// `:61:` YYMMDD[MMDD](C|D|RC|RD)[letter]amount,type and reference//bank's reference.
fn entry(field: &Field<'_>, about: Option<&Field<'_>>, currency: &str) -> Result<Entry, Fault> {
    let text = field.lines.first().copied().unwrap_or_default();
    let wrong = |what: &str| {
        Fault::malformed(field.line, format!(":61:{text} has no {what}, so it cannot be read"))
    };
    let (value, rest) = text.split_at_checked(6).ok_or_else(|| wrong("value date"))?;
    if !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("value date"));
    }
    let (entry_date, rest) = match rest.split_at_checked(4) {
        Some((digits, rest)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Some(digits), rest)
        }
        _ => (None, rest),
    };
    let marks = [
        ("RC", Side::Debit, true),
        ("RD", Side::Credit, true),
        ("C", Side::Credit, false),
        ("D", Side::Debit, false),
    ];
    let (rest, side, is_reversal) = marks
        .into_iter()
        .find_map(|(mark, side, back)| rest.strip_prefix(mark).map(|rest| (rest, side, back)))
        .ok_or_else(|| wrong("mark C, D, RC or RD"))?;
    let rest = rest.strip_prefix(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(rest);
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != ',');
    let (digits, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let amount = amount(digits).ok_or_else(|| wrong("amount"))?;
    let reference = rest.get(4..).unwrap_or_default();
    let (own, bank) = reference.split_once("//").unwrap_or((reference, ""));
    let valued = day(value);
    let mut part = information::read(about.map(|field| field.lines.as_slice()));
    part.amount = amount;
    if part.end_to_end.is_none() {
        part.end_to_end = named(own);
    }
    Ok(Entry {
        line: field.line,
        booked: entry_date.and_then(|digits| near(valued, digits)),
        valued,
        amount,
        currency: currency.to_owned(),
        side,
        is_reversal,
        is_booked: true,
        bank_id: named(bank),
        parts: vec![part],
    })
}

fn named(text: &str) -> Option<String> {
    let text = text.trim();
    (!["", "NONREF", "NOTPROVIDED", "EREF"].contains(&text)).then(|| text.to_owned())
}

/// YYMMDD; statements from before 1980 are not of this century.
fn day(text: &str) -> Option<Day> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i32>().ok();
    let year = number(0..2)?;
    let year = if year >= 80 { 1900 + year } else { 2000 + year };
    Day::from_numbers(year, u8::try_from(number(2..4)?).ok()?, u8::try_from(number(4..6)?).ok()?)
}

/// MMDD in the year that brings it nearest to the value date.
fn near(valued: Option<Day>, text: &str) -> Option<Day> {
    let valued = valued?;
    let (month, date) = (text.get(0..2)?.parse().ok()?, text.get(2..4)?.parse().ok()?);
    let year = valued.date().year();
    let years = [year - 1, year, year + 1];
    let days = years.into_iter().filter_map(|year| Day::from_numbers(year, month, date));
    days.min_by_key(|day| day.days_since(valued).abs())
}

#[cfg(test)]
mod tests;
