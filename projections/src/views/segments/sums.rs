//! What chosen rows have earned through each of some days, added up by group.

use ledger_core::calendar::Day;
use ledger_core::policy::Basis;
use ledger_core::revenue::weight::month_weights;

use super::cuts::{Cut, Cuts, day_of, month_number};
use super::share::Share;
use super::{Segment, Segments};

/// Rows of the table, in order of their groups.
#[derive(Debug, Clone)]
pub struct Selected<'a> {
    rows: &'a [Segment],
    order: Vec<u32>,
    /// Where each group begins in `order`, and where the last one ends.
    starts: Vec<u32>,
    /// The first day on which one of the rows earns something, and the last.
    pub reach: Option<(Day, Day)>,
}

/// What the rows of one group have earned through each cut.
#[derive(Debug, Clone, Default)]
struct Totals {
    /// What changes with every cut.
    direct: Vec<i128>,
    /// What is the same from a cut on: the difference to the cut before.
    steps: Vec<i128>,
    /// The cuts that have anything.
    dirty: Option<(usize, usize)>,
}

impl Segments {
    /// The rows that have a group.
    pub fn select(&self, groups: usize, group: impl Fn(&Segment) -> Option<u32>) -> Selected<'_> {
        let mut starts = vec![0_u32; groups + 1];
        let mut groups_of = Vec::with_capacity(self.rows.len());
        let mut reach: Option<(i32, i32)> = None;
        for row in &self.rows {
            let group = if row.from < row.until { group(row) } else { None };
            groups_of.push(group.unwrap_or(u32::MAX));
            let Some(count) = group.and_then(|group| starts.get_mut(index(group) + 1)) else {
                continue;
            };
            *count += 1;
            let (first, last) = (row.from, row.from.max(row.end));
            reach =
                Some(reach.map_or((first, last), |(one, other)| (one.min(first), other.max(last))));
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut order = vec![0_u32; index(sum)];
        let mut next = starts.clone();
        for (row, group) in (0_u32..).zip(&groups_of) {
            if let Some(next) = next.get_mut(index(*group)).filter(|_| index(*group) < groups) {
                if let Some(place) = order.get_mut(index(*next)) {
                    *place = row;
                }
                *next += 1;
            }
        }
        let reach = reach.map(|(first, last)| (day_of(first), day_of(last)));
        Selected { rows: &self.rows, order, starts, reach }
    }
}

impl Selected<'_> {
    /// What each group has earned through each cut from `cuts[first]` on: `each` gets the group,
    /// `first`, and the sums; before them it had earned nothing, after them nothing more.
    ///
    /// `booked` is the day through which rows count that were booked later; what those earn after
    /// it is left out.
    pub fn cumulative(
        &self,
        cuts: &Cuts,
        booked: Option<Day>,
        each: &mut dyn FnMut(u32, usize, &[i128]),
    ) {
        let booked = booked.map(Day::number);
        let length = cuts.all().len();
        let mut totals = Totals { direct: vec![0; length], steps: vec![0; length], dirty: None };
        for (group, range) in (0_u32..).zip(self.starts.windows(2)) {
            let &[from, to] = range else { continue };
            for number in self.order.get(index(from)..index(to)).unwrap_or_default() {
                if let Some(row) = self.rows.get(index(*number)) {
                    totals.add(row, cuts, booked.filter(|day| row.booked > *day));
                }
            }
            totals.flush(&mut |first, sums| each(group, first, sums));
        }
    }
}

impl Totals {
    /// Adds a row; through `stop` only, where there is one.
    #[inline]
    fn add(&mut self, row: &Segment, cuts: &Cuts, stop: Option<i32>) {
        let until = stop.map_or(row.until, |stop| row.until.min(stop + 1));
        let from = cuts.index(row.from);
        let past = if until == i32::MAX { cuts.all().len() } else { cuts.index(until) };
        if from >= past {
            return;
        }
        let begin = cuts.index(row.start).clamp(from, past);
        let end = cuts.index(row.end).clamp(from, past);
        self.step(from, row.recognised.into());
        self.step(end, row.amount.into());
        let at_end = i128::from(row.recognised) + i128::from(row.amount);
        self.step(past, -at_end);
        self.spread(row, cuts, (begin, end));
        if stop.is_some_and(|stop| stop < row.until) {
            // It stays at what it had earned through the stop, which is the last cut before.
            let last = cuts.all().get(past - 1).map_or(0, |cut| earned(row, cut));
            self.step(past, last.into());
        }
        let (first, last) = self.dirty.unwrap_or((from, from));
        let changes = if until == i32::MAX { end } else { past };
        self.dirty = Some((first.min(from), last.max(changes.min(cuts.all().len() - 1))));
    }

    /// From a cut on it is so much more; nothing where that is behind the last cut.
    #[inline]
    fn step(&mut self, at: usize, amount: i128) {
        if let Some(step) = self.steps.get_mut(at) {
            *step += amount;
        }
    }

    /// Adds what the row has earned of its amount through the cuts between its start and its end.
    #[inline]
    fn spread(&mut self, row: &Segment, cuts: &Cuts, (begin, end): (usize, usize)) {
        let cuts = cuts.all().get(begin..end).unwrap_or_default();
        let sums = self.direct.get_mut(begin..end).unwrap_or_default();
        if cuts.is_empty() || row.amount == 0 {
            return;
        }
        spread(row, cuts, |index, share| {
            if let Some(sum) = sums.get_mut(index) {
                *sum += i128::from(share);
            }
        });
    }

    /// Gives what was added up, and begins anew.
    fn flush(&mut self, each: &mut dyn FnMut(usize, &[i128])) {
        let Some((first, last)) = self.dirty.take() else { return };
        let mut sum = 0;
        let steps = self.steps.get_mut(first..=last).unwrap_or_default();
        let direct = self.direct.get_mut(first..=last).unwrap_or_default();
        for (direct, step) in direct.iter_mut().zip(steps) {
            sum += std::mem::take(step);
            *direct += sum;
        }
        each(first, direct);
        direct.fill(0);
    }
}

/// What a row has earned through one cut on which it is in force.
fn earned(row: &Segment, cut: &Cut) -> i64 {
    if cut.day < row.start {
        return row.recognised;
    }
    if cut.day >= row.end {
        return row.recognised + row.amount;
    }
    let mut earned = row.recognised;
    spread(row, std::slice::from_ref(cut), |_, share| earned += share);
    earned
}

/// What a row has earned of its amount through each cut, all of them from its start on and before
/// its end.
#[inline]
fn spread(row: &Segment, cuts: &[Cut], mut each: impl FnMut(usize, i64)) {
    let days = |first: i32, last: i32| u64::try_from(last - first + 1).unwrap_or(0);
    let weights = match row.basis {
        Basis::Day => None,
        Basis::MonthEven
        | Basis::MonthEvenProratedEnds
        | Basis::MonthEvenDailyEnds
        | Basis::HalfMonth
        | Basis::FullMonth => month_weights(row.basis, day_of(row.start), day_of(row.end)),
    };
    let Some(weights) = weights else {
        let share = Share::new(row.amount, days(row.start, row.end), row.rounding);
        for (index, cut) in cuts.iter().enumerate() {
            each(index, share.of(days(row.start, cut.day)));
        }
        return;
    };
    let weight = |weight: i64| u64::try_from(weight).unwrap_or(0);
    let share = Share::new(row.amount, weight(weights.whole), row.rounding);
    let start = month_number(day_of(row.start));
    for (index, cut) in cuts.iter().enumerate() {
        let month = cut.month - start;
        let (first, last) = (cut.in_month.0.max(row.start), cut.in_month.1.min(row.end));
        if cut.day == last {
            each(index, share.of(weight(weights.before(month + 1))));
            continue;
        }
        // A month that is under way counts by its days of service: all is in units of one.
        let unit = days(first, last);
        let part =
            weight(weights.before(month)) * unit + weight(weights.of(month)) * days(first, cut.day);
        let whole = weight(weights.whole) * unit;
        each(index, Share::new(row.amount, whole, row.rounding).of(part));
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
