//! What a billing run issued so far: one that is cut off goes on with it.

use std::collections::BTreeMap;

use crate::event::credit::{CreditIssued, CreditedLine};
use crate::event::invoice::InvoiceIssued;
use crate::id::Identifier;
use crate::money::{Amount, Currency};
use crate::state::Ledger;

pub(super) fn invoiced(ledger: &mut Ledger, command: &Identifier, data: &InvoiceIssued) {
    if data.lines.iter().any(|line| line.run.is_some()) {
        let run = ledger.unfinished_runs.entry(command.clone()).or_default();
        run.invoices += 1;
        add(&mut run.totals, data.currency, data.total);
    }
}

pub(super) fn credited(ledger: &mut Ledger, command: &Identifier, data: &CreditIssued) {
    let is_marked = |line: &CreditedLine| line.adjustment.is_some() || line.period.is_some();
    // One of several credits for one difference carries its mark.
    let is_running = ledger.unfinished_runs.contains_key(command);
    if is_running || data.lines.iter().any(is_marked) {
        let run = ledger.unfinished_runs.entry(command.clone()).or_default();
        run.credits += 1;
        add(&mut run.totals, data.currency, -data.total);
    }
}

pub(super) fn ended(ledger: &mut Ledger, command: &Identifier) {
    ledger.unfinished_runs.remove(command);
}

fn add(totals: &mut BTreeMap<String, Amount>, currency: Currency, amount: Amount) {
    *totals.entry(currency.code().to_owned()).or_insert(currency.zero()) += amount;
}
