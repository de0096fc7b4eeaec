//! Credits that the ledger issues by itself: for what a cancellation leaves unearned, and for
//! what a change makes cheaper in periods that were billed before.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::command::shared::Allocation;
use crate::decide::credit::tax;
use crate::decide::policy;
use crate::event::credit::{
    CREDIT_SERIES, CreditApplied, CreditIssued, CreditRefunded, CreditedLine, PeriodGivenBack,
};
use crate::event::invoice::RunLine;
use crate::event::order::Adjustment;
use crate::event::{EventData, NewEvent};
use crate::id::Identifier;
use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::CreditRevenue;
use crate::rejection::Rejection;
use crate::state::order::{Order, OrderLine};
use crate::state::{Book, Invoice, InvoiceLine, Ledger};

/// What is given back of an order line, net of tax and above zero.
pub(in crate::decide) struct Back<'a> {
    /// The order.
    pub(in crate::decide) order: &'a Identifier,
    /// The line.
    pub(in crate::decide) line: &'a OrderLine,
    /// How much.
    pub(in crate::decide) amount: Amount,
    /// What it settles, where a billing run gives it back.
    pub(in crate::decide) settles: Settles,
}

/// What of a line's billing is settled by giving it back.
#[derive(Clone)]
pub(in crate::decide) enum Settles {
    /// Nothing that a run would bill.
    Nothing,
    /// A difference in a period that was billed before.
    Adjustment(Adjustment),
    /// The first billing of a period.
    Period(PeriodGivenBack),
}

impl Settles {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Nothing)
    }

    /// Writes it into a line, with its description.
    fn mark(self, line: &mut CreditedLine) {
        match self {
            Self::Nothing => {}
            Self::Adjustment(adjustment) => {
                line.description = Some(adjustment.description.clone());
                line.adjustment = Some(adjustment);
            }
            Self::Period(period) => line.period = Some(period),
        }
    }

    /// The first day of the period.
    fn period(&self) -> Option<Day> {
        match self {
            Self::Nothing => None,
            Self::Adjustment(adjustment) => Some(adjustment.period_start),
            Self::Period(period) => Some(period.start),
        }
    }
}

/// The credits that give back what a cancellation leaves unearned. They settle the invoices that
/// billed it as far as those are open; what was paid of it stays on the account, or is paid back.
pub(in crate::decide) fn give_back(
    state: &Ledger,
    book: &Book,
    (id, order, effective): (&Identifier, &Order, Day),
    lines: &[(&OrderLine, Amount)],
    is_refund: bool,
) -> Result<Vec<NewEvent>, Rejection> {
    let backs = lines.iter().map(|(line, amount)| Back {
        order: id,
        line,
        amount: *amount,
        settles: Settles::Nothing,
    });
    let mut maker = Maker::new(state, book, order.currency, book.last_credit_number);
    let drafts = maker.drafts(backs.collect());
    let mut events = Vec::new();
    for draft in drafts {
        let issued = maker.issue(&order.customer, draft, "cancellation")?;
        let invoice = issued.invoice.as_ref().and_then(|id| state.invoices.get(id));
        // An invoice of a later date cannot be credited before it.
        let effective = invoice.map_or(effective, |invoice| invoice.issued.max(effective));
        let uses = uses(state, book, (&issued, effective), is_refund);
        let data = std::iter::once(EventData::CreditIssued(issued)).chain(uses);
        events.extend(data.map(|data| NewEvent::new(effective, data)));
    }
    Ok(events)
}

/// Lines of the invoices that are credited, with what credits took of them that are decided and
/// not folded yet.
#[derive(Debug, Default)]
pub(in crate::decide) struct Progress(BTreeMap<Identifier, Vec<InvoiceLine>>);

/// The credits on the account for differences below zero, and the last number that they took.
/// `progress` is what credits before them took, and theirs is added to it.
pub(in crate::decide) fn credit_adjustments(
    state: &Ledger,
    book: &Book,
    (customer, currency): (&Identifier, Currency),
    backs: Vec<Back<'_>>,
    (last_number, progress): (u64, &mut Progress),
) -> Result<(Vec<CreditIssued>, u64), Rejection> {
    let mut maker = Maker::new(state, book, currency, last_number);
    maker.progress = std::mem::take(progress);
    let drafts = maker.drafts(backs);
    let mut credits = Vec::new();
    for draft in drafts {
        credits.push(maker.issue(customer, draft, "change of a billed period")?);
    }
    *progress = maker.progress;
    Ok((credits, maker.last_number))
}

/// A credit before it has a name: its invoice, where one billed what it gives back.
struct Draft {
    invoice: Option<Identifier>,
    lines: Vec<CreditedLine>,
}

struct Maker<'a> {
    state: &'a Ledger,
    book: &'a Book,
    currency: Currency,
    last_number: u64,
    progress: Progress,
}

impl<'a> Maker<'a> {
    fn new(state: &'a Ledger, book: &'a Book, currency: Currency, last_number: u64) -> Self {
        Self { state, book, currency, last_number, progress: Progress::default() }
    }

    /// Finds the invoice lines that billed what is given back: those of the same period first,
    /// then the latest.
    fn drafts(&mut self, backs: Vec<Back<'_>>) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for back in backs {
            let mut left = back.amount;
            let mut settles = back.settles.clone();
            for (invoice, name) in self.candidates(&back) {
                if !left.is_positive() {
                    break;
                }
                let Some(mut line) = self.take(&invoice, &name, left) else { continue };
                left -= line.net;
                line.order = Some(back.order.clone());
                line.order_line = Some(back.line.placed.line.clone());
                // One of the parts settles it; all of them sum to it.
                settles.take().mark(&mut line);
                add(&mut drafts, Some(invoice), line);
            }
            if left.is_positive() {
                let zero = self.currency.zero();
                let mut line = CreditedLine {
                    invoice_line: None,
                    order: Some(back.order.clone()),
                    order_line: Some(back.line.placed.line.clone()),
                    description: None,
                    net: left,
                    tax: zero,
                    contra_revenue: zero,
                    contract_balance: left,
                    schedule: None,
                    later: Vec::new(),
                    adjustment: None,
                    period: None,
                };
                settles.take().mark(&mut line);
                add(&mut drafts, None, line);
            }
        }
        drafts
    }

    fn candidates(&self, back: &Back<'_>) -> Vec<(Identifier, Identifier)> {
        let period: Option<Day> = back.settles.period();
        let bills_it = |(invoice, name): &&(Identifier, Identifier)| {
            let invoice = self.state.invoices.get(invoice);
            let line = invoice.and_then(|one| one.lines.iter().find(|line| line.line == *name));
            match line.and_then(|line| line.run.as_ref()) {
                Some(RunLine::Period { start, .. }) => Some(*start) == period,
                Some(RunLine::Adjustment(_)) | None => false,
            }
        };
        let latest = || back.line.billed.invoices.iter().rev();
        let first = latest().filter(|one| bills_it(one));
        first.chain(latest().filter(|one| !bills_it(one))).cloned().collect()
    }

    /// Credits what an invoice line has left, up to an amount.
    fn take(
        &mut self,
        invoice: &Identifier,
        name: &Identifier,
        most: Amount,
    ) -> Option<CreditedLine> {
        let lines = match self.progress.0.entry(invoice.clone()) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let found = self.state.invoices.get(invoice).filter(|one| !one.voided)?;
                new.insert(found.lines.clone())
            }
        };
        let at = lines.iter().position(|line| line.line == *name)?;
        let line = lines.get(at)?;
        let net = most.min(line.left_net());
        if !net.is_positive() {
            return None;
        }
        let tax = tax::of(self.book, self.currency, lines, at, net);
        let line = lines.get_mut(at)?;
        line.credited_net += net;
        line.credited_tax += tax;
        Some(CreditedLine {
            invoice_line: Some(name.clone()),
            order: None,
            order_line: None,
            description: None,
            net,
            tax,
            contra_revenue: self.currency.zero(),
            contract_balance: net,
            schedule: None,
            later: Vec::new(),
            adjustment: None,
            period: None,
        })
    }

    /// Names a credit by the book's series, and sums it up.
    fn issue(
        &mut self,
        customer: &Identifier,
        draft: Draft,
        reason: &str,
    ) -> Result<CreditIssued, Rejection> {
        let zero = self.currency.zero();
        let net: Amount = zero + draft.lines.iter().map(|line| line.net).sum();
        let tax: Amount = zero + draft.lines.iter().map(|line| line.tax).sum();
        // A caller may have used a name of the series: it stands in the place of that number.
        let credit: Identifier = loop {
            self.last_number += 1;
            let credit = format!("{CREDIT_SERIES}{}", self.last_number).parse()?;
            if !self.state.credits.contains_key(&credit) {
                break credit;
            }
        };
        Ok(CreditIssued {
            credit,
            number: Some(self.last_number),
            customer: customer.clone(),
            invoice: draft.invoice,
            currency: self.currency,
            net,
            tax,
            total: net + tax,
            lines: draft.lines,
            revenue: CreditRevenue::UnearnedFirst,
            reason: Some(reason.to_owned()),
            policy: policy::decided(&[(
                "rounding",
                policy::rounding_word(self.book.policies.rounding),
            )]),
        })
    }
}

fn add(drafts: &mut Vec<Draft>, invoice: Option<Identifier>, line: CreditedLine) {
    match drafts.iter_mut().find(|draft| draft.invoice == invoice) {
        Some(draft) => draft.lines.push(line),
        None => drafts.push(Draft { invoice, lines: vec![line] }),
    }
}

/// What a credit of a cancellation is used for.
fn uses(
    state: &Ledger,
    book: &Book,
    (issued, day): (&CreditIssued, Day),
    is_refund: bool,
) -> Vec<EventData> {
    let Some(id) = &issued.invoice else { return Vec::new() };
    let Some(invoice) = state.invoices.get(id) else { return Vec::new() };
    let refund = if is_refund { refundable(book, invoice, issued) } else { issued.currency.zero() };
    // Nothing more than what is open on every day from its own on: it may be recorded late.
    let applied = invoice.open_from(day).min(issued.total - refund);
    let mut events = Vec::new();
    if applied.is_positive() {
        events.push(EventData::CreditApplied(CreditApplied {
            credit: issued.credit.clone(),
            customer: issued.customer.clone(),
            currency: issued.currency,
            allocations: vec![Allocation { invoice: id.clone(), amount: applied }],
        }));
    }
    if refund.is_positive() {
        events.push(EventData::CreditRefunded(CreditRefunded {
            credit: issued.credit.clone(),
            customer: issued.customer.clone(),
            currency: issued.currency,
            amount: refund,
        }));
    }
    events
}

/// What was paid of the credited lines beyond their used part (readings, 39): a line's share of
/// what was paid is its share of what is left of the invoice.
fn refundable(book: &Book, invoice: &Invoice, issued: &CreditIssued) -> Amount {
    let mut sum = issued.currency.zero();
    for credited in &issued.lines {
        let named = credited.invoice_line.as_ref();
        let line = invoice.lines.iter().find(|line| Some(&line.line) == named);
        let Some(line) = line else { continue };
        let gross = line.left_net() + line.left_tax();
        let whole = invoice.lines.iter().map(|one| one.left_net() + one.left_tax()).sum::<Amount>();
        let credit = credited.net + credited.tax;
        if whole.is_zero() {
            continue;
        }
        let share = multiply_divide(invoice.paid.decimal(), gross.decimal(), whole.decimal());
        let paid = issued.currency.round(share, book.policies.rounding);
        sum += (paid - (gross - credit)).min(credit).max(issued.currency.zero());
    }
    sum.min(invoice.paid).min(issued.total)
}
