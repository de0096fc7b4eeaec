//! Billing runs: every invoice that falls due through a date, each on its own billing date, once
//! (contract, section 2; readings, 5).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::collections::Block;
use crate::command::invoice::RunBilling;
use crate::command::shared::Timing;
use crate::decide::credit::{Back, Settles, applied_to, credit_adjustments};
use crate::decide::invoice::{due_date, next_name, tax_policy};
use crate::decide::tax::{self, Rate, TaxBase};
use crate::decide::{customer, period};
use crate::event::credit::PeriodGivenBack;
use crate::event::invoice::{BillingRun, InvoiceIssued, IssuedLine, RunLine};
use crate::event::{EventData, NewEvent};
use crate::id::Identifier;
use crate::limits::{RUN_DOCUMENTS_MAX, RUN_LINES_MAX, RUN_YEARS_MAX};
use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::InvoiceGrouping;
use crate::rejection::{Code, Rejection};
use crate::state::order::{Order, OrderLine, terms_of};
use crate::state::{Book, Ledger};

/// Lines that one run looks at, at most, before it is refused as too large.
const DUES_MAX: usize = 2 * RUN_DOCUMENTS_MAX;

/// Something of a line that falls due.
struct Due<'a> {
    order: &'a Identifier,
    line: &'a OrderLine,
    service: (Day, Day),
    net: Amount,
    run: RunLine,
    description: Option<String>,
}

/// Whose document it is: one for each customer, date and, as the policy says, order.
type Key<'a> = (Day, &'a Identifier, Option<&'a Identifier>, Currency);

/// Issues what falls due. A run that was cut off by a crash is finished by the same command: what it
/// issued before does not fall due again, and counts in its totals.
pub(in crate::decide) fn run(
    (id, command): (&Identifier, &Identifier),
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &RunBilling,
) -> Result<Vec<NewEvent>, Rejection> {
    check(state, effective, data)?;
    let before = state.unfinished_runs.get(command).cloned().unwrap_or_default();
    let dues = dues(state, book, data)?;
    let mut issuer = Issuer {
        state,
        book,
        events: Vec::new(),
        totals: before.totals,
        last_invoice: book.last_invoice_number,
        last_credit: book.last_credit_number,
        invoices: before.invoices,
        credits: before.credits,
        used_credits: BTreeMap::new(),
    };
    let mut held_back = 0;
    for (key, group) in dues {
        if state.collections.is_held(key.1, Block::Invoices) {
            // Nothing is marked as billed: the next run after the release issues it.
            held_back += documents(&group);
            continue;
        }
        period::check_open(book, key.0, "data.through")?;
        issuer.issue(key, group)?;
        if issuer.events.len() > RUN_DOCUMENTS_MAX {
            return Err(too_large());
        }
    }
    let run = EventData::BillingRunCompleted(BillingRun {
        book: id.clone(),
        through: data.through,
        customer: data.customer.clone(),
        order: data.order.clone(),
        invoices: issuer.invoices,
        credits: issuer.credits,
        held_back,
        totals: issuer.totals,
    });
    issuer.events.push(NewEvent { effective, data: run });
    Ok(issuer.events)
}

/// Documents that a group becomes: an invoice for what is above zero, a credit for what is below.
fn documents(group: &[Due<'_>]) -> u32 {
    let has = |is_back: bool| group.iter().any(|due| due.net.is_negative() == is_back);
    u32::from(has(false)) + u32::from(has(true))
}

fn too_large() -> Rejection {
    Rejection::at(
        Code::BillingRunTooLarge,
        "data.through",
        format!(
            "the run would issue more than {RUN_DOCUMENTS_MAX} documents, or one of more than \
             {RUN_LINES_MAX} lines; run it through an earlier date first, or for one customer or \
             order after another"
        ),
    )
}

/// Refuses a customer or an order that does not exist, and a date that is absurdly far.
fn check(state: &Ledger, effective: Day, data: &RunBilling) -> Result<(), Rejection> {
    let latest = effective.plus_months(12 * RUN_YEARS_MAX, effective.day());
    if data.through > latest {
        return Err(Rejection::at(
            Code::BillingRunTooFar,
            "data.through",
            format!(
                "{} is more than {RUN_YEARS_MAX} years after {effective}: is the year right?",
                data.through
            ),
        ));
    }
    if let Some(customer) = &data.customer {
        customer::find(state, customer, "data.customer")?;
    }
    if let Some(order) = data.order.as_ref().filter(|order| !state.orders.contains_key(*order)) {
        let message = format!("there is no order {order}");
        return Err(Rejection::at(Code::OrderUnknown, "data.order", message));
    }
    Ok(())
}

type Dues<'a> = BTreeMap<Key<'a>, Vec<Due<'a>>>;

fn dues<'a>(state: &'a Ledger, book: &'a Book, data: &RunBilling) -> Result<Dues<'a>, Rejection> {
    let mut dues: Dues<'a> = BTreeMap::new();
    let mut count = 0;
    let wanted = |id: &Identifier, order: &Order| {
        data.order.as_ref().is_none_or(|wanted| wanted == id)
            && data.customer.as_ref().is_none_or(|wanted| *wanted == order.customer)
    };
    let one = data.order.as_ref().and_then(|id| state.orders.get_key_value(id));
    let all = data.order.is_none().then_some(&state.orders);
    let orders = one.into_iter().chain(all.into_iter().flatten());
    for (id, order) in orders.filter(|(id, order)| wanted(id, order)) {
        let key = match book.policies.invoice_grouping {
            InvoiceGrouping::Order => Some(id),
            InvoiceGrouping::Customer => None,
        };
        for line in &order.lines {
            let mut add = |date: Day, due: Due<'a>| {
                count += 1;
                let key = (date, &order.customer, key, order.currency);
                dues.entry(key).or_default().push(due);
                if count > DUES_MAX { Err(too_large()) } else { Ok(()) }
            };
            adjustments(id, line, data.through, &mut add)?;
            if line
                .placed
                .billing
                .as_ref()
                .is_some_and(|one| one.timing == Some(Timing::OnDelivery))
            {
                deliveries(book, id, order, line, data.through, &mut add)?;
            } else if line.placed.billing.is_some() && !line.billed.is_settled {
                periods(book, id, order, line, data.through, &mut add)?;
            }
        }
    }
    Ok(dues)
}

type Add<'f, 'a> = &'f mut dyn FnMut(Day, Due<'a>) -> Result<(), Rejection>;

/// Differences that changes made to periods that were billed before.
fn adjustments<'a>(
    order: &'a Identifier,
    line: &'a OrderLine,
    through: Day,
    add: Add<'_, 'a>,
) -> Result<(), Rejection> {
    for one in line.billed.pending.iter().filter(|one| one.due <= through) {
        let name = line.placed.description.as_deref().unwrap_or(line.placed.line.as_str());
        add(
            one.due,
            Due {
                order,
                line,
                service: (one.period_start, one.period_end),
                net: one.amount,
                run: RunLine::Adjustment(one.clone()),
                description: Some(format!("{name}: {}", one.description)),
            },
        )?;
    }
    Ok(())
}

/// Periods that no run has billed.
fn periods<'a>(
    book: &Book,
    id: &'a Identifier,
    order: &Order,
    line: &'a OrderLine,
    through: Day,
    add: Add<'_, 'a>,
) -> Result<(), Rejection> {
    let costs = line.costs(&book.policies, order.currency);
    let first = line.billed.next.unwrap_or(line.placed.start);
    for one in costs.grid().from(first) {
        let Some(date) = line.billing_date(&one, book.policies.month_end) else { break };
        if date > through {
            if one.start > through {
                break;
            }
            continue;
        }
        if line.billed.periods.contains_key(&one.start) || one.end < first {
            continue;
        }
        let price = match &line.meter {
            Some(meter) => meter.period_price(&one),
            None => costs.period(&one),
        };
        let before = line.billed.adjusted.get(&one.start).copied().unwrap_or_default();
        let net = order.currency.zero() + price - before;
        if net.is_zero() {
            continue;
        }
        let run = RunLine::Period { start: one.start, amount: net };
        let description = line.placed.description.clone();
        let service = (one.start, one.end);
        add(date, Due { order: id, line, service, net, run, description })?;
    }
    Ok(())
}

/// What was delivered and not billed, on the days of the deliveries.
fn deliveries<'a>(
    book: &Book,
    id: &'a Identifier,
    order: &Order,
    line: &'a OrderLine,
    through: Day,
    add: Add<'_, 'a>,
) -> Result<(), Rejection> {
    let mut days: Vec<Day> = line.progress.days(u64::MAX).filter(|day| *day <= through).collect();
    days.dedup();
    let mut billed: Amount =
        order.currency.zero() + line.billed.periods.values().map(|one| one.amount).sum::<Amount>();
    for day in days.into_iter().filter(|day| !line.billed.periods.contains_key(day)) {
        let (done, whole) = line.delivered(day);
        let exact = multiply_divide(line.placed.amount.decimal(), done, whole);
        let later = line.billed.periods.range(day..).map(|(_, one)| one.amount).sum::<Amount>();
        let net = order.currency.round(exact, book.policies.rounding) - (billed - later);
        if net.is_zero() {
            continue;
        }
        billed += net;
        let run = RunLine::Period { start: day, amount: net };
        let description = line.placed.description.clone();
        add(day, Due { order: id, line, service: (day, day), net, run, description })?;
    }
    Ok(())
}

/// Makes the documents of a run, with the names of the book's series.
struct Issuer<'a> {
    state: &'a Ledger,
    book: &'a Book,
    events: Vec<NewEvent>,
    totals: BTreeMap<String, Amount>,
    last_invoice: u64,
    last_credit: u64,
    invoices: u32,
    credits: u32,
    used_credits: BTreeMap<Identifier, Amount>,
}

impl<'a> Issuer<'a> {
    /// One invoice for what is above zero; what is below becomes a credit on the account.
    fn issue(&mut self, key: Key<'a>, group: Vec<Due<'a>>) -> Result<(), Rejection> {
        let (date, customer, _, currency) = key;
        let (charges, backs): (Vec<Due<'_>>, Vec<Due<'_>>) =
            group.into_iter().partition(|due| !due.net.is_negative());
        if !charges.is_empty() {
            let invoice = self.invoice(key, &charges)?;
            self.add(currency, invoice.total);
            self.invoices += 1;
            let applied = applied_to(self.state, self.book, date, &invoice, &mut self.used_credits);
            let data = std::iter::once(EventData::InvoiceIssued(invoice)).chain(applied);
            self.events.extend(data.map(|data| NewEvent { effective: date, data }));
        }
        let backs: Vec<Back<'_>> = backs
            .into_iter()
            .map(|due| Back {
                order: due.order,
                line: due.line,
                amount: -due.net,
                settles: match due.run {
                    RunLine::Adjustment(adjustment) => Settles::Adjustment(adjustment),
                    RunLine::Period { start, amount } => {
                        Settles::Period(PeriodGivenBack { start, end: due.service.1, amount })
                    }
                },
            })
            .collect();
        if backs.is_empty() {
            return Ok(());
        }
        let payer = (customer, currency);
        let (credits, last) =
            credit_adjustments(self.state, self.book, payer, backs, self.last_credit)?;
        self.last_credit = last;
        for credit in credits {
            self.add(currency, -credit.total);
            self.credits += 1;
            self.events.push(NewEvent { effective: date, data: EventData::CreditIssued(credit) });
        }
        Ok(())
    }

    fn add(&mut self, currency: Currency, amount: Amount) {
        *self.totals.entry(currency.code().to_owned()).or_insert(currency.zero()) += amount;
    }

    fn invoice(&mut self, key: Key<'a>, dues: &[Due<'a>]) -> Result<InvoiceIssued, Rejection> {
        let (date, customer, order, currency) = key;
        if dues.len() > RUN_LINES_MAX {
            return Err(too_large());
        }
        let owner = customer::find(self.state, customer, "data.customer")?;
        let terms = dues.first().and_then(|due| self.state.orders.get(due.order));
        let due = due_date(date, terms, owner);
        let mut bases = Vec::with_capacity(dues.len());
        for one in dues {
            bases.push(self.base(one, date)?);
        }
        let taxed = tax::on_lines(&bases, currency, self.book);
        let mut lines = Vec::with_capacity(dues.len());
        for (index, (one, (base, (_, tax)))) in dues.iter().zip(bases.iter().zip(taxed)).enumerate()
        {
            let is_contained = one.line.placed.contained_tax.is_some();
            let tax = if is_contained { self.contained(one, currency) } else { tax };
            let placed = &one.line.placed;
            lines.push(IssuedLine {
                line: (index + 1).to_string().parse()?,
                order_line: Some(placed.line.clone()),
                order: if order.is_none() { Some(one.order.clone()) } else { None },
                description: one.description.clone(),
                quantity: Some(placed.quantity).filter(|quantity| !quantity.is_zero()),
                unit_price: None,
                discount: None,
                net: one.net,
                tax,
                tax_code: placed.tax_code.clone(),
                tax_rate: placed.tax_code.is_some().then_some(base.rate.percent),
                tax_treatment: base.code.and_then(|code| tax::treatment(self.state, code, date)),
                service_start: Some(one.service.0),
                service_end: Some(one.service.1),
                schedule: None,
                run: Some(one.run.clone()),
            });
        }
        let net: Amount = currency.zero() + lines.iter().map(|line| line.net).sum();
        let tax: Amount = currency.zero() + lines.iter().map(|line| line.tax).sum();
        let (invoice, number) = next_name(self.state, self.last_invoice)?;
        self.last_invoice = number;
        Ok(InvoiceIssued {
            invoice,
            number: Some(number),
            customer: customer.clone(),
            order: order.cloned(),
            currency,
            issued: date,
            due,
            net,
            tax,
            total: net + tax,
            lines,
            cash_discounts: Vec::new(),
            policy: tax_policy(self.book),
        })
    }

    /// What a line's tax is computed from: its net, by the rate on the invoice's date.
    fn base(&self, due: &Due<'a>, date: Day) -> Result<TaxBase<'a>, Rejection> {
        let code = due.line.placed.tax_code.as_deref();
        let rate = match code {
            Some(code) => tax::rate_on(self.state, code, date, "data.through")?,
            None => Rate::NONE,
        };
        // The net of an inclusive price is what a line earns: tax comes on top of it.
        Ok(TaxBase { amount: due.net, code, rate: Rate { is_inclusive: false, ..rate } })
    }

    /// Gross less net, where the price contains its tax, so that both sum to the price.
    fn contained(&self, due: &Due<'_>, currency: Currency) -> Amount {
        let placed = &due.line.placed;
        let Some(tax) = &placed.contained_tax else { return currency.zero() };
        let whole = terms_of(placed, placed.start).net_share();
        let exact = match whole {
            Some((part, of)) if !part.is_zero() => {
                multiply_divide(due.net.decimal(), of - part, part)
            }
            Some(_) | None => {
                multiply_divide(due.net.decimal(), tax.rate.decimal(), Decimal::ONE_HUNDRED)
            }
        };
        currency.round(exact, self.book.policies.rounding)
    }
}
