//! The general ledger: what stands on each account, and the entries that brought it there.
//!
//! The reports and the exports read entries and balances here and nowhere else. The two come by
//! different routes: balances are sums of legs and of what contracts stand at, entries are
//! movements; that they agree is checked wherever both are shown.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::chart::{Chart, Dimensions};
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::Role;
use rust_decimal::{Decimal, RoundingStrategy};
use time::Date;

use crate::reports::{Filters, Query, functional};
use crate::views::{Contract, Entry as Posted, Views};

mod entry;
mod posted;
mod recognition;
mod revaluation;

use entry::Both;
pub use entry::{DocumentAmount, Entry, EntryKind, Leg};
pub use recognition::Recognition;

static NO_FILTERS: Filters = Filters(BTreeMap::new());

/// Sums by role and account.
type Sums<'a> = BTreeMap<(Role, &'a str), Both>;

/// The general ledger of a book, as known at a sequence.
#[derive(Clone)]
pub struct GeneralLedger<'a> {
    query: Query<'a>,
    currency: Currency,
    chart: Chart,
}

impl std::fmt::Debug for GeneralLedger<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("GeneralLedger");
        shown.field("sequence", &self.query.sequence).finish_non_exhaustive()
    }
}

impl<'a> GeneralLedger<'a> {
    /// The ledger as known at a sequence; none before the book was opened.
    pub fn new(views: &'a Views, sequence: u64) -> Option<Self> {
        let as_of = Day::new(Date::MAX);
        Self::of(Query { views, orders: None, filters: &NO_FILTERS, as_of, sequence })
    }

    /// The ledger as a report asks for it.
    pub(super) fn of(query: Query<'a>) -> Option<Self> {
        let book = query.views.book.as_ref()?;
        let mut chart = Chart::new(&book.accounts);
        for (product, account) in &query.views.revenue_accounts {
            chart.add_product(product.clone(), account.clone());
        }
        Some(Self { query, currency: book.currency, chart })
    }

    /// The book's currency.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The chart of accounts.
    pub fn chart(&self) -> &Chart {
        &self.chart
    }

    /// The last event that it knows.
    pub fn sequence(&self) -> u64 {
        self.query.sequence
    }

    /// The first day on which something is posted or earned.
    pub fn first_day(&self, horizon: Day) -> Option<Day> {
        let posted = self.posted().map(|entry| entry.date).min();
        let lines = self.contracts().flat_map(|contract| contract.lines.values());
        let earned = lines.filter_map(|line| Some(line.reach(self.query.at(), horizon)?.0)).min();
        posted.into_iter().chain(earned).min()
    }

    /// The currencies of documents that are not the book's.
    pub fn other_currencies(&self) -> Vec<Currency> {
        let posted = self.posted().map(|entry| entry.currency);
        let all = posted.chain(self.contracts().map(|contract| contract.currency));
        let others: std::collections::BTreeSet<Currency> =
            all.filter(|currency| *currency != self.currency).collect();
        others.into_iter().collect()
    }

    /// What one of another currency is worth at the end of a day, to twelve decimals.
    pub fn price(&self, currency: Currency, day: Day) -> Option<Decimal> {
        let rates = &self.query.views.rates;
        let rate = rates.closing(currency, self.currency, day, self.query.at().known(day))?;
        let price = rate.rate.decimal().checked_div(rate.per.decimal())?;
        Some(
            price
                .round_dp_with_strategy(PRICE_DECIMALS, RoundingStrategy::MidpointNearestEven)
                .normalize(),
        )
    }

    /// The balance of every role and account at the end of a day, debit-positive.
    pub fn balances(&self, day: Day) -> BTreeMap<(Role, &str), Amount> {
        let zero = self.currency.zero();
        self.sums(day).into_iter().map(|(key, both)| (key, zero + both.book)).collect()
    }

    /// The balances, and what of them came late for closed days.
    pub fn balances_with_late(&self, day: Day) -> BTreeMap<(Role, &str), (Amount, Amount)> {
        let zero = self.currency.zero();
        let both = |(key, both): (_, Both)| (key, (zero + both.book, zero + both.late));
        self.sums(day).into_iter().map(both).collect()
    }

    fn sums(&self, day: Day) -> Sums<'_> {
        let mut sums = Sums::new();
        let mut add = |role: Role, account, both: Both| {
            *sums.entry((role, account)).or_default() += both;
        };
        for entry in self.posted().filter(|entry| entry.date <= day) {
            self.post_roles(entry, &mut add);
            if entry.is_late() {
                // The balance itself comes from what the contract stands at.
                let mut late =
                    |role, account, both: Both| add(role, account, Both::late(both.late));
                self.post_contracts(entry, &mut late);
            }
        }
        for contract in self.contracts() {
            self.stands(contract, day, &mut add);
        }
        for (role, currency, amount) in functional::revaluation(&self.query, day) {
            for (role, amount) in [(role, amount), (Role::FxGainLoss, -amount)] {
                add(role, self.of_currency(role, currency), Both::of_book(amount));
            }
        }
        sums
    }

    /// The entries of a range of days by date, then sequence.
    pub fn entries(&self, from: Option<Day>, to: Day, recognition: Recognition) -> Vec<Entry<'_>> {
        let is_inside = |day: Day| day <= to && from.is_none_or(|from| day >= from);
        let posted = self.posted().filter(|entry| is_inside(entry.date));
        let mut entries: Vec<Entry<'_>> =
            posted.map(|entry| self.of_event(entry)).filter(|one| !one.legs.is_empty()).collect();
        for contract in self.contracts() {
            self.recognised(contract, (from, to), recognition, &mut entries);
        }
        self.revalued((from, to), &mut entries);
        entries.sort_by(|one, other| one.order().cmp(&other.order()));
        entries
    }

    fn posted(&self) -> impl Iterator<Item = &'a Posted> + use<'a> {
        let known = self.query.sequence;
        self.query.views.receivables.entries.iter().filter(move |entry| entry.sequence <= known)
    }

    fn contracts(&self) -> impl Iterator<Item = &'a Contract> + use<'a> {
        self.query.views.deferred_revenue.contracts.values()
    }

    /// The account of a role where nothing but the currency is known.
    fn of_currency(&self, role: Role, currency: Currency) -> &str {
        self.chart.account(role, Dimensions { product: None, customer: None, currency })
    }

    /// The legs of what was summed up of documents in a currency.
    fn legs<'b>(&self, sums: Sums<'b>, currency: Currency) -> Vec<Leg<'b>> {
        let zero = self.currency.zero();
        let is_other = currency != self.currency;
        let leg = |((role, account), both): ((Role, &'b str), Both)| {
            let amount = currency.exact(both.own, "document_amount").unwrap_or(both.own);
            let document = DocumentAmount { currency, amount };
            Leg {
                account,
                role,
                amount: zero + both.book,
                late: zero + both.late,
                document: (is_other && !both.own.is_zero()).then_some(document),
            }
        };
        let legs = sums.into_iter().map(leg);
        let is_something =
            |leg: &Leg<'_>| !(leg.amount.is_zero() && leg.late.is_zero() && leg.document.is_none());
        legs.filter(is_something).collect()
    }
}

/// Decimals of a price that is shown.
const PRICE_DECIMALS: u32 = 12;
