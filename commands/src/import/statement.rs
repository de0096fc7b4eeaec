//! Bank statements: one type for what camt, MT940 and BAI2 say, and the checks that each must
//! pass before anything of it is booked.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use ledger_core::rejection::Code;

pub mod bai2;
pub mod camt;
pub mod identity;
pub mod matching;
pub mod mt940;
pub mod plan;
pub(super) mod xml;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// ISO 20022 XML: camt.052, camt.053, camt.054.
    Camt,
    /// SWIFT MT940.
    Mt940,
    /// BAI2.
    Bai2,
}

/// One statement of one account.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statement {
    /// The account, as the bank writes it.
    pub account: String,
    /// What tells this statement from every other one of the account.
    pub id: String,
    /// Where it begins, from 1.
    pub line: u64,
    /// What was there before the entries.
    pub opening: Option<Balance>,
    /// What was there after them.
    pub closing: Option<Balance>,
    /// What moved.
    pub entries: Vec<Entry>,
    /// Why nothing of it may be booked.
    pub fault: Option<Fault>,
}

/// A balance; below zero where the account is overdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// How much.
    pub amount: Amount,
    /// Of which currency, as the bank writes it.
    pub currency: String,
}

/// One movement on the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the file, from 1.
    pub line: u64,
    /// The day on which the bank booked it.
    pub booked: Option<Day>,
    /// The day from which it bears interest.
    pub valued: Option<Day>,
    /// How much, without a sign.
    pub amount: Amount,
    /// The currency, as the bank writes it.
    pub currency: String,
    /// Which way it went.
    pub side: Side,
    /// Whether it takes an earlier movement back.
    pub is_reversal: bool,
    /// Whether it is booked, and not only announced.
    pub is_booked: bool,
    /// The bank's own id.
    pub bank_id: Option<String>,
    /// What it is made of: one part, or the payments of a batch that sum to it.
    pub parts: Vec<Part>,
}

/// Which way money went, seen from the account's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// In.
    Credit,
    /// Out.
    Debit,
}

/// One payment of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// How much, in the entry's currency.
    pub amount: Amount,
    /// The payer's own id of the payment.
    pub end_to_end: Option<String>,
    /// What the payer wrote.
    pub remittance: String,
    /// Who is on the other side.
    pub counterparty: Option<String>,
    /// The other side's account, an IBAN where it has one.
    pub counterparty_account: Option<String>,
}

/// Why a file or a statement is not booked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Fault {
    /// Where, from 1.
    pub line: u64,
    /// `statement.malformed` or `statement.checksum`.
    pub code: Code,
    /// What, why, and what to do.
    pub message: String,
}

impl Fault {
    /// A file or statement that is not of its format.
    pub fn malformed(line: u64, message: impl Into<String>) -> Self {
        Self { line, code: Code::StatementMalformed, message: message.into() }
    }

    /// A statement whose totals do not tie.
    pub fn checksum(line: u64, message: impl std::fmt::Display) -> Self {
        let message = format!("{message}; nothing of it was booked: ask the bank for it again");
        Self { line, code: Code::StatementChecksum, message }
    }
}

impl Entry {
    /// The amount with its sign: credits are above zero.
    pub fn signed(&self) -> Amount {
        match self.side {
            Side::Credit => self.amount,
            Side::Debit => -self.amount,
        }
    }

    /// The day that counts: of the booking, else the value date.
    pub fn day(&self) -> Option<Day> {
        self.booked.or(self.valued)
    }
}

/// Reads a file of one format; statements that do not tie have a `fault`.
///
/// # Errors
/// Where the file as a whole is not of the format, or is cut short.
pub fn read(format: Format, bytes: &[u8]) -> Result<Vec<Statement>, Fault> {
    let mut statements = match format {
        Format::Camt => camt::read(bytes)?,
        Format::Mt940 => mt940::read(&utf8(bytes)?)?,
        Format::Bai2 => bai2::read(&utf8(bytes)?)?,
    };
    for statement in &mut statements {
        if statement.fault.is_none() {
            statement.fault = balances(statement, format).err();
        }
    }
    Ok(statements)
}

/// Opening balance and booked entries must make the closing balance, where both are there in one
/// currency. An account of camt may have several; those of MT940 and BAI2 have one, and another one is a
/// letter that changed on its way.
fn balances(statement: &Statement, format: Format) -> Result<(), Fault> {
    let (Some(opening), Some(closing)) = (&statement.opening, &statement.closing) else {
        return Ok(());
    };
    if opening.currency != closing.currency {
        if format == Format::Camt {
            return Ok(());
        }
        let message = format!(
            "the opening balance is in {}, and the closing balance in {}",
            opening.currency, closing.currency
        );
        return Err(Fault::checksum(statement.line, message));
    }
    let booked = statement.entries.iter().filter(|entry| entry.is_booked);
    if let Some(other) = booked.clone().find(|entry| entry.currency != opening.currency) {
        let message =
            format!("an entry in {} stands in a statement in {}", other.currency, opening.currency);
        return Err(Fault::checksum(other.line, message));
    }
    let moved: Amount = booked.map(Entry::signed).sum();
    let made = opening.amount + moved;
    if made != closing.amount {
        let message = format!(
            "the opening balance {} and entries of {moved} make {made}, and not the closing \
             balance {}",
            opening.amount, closing.amount
        );
        return Err(Fault::checksum(statement.line, message));
    }
    Ok(())
}

/// The text of a file whose format has no way to name another encoding.
fn utf8(bytes: &[u8]) -> Result<String, Fault> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => Err(Fault::malformed(1, "the file is empty")),
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let line = u64::try_from(line).unwrap_or(u64::MAX);
            Err(Fault::malformed(line, "the file is not UTF-8: convert it, nothing is guessed"))
        }
    }
}

/// What entries sum to, by currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How many entries.
    pub entries: u64,
    /// How many credits.
    pub credits: u64,
    /// What the credits sum to.
    pub credited: Amount,
    /// How many debits.
    pub debits: u64,
    /// What the debits sum to, without a sign.
    pub debited: Amount,
}

/// The control totals of statements: every entry, whatever becomes of it.
pub fn totals<'a>(statements: impl IntoIterator<Item = &'a Statement>) -> BTreeMap<String, Totals> {
    let mut totals: BTreeMap<String, Totals> = BTreeMap::new();
    for entry in statements.into_iter().flat_map(|statement| &statement.entries) {
        let sums = totals.entry(entry.currency.clone()).or_default();
        sums.entries += 1;
        match entry.side {
            Side::Credit => {
                sums.credits += 1;
                sums.credited += entry.amount;
            }
            Side::Debit => {
                sums.debits += 1;
                sums.debited += entry.amount;
            }
        }
    }
    totals
}

#[cfg(test)]
mod tests;
