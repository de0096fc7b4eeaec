//! `revledger audit DOCUMENT`: its whole history, and which postings each event made.

use std::io::Write;

use clap::Args;
use ledger_core::event::close::PeriodClosed;
use ledger_core::event::payment::{PaymentAllocation, PaymentChargedBack};
use ledger_core::event::{Event, EventData};
use ledger_core::id::Identifier;
use ledger_core::posting::{ContractId, Posting, Target, postings};
use schemas::record::{TRACEPARENT, instant};
use serde_json::{Value, json};

use crate::cli::{Format, Global};
use crate::config;
use crate::exit::{Exit, Failure};
use crate::reading;

/// Arguments of `audit`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// The document's id: an order, invoice, payment, credit, customer or product.
    pub(crate) document: Identifier,
}

/// Prints the history.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    let text = config::block_on(async {
        let log = config::open_to_read(global).await?;
        history(&log, global.format_or(Format::Table), &arguments.document).await
    })?;
    let Some(text) = text else {
        return Err(Failure::new(
            Exit::No,
            "document.unknown",
            format!("no event touches {}", arguments.document),
        )
        .help("`revledger report audit-trail` lists all documents"));
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The history of a document as text; none where no event touches it.
///
/// # Errors
/// Where the log cannot be read.
pub(crate) async fn history(
    log: &ledger_core::log::SharedLog,
    format: Format,
    document: &Identifier,
) -> Result<Option<String>, Failure> {
    let mut events = Vec::new();
    let last = reading::each_event(log, |event, trace| {
        if touches(&event.data, document) {
            events.push((event, trace.map(str::to_owned)));
        }
        Ok(())
    })
    .await?;
    if events.is_empty() {
        return Ok(None);
    }
    let rows = events.iter().map(|(event, trace)| {
        let mut row = as_json(event);
        if let (Some(trace), Value::Object(row)) = (trace, &mut row) {
            row.insert(TRACEPARENT.to_owned(), json!(trace));
        }
        row
    });
    let rows: Vec<Value> = rows.collect();
    let text = match format {
        Format::Json => format!("{}\n", json!({"rows": rows, "sequence": last})),
        Format::Ndjson => rows.iter().map(|row| format!("{row}\n")).collect(),
        Format::Table | Format::Csv | Format::Pdf | Format::Ubl => {
            let shown = events.iter().map(|(event, trace)| as_text(event, trace.as_deref()));
            let mut text: String = shown.collect();
            text.push_str(&format!("{} events, folded up to sequence {last}\n", events.len()));
            text
        }
    };
    Ok(Some(text))
}

/// Whether the event is about the document, or names it.
fn touches(data: &EventData, document: &Identifier) -> bool {
    if data.document().id == *document {
        return true;
    }
    match data {
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::TaxRateDefined(_)
        | EventData::FxRateRecorded(_)
        | EventData::PeriodClosed(_)
        | EventData::PeriodReopened(_)
        | EventData::BillingRunCompleted(_)
        | EventData::CustomerRegistered(_)
        | EventData::CustomerUpdated(_)
        | EventData::CustomerHeld(_)
        | EventData::CustomerReleased(_)
        | EventData::PaymentPromised(_)
        | EventData::ReminderIssued(_)
        | EventData::DunningRunCompleted(_)
        | EventData::PaymentRequested(_)
        | EventData::PaymentRequestCanceled(_)
        | EventData::PaymentRequestsCompleted(_)
        | EventData::OrderAmended(_)
        | EventData::EstimateRevised(_)
        | EventData::OrderRenewed(_)
        | EventData::OrderCancelled(_)
        | EventData::OrderSuspended(_)
        | EventData::OrderResumed(_)
        | EventData::DeliveryRecorded(_)
        | EventData::UsageRecorded(_)
        | EventData::DisputeOpened(_)
        | EventData::DisputeResolved(_)
        | EventData::PaymentReceived(_)
        | EventData::PaymentRefunded(_)
        | EventData::WriteOffRecovered(_)
        | EventData::AllowanceRecorded(_)
        | EventData::CreditRefunded(_) => false,
        EventData::OrderPlaced(order) => order.customer == *document,
        EventData::InvoiceIssued(invoice) => {
            invoice.order.as_ref() == Some(document)
                || invoice.lines.iter().any(|line| line.order.as_ref() == Some(document))
        }
        EventData::InvoiceVoided(invoice) => {
            invoice.lines.iter().any(|line| line.order.as_ref() == Some(document))
        }
        EventData::PaymentAllocated(payment) => settles(&payment.allocations, document),
        EventData::PaymentDeallocated(payment) => settles(&payment.allocations, document),
        EventData::PaymentFailed(failed) => {
            failed.payment.as_ref() == Some(document)
                || failed.taken.iter().any(|taken| settles(&taken.allocations, document))
        }
        EventData::PaymentChargedBack(back) => takes_of(back, document),
        EventData::ChargebackWon(won) => settles(&won.allocations, document),
        EventData::InvoiceWrittenOff(written) => {
            written.lines.iter().any(|line| line.order.as_ref() == Some(document))
        }
        EventData::CreditIssued(credit) => {
            credit.invoice.as_ref() == Some(document)
                || credit.lines.iter().any(|line| line.order.as_ref() == Some(document))
        }
        EventData::CreditVoided(credit) => {
            credit.invoice.as_ref() == Some(document)
                || credit.lines.iter().any(|line| line.order.as_ref() == Some(document))
                || credit.reopened.iter().any(|one| one.invoice == *document)
        }
        EventData::CreditApplied(credit) => {
            credit.allocations.iter().any(|one| one.invoice == *document)
        }
    }
}

fn takes_of(back: &PaymentChargedBack, document: &Identifier) -> bool {
    let mut reversed = back.reversed.iter().flat_map(|one| &one.lines);
    settles(&back.taken.allocations, document)
        || reversed.any(|line| line.order.as_ref() == Some(document))
}

fn settles(allocations: &[PaymentAllocation], invoice: &Identifier) -> bool {
    allocations.iter().any(|one| one.invoice == *invoice)
}

/// An event as JSON, with what it posts.
pub(crate) fn as_json(event: &Event) -> Value {
    let postings: Vec<Value> = postings(&event.data)
        .iter()
        .map(|posting| json!({"account": account(&posting.target), "amount": posting.amount}))
        .collect();
    let data = event.data.serialize_data(serde_json::value::Serializer);
    json!({
        "sequence": event.sequence,
        "recorded_at": instant(event.recorded_at),
        "effective": event.effective,
        "type": event.data.type_name(),
        "document": event.data.document().id,
        "actor": event.actor,
        "command_id": event.command_id,
        "reason": event.reason,
        "postings": postings,
        "functional": event.functional,
        "data": data.unwrap_or(Value::Null),
    })
}

fn as_text(event: &Event, trace: Option<&str>) -> String {
    let document = event.data.document();
    let mut text = format!(
        "{:>6}  {}  {} of {} {}\n        by {} at {}, command {}\n",
        event.sequence,
        event.effective,
        event.data.type_name(),
        document.kind,
        document.id,
        event.actor,
        instant(event.recorded_at),
        event.command_id,
    );
    if let Some(reason) = &event.reason {
        text.push_str(&format!("        because {reason}\n"));
    }
    if let Some(trace) = trace {
        text.push_str(&format!("        in trace {trace}\n"));
    }
    if let EventData::PeriodClosed(closed) = &event.data {
        text.push_str(&closing(closed));
    }
    text.push_str(&entry(event));
    text
}

/// What an event posts, and the same in the book's currency where its document has another one.
pub(crate) fn entry(event: &Event) -> String {
    let mut text = legs(&postings(&event.data));
    if let Some(functional) = &event.functional {
        let rate = functional.rate;
        text.push_str(&format!(
            "        in {}, {} {} being {} {} since {}:\n",
            rate.to, rate.per, rate.from, rate.rate, rate.to, rate.date
        ));
        text.push_str(&legs(&functional.legs()));
    }
    text
}

/// What a close went over, and what it sealed.
fn closing(closed: &PeriodClosed) -> String {
    let open = closed.warnings.iter().map(|found| format!("        still open: {found}\n"));
    let mut text: String = open.collect();
    let Some(seal) = &closed.seal else { return text };
    text.push_str(&format!(
        "        sealed through {} at event {}\n",
        closed.through, seal.sequence
    ));
    for (role, balance) in &seal.trial_balance {
        let side = if balance.is_negative() { "credit" } else { "debit " };
        let amount = balance.abs().to_string();
        text.push_str(&format!("        {side} {amount:>14}  {role}\n"));
    }
    text
}

fn legs(legs: &[Posting]) -> String {
    let line = |leg: &Posting| {
        let side = if leg.amount.is_negative() { "credit" } else { "debit " };
        let amount = leg.amount.abs().to_string();
        format!("        {side} {amount:>14}  {}\n", account(&leg.target))
    };
    legs.iter().map(line).collect()
}

/// The account in words; a contract's balance changes its side with the day.
fn account(target: &Target) -> String {
    match target {
        Target::Role(role) => role.as_str().to_owned(),
        Target::Contract(ContractId::Order(order)) => format!("deferred_revenue of order {order}"),
        Target::Contract(ContractId::Invoice(invoice)) => {
            format!("deferred_revenue of invoice {invoice}")
        }
    }
}
