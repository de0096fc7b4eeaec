//! A preview for readers that are programs.

use ledger_core::command::Command;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::ContractId;
use projections::outlook::Stand;
use serde_json::{Map, Value, json};

use super::{Change, Contrast, Pair, Preview};
use crate::cli::audit;
use projections::outlook::billing::{Billing, Document};

/// The whole answer as one object.
pub(crate) fn whole(command: &Command, preview: &Preview, sequence: u64) -> Value {
    let mut answer = Map::new();
    let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    put("command", json!(command.data.name()));
    put("effective", json!(command.effective));
    match preview {
        Preview::Refused(rejection) => {
            put("outcome", json!("rejected"));
            put("error", json!(rejection));
        }
        Preview::Repeated(first) => {
            put("outcome", json!("repeated"));
            put("first_event", json!(first));
        }
        Preview::Accepted(change) => {
            put("outcome", json!("accepted"));
            for (name, value) in sections(change) {
                put(name, value);
            }
        }
    }
    put("sequence", json!(sequence));
    Value::Object(answer)
}

/// One object a line: every row with the section that it is of.
pub(crate) fn lines(command: &Command, preview: &Preview, sequence: u64) -> String {
    let Preview::Accepted(change) = preview else {
        return format!("{}\n", whole(command, preview, sequence));
    };
    let mut text = String::new();
    for (section, value) in sections(change) {
        let rows = value.get("rows").unwrap_or(&value);
        let rows = rows.as_array().cloned().unwrap_or_else(|| vec![rows.clone()]);
        for row in rows {
            let mut line = Map::new();
            line.insert("section".to_owned(), json!(section));
            line.extend(row.as_object().cloned().unwrap_or_default());
            text.push_str(&format!("{}\n", Value::Object(line)));
        }
    }
    text
}

fn sections(change: &Change) -> Vec<(&'static str, Value)> {
    let events: Vec<Value> = change.events.iter().map(audit::as_json).collect();
    let contracts: Vec<Value> =
        change.contracts.iter().map(|(id, contrast)| contract(id, contrast)).collect();
    let months = change.revenue.iter().map(|((month, currency), pair)| {
        row(("month", json!(month.to_string())), *currency, *pair)
    });
    let dates = change
        .billing
        .iter()
        .map(|((date, currency), pair)| row(("date", json!(date)), *currency, *pair));
    let (before, after) = &change.runs;
    let mut sections = vec![("events", json!(events))];
    if let Some((treatment, reason)) = &change.treatment {
        sections.push(("treatment", json!({"chosen": treatment, "reason": reason})));
    }
    sections.push((
        "revenue",
        json!({"rows": months.collect::<Vec<_>>(), "open_through": change.open_through}),
    ));
    sections.push(("contracts", json!({"rows": contracts, "on": change.stands_on})));
    sections.push((
        "billing",
        json!({
            "rows": dates.collect::<Vec<_>>(),
            "through": change.through,
            "documents": {"before": documents(before), "after": documents(after)},
            "refused": {"before": before.refused, "after": after.refused},
        }),
    ));
    sections
}

fn row((name, key): (&str, Value), currency: Currency, pair: Pair) -> Value {
    let mut row = Map::new();
    row.insert(name.to_owned(), key);
    row.insert("currency".to_owned(), json!(currency));
    row.insert("before".to_owned(), json!(pair.before));
    row.insert("after".to_owned(), json!(pair.after));
    row.insert("change".to_owned(), json!(pair.change()));
    Value::Object(row)
}

fn contract(id: &ContractId, contrast: &Contrast) -> Value {
    let (order, invoice) = match id {
        ContractId::Order(id) => (Some(id), None),
        ContractId::Invoice(id) => (None, Some(id)),
    };
    let both = |of: fn(&Stand) -> Amount| {
        let pair = Pair { before: of(&contrast.before), after: of(&contrast.after) };
        json!({"before": pair.before, "after": pair.after, "change": pair.change()})
    };
    json!({
        "order": order,
        "invoice": invoice,
        "currency": contrast.currency,
        "billed": both(|stand| stand.billed),
        "recognised": both(|stand| stand.recognised),
        "deferred": both(|stand| stand.deferred),
        "unbilled": both(|stand| stand.unbilled),
    })
}

fn documents(billing: &Billing) -> Vec<Value> {
    let document = |one: &Document| {
        json!({
            "date": one.date,
            "kind": if one.is_credit { "credit" } else { "invoice" },
            "customer": one.customer,
            "order": one.order,
            "currency": one.currency,
            "net": one.net,
            "tax": one.tax,
            "total": one.total,
        })
    };
    billing.documents.iter().map(document).collect()
}
