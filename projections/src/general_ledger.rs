//! The general ledger: what stands on each account, and the entries that brought it there.
//!
//! The reports and the exports read entries and balances here and nowhere else. The two come by
//! different routes: balances are sums of legs and of what contracts stand at, entries are
//! movements; that they agree is checked wherever both are shown.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::chart::{Chart, Dimensions};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{ContractId, Role, Target};

use crate::views::{At, Contra, Contract, Entry as Posted, Views};

mod entry;
mod recognition;

pub use entry::{DocumentAmount, Entry, EntryKind, Leg};
pub use recognition::Recognition;

/// The general ledger of a book, as known at a sequence.
#[derive(Debug, Clone)]
pub struct GeneralLedger<'a> {
    views: &'a Views,
    sequence: u64,
    currency: Currency,
    chart: Chart,
}

impl<'a> GeneralLedger<'a> {
    /// The ledger as known at a sequence; none before the book was opened.
    pub fn new(views: &'a Views, sequence: u64) -> Option<Self> {
        let book = views.book.as_ref()?;
        let mut chart = Chart::new(&book.accounts);
        for (product, account) in &views.revenue_accounts {
            chart.add_product(product.clone(), account.clone());
        }
        Some(Self { views, sequence, currency: book.currency, chart })
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
        self.sequence
    }

    /// The first day on which something is posted or earned.
    pub fn first_day(&self, horizon: Day) -> Option<Day> {
        let posted = self.posted().map(|entry| entry.date).min();
        let at = self.at();
        let lines = self.contracts().flat_map(|contract| contract.lines.values());
        let earned = lines.filter_map(|line| Some(line.reach(at, horizon)?.0)).min();
        posted.into_iter().chain(earned).min()
    }

    /// The balance of every role and account at the end of a day, debit-positive.
    pub fn balances(&self, day: Day) -> BTreeMap<(Role, &str), Amount> {
        let mut sums: BTreeMap<(Role, &str), Amount> = BTreeMap::new();
        let zero = self.currency.zero();
        let mut add = |role: Role, account, amount: Amount| {
            *sums.entry((role, account)).or_insert(zero) += amount;
        };
        for entry in self.posted().filter(|entry| entry.date <= day) {
            self.post_roles(entry, &mut add);
        }
        for contract in self.contracts() {
            let stand = recognition::Stand::of(contract, day, self.at());
            let of = Dimensions {
                product: None,
                customer: Some(&contract.customer),
                currency: contract.currency,
            };
            add(
                Role::DeferredRevenue,
                self.chart.account(Role::DeferredRevenue, of),
                -stand.deferred,
            );
            add(
                Role::UnbilledReceivable,
                self.chart.account(Role::UnbilledReceivable, of),
                stand.unbilled,
            );
            for (account, earned) in self.revenue(contract, &stand.earned) {
                add(Role::Revenue, account, -earned);
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
        entries.sort_by(|one, other| one.order().cmp(&other.order()));
        entries
    }

    fn at(&self) -> At<'a> {
        self.views.deferred_revenue.at(self.sequence)
    }

    fn posted(&self) -> impl Iterator<Item = &'a Posted> {
        let known = self.sequence;
        self.views.receivables.entries.iter().filter(move |entry| entry.sequence <= known)
    }

    fn contracts(&self) -> impl Iterator<Item = &'a Contract> {
        self.views.deferred_revenue.contracts.values()
    }

    fn of_event(&self, entry: &'a Posted) -> Entry<'_> {
        let mut sums: BTreeMap<(Role, &str), Amount> = BTreeMap::new();
        let mut add = |role, account, amount| *sums.entry((role, account)).or_default() += amount;
        self.post_roles(entry, &mut add);
        self.post_contracts(entry, &mut add);
        Entry {
            kind: EntryKind::Event,
            date: entry.date,
            sequence: entry.sequence,
            document: &entry.document,
            customer: entry.customer.as_ref(),
            event: self.views.audit_trail.event(entry.sequence),
            policy: entry::Policy::None,
            lines: Vec::new(),
            legs: self.legs(sums),
        }
    }

    /// Adds up what an event's entry posts to the accounts of roles.
    fn post_roles<'b>(&'b self, entry: &'b Posted, add: &mut impl FnMut(Role, &'b str, Amount)) {
        let mut sums: BTreeMap<Role, Amount> = BTreeMap::new();
        for leg in &entry.legs {
            if let Target::Role(role) = leg.target {
                *sums.entry(role).or_default() += leg.amount;
            }
        }
        let customer = entry.customer.as_ref();
        let of = |product| Dimensions { product, customer, currency: entry.currency };
        for (role, mut rest) in sums {
            // No other role of an event's own entry knows a product.
            if role == Role::ContraRevenue && self.chart.asks_product(role) {
                for part in self.contra(entry.sequence) {
                    let account = self.chart.account(role, of(part.product.as_ref()));
                    add(role, account, part.amount);
                    rest -= part.amount;
                }
            }
            add(role, self.chart.account(role, of(None)), rest);
        }
    }

    /// Adds up what an event's entry moves of contracts. It goes to deferred_revenue: the
    /// contract's own entry of the day moves what belongs to unbilled_receivable.
    fn post_contracts<'b>(
        &'b self,
        entry: &'b Posted,
        add: &mut impl FnMut(Role, &'b str, Amount),
    ) {
        let role = Role::DeferredRevenue;
        for leg in &entry.legs {
            if let Target::Contract(id) = &leg.target {
                let customer = self.owner(id).or(entry.customer.as_ref());
                let of = Dimensions { product: None, customer, currency: entry.currency };
                add(role, self.chart.account(role, of), leg.amount);
            }
        }
    }

    /// Whose a contract is.
    fn owner(&self, id: &ContractId) -> Option<&'a Identifier> {
        Some(&self.views.deferred_revenue.contracts.get(id)?.customer)
    }

    /// What an event did to contra revenue, by product.
    fn contra(&self, sequence: u64) -> &'a [Contra] {
        let all = &self.views.deferred_revenue.contra;
        let start = all.partition_point(|one| one.sequence < sequence);
        let end = all.partition_point(|one| one.sequence <= sequence);
        all.get(start..end).unwrap_or_default()
    }

    fn legs<'b>(&self, sums: BTreeMap<(Role, &'b str), Amount>) -> Vec<Leg<'b>> {
        let zero = self.currency.zero();
        let legs = sums.into_iter().filter(|(_, amount)| !amount.is_zero());
        let leg = |((role, account), amount): ((Role, &'b str), Amount)| Leg {
            account,
            role,
            amount: zero + amount,
            document: None,
        };
        legs.map(leg).collect()
    }
}
