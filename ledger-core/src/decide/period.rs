//! Closing days, and opening them again (accounting, section 1).

use crate::calendar::Day;
use crate::command::CommandData;
use crate::command::book::{ClosePeriod, ReopenPeriod};
use crate::event::EventData;
use crate::event::book::{PeriodClosed, PeriodReopened};
use crate::id::Identifier;
use crate::policy::Late;
use crate::rejection::{Code, Rejection};
use crate::state::Book;

/// Closes all days up to one.
pub(super) fn close(
    id: &Identifier,
    book: &Book,
    data: &ClosePeriod,
) -> Result<Vec<EventData>, Rejection> {
    if let Some(closed) = book.closed_through.filter(|closed| data.through <= *closed) {
        return Err(Rejection::at(
            Code::PeriodInvalid,
            "data.through",
            format!("all days through {closed} are closed already"),
        ));
    }
    Ok(vec![EventData::PeriodClosed(PeriodClosed {
        book: id.clone(),
        through: data.through,
        before: book.closed_through,
    })])
}

/// Opens closed days again.
pub(super) fn reopen(
    id: &Identifier,
    book: &Book,
    data: &ReopenPeriod,
) -> Result<Vec<EventData>, Rejection> {
    match book.closed_through {
        Some(before) if data.from <= before => {
            Ok(vec![EventData::PeriodReopened(PeriodReopened {
                book: id.clone(),
                from: data.from,
                before,
            })])
        }
        Some(_) | None => {
            let closed = book.closed_through.map_or("no day is closed".to_owned(), |closed| {
                format!("days are closed through {closed} only")
            });
            Err(Rejection::at(
                Code::PeriodInvalid,
                "data.from",
                format!("{} is not closed: {closed}", data.from),
            ))
        }
    }
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
