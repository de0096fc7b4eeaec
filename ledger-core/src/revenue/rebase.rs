//! Keeping later versions of a schedule when something changes before them.

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::money::{Amount, Currency};
use crate::revenue::schedule::{Schedule, in_force};

/// The versions that decide some day after `day`, in order of their first days: of those that
/// were recorded, each that no later recorded one has replaced from before its own first day.
fn later_than(versions: &[Schedule], day: Day) -> Vec<&Schedule> {
    let mut kept: Vec<&Schedule> = Vec::new();
    let mut replaced_from: Option<Day> = None;
    for version in versions.iter().rev() {
        let is_replaced = replaced_from.is_some_and(|from| from <= version.from);
        if version.from > day && !is_replaced {
            kept.push(version);
        }
        replaced_from = Some(replaced_from.map_or(version.from, |from| from.min(version.from)));
    }
    kept.reverse();
    kept
}

/// The versions after `day` once more, behind a `first` one that replaces what decided that day
/// and earns `less` in all: each goes on from what is earned by then, and its line earns so much
/// less, too. `done` is what is delivered through a day.
pub fn behind(
    versions: &[Schedule],
    (first, day): (&Schedule, Day),
    less: Amount,
    done: impl Fn(Day) -> Decimal,
    currency: Currency,
) -> Vec<Schedule> {
    let mut again = Vec::new();
    let mut before = first.clone();
    for version in later_than(versions, day.max(first.from)) {
        let eve = version.from.previous();
        let was_earned = in_force(versions.iter(), eve)
            .map_or(currency.zero(), |one| one.earned_through(eve, done(eve), currency));
        // One that goes on from what was earned does so again; a catch-up counts from the start.
        let recognised = if version.recognised == was_earned {
            before.earned_through(eve, done(eve), currency)
        } else {
            version.recognised
        };
        let amount = version.total() - less - recognised;
        before = Schedule { recognised, amount, ..version.clone() };
        again.push(before.clone());
    }
    again
}
