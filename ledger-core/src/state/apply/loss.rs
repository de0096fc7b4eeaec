//! Write-offs, recoveries and the allowance into the state.

use crate::calendar::Day;
use crate::event::loss::{InvoiceWrittenOff, WriteOffRecovered};
use crate::event::{Event, EventData};
use crate::money::{Amount, Rounding, allocate};
use crate::policy::WriteOffTo;
use crate::posting::Role;
use crate::state::apply::{order_line, settle};
use crate::state::{Ledger, WrittenOff};

/// Folds an event on a loss; any other changes nothing.
pub(super) fn apply(ledger: &mut Ledger, event: &Event) {
    let day = event.effective;
    // The allowance is in the book's currency.
    let used = event.functional.as_ref().map(|own| own.role(Role::Allowance));
    if let EventData::InvoiceWrittenOff(data) = &event.data {
        written_off(ledger, day, data);
        allowance(ledger, day, data.write_off_to, -used.unwrap_or(data.loss));
    }
    if let EventData::WriteOffRecovered(data) = &event.data {
        recovered(ledger, day, data);
        allowance(ledger, day, data.write_off_to, used.map_or(data.loss, |used| -used));
    }
    if let EventData::AllowanceRecorded(data) = &event.data {
        allowance(ledger, day, WriteOffTo::Allowance, data.change);
    }
}

fn written_off(ledger: &mut Ledger, day: Day, data: &InvoiceWrittenOff) {
    settle(ledger, &data.invoice, day, data.amount, Amount::ZERO);
    for line in &data.lines {
        if let (Some(order), Some(name)) = (&line.order, &line.order_line)
            && let Some(known) = order_line(ledger, order, name)
        {
            known.lowered_by(day, line.contract_balance, line.earned, line.versions());
        }
    }
    let Some(invoice) = ledger.invoices.get_mut(&data.invoice) else { return };
    for line in &data.lines {
        let known = invoice.lines.iter_mut().find(|one| one.line == line.invoice_line);
        let Some(known) = known else { continue };
        known.credited_net += line.net;
        known.credited_tax += line.tax;
        known.contra.push((day, line.earned));
        if line.order_line.is_none() {
            known.versions.extend(line.versions().cloned());
        }
    }
    let zero = data.currency.zero();
    let known = invoice.written_off.get_or_insert_with(|| {
        Box::new(WrittenOff {
            amount: zero,
            tax: zero,
            loss: zero,
            write_off_to: data.write_off_to,
            day,
            recovered: zero,
            recovered_tax: zero,
            recovered_loss: zero,
        })
    });
    known.day = known.day.max(day);
    known.amount += data.amount;
    known.tax += data.tax;
    known.loss += data.loss;
}

fn recovered(ledger: &mut Ledger, day: Day, data: &WriteOffRecovered) {
    settle(ledger, &data.invoice, day, -data.amount, Amount::ZERO);
    let known = ledger.invoices.get_mut(&data.invoice);
    if let Some(known) = known.and_then(|invoice| invoice.written_off.as_mut()) {
        known.recovered += data.amount;
        known.recovered_tax += data.tax;
        known.recovered_loss += data.loss;
    }
    // Its tax is owed again: it can be relieved, or given back, once more.
    let Some(invoice) = ledger.invoices.get_mut(&data.invoice) else { return };
    let taken: Vec<_> = invoice.lines.iter().map(|line| line.credited_tax.decimal()).collect();
    let shares = allocate(data.tax, &taken, data.currency, Rounding::HalfEven);
    for (line, share) in invoice.lines.iter_mut().zip(shares) {
        line.credited_tax -= share;
    }
}

/// Moves the allowance, where that is where it goes.
fn allowance(ledger: &mut Ledger, day: Day, to: WriteOffTo, amount: Amount) {
    if let (Some(book), WriteOffTo::Allowance) = (&mut ledger.book, to) {
        book.allowance.push((day, amount));
    }
}
