//! The documents of a run, from what falls due together: an invoice, with the credits that it uses,
//! and credits for what is below zero.

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::decide::credit::{Back, Progress, Settles, credit_adjustments};
use crate::decide::customer;
use crate::decide::invoice::{due_date, next_name, tax_policy};
use crate::decide::tax::{self, Rate, TaxBase};
use crate::event::credit::{CreditIssued, PeriodGivenBack};
use crate::event::invoice::{InvoiceIssued, IssuedLine, RunLine};
use crate::id::Identifier;
use crate::limits::{EVENT_BYTES_MAX, RUN_LINES_MAX};
use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::InvoiceGrouping;
use crate::rejection::Rejection;
use crate::state::order::{Order, OrderLine, terms_of};
use crate::state::{Book, Ledger};

use super::due::{Due, description};

/// A posting in the book's currency at most, with the names of its order and invoice.
const POSTING_BYTES: usize = 700;

/// What becomes one invoice, or credits, or both.
#[derive(Clone, Copy)]
pub(super) struct Group<'a> {
    pub(super) date: Day,
    pub(super) customer: &'a Identifier,
    pub(super) currency: Currency,
    pub(super) dues: &'a [Due],
}

impl Group<'_> {
    /// Documents that it becomes: an invoice for what is above zero, a credit for what is below.
    pub(super) fn documents(&self) -> u32 {
        let has = |is_back: bool| self.dues.iter().any(|due| due.net.is_negative() == is_back);
        u32::from(has(false)) + u32::from(has(true))
    }

    /// Whether its invoice has more lines, or more text, than an event takes.
    pub(super) fn is_too_large(&self, book: &Book) -> bool {
        let charges = || self.dues.iter().filter(|due| !due.net.is_negative());
        let (lines, text) = (charges().count(), charges().map(|due| due.bytes).sum::<usize>());
        let valued = if self.currency == book.currency { 0 } else { lines * POSTING_BYTES };
        lines > RUN_LINES_MAX || text + valued > EVENT_BYTES_MAX
    }
}

/// What deciding the documents of one group reads.
#[derive(Clone, Copy)]
pub(super) struct Maker<'a> {
    pub(super) state: &'a Ledger,
    pub(super) book: &'a Book,
}

/// Something due with its line as it stands.
struct Item<'a> {
    due: &'a Due,
    order: &'a Order,
    line: &'a OrderLine,
}

impl<'a> Maker<'a> {
    /// The first of these that share their documents, and the rest.
    pub(super) fn first_group<'d>(
        &self,
        date: Day,
        customer: &'d Identifier,
        dues: &'d [Due],
    ) -> (Group<'d>, &'d [Due]) {
        let its_own = dues.first().map(|due| due.currency);
        let is_by_customer = self.book.policies.invoice_grouping == InvoiceGrouping::Customer;
        let same = |due: &&Due| {
            dues.first().is_some_and(|first| due.order == first.order)
                || is_by_customer && Some(due.currency) == its_own
        };
        let (dues, rest) = dues.split_at(dues.iter().take_while(same).count());
        (Group { date, customer, currency: its_own.unwrap_or(self.book.currency), dues }, rest)
    }

    /// The invoice for what is above zero, named behind the last number of the series.
    pub(super) fn invoice(
        &self,
        group: Group<'_>,
        last: u64,
    ) -> Result<Option<(InvoiceIssued, u64)>, Rejection> {
        let Group { date, customer, currency, dues } = group;
        let charges = dues.iter().filter(|due| !due.net.is_negative());
        let items: Vec<Item<'_>> = charges.filter_map(|due| self.item(due)).collect();
        let Some(first) = items.first() else { return Ok(None) };
        let owner = customer::find(self.state, customer, "data.customer")?;
        let due = due_date(date, Some(first.order), owner);
        let order = match self.book.policies.invoice_grouping {
            InvoiceGrouping::Order => Some(first.due.order.clone()),
            InvoiceGrouping::Customer => None,
        };
        let mut bases = Vec::with_capacity(items.len());
        for item in &items {
            bases.push(self.base(item, date)?);
        }
        let taxed = tax::on_lines(&bases, currency, self.book);
        let mut lines = Vec::with_capacity(items.len());
        for (index, (item, (base, (_, tax)))) in
            items.iter().zip(bases.iter().zip(taxed)).enumerate()
        {
            let is_contained = item.line.placed.contained_tax.is_some();
            let tax = if is_contained { self.contained(item, currency) } else { tax };
            let placed = &item.line.placed;
            lines.push(IssuedLine {
                line: (index + 1).to_string().parse()?,
                order_line: Some(placed.line.clone()),
                order: if order.is_none() { Some(item.due.order.clone()) } else { None },
                description: item.description(),
                quantity: Some(placed.quantity).filter(|quantity| !quantity.is_zero()),
                unit_price: None,
                discount: None,
                net: item.due.net,
                tax,
                tax_code: placed.tax_code.clone(),
                tax_rate: placed.tax_code.is_some().then_some(base.rate.percent),
                tax_treatment: base.code.and_then(|code| tax::treatment(self.state, code, date)),
                service_start: Some(item.due.service.0),
                service_end: Some(item.due.service.1),
                schedule: None,
                run: Some(item.run()),
            });
        }
        let net: Amount = currency.zero() + lines.iter().map(|line| line.net).sum();
        let tax: Amount = currency.zero() + lines.iter().map(|line| line.tax).sum();
        let (invoice, number) = next_name(self.state, last)?;
        let issued = InvoiceIssued {
            invoice,
            number: Some(number),
            customer: customer.clone(),
            order,
            currency,
            issued: date,
            due,
            net,
            tax,
            total: net + tax,
            lines,
            cash_discounts: Vec::new(),
            policy: tax_policy(self.book),
        };
        Ok(Some((issued, number)))
    }

    /// The credits on the account for what is below zero, and the last number that they took.
    pub(super) fn credits(
        &self,
        group: Group<'_>,
        last: u64,
        progress: &mut Progress,
    ) -> Result<(Vec<CreditIssued>, u64), Rejection> {
        let backs = group.dues.iter().filter(|due| due.net.is_negative());
        let backs: Vec<Back<'_>> = backs
            .filter_map(|due| self.item(due))
            .map(|item| Back {
                order: &item.due.order,
                line: item.line,
                amount: -item.due.net,
                settles: match item.run() {
                    RunLine::Adjustment(adjustment) => Settles::Adjustment(*adjustment),
                    RunLine::Period { start, amount } => {
                        Settles::Period(PeriodGivenBack { start, end: item.due.service.1, amount })
                    }
                },
            })
            .collect();
        if backs.is_empty() {
            return Ok((Vec::new(), last));
        }
        let payer = (group.customer, group.currency);
        credit_adjustments(self.state, self.book, payer, backs, (last, progress))
    }

    fn item<'d>(&self, due: &'d Due) -> Option<Item<'d>>
    where
        'a: 'd,
    {
        let order = self.state.orders.get(&due.order)?;
        Some(Item { due, order, line: order.lines.get(due.line)? })
    }

    /// What a line's tax is computed from: its net, by the rate on the invoice's date.
    fn base<'d>(&self, item: &Item<'d>, date: Day) -> Result<TaxBase<'d>, Rejection> {
        let code = item.line.placed.tax_code.as_deref();
        let rate = match code {
            Some(code) => tax::rate_on(self.state, code, date, "data.through")?,
            None => Rate::NONE,
        };
        // The net of an inclusive price is what a line earns: tax comes on top of it.
        Ok(TaxBase { amount: item.due.net, code, rate: Rate { is_inclusive: false, ..rate } })
    }

    /// Gross less net, where the price contains its tax, so that both sum to the price.
    fn contained(&self, item: &Item<'_>, currency: Currency) -> Amount {
        let placed = &item.line.placed;
        let Some(tax) = &placed.contained_tax else { return currency.zero() };
        let whole = terms_of(placed, placed.start).net_share();
        let net = item.due.net.decimal();
        let exact = match whole {
            Some((part, of)) if !part.is_zero() => multiply_divide(net, of - part, part),
            Some(_) | None => multiply_divide(net, tax.rate.decimal(), Decimal::ONE_HUNDRED),
        };
        currency.round(exact, self.book.policies.rounding)
    }
}

impl Item<'_> {
    fn run(&self) -> RunLine {
        match &self.due.adjustment {
            Some(adjustment) => RunLine::Adjustment(adjustment.clone()),
            None => RunLine::Period { start: self.due.service.0, amount: self.due.net },
        }
    }

    fn description(&self) -> Option<String> {
        description(&self.line.placed, self.due.adjustment.as_deref())
    }
}
