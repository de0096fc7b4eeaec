//! The general ledger for other programs: what every format writes, month by month.
//!
//! Formats read a [`Journal`] and nothing else of the ledger. An amount in a document's currency
//! stands in [`Leg::document`](projections::reports::general_ledger::Leg); formats write it where it is there.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Currency};
use projections::reports::general_ledger::{
    DocumentAmount, Entry, GeneralLedger, Leg, Recognition,
};
use rust_decimal::Decimal;

use crate::exit::{Exit, Failure};

pub(crate) mod ads;
pub(crate) mod beancount;
pub(crate) mod hledger;
pub(crate) mod sink;
pub(crate) mod table;

/// The entries of a range of days.
#[derive(Debug)]
pub(crate) struct Journal<'a> {
    pub(crate) book: &'a str,
    pub(crate) ledger: &'a GeneralLedger<'a>,
    pub(crate) from: Day,
    pub(crate) to: Day,
    pub(crate) recognition: Recognition,
    /// Whether the log could lose what was acknowledged (`--unsafe-dev`).
    pub(crate) is_unsafe: bool,
}

/// What every export of such a log says.
pub(crate) const UNSAFE: &str = "unsafe_dev: the log could lose what was acknowledged";

/// What stands on an account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balance<'a> {
    pub(crate) account: &'a str,
    pub(crate) currency: Currency,
    pub(crate) amount: Amount,
}

/// A month, or the part of it in the range.
#[derive(Debug)]
pub(crate) struct Month<'a> {
    /// Its last day, or the last one of the range.
    pub(crate) end: Day,
    pub(crate) entries: Vec<Entry<'a>>,
    /// What stands on each account behind it that was ever used.
    pub(crate) closing: Vec<Balance<'a>>,
    /// What one of each other currency is worth at its end, where a rate is known.
    pub(crate) prices: Vec<(Currency, Decimal)>,
}

/// An amount as plain-text accounting has it, with its price in the book's currency where it is in
/// another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Priced {
    pub(crate) amount: Amount,
    pub(crate) currency: Currency,
    pub(crate) price: Option<(Amount, Currency)>,
}

impl std::fmt::Display for Priced {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |amount: Amount, currency: Currency| {
            format!("{} {}", currency.zero() + amount, currency.code())
        };
        let amount = shown(self.amount, self.currency);
        match self.price {
            Some((price, currency)) => {
                formatter.pad(&format!("{amount} @@ {}", shown(price, currency)))
            }
            None => formatter.pad(&amount),
        }
    }
}

/// What a leg is in plain-text accounting: one amount, or two where its value goes the other way
/// than the document's amount, which no price can say.
pub(crate) fn priced(leg: &Leg<'_>, book: Currency) -> Vec<Priced> {
    let plain = |amount| Priced { amount, currency: book, price: None };
    let Some(DocumentAmount { currency, amount }) = leg.document else {
        return vec![plain(leg.amount)];
    };
    let at = |price: Amount| Priced { amount, currency, price: Some((price, book)) };
    let is_same_way = amount.is_negative() == leg.amount.is_negative() || leg.amount.is_zero();
    if is_same_way { vec![at(leg.amount.abs())] } else { vec![at(book.zero()), plain(leg.amount)] }
}

/// Counts and control totals of what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) entries: u64,
    pub(crate) legs: u64,
    pub(crate) debits: Amount,
    pub(crate) credits: Amount,
}

/// What was posted so far.
struct Running<'a> {
    /// By account, in the currency in which it was written.
    written: BTreeMap<(&'a str, Currency), Amount>,
    /// By account, in the book's currency.
    book: BTreeMap<&'a str, Amount>,
}

impl<'a> Journal<'a> {
    /// The balance of each account before the range that is not zero.
    pub(crate) fn opening(&self) -> Vec<Balance<'a>> {
        let currency = self.ledger.currency();
        let balances = self.balances(self.from.previous()).into_iter();
        let balances = balances.filter(|(_, amount)| !amount.is_zero());
        balances.map(|(account, amount)| Balance { account, currency, amount }).collect()
    }

    /// Shows every month of the range in order.
    ///
    /// # Errors
    /// `export.empty` where there is no entry, `export.does_not_tie` where entries do not end at
    /// the trial balance, or what `see` fails with.
    pub(crate) fn each_month(
        &self,
        mut see: impl FnMut(&Month<'a>) -> Result<(), Failure>,
    ) -> Result<Totals, Failure> {
        let zero = self.ledger.currency().zero();
        let mut totals = Totals { entries: 0, legs: 0, debits: zero, credits: zero };
        let mut running = Running::new(&self.opening());
        let others = self.ledger.other_currencies();
        let mut month = self.from.month();
        while month.first() <= self.to {
            let (start, end) = (self.from.max(month.first()), self.to.min(month.last()));
            let entries = self.ledger.entries(Some(start), end, self.recognition);
            for entry in &entries {
                totals.take(entry);
                running.take(self.ledger.currency(), entry);
            }
            running.check(end, &self.balances(end))?;
            let price = |currency: &Currency| Some((*currency, self.ledger.price(*currency, end)?));
            let prices = others.iter().filter_map(price).collect();
            see(&Month { end, entries, closing: running.balances(), prices })?;
            month = month.plus(1);
        }
        if totals.entries == 0 {
            return Err(self.empty());
        }
        Ok(totals)
    }

    /// The balance of each account in the book's currency.
    fn balances(&self, day: Day) -> BTreeMap<&'a str, Amount> {
        let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
        for ((_, account), amount) in self.ledger.balances(day) {
            *sums.entry(account).or_default() += amount;
        }
        sums
    }

    fn empty(&self) -> Failure {
        nothing(&format!("no entry is posted from {} through {}", self.from, self.to))
    }
}

/// There is nothing to export.
pub(crate) fn nothing(what: &str) -> Failure {
    Failure::new(Exit::No, "export.empty", what)
        .because("an export without entries would look like a ledger without business")
        .help("choose other days with --from and --to, or another --book")
}

impl Totals {
    fn take(&mut self, entry: &Entry<'_>) {
        self.entries += 1;
        for leg in &entry.legs {
            self.legs += 1;
            if leg.amount.is_negative() {
                self.credits -= leg.amount;
            } else {
                self.debits += leg.amount;
            }
        }
    }
}

impl<'a> Running<'a> {
    fn new(opening: &[Balance<'a>]) -> Self {
        let mut running = Self { written: BTreeMap::new(), book: BTreeMap::new() };
        for one in opening {
            running.written.insert((one.account, one.currency), one.amount);
            running.book.insert(one.account, one.amount);
        }
        running
    }

    fn take(&mut self, book: Currency, entry: &Entry<'a>) {
        for leg in &entry.legs {
            for Priced { amount, currency, .. } in priced(leg, book) {
                *self.written.entry((leg.account, currency)).or_default() += amount;
            }
            *self.book.entry(leg.account).or_default() += leg.amount;
        }
    }

    /// Movements and balances come by different routes: both must say the same.
    fn check(&self, day: Day, balances: &BTreeMap<&str, Amount>) -> Result<(), Failure> {
        for account in self.book.keys().chain(balances.keys()).copied() {
            let moved = self.book.get(account).copied().unwrap_or_default();
            let stands = balances.get(account).copied().unwrap_or_default();
            if moved != stands {
                let what = format!(
                    "on {day} the entries bring {account} to {moved}, the trial balance says {stands}"
                );
                return Err(Failure::new(Exit::No, "export.does_not_tie", what)
                    .help("nothing was written: run `revledger verify`"));
            }
        }
        Ok(())
    }

    fn balances(&self) -> Vec<Balance<'a>> {
        let all = self.written.iter();
        let balance = |((account, currency), amount): (&(&'a str, Currency), &Amount)| Balance {
            account,
            currency: *currency,
            amount: currency.zero() + *amount,
        };
        all.map(balance).collect()
    }
}
