//! How the revenue of a contract in a month comes about: the versions and deliveries behind it,
//! the arithmetic, and the sum, which is that of the report `revenue`.

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::id::Identifier;
use ledger_core::money::Amount;
use ledger_core::posting::ContractId;
use ledger_core::rejection::{Code, Rejection};
use schemas::record::instant;
use serde_json::{Value, json};

use crate::reports::{Cell, Query, Table};
use crate::views::{AuditEntry, Contract};

mod line;
mod usage;
pub(crate) mod words;

/// The question: a contract, and the days of a month that count.
struct Ask<'a> {
    query: &'a Query<'a>,
    contract: &'a Contract,
    month: YearMonth,
    /// The day before the month.
    before: Day,
    /// The month's last day, or the business date inside it.
    through: Day,
}

/// One statement of the answer.
struct Statement {
    line: Option<Identifier>,
    /// What kind of statement it is.
    step: &'static str,
    date: Option<Day>,
    amount: Option<Amount>,
    text: String,
    /// The event that it is about.
    event: Option<u64>,
    /// The policies that shaped it.
    policy: Option<String>,
    /// The same in exact numbers, for readers that are programs.
    exact: Option<Value>,
}

impl Statement {
    fn new(step: &'static str, text: String) -> Self {
        Self {
            line: None,
            step,
            date: None,
            amount: None,
            text,
            event: None,
            policy: None,
            exact: None,
        }
    }

    fn on(self, date: Day) -> Self {
        Self { date: Some(date), ..self }
    }

    fn of(self, amount: Amount) -> Self {
        Self { amount: Some(amount), ..self }
    }

    fn by(self, sequence: u64) -> Self {
        Self { event: Some(sequence), ..self }
    }

    fn exactly(self, exact: Value) -> Self {
        Self { exact: Some(exact), ..self }
    }
}

impl Ask<'_> {
    /// The last event that may change a day's figures.
    fn known(&self, day: Day) -> u64 {
        self.query.at().known(day)
    }

    fn event(&self, sequence: u64) -> Option<&AuditEntry> {
        self.query.views.audit_trail.event(sequence)
    }
}

/// The report.
pub(super) fn explain(query: &Query<'_>) -> Result<Table, Rejection> {
    let month = month(query)?;
    let contract = contract(query)?;
    let is_scheduled = month.first() > query.as_of;
    // What is still to come is shown as a whole, what has begun as `revenue` has it.
    let through = if is_scheduled { month.last() } else { month.last().min(query.as_of) };
    let ask = Ask { query, contract, month, before: month.first().previous(), through };
    let mut statements = Vec::new();
    let mut parts = Vec::new();
    for (name, line) in &contract.lines {
        if !query.keeps("line", Some(name.as_str())) {
            continue;
        }
        let Some((told, earned)) = line::explain(&ask, line) else { continue };
        statements
            .extend(told.into_iter().map(|one| Statement { line: Some(name.clone()), ..one }));
        parts.push(earned);
    }
    if parts.is_empty() {
        return Err(nothing_known(&ask));
    }
    let earned: Amount = contract.currency.zero() + parts.iter().copied().sum();
    let contra = contra(&ask, &mut statements);
    closed(&ask, &mut statements);
    let step = if is_scheduled { "scheduled" } else { "total" };
    let text = words::total(&ask, &parts, earned, contra);
    statements.push(Statement::new(step, text).on(through).of(earned - contra));
    Ok(table(&ask, is_scheduled, statements))
}

fn month(query: &Query<'_>) -> Result<YearMonth, Rejection> {
    let text = query.needs("month")?;
    let first = format!("{text}-01").parse::<Day>();
    first.map(Day::month).map_err(|_| {
        let message = format!("{text:?} is not a month; write YYYY-MM, such as 2026-03");
        Rejection::at(Code::ReportFilter, "month", message)
    })
}

fn contract<'a>(query: &Query<'a>) -> Result<&'a Contract, Rejection> {
    let contracts = &query.views.deferred_revenue.contracts;
    let id = |text: &str, code| text.parse::<Identifier>().map_err(|_| unknown(code, text));
    match (query.filters.get("order"), query.filters.get("invoice")) {
        (Some(text), None) => {
            let order = id(text, Code::OrderUnknown)?;
            contracts
                .get(&ContractId::Order(order))
                .ok_or_else(|| unknown(Code::OrderUnknown, text))
        }
        (None, Some(text)) => {
            let invoice = id(text, Code::InvoiceUnknown)?;
            let found = contracts.get(&ContractId::Invoice(invoice.clone()));
            found.ok_or_else(|| no_contract(query, &invoice))
        }
        (Some(_), Some(_)) | (None, None) => Err(Rejection::at(
            Code::ReportFilter,
            "order",
            "the report is about one contract: name an order, or an invoice that bills none",
        )),
    }
}

fn unknown(code: Code, id: &str) -> Rejection {
    let kind = if code == Code::OrderUnknown { "order" } else { "invoice" };
    Rejection::at(code, kind, format!("there is no {kind} {id}"))
}

/// An invoice without a contract of its own does not exist, or bills orders.
fn no_contract(query: &Query<'_>, invoice: &Identifier) -> Rejection {
    let Some(fact) = query.views.receivables.invoices.get(invoice) else {
        return unknown(Code::InvoiceUnknown, invoice.as_str());
    };
    let of_lines = fact.issued.lines.iter().find_map(|line| line.order.as_ref());
    let order = fact.issued.order.as_ref().or(of_lines);
    let ask = order.map(|order| format!("; ask for the order {order}")).unwrap_or_default();
    let message =
        format!("the invoice {invoice} earns nothing itself: revenue follows orders{ask}");
    Rejection::at(Code::ReportFilter, "invoice", message)
}

/// No line passes the filters, or none was known then.
fn nothing_known(ask: &Ask<'_>) -> Rejection {
    let lines: Vec<&str> = ask.contract.lines.keys().map(Identifier::as_str).collect();
    match ask.query.filters.get("line") {
        Some(line) if !lines.contains(&line) => Rejection::at(
            Code::LineUnknown,
            "line",
            format!("there is no line {line}; there are {}", lines.join(", ")),
        ),
        Some(_) | None => Rejection::at(
            Code::ReportOutOfRange,
            "at_sequence",
            format!("nothing was known of it after event {}", ask.query.sequence),
        ),
    }
}

/// Contra revenue that was posted in the month; the sum of it.
fn contra(ask: &Ask<'_>, statements: &mut Vec<Statement>) -> Amount {
    let mut sum = ask.contract.currency.zero();
    for fact in &ask.query.views.deferred_revenue.contra {
        let line = fact.line.as_ref();
        if fact.contract.as_ref() != Some(&ask.contract.id)
            || fact.sequence > ask.query.sequence
            || fact.date <= ask.before
            || fact.date > ask.through
            || !ask.query.keeps("line", line.map(Identifier::as_str))
        {
            continue;
        }
        sum += fact.amount;
        let document = ask.event(fact.sequence).map(|event| event.document.to_string());
        let text = format!(
            "{} lowers revenue by {} as contra revenue, posted on {}",
            document.unwrap_or_default(),
            fact.amount,
            fact.date
        );
        let posted = Statement::new("contra_revenue", text).on(fact.date).of(-fact.amount);
        let line = line.cloned();
        statements.push(Statement { line, ..posted.by(fact.sequence) });
    }
    sum
}

/// Whether the days were closed: what was recorded later does not change them.
fn closed(ask: &Ask<'_>, statements: &mut Vec<Statement>) {
    let frozen = ask.known(ask.through);
    if frozen < ask.query.sequence {
        let text = format!(
            "{} is closed: what was recorded after event {frozen} is posted on the first open day",
            ask.through
        );
        statements.push(Statement::new("closed", text).on(ask.through).by(frozen));
    }
}

fn table(ask: &Ask<'_>, is_scheduled: bool, statements: Vec<Statement>) -> Table {
    let mut table = Table::new(&[
        "line",
        "step",
        "date",
        "amount:amount",
        "explanation",
        "sequence:integer",
        "type",
        "document",
        "effective",
        "recorded_at",
        "actor",
        "command_id",
        "reason",
        "policy",
    ]);
    let mut arithmetic = Vec::new();
    for (index, mut one) in statements.into_iter().enumerate() {
        if let Some(Value::Object(mut exact)) = one.exact.take() {
            exact.insert("row".to_owned(), json!(index));
            arithmetic.push(Value::Object(exact));
        }
        table.rows.push(row(ask, one));
    }
    let (order, invoice) = match &ask.contract.id {
        ContractId::Order(id) => (Some(id), None),
        ContractId::Invoice(id) => (None, Some(id)),
    };
    table.details = Some(json!({
        "order": order,
        "invoice": invoice,
        "customer": ask.contract.customer,
        "currency": ask.contract.currency,
        "month": ask.month.to_string(),
        "through": ask.through,
        "is_scheduled": is_scheduled,
        "arithmetic": arithmetic,
    }));
    table
}

fn row(ask: &Ask<'_>, one: Statement) -> Vec<Cell> {
    let text = |text: Option<String>| text.map_or(Cell::Empty, Cell::Text);
    let event = one.event.and_then(|sequence| ask.event(sequence));
    vec![
        text(one.line.map(|line| line.to_string())),
        one.step.into(),
        one.date.map_or(Cell::Empty, Cell::from),
        one.amount.map_or(Cell::Empty, Cell::from),
        one.text.into(),
        one.event.map_or(Cell::Empty, Cell::from),
        text(event.map(|event| event.kind.to_string())),
        text(event.map(|event| event.document.to_string())),
        event.map_or(Cell::Empty, |event| event.effective.into()),
        text(event.map(|event| instant(event.recorded_at))),
        text(event.map(|event| event.actor.clone())),
        text(event.map(|event| event.command_id.to_string())),
        text(event.and_then(|event| event.reason.clone())),
        text(one.policy),
    ]
}
