//! In words: money that goes back, and losses.

use ledger_core::command::payment::ChargebackTreatment;
use ledger_core::event::EventData;
use ledger_core::event::loss::InvoiceWrittenOff;
use ledger_core::event::payment::{PaymentChargedBack, PaymentDeallocated, PaymentFailed};

/// What happened; empty of any other event.
pub(super) fn summary(data: &EventData) -> String {
    if let EventData::PaymentDeallocated(data) = data {
        return deallocated(data);
    }
    if let EventData::PaymentFailed(data) = data {
        return failed(data);
    }
    if let EventData::PaymentRefunded(data) = data {
        return format!("{} {} of the payment paid back", data.amount, data.currency);
    }
    if let EventData::PaymentChargedBack(data) = data {
        return charged_back(data);
    }
    if let EventData::ChargebackWon(data) = data {
        return format!("chargeback of {} {} won", data.amount, data.currency);
    }
    if let EventData::InvoiceWrittenOff(data) = data {
        return written_off(data);
    }
    if let EventData::WriteOffRecovered(data) = data {
        return format!("write-off of {} {} taken back", data.amount, data.currency);
    }
    if let EventData::AllowanceRecorded(data) = data {
        return format!("allowance from {} to {} {}", data.before, data.needed, data.currency);
    }
    String::new()
}

fn deallocated(data: &PaymentDeallocated) -> String {
    let parts = data.allocations.iter().map(|one| format!("{} off {}", one.amount, one.invoice));
    format!("taken {}", parts.collect::<Vec<_>>().join(", "))
}

fn failed(data: &PaymentFailed) -> String {
    match &data.taken {
        Some(taken) => {
            format!("payment of {} {} failed: {}", taken.amount, data.currency, data.code)
        }
        None => format!("an attempt to collect failed: {}", data.code),
    }
}

fn charged_back(data: &PaymentChargedBack) -> String {
    let what = match data.treatment {
        ChargebackTreatment::ReopenReceivable => "owed again",
        ChargebackTreatment::ReverseRevenue => "revenue reversed",
    };
    format!("{} {} charged back (fee {}): {what}", data.taken.amount, data.currency, data.fee)
}

fn written_off(data: &InvoiceWrittenOff) -> String {
    format!(
        "{} {} written off: {} of it loss to {}, {} unearned, {} tax",
        data.amount,
        data.currency,
        data.loss,
        data.write_off_to.as_str(),
        data.amount - data.loss - data.tax,
        data.tax
    )
}
