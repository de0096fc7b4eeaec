//! Voiding a credit: the reverse of what it posted, on the void's date; what it settled is open
//! again, and the schedule of each line is caught up on that day (accounting, section 2).

use crate::calendar::Day;
use crate::command::credit::VoidCredit;
use crate::decide::credit::find;
use crate::event::EventData;
use crate::event::credit::{CreditVoided, CreditedLine};
use crate::money::{Amount, multiply_divide};
use crate::rejection::{Code, Rejection};
use crate::revenue::progress::Progress;
use crate::revenue::rebase::behind;
use crate::revenue::schedule::{Measure, Schedule, in_force};
use crate::revenue::weight::weight_through;
use crate::state::{Book, Credit, Ledger};

/// Voids a credit.
pub(in crate::decide) fn void(
    state: &Ledger,
    book: &Book,
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
    let lines = credit.lines.iter().map(|line| {
        let (schedule, later) = caught_up(state, book, credit, line, effective).unzip();
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

/// The version that earns as if the credit had never been, with the later ones behind it; none
/// where it changed none.
fn caught_up(
    state: &Ledger,
    book: &Book,
    credit: &Credit,
    line: &CreditedLine,
    effective: Day,
) -> Option<(Schedule, Vec<Schedule>)> {
    let made = line.schedule.as_ref()?;
    let none = Progress::default();
    let (versions, progress) = match (&line.order, &line.order_line) {
        (Some(order), Some(name)) => {
            let order = state.orders.get(order)?;
            let known = order.lines.iter().find(|one| one.placed.line == *name)?;
            (&known.versions, &known.progress)
        }
        _ => {
            let invoice = state.invoices.get(credit.invoice.as_ref()?)?;
            let named = line.invoice_line.as_ref();
            let known = invoice.lines.iter().find(|one| Some(&one.line) == named)?;
            (&known.versions, &none)
        }
    };
    let at = versions.iter().rposition(|version| version == made)?;
    if at + 1 == versions.len() {
        // Nothing came after it: the version before it is right again.
        let before = versions.get(at.checked_sub(1)?)?;
        return Some((Schedule { from: effective, ..before.clone() }, Vec::new()));
    }
    let currency = credit.currency;
    let back = line.contract_balance;
    let day = effective.previous();
    let now = in_force(versions.iter(), effective)?;
    let earned = now.earned_through(day, progress.done(day), currency);
    // What the credit took of the days since then, by the spread that it made.
    let passed = if day < made.start {
        Amount::ZERO
    } else {
        let (part, whole) = weight_through(made.basis, made.start, made.end, day.min(made.end));
        currency.round(multiply_divide(back.decimal(), part, whole), book.policies.rounding)
    };
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
            .map(|measure| Measure { base: Amount::from_decimal(progress.done(day)), ..measure }),
        ..now.clone()
    };
    let later = behind(versions, (&schedule, now.from), -back, |day| progress.done(day), currency);
    Some((schedule, later))
}
