//! Tables of which each record is a line of an invoice or a credit.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::money::{Amount, Rounding};
use serde_json::{Value, json};

use crate::import::csv::{BadRecord, Dated, Import, Imported, Map, date, envelope};

/// What was read of a document so far.
struct Document {
    /// The first line of the file that is about it.
    first: u64,
    customer: String,
    name: String,
    issued: Day,
    due: Option<Day>,
    lines: Vec<Line>,
}

struct Line {
    description: String,
    amount: Amount,
    /// As in the table, where it has them.
    quantity: Option<Amount>,
    unit_price: Option<Amount>,
}

/// Groups the records by document: one that sums to less than zero is a credit on the account, any
/// other an invoice. A document with a bad record, or a credit with lines above zero, is bad as a
/// whole: half a document would be a wrong number.
pub(super) fn read(
    reader: &mut csv::Reader<&[u8]>,
    headers: &csv::StringRecord,
    map: &Map,
    import: &mut Import,
) -> Vec<Dated> {
    let mut documents: BTreeMap<String, Document> = BTreeMap::new();
    let mut bad: BTreeSet<String> = BTreeSet::new();
    for record in reader.records() {
        import.records += 1;
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                import.bad.push(BadRecord { line, reason: error.to_string() });
                continue;
            }
        };
        let line = record.position().map_or(0, csv::Position::line);
        let fields: BTreeMap<&str, &str> = headers.iter().zip(record.iter()).collect();
        let document = fields.get(map.columns.invoice.as_str()).map_or("", |text| text.trim());
        if let Err(reason) = add(map, &fields, line, document, &mut documents) {
            bad.insert(document.to_owned());
            import.bad.push(BadRecord { line, reason });
        }
    }
    let mut customers = BTreeSet::new();
    let mut dated = Vec::new();
    for (id, document) in &documents {
        if bad.contains(id) {
            continue;
        }
        match commands(map, id, document, import) {
            Ok((day, rank, made)) => {
                let line = document.first;
                if customers.insert(document.customer.clone()) {
                    let data = json!({"customer": document.customer, "name": document.name});
                    let command = "RegisterCustomer";
                    let made = envelope("customer", command, day, &document.customer, data);
                    dated.push((day, 0, Imported { line, envelope: made }));
                }
                dated.push((day, rank, Imported { line, envelope: made }));
            }
            Err(reason) => import.bad.push(BadRecord { line: document.first, reason }),
        }
    }
    dated
}

/// Adds a record to its document.
fn add(
    map: &Map,
    fields: &BTreeMap<&str, &str>,
    line: u64,
    document: &str,
    documents: &mut BTreeMap<String, Document>,
) -> Result<(), String> {
    let columns = &map.columns;
    let field = |name: &String| fields.get(name.as_str()).map_or("", |text| text.trim());
    let optional = |name: &Option<String>| name.as_ref().map(field).filter(|text| !text.is_empty());
    if document.is_empty() {
        return Err(format!("the column {} is empty", columns.invoice));
    }
    let named = Some(field(&columns.customer)).filter(|text| !text.is_empty());
    let customer = named.or(map.unknown_customer.as_deref()).ok_or_else(|| {
        format!(
            "the column {} is empty; name an unknown_customer in MAP.toml to keep such documents",
            columns.customer
        )
    })?;
    let issued = date(&map.date_format, field(&columns.issued))?;
    let due = optional(&columns.due).map(|text| date(&map.date_format, text)).transpose()?;
    let due = due.or(map.due_after(issued));
    let number = |text: &str| text.parse::<Amount>().map_err(|rejection| rejection.message);
    let quantity = optional(&columns.quantity).map(number).transpose()?;
    let unit_price = optional(&columns.unit_price).map(number).transpose()?;
    let amount = match (optional(&columns.amount), unit_price) {
        (Some(text), _) => {
            let exact = number(text).and_then(|amount| {
                map.currency.exact(amount, "amount").map_err(|rejection| rejection.message)
            });
            exact?
        }
        (None, Some(unit_price)) => {
            let quantity = quantity.map_or(rust_decimal::Decimal::ONE, Amount::decimal);
            let product = quantity.checked_mul(unit_price.decimal());
            let product = product.ok_or_else(|| "quantity times price is too large".to_owned())?;
            map.currency.round(product, Rounding::HalfEven)
        }
        (None, None) => return Err("the line has neither an amount nor a price".to_owned()),
    };
    let known = documents.entry(document.to_owned()).or_insert_with(|| Document {
        first: line,
        customer: customer.to_owned(),
        name: optional(&columns.customer_name).unwrap_or(customer).to_owned(),
        issued,
        due,
        lines: Vec::new(),
    });
    if known.customer != customer {
        return Err(format!("{document} is {}'s and {customer}'s", known.customer));
    }
    let description = optional(&columns.description).unwrap_or("imported").to_owned();
    known.lines.push(Line { description, amount, quantity, unit_price });
    Ok(())
}

/// The command that issues a document, with its day and its place within that.
fn commands(
    map: &Map,
    id: &str,
    document: &Document,
    import: &mut Import,
) -> Result<(Day, u8, Value), String> {
    let sum: Amount = document.lines.iter().map(|line| line.amount).sum();
    let currency = map.currency;
    let (customer, day) = (&document.customer, document.issued);
    if !sum.is_negative() {
        let lines: Vec<Value> = document.lines.iter().map(invoiced).collect();
        let mut data = json!({
            "invoice": id, "customer": customer, "currency": currency, "lines": lines,
        });
        if let (Some(due), Some(object)) = (document.due, data.as_object_mut()) {
            object.insert("due".to_owned(), json!(due));
        }
        import.invoiced += sum;
        return Ok((day, 1, envelope("invoice", "IssueInvoice", day, id, data)));
    }
    if document.lines.iter().any(|line| line.amount.is_positive()) {
        return Err(format!(
            "{id} sums to {sum}, and has lines above zero: a credit cannot charge; split it"
        ));
    }
    let credited = document.lines.iter().filter(|line| line.amount.is_negative());
    let lines: Vec<Value> = credited
        .map(|line| json!({"description": line.description, "amount": -line.amount}))
        .collect();
    let data = json!({
        "credit": id, "customer": customer, "currency": currency, "apply": "account",
        "reason": "imported", "lines": lines,
    });
    import.credited -= sum;
    Ok((day, 2, envelope("credit", "IssueCredit", day, id, data)))
}

fn invoiced(line: &Line) -> Value {
    let mut value = json!({
        "description": line.description, "amount": line.amount,
        "recognition": {"method": "on_invoice"},
    });
    if let Some(object) = value.as_object_mut() {
        for (name, number) in [("quantity", line.quantity), ("unit_price", line.unit_price)] {
            if let Some(number) = number {
                object.insert(name.to_owned(), json!(number));
            }
        }
    }
    value
}
