//! The terms of a line from day to day, as a list that shares its past.

use std::io;
use std::sync::Arc;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::billing::grid::Period;
use crate::billing::terms::Terms;
use crate::calendar::Day;

/// Terms in order of their first days.
///
/// A change of terms keeps the list as it was beside the new one: to price both, and because what
/// is decided may be refused. Here the two share everything before the change, and what holds
/// late is found first, so that a change costs the same however many there were before it.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    first: Option<Arc<Terms>>,
    last: Option<Arc<Entry>>,
}

#[derive(Debug)]
struct Entry {
    terms: Arc<Terms>,
    before: Option<Arc<Entry>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        // One after another: a long list that frees itself by recursion would run out of stack.
        let mut next = self.before.take();
        while let Some(mut entry) = next.and_then(Arc::into_inner) {
            next = entry.before.take();
        }
    }
}

impl From<Vec<Terms>> for Timeline {
    fn from(terms: Vec<Terms>) -> Self {
        terms.into_iter().fold(Self::default(), |list, one| list.append(one))
    }
}

/// As a plain list.
impl BorshSerialize for Timeline {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        self.iter().collect::<Vec<_>>().serialize(writer)
    }
}

impl BorshDeserialize for Timeline {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        Vec::<Terms>::deserialize_reader(reader).map(Self::from)
    }
}

impl Timeline {
    fn append(self, terms: Terms) -> Self {
        let terms = Arc::new(terms);
        let first = self.first.or_else(|| Some(Arc::clone(&terms)));
        Self { first, last: Some(Arc::new(Entry { terms, before: self.last })) }
    }

    /// The list with new terms from a day on: what held from then on until now is gone.
    #[must_use]
    pub fn with(&self, new: Terms) -> Self {
        let mut last = &self.last;
        while let Some(entry) = last.as_ref().filter(|entry| entry.terms.from >= new.from) {
            last = &entry.before;
        }
        let first = self.first.clone().filter(|_| last.is_some());
        Self { first, last: last.clone() }.append(new)
    }

    /// Keeps only some.
    pub fn retain(&mut self, keeps: impl Fn(&Terms) -> bool) {
        *self = self.iter().filter(|one| keeps(one)).cloned().collect::<Vec<_>>().into();
    }

    /// The latest first.
    pub fn latest_first(&self) -> impl Iterator<Item = &Terms> {
        std::iter::successors(self.last.as_deref(), |entry| entry.before.as_deref())
            .map(|entry| &*entry.terms)
    }

    /// The earliest first. It goes through all of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Terms> {
        self.latest_first().collect::<Vec<_>>().into_iter().rev()
    }

    /// The earliest.
    pub fn first(&self) -> Option<&Terms> {
        self.first.as_deref()
    }

    /// The latest.
    pub fn last(&self) -> Option<&Terms> {
        self.last.as_deref().map(|entry| &*entry.terms)
    }

    /// Those that hold on a day.
    pub fn in_force(&self, day: Day) -> Option<&Terms> {
        self.latest_first().find(|one| one.from <= day)
    }

    /// Those whose first day falls into a period, the earliest first.
    pub fn within(&self, period: &Period) -> impl Iterator<Item = &Terms> {
        let mut terms: Vec<&Terms> =
            self.latest_first().take_while(|one| one.from >= period.start).collect();
        terms.retain(|one| one.from <= period.end);
        terms.into_iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::command::shared::{Price, PriceModel};
    use crate::money::Amount;

    fn terms(from: i32, quantity: usize) -> Terms {
        let price = Price {
            model: PriceModel::Flat,
            amount: Some(Amount::ZERO),
            unit_price: None,
            per: None,
            tiers: None,
            aggregate: None,
            package_size: None,
            free: None,
            rate: None,
            minimum: None,
        };
        let quantity = Amount::from_decimal(quantity.into());
        let (discount, contained_tax) = (None, None);
        Terms { from: day(from), price, quantity, discount, is_suspended: false, contained_tax }
    }

    fn day(number: i32) -> Day {
        Day::from_numbers(2026, 1, 1).unwrap().plus_days(number)
    }

    proptest! {
        #[test]
        fn a_timeline_is_a_plain_list_that_changes_cut(
            days in prop::collection::vec(0_i32..40, 0..12), from in 0_i32..45, length in 0_i32..20,
        ) {
            let (mut list, mut plain) = (Timeline::default(), Vec::<Terms>::new());
            for (index, from) in days.iter().enumerate() {
                let new = terms(*from, index);
                let old = (list.clone(), plain.clone());
                plain.retain(|one| one.from < new.from);
                plain.push(new.clone());
                list = list.with(new);
                prop_assert!(old.0.iter().eq(old.1.iter()), "the old list stays");
            }
            let end = day(from + length);
            let period = Period { start: day(from), end, whole_start: day(from), whole_end: end };
            prop_assert!(list.iter().eq(plain.iter()));
            prop_assert_eq!(list.first(), plain.first());
            prop_assert_eq!(list.last(), plain.last());
            prop_assert_eq!(list.in_force(end), plain.iter().rev().find(|one| one.from <= end));
            prop_assert!(list.within(&period).eq(plain.iter().filter(|one| period.contains(one.from))));
        }
    }

    #[test]
    fn a_timeline_is_read_back_as_it_was_written() {
        let list = Timeline::from(vec![terms(0, 1), terms(3, 2), terms(7, 3)]);
        let again: Timeline = borsh::from_slice(&borsh::to_vec(&list).unwrap()).unwrap();
        assert!(again.iter().eq(list.iter()));
        assert_eq!(again.iter().map(|one| one.from).collect::<Vec<_>>(), [day(0), day(3), day(7)]);
    }

    #[test]
    fn a_list_of_a_million_is_freed() {
        let list = (0..1_000_000).fold(Timeline::default(), |list, _| list.append(terms(0, 0)));
        drop(list);
    }
}
