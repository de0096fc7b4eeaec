//! Closing days, and opening them again (accounting, section 1).

use crate::calendar::Day;
use crate::closing::Check;
use crate::command::book::{ClosePeriod, ReopenPeriod};
use crate::command::{Command, CommandData};
use crate::event::EventData;
use crate::event::close::{Finding, PeriodClosed, PeriodReopened};
use crate::id::Identifier;
use crate::policy::{CloseBy, CloseCheck, Late, Reopen};
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

mod checks;
mod seal;

/// Closes all days up to one: looks at what is open, and seals the figures.
pub(super) fn close(
    id: &Identifier,
    state: &Ledger,
    book: &Book,
    command: &Command,
    data: &ClosePeriod,
) -> Result<Vec<EventData>, Rejection> {
    check_through(book, command, data)?;
    if !data.accept.is_empty() && has_no_reason(command) {
        let message = "what is accepted needs a reason: say why in the command's `reason`";
        return Err(Rejection::at(Code::PeriodReasonMissing, "reason", message));
    }
    let mut warnings = checks::findings(state, book, data.through);
    let is_refused = |check: Check| book.policies.close_checks.get(check) == CloseCheck::Refuse;
    for found in &mut warnings {
        // Books that contradict themselves are nothing to accept.
        let may_be = found.check != Check::Books;
        found.accepted = may_be && is_refused(found.check) && data.accept.contains(&found.check);
    }
    let open = warnings.iter().filter(|found| is_refused(found.check) && !found.accepted);
    let open: Vec<&Finding> = open.collect();
    if !open.is_empty() {
        return Err(not_ready(data.through, &open));
    }
    Ok(vec![EventData::PeriodClosed(PeriodClosed {
        book: id.clone(),
        through: data.through,
        before: book.closed_through,
        seal: Some(Box::new(seal::seal(state, book, data.through))),
        warnings,
    })])
}

/// Refuses a last day that cannot be one.
fn check_through(book: &Book, command: &Command, data: &ClosePeriod) -> Result<(), Rejection> {
    let refuse = |code: Code, message: String| Err(Rejection::at(code, "data.through", message));
    let through = data.through;
    if let Some(closed) = book.closed_through.filter(|closed| through <= *closed) {
        let message = format!("all days through {closed} are closed already");
        return refuse(Code::PeriodInvalid, message);
    }
    if through > command.effective {
        let message = format!(
            "{through} is after {}, the date of the command: a day is closed when it is over; \
             close through an earlier day, or on a later date",
            command.effective
        );
        return refuse(Code::PeriodInFuture, message);
    }
    if book.policies.close_by == CloseBy::Day {
        return Ok(());
    }
    let last = through.month().last();
    if through != last {
        let message = format!(
            "the book closes by month, and {through} is not the last day of one; close through \
             {} or {last}",
            through.month().first().previous()
        );
        return refuse(Code::PeriodNotMonthEnd, message);
    }
    match book.closed_through.map(checks::next_month).filter(|next| *next < through.month()) {
        Some(next) => {
            let message = format!(
                "the book closes month by month, and {next} is not closed yet; close through {} \
                 first",
                next.last()
            );
            refuse(Code::PeriodMonthSkipped, message)
        }
        None => Ok(()),
    }
}

fn has_no_reason(command: &Command) -> bool {
    command.reason.as_deref().is_none_or(|reason| reason.trim().is_empty())
}

fn not_ready(through: Day, open: &[&Finding]) -> Rejection {
    let told: Vec<String> =
        open.iter().map(|found| format!("{found}: {}", found.check.advice())).collect();
    let words: Vec<&str> = open
        .iter()
        .map(|found| found.check)
        .filter(|check| *check != Check::Books)
        .map(Check::as_str)
        .collect();
    let accept = if words.is_empty() {
        String::new()
    } else {
        format!(", or accept it with \"accept\": {words:?} and a reason")
    };
    let message = format!(
        "the days through {through} are not ready to be closed: {}. Settle what is open and close \
         again{accept}",
        told.join("; ")
    );
    Rejection::at(Code::PeriodNotReady, "data.through", message)
}

/// Opens closed days again.
pub(super) fn reopen(
    id: &Identifier,
    book: &Book,
    command: &Command,
    data: &ReopenPeriod,
) -> Result<Vec<EventData>, Rejection> {
    let Some(before) = book.closed_through.filter(|closed| data.from <= *closed) else {
        let closed = book.closed_through.map_or("no day is closed".to_owned(), |closed| {
            format!("days are closed through {closed} only")
        });
        let message = format!("{} is not closed: {closed}", data.from);
        return Err(Rejection::at(Code::PeriodInvalid, "data.from", message));
    };
    if book.policies.reopen == Reopen::WithReason && has_no_reason(command) {
        let message = format!(
            "opening the days from {} on again needs a reason: say why in the command's `reason`, \
             for auditors ask",
            data.from
        );
        return Err(Rejection::at(Code::PeriodReasonMissing, "reason", message));
    }
    let reopened = PeriodReopened { book: id.clone(), from: data.from, before };
    Ok(vec![EventData::PeriodReopened(reopened)])
}

/// Refuses a closed day, where the book says so.
pub(super) fn check_open(book: &Book, day: Day, field: &str) -> Result<(), Rejection> {
    match book.closed_through {
        Some(closed) if book.policies.late == Late::Reject && day <= closed => Err(Rejection::at(
            Code::PeriodClosed,
            field,
            format!(
                "{day} is closed (all days through {closed}); use a later date, or reopen the period"
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Whether a command counts on its effective date: it is refused there where that is closed.
pub(super) fn counts_on_its_date(data: &CommandData) -> bool {
    match data {
        CommandData::OpenBook(_)
        | CommandData::DefineProduct(_)
        | CommandData::DefineTaxRate(_)
        // Closed days keep the rates that were known when they were closed.
        | CommandData::RecordFxRate(_)
        | CommandData::ClosePeriod(_)
        | CommandData::ReopenPeriod(_)
        | CommandData::RegisterCustomer(_)
        // Collections post nothing.
        | CommandData::UpdateCustomer(_)
        | CommandData::HoldCustomer(_)
        | CommandData::ReleaseCustomer(_)
        | CommandData::PromisePayment(_)
        | CommandData::RunDunning(_)
        | CommandData::RequestPayments(_)
        | CommandData::RequestPayment(_)
        | CommandData::CancelPaymentRequest(_)
        // Its documents have dates of their own.
        | CommandData::RunBilling(_) => false,
        CommandData::PlaceOrder(_)
        | CommandData::AmendOrder(_)
        | CommandData::RenewOrder(_)
        | CommandData::CancelOrder(_)
        | CommandData::SuspendOrder(_)
        | CommandData::ResumeOrder(_)
        | CommandData::ReviseEstimate(_)
        | CommandData::RecordDelivery(_)
        | CommandData::RecordUsage(_)
        | CommandData::IssueInvoice(_)
        | CommandData::VoidInvoice(_)
        | CommandData::OpenDispute(_)
        | CommandData::ResolveDispute(_)
        | CommandData::RecordPayment(_)
        | CommandData::AllocatePayment(_)
        | CommandData::DeallocatePayment(_)
        | CommandData::FailPayment(_)
        | CommandData::RefundPayment(_)
        | CommandData::ChargeBackPayment(_)
        | CommandData::WinChargeback(_)
        | CommandData::WriteOffInvoice(_)
        | CommandData::RecoverWriteOff(_)
        | CommandData::RecordAllowance(_)
        | CommandData::RefundCredit(_)
        | CommandData::IssueCredit(_)
        | CommandData::ApplyCredit(_)
        | CommandData::VoidCredit(_) => true,
    }
}
