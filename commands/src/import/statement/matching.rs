//! Which open invoices a receipt settles: by reference, then by amount and payer. Pure, and by
//! index: the cost of a receipt hardly grows with the number of open invoices.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use indexmap::map::Entry;
use ledger_core::limits::IDENTIFIER_BYTES_MAX;
use ledger_core::money::Amount;
use smol_str::SmolStr;

mod words;

pub use words::normalised;
use words::{core, is_number, references};

/// Candidates that are named for one receipt.
pub const CANDIDATES_MAX: usize = 5;

/// An invoice that something is open of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenItem {
    /// Its id.
    pub invoice: String,
    /// Who owes it.
    pub customer: String,
    /// Its currency.
    pub currency: String,
    /// What is open.
    pub open: Amount,
}

/// A customer, and what it may be known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payer {
    /// Its id.
    pub customer: String,
    /// The registered name.
    pub name: String,
    /// Other marks that are its own alone, such as a tax number.
    pub marks: Vec<String>,
}

/// What is known of money that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// How much.
    pub amount: Amount,
    /// Its currency.
    pub currency: &'a str,
    /// What the payer wrote.
    pub remittance: &'a str,
    /// Who paid, as the bank writes it.
    pub counterparty: Option<&'a str>,
    /// The payer's account.
    pub account: Option<&'a str>,
}

/// Why a receipt is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// The payer wrote the invoice's id.
    Reference,
    /// Exactly one open invoice of this payer has this amount.
    AmountAndPayer,
    /// Nothing settles it for sure.
    Unsure,
}

/// What was found out about a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The customer, where it is known for sure.
    pub customer: Option<String>,
    /// What it settles; empty where that is not sure.
    pub settles: Vec<(String, Amount)>,
    /// How that was found out.
    pub because: Because,
    /// Invoices that it might settle, where that is not sure.
    pub candidates: Vec<String>,
    /// The open items behind `settles`, for [`Matcher::take`].
    items: Vec<(usize, Amount)>,
}

/// The open invoices of a book, by what receipts can name.
#[derive(Debug, Default)]
pub struct Matcher {
    items: Vec<Item>,
    customers: Vec<String>,
    currencies: Vec<String>,
    by_reference: Index,
    /// Of how many words ids are made: only such runs of words are looked up.
    word_counts: BTreeSet<usize>,
    /// By currency and amount, the customers and their items.
    by_amount: BTreeMap<(usize, Amount), BTreeSet<(usize, usize)>>,
    by_name: Index,
    by_mark: Index,
}

/// Numbers by a text. A search is a hash and a look or two, however many there are: in a tree of a
/// million texts each level is memory that no cache holds.
#[derive(Debug, Default)]
struct Index(IndexMap<SmolStr, Numbers>);

/// The numbers of a text: mostly one.
#[derive(Debug)]
struct Numbers {
    first: usize,
    others: Vec<usize>,
}

impl Index {
    fn add(&mut self, text: &str, number: usize) {
        match self.0.entry(SmolStr::new(text)) {
            Entry::Vacant(place) => {
                place.insert(Numbers { first: number, others: Vec::new() });
            }
            Entry::Occupied(mut known) => known.get_mut().others.push(number),
        }
    }

    /// In the order in which they were added.
    fn of(&self, text: &str) -> impl Iterator<Item = usize> {
        let known = self.0.get(text).into_iter();
        known.flat_map(|one| std::iter::once(one.first).chain(one.others.iter().copied()))
    }
}

#[derive(Debug)]
struct Item {
    invoice: SmolStr,
    customer: usize,
    currency: usize,
    open: Amount,
}

impl Matcher {
    /// Indexes customers and open items.
    pub fn new(
        payers: impl IntoIterator<Item = Payer>,
        items: impl IntoIterator<Item = OpenItem>,
    ) -> Self {
        let mut matcher = Self::default();
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        for payer in payers {
            let number = matcher.customers.len();
            let name = normalised(&payer.name);
            if !name.is_empty() {
                matcher.by_name.add(&name, number);
            }
            for mark in payer.marks.iter().chain([&payer.customer]) {
                let mark = compact(mark);
                if !mark.is_empty() {
                    matcher.by_mark.add(&mark, number);
                }
            }
            numbers.insert(payer.customer.clone(), number);
            matcher.customers.push(payer.customer);
        }
        for item in items {
            matcher.add(item, &mut numbers);
        }
        matcher
    }

    fn add(&mut self, item: OpenItem, numbers: &mut BTreeMap<String, usize>) {
        let customer = *numbers.entry(item.customer).or_insert_with_key(|id| {
            self.customers.push(id.clone());
            self.customers.len() - 1
        });
        let known = self.currencies.iter().position(|currency| *currency == item.currency);
        let currency = known.unwrap_or_else(|| {
            self.currencies.push(item.currency);
            self.currencies.len() - 1
        });
        let number = self.items.len();
        let (key, words) = core(&item.invoice);
        if words > 0 {
            self.word_counts.insert(words);
            self.by_reference.add(&key, number);
        }
        self.by_amount.entry((currency, item.open)).or_default().insert((customer, number));
        self.items.push(Item { invoice: item.invoice.into(), customer, currency, open: item.open });
    }

    /// Finds out what a receipt settles. Nothing is guessed: where it is not sure, nothing.
    pub fn find(&self, receipt: &Receipt<'_>) -> Match {
        let currency = self.currencies.iter().position(|code| code == receipt.currency);
        let payers = self.payers(receipt);
        let named = self.named(receipt, &payers);
        if !named.is_empty() {
            return self.by_reference(receipt, currency, &payers, &named);
        }
        let hits: Vec<usize> = payers
            .iter()
            .flat_map(|payer| self.of(currency, receipt.amount, Some(*payer)))
            .take(CANDIDATES_MAX + 1)
            .collect();
        if let ([only], Some(item)) =
            (hits.as_slice(), hits.first().and_then(|at| self.items.get(*at)))
        {
            let items = vec![(*only, receipt.amount)];
            return self.sure(item.customer, items, Because::AmountAndPayer);
        }
        let customer = match payers.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let candidates = if hits.is_empty() {
            self.of(currency, receipt.amount, None).take(CANDIDATES_MAX).collect()
        } else {
            hits
        };
        self.unsure(customer, &candidates)
    }

    /// Settles what was found, so that the next receipt finds it settled.
    pub fn take(&mut self, found: &Match) {
        for (number, amount) in &found.items {
            let Some(item) = self.items.get_mut(*number) else { continue };
            let place = (item.customer, *number);
            if let Some(same) = self.by_amount.get_mut(&(item.currency, item.open)) {
                same.remove(&place);
            }
            item.open -= *amount;
            if item.open.is_positive() {
                self.by_amount.entry((item.currency, item.open)).or_default().insert(place);
            }
        }
    }

    /// Customers that the counterparty's name or account is that of.
    fn payers(&self, receipt: &Receipt<'_>) -> Vec<usize> {
        let name = receipt.counterparty.map(normalised).unwrap_or_default();
        let account = receipt.account.map(compact).unwrap_or_default();
        let mut payers: Vec<usize> =
            self.by_name.of(&name).chain(self.by_mark.of(&account)).collect();
        payers.sort_unstable();
        payers.dedup();
        payers
    }

    /// Invoices whose ids stand in the text. An id of digits alone could be anything: it counts
    /// only where the amount or the payer says the same.
    fn named(&self, receipt: &Receipt<'_>, payers: &[usize]) -> Vec<usize> {
        let mut named = BTreeSet::new();
        references(receipt.remittance, &self.word_counts, IDENTIFIER_BYTES_MAX, |text| {
            for number in self.by_reference.of(text) {
                let Some(item) = self.items.get(number) else { continue };
                let is_confirmed = item.open == receipt.amount || payers.contains(&item.customer);
                if !is_number(text) || is_confirmed {
                    named.insert(number);
                }
            }
        });
        named.into_iter().collect()
    }

    fn by_reference(
        &self,
        receipt: &Receipt<'_>,
        currency: Option<usize>,
        payers: &[usize],
        named: &[usize],
    ) -> Match {
        let items: Vec<(usize, &Item)> =
            named.iter().filter_map(|at| self.items.get(*at).map(|item| (*at, item))).collect();
        let owners: BTreeSet<usize> = items.iter().map(|(_, item)| item.customer).collect();
        let owner = match (owners.len(), payers) {
            (1, _) => owners.first().copied(),
            (_, [only]) => Some(*only),
            _ => None,
        };
        let is_one_currency = items.iter().all(|(_, item)| Some(item.currency) == currency);
        let open: Vec<&(usize, &Item)> =
            items.iter().filter(|(_, item)| item.open.is_positive()).collect();
        let whole: Amount = open.iter().map(|(_, item)| item.open).sum();
        let is_sure = owners.len() == 1
            && is_one_currency
            && !open.is_empty()
            // Money for a part of several invoices: which of them is the payer's word alone.
            && (open.len() == 1 || whole <= receipt.amount);
        if let (true, Some(owner)) = (is_sure, owner) {
            let part = |item: &Item| item.open.min(receipt.amount);
            let items = open.iter().map(|(at, item)| (*at, part(item))).collect();
            return self.sure(owner, items, Because::Reference);
        }
        self.unsure(owner, named)
    }

    /// Open items of an amount, of one payer or of all.
    fn of(
        &self,
        currency: Option<usize>,
        amount: Amount,
        payer: Option<usize>,
    ) -> impl Iterator<Item = usize> {
        let (first, last) = payer.map_or((0, usize::MAX), |payer| (payer, payer));
        let same = currency.and_then(|currency| self.by_amount.get(&(currency, amount)));
        let range = same.map(|same| same.range((first, 0)..=(last, usize::MAX)));
        range.into_iter().flatten().map(|(_, number)| *number)
    }

    fn sure(&self, customer: usize, items: Vec<(usize, Amount)>, because: Because) -> Match {
        let settles = items
            .iter()
            .filter_map(|(at, amount)| {
                self.items.get(*at).map(|item| (item.invoice.to_string(), *amount))
            })
            .collect();
        let customer = self.customers.get(customer).cloned();
        Match { customer, settles, because, candidates: Vec::new(), items }
    }

    fn unsure(&self, customer: Option<usize>, candidates: &[usize]) -> Match {
        let candidates = candidates.iter().filter_map(|at| self.items.get(*at));
        Match {
            customer: customer.and_then(|number| self.customers.get(number).cloned()),
            settles: Vec::new(),
            because: Because::Unsure,
            candidates: candidates
                .take(CANDIDATES_MAX)
                .map(|item| item.invoice.to_string())
                .collect(),
            items: Vec::new(),
        }
    }
}

/// Letters and digits alone, in capitals: how an IBAN is compared.
fn compact(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests;
