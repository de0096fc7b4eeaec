//! Event by event into the state.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::chart::Chart;
use crate::command::book::PolicyValue;
use crate::decide::policy;
use crate::event::book::BookOpened;
use crate::event::credit::{CreditApplied, CreditIssued, CreditRefunded, CreditVoided};
use crate::event::invoice::{InvoiceIssued, InvoiceVoided};
use crate::event::{Event, EventData};
use crate::id::Identifier;
use crate::money::Amount;
use crate::policy::CreditRevenue;
use crate::posting::ContractId;
use crate::state::order::OrderLine;
use crate::state::{Book, Credit, Customer, Invoice, InvoiceLine, Ledger, collections, requests};

mod loss;
mod order;
mod payment;
mod run;

/// Folds one event.
pub(super) fn apply(ledger: &mut Ledger, event: &Event) {
    let sequence = event.sequence;
    if let Some(functional) = &event.functional {
        ledger.values.take(&event.data, functional);
    }
    match &event.data {
        EventData::BookOpened(_)
        | EventData::ProductDefined(_)
        | EventData::TaxRateDefined(_)
        | EventData::FxRateRecorded(_)
        | EventData::PeriodClosed(_)
        | EventData::PeriodReopened(_) => book(ledger, event),
        EventData::CustomerRegistered(data) => {
            ledger.customers.insert(data.customer.clone(), Customer::new(data.clone()));
        }
        EventData::CustomerUpdated(data) => collections::updated(ledger, data),
        EventData::CustomerHeld(data) => collections::held(ledger, data),
        EventData::CustomerReleased(data) => collections::released(ledger, data),
        EventData::PaymentPromised(data) => collections::promised(ledger, data),
        EventData::ReminderIssued(data) => collections::reminded(ledger, data),
        EventData::DunningRunCompleted(_) => {}
        EventData::PaymentRequested(data) => requests::requested(ledger, data),
        EventData::PaymentRequestCanceled(data) => requests::canceled(ledger, data),
        EventData::PaymentRequestsCompleted(_) => {}
        EventData::OrderPlaced(data) => order::placed(ledger, sequence, data),
        EventData::OrderAmended(data) => order::amended(ledger, sequence, data),
        EventData::EstimateRevised(data) => {
            order::changed(ledger, sequence, &data.order, &data.lines, &data.adjustments);
        }
        EventData::OrderRenewed(data) => order::renewed(ledger, sequence, data),
        EventData::OrderCancelled(data) => {
            order::cancelled(ledger, (sequence, event.effective), data);
        }
        EventData::OrderSuspended(data) => {
            order::changed(ledger, sequence, &data.order, &data.lines, &data.adjustments);
            order::rests(ledger, &data.order, Some(data.from));
        }
        EventData::OrderResumed(data) => {
            order::changed(ledger, sequence, &data.order, &data.lines, &data.adjustments);
            order::rests(ledger, &data.order, None);
        }
        EventData::DeliveryRecorded(data) => {
            order::delivered(ledger, (sequence, event.effective), data);
        }
        EventData::UsageRecorded(data) => order::used(ledger, sequence, data),
        EventData::InvoiceIssued(data) => {
            run::invoiced(ledger, &event.command_id, data);
            invoice_issued(ledger, sequence, data);
        }
        EventData::InvoiceVoided(data) => invoice_voided(ledger, event.effective, data),
        EventData::BillingRunCompleted(_) => run::ended(ledger, &event.command_id),
        EventData::DisputeOpened(data) => collections::dispute_opened(ledger, data),
        EventData::DisputeResolved(data) => collections::dispute_resolved(ledger, &data.invoice),
        EventData::PaymentReceived(_)
        | EventData::PaymentAllocated(_)
        | EventData::PaymentDeallocated(_)
        | EventData::PaymentFailed(_)
        | EventData::PaymentRefunded(_)
        | EventData::PaymentChargedBack(_)
        | EventData::ChargebackWon(_) => payment::apply(ledger, event.effective, &event.data),
        EventData::InvoiceWrittenOff(_)
        | EventData::WriteOffRecovered(_)
        | EventData::AllowanceRecorded(_) => loss::apply(ledger, event),
        EventData::CreditIssued(data) => {
            run::credited(ledger, &event.command_id, data);
            credit_issued(ledger, (sequence, event.effective), data);
        }
        EventData::CreditApplied(data) => credit_applied(ledger, event.effective, data),
        EventData::CreditRefunded(data) => credit_refunded(ledger, data),
        EventData::CreditVoided(data) => credit_voided(ledger, event.effective, data),
    }
}

/// Folds an event of the book and its catalog; any other changes nothing.
fn book(ledger: &mut Ledger, event: &Event) {
    if let EventData::BookOpened(data) = &event.data {
        book_opened(ledger, data);
    }
    if let EventData::ProductDefined(data) = &event.data {
        ledger.products.insert(data.product.clone(), data.clone());
    }
    if let EventData::TaxRateDefined(data) = &event.data {
        ledger.tax_rates.entry(data.tax_code.clone()).or_default().push(data.clone());
    }
    if let EventData::FxRateRecorded(data) = &event.data {
        let pair = (data.from, data.to, data.kind);
        ledger.rates.record(pair, data.date, event.sequence, data.rate);
    }
    if let EventData::PeriodClosed(data) = &event.data {
        close(ledger, Some(data.through));
    }
    if let EventData::PeriodReopened(data) = &event.data {
        close(ledger, Some(data.from.previous()));
    }
}

fn book_opened(ledger: &mut Ledger, data: &BookOpened) {
    ledger.book = Some(Book {
        currency: data.currency,
        time_zone: data.time_zone.clone(),
        policies: policy::policies(&data.policies).unwrap_or_default(),
        chart: Chart::new(&data.accounts),
        credit_revenue_by_reason: by_reason(&data.policies),
        last_invoice_number: 0,
        last_credit_number: 0,
        closed_through: None,
        allowance: Vec::new(),
    });
}

fn close(ledger: &mut Ledger, through: Option<Day>) {
    if let Some(book) = &mut ledger.book {
        book.closed_through = through;
    }
}

/// `credit_revenue` by reason, where the book maps it.
fn by_reason(policies: &BTreeMap<String, PolicyValue>) -> BTreeMap<String, CreditRevenue> {
    match policies.get("credit_revenue") {
        Some(PolicyValue::Map(map)) => map
            .iter()
            .filter_map(|(reason, word)| Some((reason.clone(), CreditRevenue::parse(word)?)))
            .collect(),
        Some(
            PolicyValue::Text(_)
            | PolicyValue::Number(_)
            | PolicyValue::Days(_)
            | PolicyValue::Dunning(_)
            | PolicyValue::Collection(_),
        )
        | None => BTreeMap::new(),
    }
}

fn invoice_issued(ledger: &mut Ledger, sequence: u64, data: &InvoiceIssued) {
    let lines = data.lines.iter().map(|line| InvoiceLine {
        line: line.line.clone(),
        order_line: line.order_line.clone(),
        contract: line.contract(data.order.as_ref(), &data.invoice),
        service: line.service_start.zip(line.service_end),
        run: line.run.clone(),
        net: line.net,
        tax: line.tax,
        tax_code: line.tax_code.clone(),
        tax_rate: line.tax_rate,
        credited_net: data.currency.zero(),
        credited_tax: data.currency.zero(),
        discounted: None,
        contra: Vec::new(),
        versions: line.schedule.iter().cloned().collect(),
    });
    let invoice = Invoice {
        customer: data.customer.clone(),
        order: data.order.clone(),
        currency: data.currency,
        issued: data.issued,
        due: data.due,
        sequence,
        total: data.total,
        open: data.total,
        paid: data.currency.zero(),
        settlements: Vec::new(),
        cash_discounts: data.cash_discounts.clone(),
        written_off: None,
        disputed: false,
        voided: false,
        lines: lines.collect(),
    };
    for line in &data.lines {
        let contract = line.contract(data.order.as_ref(), &data.invoice);
        if let (ContractId::Order(order), Some(name)) = (&contract, &line.order_line)
            && let Some(known) = order_line(ledger, order, name)
        {
            order::billed(known, (&data.invoice, data.issued), line);
        }
    }
    if invoice.open.is_positive()
        && let Some(customer) = ledger.customers.get_mut(&data.customer)
    {
        customer.open_invoices.insert(data.invoice.clone());
    }
    ledger.invoices.insert(data.invoice.clone(), invoice);
    if let (Some(book), Some(number)) = (&mut ledger.book, data.number) {
        book.last_invoice_number = number;
    }
}

/// Lowers what is open of an invoice by `settled`, of which `paid` was money.
fn settle(ledger: &mut Ledger, id: &Identifier, day: Day, settled: Amount, paid: Amount) {
    let Some(invoice) = ledger.invoices.get_mut(id) else { return };
    invoice.open -= settled;
    invoice.paid += paid;
    invoice.settlements.push((day, settled));
    if let Some(customer) = ledger.customers.get_mut(&invoice.customer) {
        if invoice.open.is_positive() {
            customer.open_invoices.insert(id.clone());
        } else {
            customer.open_invoices.remove(id);
        }
    }
}

/// A line of an order.
fn order_line<'a>(
    ledger: &'a mut Ledger,
    order: &Identifier,
    line: &Identifier,
) -> Option<&'a mut OrderLine> {
    let order = ledger.orders.get_mut(order)?;
    order.lines.iter_mut().find(|one| one.placed.line == *line)
}

fn invoice_voided(ledger: &mut Ledger, day: Day, data: &InvoiceVoided) {
    let Some(invoice) = ledger.invoices.get_mut(&data.invoice) else { return };
    invoice.voided = true;
    invoice.settlements.push((day, invoice.open));
    invoice.open = data.currency.zero();
    let mut lines = std::mem::take(&mut invoice.lines);
    for voided in &data.lines {
        if let Some(line) = lines.iter_mut().find(|line| line.line == voided.line) {
            line.versions.extend(voided.schedule.iter().cloned());
        }
    }
    if let Some(customer) = ledger.customers.get_mut(&data.customer) {
        customer.open_invoices.remove(&data.invoice);
    }
    for line in &lines {
        if let (ContractId::Order(order), Some(name)) = (&line.contract, &line.order_line)
            && let Some(known) = order_line(ledger, order, name)
        {
            order::unbilled(known, &data.invoice, line);
        }
    }
    if let Some(invoice) = ledger.invoices.get_mut(&data.invoice) {
        invoice.lines = lines;
    }
}

fn credit_issued(ledger: &mut Ledger, (sequence, issued): (u64, Day), data: &CreditIssued) {
    if let Some(customer) = ledger.customers.get_mut(&data.customer) {
        customer.open_credits.insert(sequence, data.credit.clone());
    }
    ledger.credits.insert(
        data.credit.clone(),
        Credit {
            customer: data.customer.clone(),
            invoice: data.invoice.clone(),
            currency: data.currency,
            amount: data.total,
            unused: data.total,
            issued,
            sequence,
            touched: issued,
            refunded: data.currency.zero(),
            applied: Vec::new(),
            lines: data.lines.clone(),
            net: data.net,
            tax: data.tax,
            voided: false,
        },
    );
    if let (Some(book), Some(number)) = (&mut ledger.book, data.number) {
        book.last_credit_number = number;
    }
    for credited in &data.lines {
        if let (Some(order), Some(name)) = (&credited.order, &credited.order_line)
            && let Some(line) = order_line(ledger, order, name)
        {
            let (balance, earned) = (credited.contract_balance, credited.contra_revenue);
            line.lowered_by(issued, balance, earned, credited.versions());
            if let Some(adjustment) = &credited.adjustment {
                order::adjusted(line, adjustment);
            }
            if let Some(period) = &credited.period {
                order::period_billed(line, (period.start, period.end), period.amount, issued);
            }
        }
        credit_line(ledger, data.invoice.as_ref(), credited, (issued, false));
    }
}

/// Moves what credits took of an invoice's line; `is_back`: they give it back.
fn credit_line(
    ledger: &mut Ledger,
    invoice: Option<&Identifier>,
    credited: &crate::event::credit::CreditedLine,
    (day, is_back): (Day, bool),
) {
    let Some(invoice) = invoice.and_then(|id| ledger.invoices.get_mut(id)) else { return };
    let named = credited.invoice_line.as_ref();
    if let Some(line) = invoice.lines.iter_mut().find(|line| Some(&line.line) == named) {
        if is_back {
            line.credited_net -= credited.net;
            line.credited_tax -= credited.tax;
            line.contra.push((day, -credited.contra_revenue));
        } else {
            line.credited_net += credited.net;
            line.credited_tax += credited.tax;
            line.contra.push((day, credited.contra_revenue));
        }
        if credited.order_line.is_none() {
            line.versions.extend(credited.versions().cloned());
        }
    }
}

fn credit_voided(ledger: &mut Ledger, day: Day, data: &CreditVoided) {
    for one in &data.reopened {
        settle(ledger, &one.invoice, day, -one.amount, Amount::ZERO);
    }
    let issued = ledger.credits.get(&data.credit).map(|credit| credit.issued);
    use_credit(ledger, &data.credit, |credit| {
        credit.unused = data.currency.zero();
        credit.applied.clear();
        credit.voided = true;
    });
    for credited in &data.lines {
        if let (Some(order), Some(name)) = (&credited.order, &credited.order_line)
            && let Some(line) = order_line(ledger, order, name)
        {
            line.versions.extend(credited.versions().cloned());
            line.billed.net += credited.contract_balance;
            line.contra.push((day, -credited.contra_revenue));
            if credited.schedule.is_some() {
                line.raised_by(issued, credited.contract_balance);
            }
            if let Some(adjustment) = &credited.adjustment {
                order::unadjusted(line, adjustment);
            }
            if let Some(period) = &credited.period {
                order::falls_due(line, period.start);
            }
        }
        credit_line(ledger, data.invoice.as_ref(), credited, (day, true));
    }
}

fn credit_applied(ledger: &mut Ledger, day: Day, data: &CreditApplied) {
    for one in &data.allocations {
        settle(ledger, &one.invoice, day, one.amount, Amount::ZERO);
        use_credit(ledger, &data.credit, |credit| {
            credit.unused -= one.amount;
            credit.applied.push(one.clone());
            credit.touched = credit.touched.max(day);
        });
    }
}

fn credit_refunded(ledger: &mut Ledger, data: &CreditRefunded) {
    use_credit(ledger, &data.credit, |credit| {
        credit.unused -= data.amount;
        credit.refunded += data.amount;
    });
    let invoice = ledger.credits.get(&data.credit).and_then(|credit| credit.invoice.as_ref());
    if let Some(invoice) = invoice.and_then(|id| ledger.invoices.get_mut(id)) {
        invoice.paid -= data.amount;
    }
}

/// Uses a credit; one with nothing left is not open to its customer any more.
fn use_credit(ledger: &mut Ledger, id: &Identifier, using: impl FnOnce(&mut Credit)) {
    let Some(credit) = ledger.credits.get_mut(id) else { return };
    using(credit);
    if let (false, Some(customer)) =
        (credit.unused.is_positive(), ledger.customers.get_mut(&credit.customer))
    {
        customer.open_credits.remove(&credit.sequence);
    }
}
