//! Voiding a credit: the reverse of what it posted, on the void's date; what it settled is open
//! again, and the schedule of each line is caught up on that day (accounting, section 2).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::credit::VoidCredit;
use crate::decide::credit::find;
use crate::event::EventData;
use crate::event::credit::{CreditVoided, CreditedLine};
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::policy::Residual;
use crate::rejection::{Code, Rejection};
use crate::revenue::progress::Progress;
use crate::revenue::rebase::behind;
use crate::revenue::schedule::{Measure, Schedule, in_force};
use crate::state::{Credit, Ledger};

/// Voids a credit.
pub(in crate::decide) fn void(
    state: &Ledger,
    effective: Day,
    data: &VoidCredit,
) -> Result<Vec<EventData>, Rejection> {
    let credit = find(state, &data.credit)?;
    if credit.refunded.is_positive() {
        return Err(Rejection::at(
            Code::CreditRefunded,
            "data.credit",
            format!("{} of the credit {} was paid back", credit.refunded, data.credit),
        ));
    }
    if effective < credit.touched {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!(
                "the credit {} was issued, or applied last, on {}, after {effective}",
                data.credit, credit.touched
            ),
        ));
    }
    let mut known = Known::new();
    let lines = credit.lines.iter().map(|line| {
        let (schedule, later) = caught_up(state, credit, line, effective, &mut known).unzip();
        CreditedLine { schedule, later: later.unwrap_or_default(), ..line.clone() }
    });
    let lines = lines.collect();
    Ok(vec![EventData::CreditVoided(CreditVoided {
        credit: data.credit.clone(),
        customer: credit.customer.clone(),
        invoice: credit.invoice.clone(),
        currency: credit.currency,
        total: credit.amount,
        reopened: credit.applied.clone(),
        lines,
    })])
}

/// An order and its line, or a line of the credit's own invoice.
type Target<'a> = (Option<&'a Identifier>, &'a Identifier);

/// Versions of lines as they stand within the void: several lines of a credit can have lowered one
/// line, and what is given back to it for the second stands on what was for the first.
type Known<'a> = BTreeMap<Target<'a>, Vec<Schedule>>;

/// The line that a credited line lowered, with its versions, and what was delivered of it.
fn lowered<'a>(
    state: &'a Ledger,
    credit: &Credit,
    line: &'a CreditedLine,
) -> Option<(Target<'a>, &'a [Schedule], Option<&'a Progress>)> {
    if let (Some(order), Some(name)) = (&line.order, &line.order_line) {
        let known = state.orders.get(order)?;
        let known = known.lines.iter().find(|one| one.placed.line == *name)?;
        return Some(((Some(order), name), &known.versions, Some(&known.progress)));
    }
    let named = line.invoice_line.as_ref()?;
    let invoice = state.invoices.get(credit.invoice.as_ref()?)?;
    let known = invoice.lines.iter().find(|one| one.line == *named)?;
    Some(((None, named), &known.versions, None))
}

/// The version that earns as if the credit had never been, with the later ones behind it; none
/// where it changed none.
fn caught_up<'a>(
    state: &'a Ledger,
    credit: &Credit,
    line: &'a CreditedLine,
    effective: Day,
    known: &mut Known<'a>,
) -> Option<(Schedule, Vec<Schedule>)> {
    let made = line.schedule.as_ref()?;
    let (target, stored, progress) = lowered(state, credit, line)?;
    let versions = known.entry(target).or_insert_with(|| stored.to_vec());
    let done = |day: Day| progress.map_or(Decimal::ZERO, |progress| progress.done(day));
    let at = versions.iter().rposition(|version| version == made)?;
    if at + 1 == versions.len() {
        // Nothing came after it: the version before it is right again.
        let before = Schedule { from: effective, ..versions.get(at.checked_sub(1)?)?.clone() };
        versions.push(before.clone());
        return Some((before, Vec::new()));
    }
    let currency = credit.currency;
    let back = line.contract_balance;
    let day = effective.previous();
    let now = in_force(versions.iter(), effective)?;
    let earned = now.earned_through(day, done(day), currency);
    let passed = passed(versions, at, back, (day, &done), currency);
    let recognised = earned + passed;
    let start = now.start.max(effective);
    let schedule = Schedule {
        from: effective,
        recognised,
        amount: now.total() + back - recognised,
        start,
        end: now.end.max(start),
        progress: now
            .progress
            .map(|measure| Measure { base: Amount::from_decimal(done(day)), ..measure }),
        ..now.clone()
    };
    let later = behind(versions, (&schedule, now.from), -back, done, currency);
    versions.push(schedule.clone());
    versions.extend(later.iter().cloned());
    Some((schedule, later))
}

/// What a credit took of the days, or of the deliveries, through a day: the revenue that it took back
/// at once, and the rest as each version since then earned what was left, nothing while one rests.
fn passed(
    versions: &[Schedule],
    at: usize,
    back: Amount,
    (day, done): (Day, &impl Fn(Day) -> Decimal),
    currency: Currency,
) -> Amount {
    let (before, since) = versions.split_at(at.min(versions.len()));
    let Some(made) = since.first() else { return currency.zero() };
    // As it was known then: a delivery of an earlier day may have been recorded since.
    let known = made.progress.map_or(Decimal::ZERO, |measure| measure.base.decimal());
    let opening = in_force(before.iter(), made.from).map_or(currency.zero(), |version| {
        version.earned_through(made.from.previous(), known, currency)
    });
    let mut passed = opening - made.recognised;
    let begins: BTreeSet<Day> = since.iter().map(|version| version.from).collect();
    let mut begins = begins.range(made.from..=day.max(made.from)).peekable();
    while let Some(begin) = begins.next() {
        let Some(version) = in_force(versions.iter(), *begin) else { continue };
        let last = begins.peek().map_or(day, |next| next.previous());
        let start = version.start.max(*begin);
        let base = Amount::from_decimal(done(begin.previous()));
        let spread = Schedule {
            recognised: passed,
            amount: back - passed,
            residual: Residual::Cumulative,
            recurring: None,
            start,
            end: version.end.max(start),
            progress: version.progress.map(|measure| Measure { base, ..measure }),
            ..version.clone()
        };
        passed = spread.earned_through(last, done(last), currency);
    }
    passed
}
