//! From a command to events, or a refusal.

use crate::command::{Command, CommandData};
use crate::event::{EventData, NewEvent};
use crate::id::Identifier;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Ledger};

mod book;
mod collections;
mod credit;
mod customer;
mod fx;
mod invoice;
mod loss;
mod order;
mod payment;
mod period;
pub mod policy;
mod requests;
mod tax;
mod text;

pub use invoice::{RunPlan, plan_run};

/// Decides one command against the state of the book named `book`. Pure: the same arguments
/// give the same events.
///
/// # Errors
/// A [`Rejection`] with its stable code; nothing is to be written then.
pub fn decide(
    book: &Identifier,
    state: &Ledger,
    command: &Command,
) -> Result<Vec<NewEvent>, Rejection> {
    fx::valued(state, decided(book, state, command)?)
}

/// The events, none of them valued yet in the book's currency.
fn decided(
    book: &Identifier,
    state: &Ledger,
    command: &Command,
) -> Result<Vec<NewEvent>, Rejection> {
    let effective = command.effective;
    let events = match (&command.data, &state.book) {
        (CommandData::OpenBook(data), _) => book::open(book, state, data),
        (_, None) => Err(not_open(book)),
        // The commands whose documents have dates of their own.
        (CommandData::RunBilling(data), Some(settings)) => {
            return invoice::run((book, &command.id), state, settings, effective, data);
        }
        (CommandData::RunDunning(data), Some(settings)) => {
            return collections::run(book, state, settings, effective, data);
        }
        (CommandData::RequestPayments(data), Some(settings)) => {
            return requests::run(book, state, settings, effective, data);
        }
        (CommandData::PlaceOrder(data), Some(settings)) => {
            period::check_open(settings, effective, "effective")?;
            return order::place(state, settings, effective, data);
        }
        (CommandData::CancelOrder(data), Some(settings)) => {
            period::check_open(settings, effective, "effective")?;
            return order::cancel(state, settings, effective, data);
        }
        (CommandData::ClosePeriod(data), Some(settings)) => {
            period::close(book, state, settings, command, data)
        }
        (CommandData::ReopenPeriod(data), Some(settings)) => {
            period::reopen(book, settings, command, data)
        }
        (data, Some(settings)) => {
            if period::counts_on_its_date(data) {
                period::check_open(settings, effective, "effective")?;
            }
            in_open_book(book, state, settings, effective, data)
        }
    }?;
    Ok(events.into_iter().map(|data| NewEvent::new(effective, data)).collect())
}

fn not_open(book: &Identifier) -> Rejection {
    Rejection::new(
        Code::BookNotOpen,
        format!("the book {book} is not open yet; send OpenBook with its currency first"),
    )
}

fn in_open_book(
    id: &Identifier,
    state: &Ledger,
    book: &Book,
    effective: crate::calendar::Day,
    data: &CommandData,
) -> Result<Vec<EventData>, Rejection> {
    match data {
        // Taken care of before; a second OpenBook is refused there.
        CommandData::OpenBook(_)
        | CommandData::RunBilling(_)
        | CommandData::RunDunning(_)
        | CommandData::RequestPayments(_)
        | CommandData::ClosePeriod(_)
        | CommandData::ReopenPeriod(_)
        | CommandData::PlaceOrder(_)
        | CommandData::CancelOrder(_) => Ok(Vec::new()),
        CommandData::DefineProduct(data) => book::define_product(state, data),
        CommandData::DefineTaxRate(data) => tax::define(data),
        CommandData::RecordFxRate(data) => fx::record(data),
        CommandData::RegisterCustomer(data) => customer::register(state, book, data),
        CommandData::UpdateCustomer(data) => collections::update(state, book, data),
        CommandData::HoldCustomer(data) => collections::hold(state, data),
        CommandData::ReleaseCustomer(data) => collections::release(state, data),
        CommandData::PromisePayment(data) => collections::promise(state, effective, data),
        CommandData::RequestPayment(data) => requests::request(state, book, effective, data),
        CommandData::CancelPaymentRequest(data) => requests::cancel(state, data),
        CommandData::AmendOrder(data) => order::amend(state, book, effective, data),
        CommandData::RenewOrder(data) => order::renew(state, book, effective, data),
        CommandData::SuspendOrder(data) => order::suspend(state, book, effective, data),
        CommandData::ResumeOrder(data) => order::resume(state, book, effective, data),
        CommandData::ReviseEstimate(data) => order::revise(state, book, effective, data),
        CommandData::RecordDelivery(data) => order::deliver(state, effective, data),
        CommandData::RecordUsage(data) => order::record_usage(state, book, effective, data),
        CommandData::IssueInvoice(data) => invoice::issue(state, book, effective, data),
        CommandData::VoidInvoice(data) => invoice::void(state, effective, data),
        CommandData::OpenDispute(data) => invoice::open_dispute(state, data),
        CommandData::ResolveDispute(data) => invoice::resolve_dispute(state, data),
        CommandData::RecordPayment(data) => payment::record(state, book, effective, data),
        CommandData::AllocatePayment(data) => payment::allocate(state, book, effective, data),
        CommandData::DeallocatePayment(data) => payment::deallocate(state, effective, data),
        CommandData::FailPayment(data) => payment::fail(state, book, effective, data),
        CommandData::RefundPayment(data) => payment::refund(state, effective, data),
        CommandData::ChargeBackPayment(data) => payment::charge_back(state, book, effective, data),
        CommandData::WinChargeback(data) => payment::win(state, effective, data),
        CommandData::WriteOffInvoice(data) => loss::write_off(state, book, effective, data),
        CommandData::RecoverWriteOff(data) => loss::recover(state, book, effective, data),
        CommandData::RecordAllowance(data) => {
            loss::record_allowance(id, state, book, effective, data)
        }
        CommandData::RefundCredit(data) => credit::refund(state, effective, data),
        CommandData::IssueCredit(data) => credit::issue(state, book, effective, data),
        CommandData::ApplyCredit(data) => credit::apply(state, effective, data),
        CommandData::VoidCredit(data) => credit::void(state, effective, data),
    }
}
