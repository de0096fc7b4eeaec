//! What open items in other currencies are revalued by at each month's end, where the book's policy
//! says so, and taken back by on the next day.

use ledger_core::calendar::Day;
use ledger_core::posting::Role;

use crate::reports::functional;
use crate::reports::general_ledger::entry::{Both, Policy};
use crate::reports::general_ledger::{Entry, EntryKind, GeneralLedger, Sums};

impl GeneralLedger<'_> {
    /// Adds the entries of revaluation in a range of days. They know the currency only, and neither
    /// customers nor documents.
    pub(super) fn revalued<'b>(
        &'b self,
        (from, to): (Option<Day>, Day),
        entries: &mut Vec<Entry<'b>>,
    ) {
        let foreign = self.posted().filter(|entry| entry.functional.is_some());
        let Some(first) = foreign.map(|entry| entry.date).min() else { return };
        let is_inside = |day: Day| day <= to && from.is_none_or(|from| day >= from);
        let mut end = first.max(from.map_or(first, Day::previous)).month().last();
        while end <= to {
            for (role, currency, amount) in functional::revaluation(&self.query, end) {
                for (date, amount) in [(end, amount), (end.next(), -amount)] {
                    if !is_inside(date) {
                        continue;
                    }
                    let mut sums = Sums::new();
                    for (role, amount) in [(role, amount), (Role::FxGainLoss, -amount)] {
                        let account = self.of_currency(role, currency);
                        *sums.entry((role, account)).or_default() += Both::of_book(amount);
                    }
                    entries.push(Entry {
                        kind: EntryKind::Revaluation(currency, role),
                        date,
                        sequence: self.query.at().known(date),
                        document: currency.code().to_owned().into(),
                        customer: None,
                        event: None,
                        policy: Policy::None,
                        lines: Vec::new(),
                        legs: self.legs(sums, self.currency),
                    });
                }
            }
            end = end.next().month().last();
        }
    }
}
