//! Invoices and credit notes.

use serde_json::{Value, json};

use super::field::Object;
use super::money::amount;
use super::{Made, day};

/// `invoice.finalized`: its lines with their periods, and tax as Stripe computed it.
pub(super) fn finalized(object: &Object<'_>) -> Result<Vec<Made>, String> {
    let id = object.text("id")?;
    let code = object.text("currency")?;
    let (_, currency) = amount(0, code)?;
    let customer =
        object.reference("customer").ok_or_else(|| format!("the invoice {id} has no customer"))?;
    let found = object.list("lines")?;
    let mut lines = Vec::new();
    let mut sum = 0_i64;
    for line in &found {
        let units = line.whole("amount")?;
        sum = sum.checked_add(units).ok_or_else(|| format!("the lines of {id} are too large"))?;
        lines.push(self::line(line, units, code)?);
    }
    let total = object.whole("total")?;
    if total != sum {
        // Discounts and taxes that are not in the lines: booked by hand rather than guessed.
        return Err(format!(
            "the total {total} of {id} is not the sum {sum} of its lines: discounts and taxes on \
             top are not imported, so record it with IssueInvoice"
        ));
    }
    let due = object.optional_whole("due_date").map(day).transpose()?;
    Ok(vec![Made::new(
        "IssueInvoice",
        json!({"invoice": id, "customer": customer, "currency": currency, "due": due,
               "lines": lines}),
    )])
}

fn line(line: &Object<'_>, units: i64, code: &str) -> Result<Value, String> {
    let (amount, _) = amount(units, code)?;
    let mut made = json!({
        "description": line.optional("description").unwrap_or("imported"), "amount": amount,
    });
    let period = line.optional_object("period");
    let Some(made_object) = made.as_object_mut() else { return Ok(made) };
    if let Some(id) = line.optional("id") {
        made_object.insert("line".to_owned(), json!(id));
    }
    if let Some(period) = period {
        let (start, end) = (period.whole("start")?, period.whole("end")?);
        if end > start {
            // Stripe's end is the first instant after the service.
            made_object.insert("service_start".to_owned(), json!(day(start)?));
            made_object.insert("service_end".to_owned(), json!(day(end - 1)?));
        }
    }
    Ok(made)
}

/// `invoice.voided`.
pub(super) fn voided(object: &Object<'_>) -> Result<Vec<Made>, String> {
    Ok(vec![Made::new("VoidInvoice", json!({"invoice": object.text("id")?}))])
}

/// `invoice.marked_uncollectible`: all that is open.
pub(super) fn written_off(object: &Object<'_>) -> Result<Vec<Made>, String> {
    Ok(vec![Made::new("WriteOffInvoice", json!({"invoice": object.text("id")?}))])
}

/// `credit_note.created`: what lowers the invoice, what is paid back, and what stays as credit.
pub(super) fn credited(object: &Object<'_>) -> Result<Vec<Made>, String> {
    let id = object.text("id")?;
    let code = object.text("currency")?;
    let lacks = |what: &str| format!("the credit note {id} has no {what}");
    let invoice = object.reference("invoice").ok_or_else(|| lacks("invoice"))?;
    let customer = object.reference("customer").ok_or_else(|| lacks("customer"))?;
    let total = object.whole("total").or_else(|_| object.whole("amount"))?;
    if total == 0 {
        return Ok(Vec::new());
    }
    let mut sum = 0_i64;
    let mut lines = Vec::new();
    for line in &object.list("lines")? {
        let units = line.whole("amount")?;
        sum = sum.checked_add(units).ok_or_else(|| format!("the lines of {id} are too large"))?;
        let (amount, _) = amount(units, code)?;
        let mut made = json!({
            "invoice_line": line.reference("invoice_line_item"),
            "description": line.optional("description"), "amount": amount,
        });
        if let Some(object) = made.as_object_mut() {
            object.retain(|_, value| !value.is_null());
        }
        lines.push(made);
    }
    if lines.is_empty() {
        lines.push(json!({"description": "imported", "amount": amount(total, code)?.0}));
    } else if sum != total {
        return Err(format!(
            "the total {total} of {id} is not the sum {sum} of its lines: taxes on top are not \
             imported, so record it with IssueCredit"
        ));
    }
    let apply = apply(object, total, code)?;
    let (_, currency) = amount(0, code)?;
    Ok(vec![Made::new(
        "IssueCredit",
        json!({"credit": id, "customer": customer, "invoice": invoice, "currency": currency,
               "lines": lines, "apply": apply, "reason": object.optional("reason")}),
    )])
}

/// Stripe lowers what is open first; the rest is paid back or stays with the customer.
fn apply(object: &Object<'_>, total: i64, code: &str) -> Result<Value, String> {
    let before = match object.optional_whole("pre_payment_amount") {
        Some(before) => before,
        None if object.optional("type") == Some("post_payment") => 0,
        None => total,
    };
    let mut refunded = object.optional_whole("out_of_band_amount").unwrap_or(0);
    for refund in &object.list("refunds")? {
        refunded += refund.whole("amount_refunded")?;
    }
    if object.optional_whole("pre_payment_amount").is_none() && object.reference("refund").is_some()
    {
        refunded = total - before;
    }
    let account = total - before - refunded;
    if before < 0 || refunded < 0 || account < 0 {
        return Err(format!(
            "the parts of the credit note do not sum to {total}: {before} off the invoice, \
             {refunded} paid back"
        ));
    }
    let mut parts = serde_json::Map::new();
    for (name, units) in [("invoice", before), ("refund", refunded), ("account", account)] {
        if units == total {
            return Ok(json!(name));
        }
        if units > 0 {
            parts.insert(name.to_owned(), json!(amount(units, code)?.0));
        }
    }
    Ok(Value::Object(parts))
}

/// The refunds that a credit note pays back: they are part of it, and no events of their own.
pub(super) fn refunds_of_credit(object: &Object<'_>) -> Vec<String> {
    let listed = object.list("refunds").unwrap_or_default();
    let listed = listed.iter().filter_map(|refund| refund.reference("refund"));
    listed.chain(object.reference("refund")).map(str::to_owned).collect()
}
