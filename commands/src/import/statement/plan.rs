//! What becomes of each entry: the commands, what is told, and totals that account for all.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::limits::TEXT_BYTES_MAX;
use ledger_core::money::{Amount, Currency};
use ledger_core::rejection::Code;
use serde_json::{Value, json};

use super::identity::{Identity, identities};
use super::matching::{Because, Match, Matcher, Receipt};
use super::{Entry, Part, Side, Statement};
use crate::import::csv::Imported;

/// The name that a suspense customer is registered with.
const SUSPENSE_NAME: &str = "Receipts of unknown payers";

/// A payment of the book that came from a bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// How much.
    pub amount: Amount,
    /// Its currency.
    pub currency: Currency,
    /// When.
    pub day: Day,
}

/// What the plan must know of the book.
pub trait Book {
    /// The payment of that id.
    fn payment(&self, id: &str) -> Option<Recorded>;
    /// Whether there is such a customer.
    fn has_customer(&self, id: &str) -> bool;
}

/// What became of money on a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// A payment that settles invoices which the payer named.
    MatchedByReference,
    /// A payment that settles the one invoice of its amount and payer.
    MatchedByAmount,
    /// A payment of a known customer that settles nothing yet.
    Unapplied,
    /// A payment of the suspense customer.
    Suspense,
    /// It stands in the book already.
    AlreadyThere,
    /// A receipt that makes no payment; it is told why.
    NotImported,
    /// Money that went out.
    Debit,
    /// What takes an earlier movement back.
    Reversal,
    /// Announced, and not booked by the bank yet.
    Pending,
    /// Part of a statement that was refused whole.
    Refused,
}

impl Fate {
    /// The name in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MatchedByReference => "matched_by_reference",
            Self::MatchedByAmount => "matched_by_amount_and_payer",
            Self::Unapplied => "unapplied",
            Self::Suspense => "suspense",
            Self::AlreadyThere => "already_there",
            Self::NotImported => "not_imported",
            Self::Debit => "skipped_debits",
            Self::Reversal => "skipped_reversals",
            Self::Pending => "skipped_pending",
            Self::Refused => "refused_statements",
        }
    }
}

/// A line about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Where it stands, from 1.
    pub line: u64,
    /// What, why, and what to do.
    pub text: String,
}

/// Count and sum, credits above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// What they sum to.
    pub amount: Amount,
}

/// What a file comes to.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The commands, in the file's order.
    pub commands: Vec<Imported>,
    /// What did not go in.
    pub refused: Vec<Told>,
    /// What went in, and settles nothing for sure.
    pub unsure: Vec<Told>,
    /// Money by what became of it, and by currency.
    pub sums: BTreeMap<(Fate, String), Sum>,
}

/// Plans one file after another against the same open items.
#[derive(Debug)]
pub struct Planner<'a, B> {
    matcher: Matcher,
    book: &'a B,
    suspense: Option<&'a str>,
    is_suspense_known: bool,
    /// What was planned before: a statement may come twice in one run.
    planned: BTreeMap<String, Recorded>,
}

impl<'a, B: Book> Planner<'a, B> {
    /// A planner; `suspense` is the customer of receipts whose payer is not known.
    pub fn new(matcher: Matcher, book: &'a B, suspense: Option<&'a str>) -> Self {
        let is_suspense_known = suspense.is_some_and(|id| book.has_customer(id));
        Self { matcher, book, suspense, is_suspense_known, planned: BTreeMap::new() }
    }

    /// Plans the statements of a file.
    pub fn plan(&mut self, statements: &[Statement]) -> Plan {
        let mut plan = Plan::default();
        for statement in statements {
            if let Some(fault) = &statement.fault {
                let text = format!("{fault} (statement {} of {})", statement.id, statement.account);
                plan.refused.push(Told { line: fault.line, text });
                for entry in &statement.entries {
                    plan.count(Fate::Refused, entry, entry.amount);
                }
                continue;
            }
            for (entry, identity) in statement.entries.iter().zip(identities(statement)) {
                self.entry(statement, entry, &identity, &mut plan);
            }
        }
        plan
    }

    fn entry(
        &mut self,
        statement: &Statement,
        entry: &Entry,
        identity: &Identity,
        plan: &mut Plan,
    ) {
        let skipped = match (entry.is_booked, entry.is_reversal, entry.side) {
            (false, _, _) => Some(Fate::Pending),
            (true, true, _) => Some(Fate::Reversal),
            (true, false, Side::Debit) => Some(Fate::Debit),
            (true, false, Side::Credit) => None,
        };
        // Another file gave the same entry in parts, or in one: it is there already.
        let other = match entry.parts.as_slice() {
            [_] => &identity.first,
            _ => &identity.whole,
        };
        let is_there = skipped.is_none() && self.recorded(other).is_some();
        if let Some(fate) = skipped.or(is_there.then_some(Fate::AlreadyThere)) {
            plan.count(fate, entry, entry.amount);
            return;
        }
        for (part, id) in entry.parts.iter().zip(&identity.parts) {
            let fate = match self.part(statement, entry, part, id, plan) {
                Ok(fate) => fate,
                Err((code, text)) => {
                    let text = format!("{}: {}: {text}", code.as_str(), about(entry, part));
                    plan.refused.push(Told { line: entry.line, text });
                    Fate::NotImported
                }
            };
            plan.count(fate, entry, part.amount);
        }
    }

    fn recorded(&self, id: &str) -> Option<Recorded> {
        self.planned.get(id).copied().or_else(|| self.book.payment(id))
    }

    fn part(
        &mut self,
        statement: &Statement,
        entry: &Entry,
        part: &Part,
        id: &str,
        plan: &mut Plan,
    ) -> Result<Fate, (Code, String)> {
        let currency = Currency::parse(&entry.currency)
            .map_err(|rejection| (Code::CurrencyUnknown, rejection.message))?;
        let amount = currency
            .exact(part.amount, "amount")
            .map_err(|rejection| (Code::AmountPrecision, rejection.message))?;
        let day = entry.day().ok_or_else(|| {
            (Code::ReceiptNoDate, "there is no date on which it was booked".to_owned())
        })?;
        let new = Recorded { amount, currency, day };
        if let Some(old) = self.recorded(id) {
            if old == new {
                return Ok(Fate::AlreadyThere);
            }
            let text = format!(
                "the bank gave this id to {} {} on {}: record it by hand if both are right",
                old.amount, old.currency, old.day
            );
            return Err((Code::ReceiptConflict, text));
        }
        let found = self.matcher.find(&Receipt {
            amount,
            currency: currency.code(),
            remittance: &part.remittance,
            counterparty: part.counterparty.as_deref(),
            account: part.counterparty_account.as_deref(),
        });
        let (customer, fate) = self.customer(&found)?;
        if fate == Fate::Suspense && !self.is_suspense_known {
            plan.commands.push(Imported { line: entry.line, envelope: register(&customer, day) });
            self.is_suspense_known = true;
        }
        if found.because == Because::Unsure {
            let text = format!(
                "{}: stays unapplied on {customer}{}",
                about(entry, part),
                candidates(&found)
            );
            plan.unsure.push(Told { line: entry.line, text });
        }
        self.matcher.take(&found);
        self.planned.insert(id.to_owned(), new);
        let envelope = payment(statement, part, id, &new, &customer, &found);
        plan.commands.push(Imported { line: entry.line, envelope });
        Ok(fate)
    }

    /// Whose payment it is.
    fn customer(&self, found: &Match) -> Result<(String, Fate), (Code, String)> {
        let fate = match found.because {
            Because::Reference => Fate::MatchedByReference,
            Because::AmountAndPayer => Fate::MatchedByAmount,
            Because::Unsure => Fate::Unapplied,
        };
        match (&found.customer, self.suspense) {
            (Some(customer), _) => Ok((customer.clone(), fate)),
            (None, Some(suspense)) => Ok((suspense.to_owned(), Fate::Suspense)),
            (None, None) => {
                let text = format!(
                    "the payer is no customer of the book{}; --unknown-customer ID takes it",
                    candidates(found)
                );
                Err((Code::ReceiptPayerUnknown, text))
            }
        }
    }
}

impl Plan {
    fn count(&mut self, fate: Fate, entry: &Entry, amount: Amount) {
        let sum = self.sums.entry((fate, entry.currency.clone())).or_default();
        sum.count += 1;
        sum.amount += match entry.side {
            Side::Credit => amount,
            Side::Debit => -amount,
        };
    }

    /// The dates of the commands.
    pub fn days(&self) -> BTreeSet<&str> {
        self.commands.iter().filter_map(|one| one.envelope.get("effective")?.as_str()).collect()
    }
}

fn about(entry: &Entry, part: &Part) -> String {
    let from = part.counterparty.as_deref().map(|name| format!(" from {name}")).unwrap_or_default();
    format!("receipt of {} {}{from}", part.amount, entry.currency)
}

fn candidates(found: &Match) -> String {
    match found.candidates.as_slice() {
        [] => String::new(),
        some => format!(", and could settle {}", some.join(" or ")),
    }
}

fn register(customer: &str, day: Day) -> Value {
    let name = format!("import\u{0}suspense\u{0}{customer}");
    json!({
        "id": uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string(),
        "command": "RegisterCustomer",
        "effective": day,
        "reason": "imported",
        "data": {"customer": customer, "name": SUSPENSE_NAME},
    })
}

fn payment(
    statement: &Statement,
    part: &Part,
    id: &str,
    new: &Recorded,
    customer: &str,
    found: &Match,
) -> Value {
    let allocate = match found.settles.as_slice() {
        [] => json!("none"),
        some => some
            .iter()
            .map(|(invoice, amount)| {
                // An amount of the book may have fewer zeros than the currency has decimals.
                let amount = new.currency.exact(*amount, "amount").unwrap_or(*amount);
                json!({"invoice": invoice, "amount": amount})
            })
            .collect(),
    };
    let mut data = json!({
        "payment": id, "customer": customer, "amount": new.amount, "currency": new.currency,
        "method": "bank_transfer", "allocate": allocate,
    });
    let reference = match part.remittance.as_str() {
        "" => part.end_to_end.as_deref().unwrap_or_default(),
        text => text,
    };
    if let (Some(object), false) = (data.as_object_mut(), reference.is_empty()) {
        object.insert("reference".to_owned(), json!(printable(reference)));
    }
    let account = &statement.account;
    json!({
        "id": id,
        "command": "RecordPayment",
        "effective": new.day,
        "reason": printable(&format!("imported from a statement of {account}")),
        "data": data,
    })
}

/// A text as the ledger takes it: no control characters, and not too long.
fn printable(text: &str) -> String {
    let mut clean = String::new();
    for letter in text.chars() {
        let letter = if letter.is_control() { ' ' } else { letter };
        if clean.len() + letter.len_utf8() > TEXT_BYTES_MAX {
            break;
        }
        clean.push(letter);
    }
    clean
}

#[cfg(test)]
mod tests;
