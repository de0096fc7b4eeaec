//! An entry as the reports and the exports read it.

use std::borrow::Cow;
use std::ops::AddAssign;

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::event::invoice::DecidedPolicy;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::Role;
use ledger_core::revenue::schedule::Schedule;

use crate::reports::explain::words;
use crate::views::AuditEntry;

/// What made an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// An event.
    Event,
    /// A day on which a contract earned.
    Day,
    /// The days of a month on which a contract earned.
    Month(YearMonth),
    /// The revaluation of what is open in a currency, on a role's account, or its reversal.
    Revaluation(Currency, Role),
}

/// An amount in the document's own currency, where that is not the book's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentAmount {
    /// The currency.
    pub currency: Currency,
    /// Debit-positive.
    pub amount: Amount,
}

/// What an entry posts to one account in one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg<'a> {
    /// The account's code.
    pub account: &'a str,
    /// The role.
    pub role: Role,
    /// Debit-positive, in the book's currency.
    pub amount: Amount,
    /// What of it came late for closed days.
    pub late: Amount,
    /// The same in the document's currency, where that is another one.
    pub document: Option<DocumentAmount>,
}

/// An amount in the book's currency, what of it came late for closed days, and the same amount in
/// the document's currency.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Both {
    pub(super) book: Amount,
    pub(super) late: Amount,
    pub(super) own: Amount,
}

impl Both {
    /// An amount that no document has.
    pub(super) fn of_book(book: Amount) -> Self {
        Self { book, ..Self::default() }
    }

    /// What came late of an amount that is counted elsewhere.
    pub(super) fn late(late: Amount) -> Self {
        Self { late, ..Self::default() }
    }

    /// All of it late, or nothing.
    pub(super) fn all_late(self, is_late: bool) -> Self {
        Self { late: if is_late { self.book } else { Amount::ZERO }, ..self }
    }
}

impl AddAssign for Both {
    fn add_assign(&mut self, other: Self) {
        self.book += other.book;
        self.late += other.late;
        self.own += other.own;
    }
}

/// The policies behind an entry.
#[derive(Debug, Clone, Copy)]
pub(super) enum Policy<'a> {
    /// None are known.
    None,
    /// Those that an event was decided by.
    Decided(&'a DecidedPolicy),
    /// Those that a schedule holds.
    Schedule(&'a Schedule),
}

/// A balanced entry.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// What made it.
    pub kind: EntryKind,
    /// When it is posted.
    pub date: Day,
    /// Its event; of recognition the last event that its day knows.
    pub sequence: u64,
    /// Its document, or the contract that earns; of revaluation the currency.
    pub document: Cow<'a, str>,
    /// Whose.
    pub customer: Option<&'a Identifier>,
    /// Its event; of recognition the one that made the schedule which is in force.
    pub event: Option<&'a AuditEntry>,
    /// The lines of the contract that earned.
    pub lines: Vec<&'a Identifier>,
    /// What it posts; the amounts sum to zero.
    pub legs: Vec<Leg<'a>>,
    pub(super) policy: Policy<'a>,
}

impl Entry<'_> {
    /// Its name: unique in the ledger as known at one sequence.
    pub fn id(&self) -> String {
        match self.kind {
            EntryKind::Event => format!("E{}", self.sequence),
            EntryKind::Day => format!("R{}-{}", self.date, self.document),
            EntryKind::Month(month) => format!("R{month}-{}", self.document),
            EntryKind::Revaluation(currency, role) => {
                format!("V{}-{}-{}", self.date, currency.code(), role.as_str())
            }
        }
    }

    /// The type of its event, or `recognition` or `revaluation`.
    pub fn kind_name(&self) -> &str {
        match self.kind {
            EntryKind::Event => self.event.map_or("", |event| event.kind.as_ref()),
            EntryKind::Day | EntryKind::Month(_) => "recognition",
            EntryKind::Revaluation(..) => "revaluation",
        }
    }

    /// The lines that earned, with commas.
    pub fn line_names(&self) -> String {
        let names: Vec<&str> = self.lines.iter().map(|line| line.as_str()).collect();
        names.join(", ")
    }

    /// The policies in force, as `name=value name=value`.
    pub fn policy(&self) -> Option<String> {
        match self.policy {
            Policy::None => None,
            Policy::Decided(policy) => Some(words::policy(policy)),
            Policy::Schedule(schedule) => Some(words::shaped(schedule)),
        }
    }

    /// What it comes before and after.
    pub(super) fn order(&self) -> (Day, u64, EntryKind, &str) {
        (self.date, self.sequence, self.kind, &self.document)
    }
}
