//! Write-offs, recoveries, and the allowance for doubtful accounts (accounting, section 2).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::ageing::{bucket, bucket_names};
use crate::calendar::Day;
use crate::command::loss::{RecordAllowance, RecoverWriteOff, WriteOffInvoice};
use crate::decide::credit::{Lowered, Worked, lower};
use crate::decide::{fx, invoice, policy};
use crate::event::EventData;
use crate::event::loss::{
    AllowanceBucket, AllowanceRecorded, InvoiceWrittenOff, WriteOffRecovered, WrittenOffLine,
};
use crate::id::Identifier;
use crate::money::{Amount, multiply_divide};
use crate::policy::{AgeingBasis, WriteOffTax, WriteOffUnearned};
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Invoice, Ledger};

/// Gives up an invoice, or a part of it.
pub(super) fn write_off(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &WriteOffInvoice,
) -> Result<Vec<EventData>, Rejection> {
    let found = invoice::find(state, &data.invoice, "data.invoice")?;
    if found.voided {
        let message = format!("the invoice {} is void: nothing is owed on it", data.invoice);
        return Err(Rejection::at(Code::InvoiceVoid, "data.invoice", message));
    }
    if effective < found.issued {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!("the invoice was issued on {}, after {effective}", found.issued),
        ));
    }
    let open = found.open_from(effective);
    if !open.is_positive() {
        let message =
            format!("nothing is open of the invoice {} from {effective} on", data.invoice);
        return Err(Rejection::at(Code::WriteOffExceedsOpen, "data.invoice", message));
    }
    let amount = match data.amount {
        Some(amount) => positive(found, amount)?,
        None => open,
    };
    if amount > open {
        return Err(Rejection::at(
            Code::WriteOffExceedsOpen,
            "data.amount",
            format!(
                "{amount} is more than the {open} that is open of the invoice {}",
                data.invoice
            ),
        ));
    }
    let policies = &book.policies;
    let clears = policies.write_off_unearned == WriteOffUnearned::Clear;
    let of = (found, effective);
    let (lines, _) = lower(state, book, of, (amount, clears), &mut Worked::default())?;
    let lines: Vec<WrittenOffLine> = lines.into_iter().map(written_off).collect();
    let zero = found.currency.zero();
    let tax = match policies.write_off_tax {
        WriteOffTax::Keep => zero,
        WriteOffTax::Relieve => zero + lines.iter().map(|line| line.tax).sum::<Amount>(),
    };
    let unearned: Amount = lines.iter().map(|line| line.contract_balance).sum();
    Ok(vec![EventData::InvoiceWrittenOff(InvoiceWrittenOff {
        invoice: data.invoice.clone(),
        customer: found.customer.clone(),
        currency: found.currency,
        amount,
        tax,
        loss: amount - tax - unearned,
        write_off_to: policies.write_off_to,
        lines,
        policy: policy::decided(&[
            ("rounding", policy::rounding_word(policies.rounding)),
            ("write_off_to", policies.write_off_to.as_str().to_owned()),
            ("write_off_unearned", policies.write_off_unearned.as_str().to_owned()),
            ("write_off_tax", policies.write_off_tax.as_str().to_owned()),
        ]),
    })])
}

fn written_off(line: Lowered) -> WrittenOffLine {
    WrittenOffLine {
        contract_balance: line.net - line.earned,
        invoice_line: line.invoice_line,
        order: line.order,
        order_line: line.order_line,
        net: line.net,
        tax: line.tax,
        earned: line.earned,
        schedule: line.schedule,
        later: line.later,
    }
}

fn positive(invoice: &Invoice, amount: Amount) -> Result<Amount, Rejection> {
    let amount = invoice.currency.exact(amount, "data.amount")?;
    if amount.is_positive() {
        return Ok(amount);
    }
    let message = format!("{amount} is not above zero");
    Err(Rejection::at(Code::AmountNotPositive, "data.amount", message))
}

/// Takes a write-off back: tax in proportion, then what the loss account was debited with, then
/// what had been unearned, to recoveries (readings, 33).
pub(super) fn recover(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RecoverWriteOff,
) -> Result<Vec<EventData>, Rejection> {
    let found = invoice::find(state, &data.invoice, "data.invoice")?;
    let amount = positive(found, data.amount)?;
    let zero = found.currency.zero();
    let known = found.written_off.as_ref();
    let left = known.map_or(zero, |known| known.amount - known.recovered);
    let Some(known) = known.filter(|_| amount <= left) else {
        return Err(Rejection::at(
            Code::RecoveryExceedsWriteOff,
            "data.amount",
            format!(
                "{amount} is more than the {left} that is written off of the invoice {}",
                data.invoice
            ),
        ));
    };
    if effective < known.day {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!("the invoice was written off on {}, after {effective}", known.day),
        ));
    }
    let through = (known.recovered + amount).decimal();
    let exact = multiply_divide(known.tax.decimal(), through, known.amount.decimal());
    let tax = found.currency.round(exact, book.policies.rounding) - known.recovered_tax;
    let tax = tax.max(zero);
    let loss = (amount - tax).min(known.loss - known.recovered_loss).max(zero);
    Ok(vec![EventData::WriteOffRecovered(WriteOffRecovered {
        invoice: data.invoice.clone(),
        customer: found.customer.clone(),
        currency: found.currency,
        amount,
        tax,
        loss,
        write_off_to: known.write_off_to,
        recoveries: amount - tax - loss,
    })])
}

/// Brings the allowance to what the open items need (readings, 16).
pub(super) fn record_allowance(
    id: &Identifier,
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RecordAllowance,
) -> Result<Vec<EventData>, Rejection> {
    let (buckets, needed) = match (&data.rates, data.amount) {
        (Some(rates), None) => by_rates(state, book, effective, rates)?,
        (None, Some(amount)) => {
            let amount = book.currency.exact(amount, "data.amount")?;
            if amount.is_negative() {
                let message = format!("an allowance of {amount} is below zero");
                return Err(Rejection::at(Code::AmountNotPositive, "data.amount", message));
            }
            (BTreeMap::new(), amount)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(Rejection::at(
                Code::AllowanceInvalid,
                "data.rates",
                "name the rates by ageing bucket, or the amount: one of them",
            ));
        }
    };
    let moved = book.allowance.iter().filter(|(day, _)| *day <= effective);
    let before = book.currency.zero() + moved.map(|(_, amount)| *amount).sum::<Amount>();
    Ok(vec![EventData::AllowanceRecorded(AllowanceRecorded {
        book: id.clone(),
        currency: book.currency,
        needed,
        before,
        change: needed - before,
        buckets,
    })])
}

type Buckets = (BTreeMap<String, AllowanceBucket>, Amount);

/// What each bucket needs: its open items at the end of the day times its percentage.
fn by_rates(
    state: &Ledger,
    book: &Book,
    effective: Day,
    rates: &BTreeMap<String, Amount>,
) -> Result<Buckets, Rejection> {
    let limits = &book.policies.ageing_buckets;
    let names = bucket_names(limits);
    for (name, rate) in rates {
        let field = format!("data.rates.{name}");
        if !names.contains(name) {
            let message = format!("{name} is no bucket of this book; there are {names:?}");
            return Err(Rejection::at(Code::AllowanceInvalid, field, message));
        }
        if rate.is_negative() || rate.decimal() > Decimal::ONE_HUNDRED {
            let message = format!("{rate} % makes no sense; use 0 to 100");
            return Err(Rejection::at(Code::AllowanceInvalid, field, message));
        }
    }
    let mut open = vec![book.currency.zero(); names.len()];
    for invoice in state.invoices.values().filter(|one| one.issued <= effective) {
        let from = match book.policies.ageing_basis {
            AgeingBasis::DueDate => invoice.due,
            AgeingBasis::InvoiceDate => invoice.issued,
        };
        if let Some(sum) = open.get_mut(bucket(limits, effective.days_since(from))) {
            let open = invoice.open_on(effective);
            *sum += if invoice.currency == book.currency || open.is_zero() {
                open
            } else {
                // The allowance is the book's: at the rate at which the balance stands that day.
                let closing =
                    state.rates.closing(invoice.currency, book.currency, effective, u64::MAX);
                let rate = match closing {
                    Some(rate) => rate,
                    None => fx::rate(state, book, invoice.currency, effective)?,
                };
                rate.value(open, book.policies.rounding)
            };
        }
    }
    let mut needed = book.currency.zero();
    let mut buckets = BTreeMap::new();
    for (name, open) in names.into_iter().zip(open) {
        let rate = rates.get(&name).copied().unwrap_or_default();
        let exact = multiply_divide(open.decimal(), rate.decimal(), Decimal::ONE_HUNDRED);
        let part = book.currency.round(exact, book.policies.rounding);
        needed += part;
        buckets.insert(name, AllowanceBucket { open, rate, needed: part });
    }
    Ok((buckets, needed))
}
