//! Entries of events: their legs, in the book's currency and in the document's, by account.

use std::collections::BTreeMap;

use ledger_core::chart::Dimensions;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, allocate};
use ledger_core::posting::{ContractId, Posting, Role, Target};
use rust_decimal::Decimal;

use crate::reports::general_ledger::entry::{Both, Policy};
use crate::reports::general_ledger::{Entry, EntryKind, GeneralLedger, Sums};
use crate::views::{Contra, Entry as Posted};

impl<'a> GeneralLedger<'a> {
    /// The entry of an event.
    pub(super) fn of_event(&self, entry: &'a Posted) -> Entry<'_> {
        let mut sums = Sums::new();
        let mut add = |role, account, both| *sums.entry((role, account)).or_default() += both;
        self.post_roles(entry, &mut add);
        self.post_contracts(entry, &mut add);
        Entry {
            kind: EntryKind::Event,
            date: entry.date,
            sequence: entry.sequence,
            document: entry.document.as_str().into(),
            customer: entry.customer.as_ref(),
            event: self.query.views.audit_trail.event(entry.sequence),
            policy: Policy::None,
            lines: Vec::new(),
            legs: self.legs(sums, entry.currency),
        }
    }

    /// Adds up what an event's entry posts to the accounts of roles.
    pub(super) fn post_roles<'b>(
        &'b self,
        entry: &'b Posted,
        add: &mut impl FnMut(Role, &'b str, Both),
    ) {
        let customer = entry.customer.as_ref();
        let of = |product| Dimensions { product, customer, currency: entry.currency };
        let role = |leg: &Posting| match leg.target {
            Target::Role(role) => Some(role),
            Target::Contract(_) => None,
        };
        for (role, both) in sums(entry, role) {
            // No other role of an event's own entry knows a product.
            if role == Role::ContraRevenue && self.chart.asks_product(role) {
                for (product, part) in self.by_product(entry.sequence, both) {
                    add(role, self.chart.account(role, of(product)), part);
                }
            } else {
                add(role, self.chart.account(role, of(None)), both);
            }
        }
    }

    /// Adds up what an event's entry moves of contracts. It goes to deferred_revenue: the
    /// contract's own entry of the day moves what belongs to unbilled_receivable.
    pub(super) fn post_contracts<'b>(
        &'b self,
        entry: &'b Posted,
        add: &mut impl FnMut(Role, &'b str, Both),
    ) {
        let role = Role::DeferredRevenue;
        let contract = |leg: &Posting| match &leg.target {
            Target::Contract(id) => Some(id.clone()),
            Target::Role(_) => None,
        };
        for (id, both) in sums(entry, contract) {
            let customer = self.owner(&id).or(entry.customer.as_ref());
            let of = Dimensions { product: None, customer, currency: entry.currency };
            add(role, self.chart.account(role, of), both);
        }
    }

    /// Whose a contract is.
    fn owner(&self, id: &ContractId) -> Option<&'a Identifier> {
        Some(&self.query.views.deferred_revenue.contracts.get(id)?.customer)
    }

    /// Splits what an event did to contra revenue by product: as its lines do in the document's
    /// currency, and in proportion to that in the book's.
    fn by_product(&self, sequence: u64, both: Both) -> Vec<(Option<&'a Identifier>, Both)> {
        let parts = self.contra(sequence);
        let mut products: Vec<Option<&Identifier>> =
            parts.iter().map(|part| part.product.as_ref()).collect();
        let mut own: Vec<Amount> = parts.iter().map(|part| part.amount).collect();
        products.push(None);
        own.push(both.own - own.iter().copied().sum());
        let book = if both.book == both.own {
            own.clone()
        } else {
            let weights: Vec<Decimal> = own.iter().map(|part| part.decimal()).collect();
            allocate(both.book, &weights, self.currency, self.query.views.policies.rounding)
        };
        let is_late = !both.late.is_zero();
        let parts = own.into_iter().zip(book);
        let parts =
            parts.map(|(own, book)| Both { book, own, ..Both::default() }.all_late(is_late));
        products.into_iter().zip(parts).collect()
    }

    /// What an event did to contra revenue, by product.
    fn contra(&self, sequence: u64) -> &'a [Contra] {
        let all = &self.query.views.deferred_revenue.contra;
        let start = all.partition_point(|one| one.sequence < sequence);
        let end = all.partition_point(|one| one.sequence <= sequence);
        all.get(start..end).unwrap_or_default()
    }
}

/// The sums of an entry's legs by what `key` makes of them, in both currencies.
fn sums<K: Ord>(entry: &Posted, key: impl Fn(&Posting) -> Option<K>) -> BTreeMap<K, Both> {
    let mut sums: BTreeMap<K, Both> = BTreeMap::new();
    for leg in &entry.legs {
        if let Some(key) = key(leg) {
            let both = sums.entry(key).or_default();
            both.own += leg.amount;
            if entry.functional.is_none() {
                both.book += leg.amount;
            }
        }
    }
    for leg in entry.functional.iter().flat_map(|functional| functional.legs()) {
        if let Some(key) = key(&leg) {
            sums.entry(key).or_default().book += leg.amount;
        }
    }
    if entry.is_late() {
        sums.values_mut().for_each(|both| *both = both.all_late(true));
    }
    sums
}
