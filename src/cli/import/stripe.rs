//! `revledger import stripe`: Stripe event objects become commands.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use commands::import::statement::plan::Told;
use commands::import::stripe;
use ledger_core::money::Amount;
use serde_json::{Value, json};

use super::sending::{Replies, send, tell};
use crate::cli::{Format, Global};
use crate::config;
use crate::exit::{Exit, Failure};

/// Files of events.
#[derive(Debug, Clone, Args)]
pub(crate) struct Events {
    /// Event objects, one JSON object a line.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Reads and counts everything, applies nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Applies nothing where an event cannot be read, and stops at the first refusal.
    #[arg(long)]
    pub(crate) strict: bool,
}

pub(crate) const HELP: &str = "\
Reads invoice.finalized, invoice.voided, invoice.marked_uncollectible, charge.succeeded,
charge.failed, charge.refunded, refund.created, charge.dispute.created, charge.dispute.closed,
credit_note.created and customer.created; other types are counted and skipped.

Expand balance_transaction in charges: it has the fee. Put a credit note and its refund into one
import: the refund is part of the credit note. Ids are derived from the events: importing a file
twice changes nothing.";

/// Imports the files.
///
/// # Errors
/// Where a file cannot be read, or the store or server cannot be used.
pub(crate) fn run(global: &Global, arguments: &Events) -> Result<Exit, Failure> {
    let mut refused = Vec::new();
    let mut commands = Vec::new();
    let mut skipped: BTreeMap<String, u64> = BTreeMap::new();
    let mut totals: BTreeMap<(String, String), (u64, Amount)> = BTreeMap::new();
    let mut events = 0;
    for path in &arguments.files {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        let import = stripe::read(&text, &global.book);
        events += import.events;
        for (kind, count) in import.skipped {
            *skipped.entry(kind).or_default() += count;
        }
        let bad = import.bad.into_iter();
        refused.extend(bad.map(|bad| (path.clone(), Told { line: bad.line, text: bad.reason })));
        for one in import.commands {
            add(&mut totals, &one.envelope);
            commands.push((path.clone(), one));
        }
    }
    let stops = arguments.strict && !refused.is_empty();
    let mut replies = Replies::default();
    if !arguments.dry_run && !stops {
        config::block_on(send(global, arguments.strict, commands, &mut replies))?;
    }
    tell(&refused)?;
    tell(&replies.told)?;
    let totals = totals.iter().map(|((command, currency), (count, amount))| {
        json!({"command": command, "currency": currency, "count": count, "amount": amount})
    });
    let totals: Vec<Value> = totals.collect();
    let mut output = std::io::stdout().lock();
    if global.format_or(Format::Table) == Format::Table {
        writeln!(output, "{events} events read, {} unreadable", refused.len())?;
        for row in &totals {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            let (command, currency, amount) = (text("command"), text("currency"), text("amount"));
            writeln!(output, "  {command:<20} {:>8} {amount:>16} {currency}", row["count"])?;
        }
        for (kind, count) in &skipped {
            writeln!(output, "  skipped {kind:<32} {count:>8}")?;
        }
        replies.print(&mut output, arguments.dry_run, stops)?;
    } else {
        let answer = json!({
            "events": events, "unreadable": refused.len(), "skipped": skipped,
            "accepted": replies.accepted_count(), "rejected": replies.rejected,
            "by_type": replies.accepted, "totals": totals, "dry_run": arguments.dry_run,
        });
        writeln!(output, "{answer}")?;
    }
    let is_clean = refused.is_empty() && replies.told.is_empty();
    Ok(if is_clean { Exit::Done } else { Exit::No })
}

/// Counts a command, with its amount where it has a currency.
fn add(totals: &mut BTreeMap<(String, String), (u64, Amount)>, envelope: &Value) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let data = &envelope["data"];
    let key = (text(&envelope["command"]), text(&data["currency"]));
    let row = totals.entry(key).or_default();
    row.0 += 1;
    let lines = data["lines"].as_array().into_iter().flatten().map(|line| &line["amount"]);
    for amount in lines.chain([&data["amount"]]) {
        // Amounts were made here, so that each of them is one.
        let amount = amount.as_str().and_then(|text| text.parse::<Amount>().ok());
        row.1 += amount.unwrap_or_default();
    }
}
