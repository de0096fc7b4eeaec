//! Credits against invoices, and what they do to revenue (accounting, sections 3 and 4).

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::command::credit::{Apply, ApplyCredit, ApplyParts, ApplyRule, CreditLine, IssueCredit};
use crate::command::shared::Allocation;
use crate::decide::payment::{Payer, settle};
use crate::decide::{book_currency, customer, invoice, policy, text};
use crate::event::EventData;
use crate::event::credit::{CreditApplied, CreditIssued, CreditRefunded, CreditedLine};
use crate::money::{Amount, Currency, multiply_divide};
use crate::policy::{CreditRevenue, TaxRounding};
use crate::rejection::{Code, Rejection};
use crate::revenue::schedule::{Schedule, earned_through};
use crate::state::{Book, Invoice, InvoiceLine, Ledger};

/// Issues a credit note, and uses it as the command says.
pub(super) fn issue(
    state: &Ledger,
    book: &Book,
    effective: Day,
    data: &IssueCredit,
) -> Result<Vec<EventData>, Rejection> {
    customer::find(state, &data.customer, "data.customer")?;
    if state.credits.contains_key(&data.credit) {
        return Err(Rejection::at(
            Code::CreditExists,
            "data.credit",
            format!("the credit {} exists already", data.credit),
        ));
    }
    invoice::check_line_count(data.lines.len())?;
    text::check_optional("data.reason", data.reason.as_ref())?;
    let credited = credited_invoice(state, data)?;
    if credited.is_none() {
        book_currency(book, data.currency)?;
    }
    let by_reason =
        data.reason.as_ref().and_then(|reason| book.credit_revenue_by_reason.get(reason));
    let revenue = data.revenue.or(by_reason.copied()).unwrap_or(book.policies.credit_revenue);
    let context = Context { state, book, effective, revenue, currency: data.currency };
    let mut progress = credited.map(|invoice| invoice.lines.clone()).unwrap_or_default();
    let mut lines = Vec::with_capacity(data.lines.len());
    for (index, line) in data.lines.iter().enumerate() {
        text::check_optional(
            &format!("data.lines[{index}].description"),
            line.description.as_ref(),
        )?;
        lines.push(match credited {
            Some(invoice) => context.against(invoice, &mut progress, index, line)?,
            None => context.on_account(index, line)?,
        });
    }
    let net: Amount = lines.iter().map(|line| line.net).sum();
    let tax: Amount = lines.iter().map(|line| line.tax).sum();
    let total = net + tax;
    let parts = parts(data, credited, total)?;
    let issued = EventData::CreditIssued(CreditIssued {
        credit: data.credit.clone(),
        customer: data.customer.clone(),
        invoice: data.invoice.clone(),
        currency: data.currency,
        net,
        tax,
        total,
        lines,
        revenue,
        reason: data.reason.clone(),
        policy: policy::decided(&[("rounding", policy::rounding_word(book.policies.rounding))]),
    });
    Ok(std::iter::once(issued).chain(uses(data, &parts)).collect())
}

fn credited_invoice<'a>(
    state: &'a Ledger,
    data: &IssueCredit,
) -> Result<Option<&'a Invoice>, Rejection> {
    let Some(id) = &data.invoice else { return Ok(None) };
    let found = invoice::find(state, id, "data.invoice")?;
    if found.customer != data.customer {
        return Err(Rejection::at(
            Code::CustomerMismatch,
            "data.invoice",
            format!("the invoice {id} is {}'s", found.customer),
        ));
    }
    if found.currency != data.currency {
        return Err(Rejection::at(
            Code::CurrencyMismatch,
            "data.currency",
            format!("the invoice {id} is in {}", found.currency),
        ));
    }
    Ok(Some(found))
}

/// What the lines of one credit share.
struct Context<'a> {
    state: &'a Ledger,
    book: &'a Book,
    effective: Day,
    revenue: CreditRevenue,
    currency: Currency,
}

impl Context<'_> {
    /// A line without an invoice is contra revenue (readings, 19).
    fn on_account(&self, index: usize, line: &CreditLine) -> Result<CreditedLine, Rejection> {
        let net = self.amount(index, line)?;
        let field = format!("data.lines[{index}].tax");
        let tax = match line.tax {
            Some(tax) => self.currency.exact(tax, &field)?,
            None => self.currency.zero(),
        };
        if tax.is_negative() {
            return Err(Rejection::at(
                Code::AmountNotPositive,
                field,
                format!("a credited tax of {tax} is below zero"),
            ));
        }
        Ok(CreditedLine {
            invoice_line: None,
            order: None,
            order_line: None,
            description: line.description.clone(),
            net,
            tax,
            contra_revenue: net,
            contract_balance: self.currency.zero(),
            schedule: None,
        })
    }

    fn amount(&self, index: usize, line: &CreditLine) -> Result<Amount, Rejection> {
        let field = format!("data.lines[{index}].amount");
        let amount = self.currency.exact(line.amount, &field)?;
        if amount.is_positive() {
            return Ok(amount);
        }
        Err(Rejection::at(Code::AmountNotPositive, field, "a credited amount is above zero"))
    }

    /// A line of an invoice: caps, tax, and the effect on revenue. `progress` is the invoice's
    /// lines with what this credit's lines before took.
    fn against(
        &self,
        invoice: &Invoice,
        progress: &mut [InvoiceLine],
        index: usize,
        line: &CreditLine,
    ) -> Result<CreditedLine, Rejection> {
        let at = line_index(progress, index, line)?;
        let net = self.amount(index, line)?;
        let tax = self.tax(progress, at, index, line, net)?;
        let Some(target) = progress.get_mut(at) else {
            return Err(unknown_line(index, "the line"));
        };
        let left = target.net - target.credited_net;
        if net > left {
            return Err(Rejection::at(
                Code::CreditExceedsLine,
                format!("data.lines[{index}].amount"),
                format!("{net} is more than the {left} that is left of line {}", target.line),
            ));
        }
        let order_line = invoice.order.as_ref().zip(target.order_line.as_ref());
        let versions = match order_line {
            Some((order, order_line)) => self
                .state
                .orders
                .get(order)
                .and_then(|order| order.lines.iter().find(|one| one.placed.line == *order_line))
                .map(|one| one.versions.clone())
                .unwrap_or_default(),
            None => target.versions.clone(),
        };
        let effect = self.effect(&versions, net, index)?;
        target.credited_net += net;
        target.credited_tax += tax;
        target.versions.extend(effect.schedule.iter().cloned());
        Ok(CreditedLine {
            invoice_line: Some(target.line.clone()),
            order: order_line.map(|(order, _)| order.clone()),
            order_line: order_line.map(|(_, line)| line.clone()),
            description: line.description.clone(),
            net,
            tax,
            contra_revenue: effect.contra_revenue,
            contract_balance: net - effect.contra_revenue,
            schedule: effect.schedule,
        })
    }

    /// Net times tax over net of all lines of the tax code (or of the line), at most what is
    /// left of that tax; the credit that uses up the net takes all that is left (accounting,
    /// section 4).
    fn tax(
        &self,
        lines: &[InvoiceLine],
        at: usize,
        index: usize,
        line: &CreditLine,
        net: Amount,
    ) -> Result<Amount, Rejection> {
        let Some(target) = lines.get(at) else { return Err(unknown_line(index, "the line")) };
        let by_line = self.book.policies.tax_rounding == TaxRounding::Line;
        let group = lines.iter().enumerate().filter(|(other, one)| {
            if by_line {
                *other == at
            } else {
                one.tax_code == target.tax_code && one.tax_rate == target.tax_rate
            }
        });
        let (mut all_net, mut all_tax) = (self.currency.zero(), self.currency.zero());
        let (mut left_net, mut left_tax) = (self.currency.zero(), self.currency.zero());
        for (_, one) in group {
            all_net += one.net;
            all_tax += one.tax;
            left_net += one.net - one.credited_net;
            left_tax += one.tax - one.credited_tax;
        }
        if let Some(tax) = line.tax {
            let field = format!("data.lines[{index}].tax");
            let tax = self.currency.exact(tax, &field)?;
            if tax.is_negative() || tax > left_tax {
                return Err(Rejection::at(
                    Code::CreditExceedsLine,
                    field,
                    format!("a tax of {tax} is more than the {left_tax} that is left"),
                ));
            }
            return Ok(tax);
        }
        // Lines below zero can leave less than no tax: then there is none to give back.
        let left_tax = left_tax.max(self.currency.zero());
        if net >= left_net {
            return Ok(left_tax);
        }
        let exact = multiply_divide(net.decimal(), all_tax.decimal(), all_net.decimal());
        let tax = self.currency.round(exact, self.book.policies.rounding);
        Ok(tax.min(left_tax).max(self.currency.zero()))
    }

    /// Splits a credited net into contra revenue and contract balance, with the line's new
    /// schedule. "Earned" is earned through the day before (readings, 1).
    fn effect(
        &self,
        versions: &[Schedule],
        net: Amount,
        index: usize,
    ) -> Result<Effect, Rejection> {
        let Some(last) = versions.last() else {
            // A line that earns by events of its own: nothing is to be re-spread.
            return Ok(Effect { contra_revenue: self.currency.zero(), schedule: None });
        };
        let rounding = self.book.policies.rounding;
        let total = last.total();
        let earned = earned_through(versions.iter(), self.effective.previous(), self.currency);
        let unearned = total - earned;
        let (contra, taken_back) = match self.revenue {
            CreditRevenue::SplitProRata => {
                let exact = multiply_divide(net.decimal(), earned.decimal(), total.decimal());
                let contra = if total.is_zero() { Decimal::ZERO } else { exact };
                (self.currency.round(contra, rounding).min(net), self.currency.zero())
            }
            CreditRevenue::UnearnedFirst => {
                (net - net.min(unearned).max(self.currency.zero()), self.currency.zero())
            }
            CreditRevenue::ContraNow => (net, self.currency.zero()),
            CreditRevenue::Prospective => {
                if net > unearned {
                    return Err(Rejection::at(
                        Code::CreditExceedsUnearned,
                        format!("data.lines[{index}].amount"),
                        format!("{net} is more than the {unearned} that is not earned yet"),
                    ));
                }
                (self.currency.zero(), self.currency.zero())
            }
            CreditRevenue::CumulativeReversal => {
                let exact = multiply_divide(net.decimal(), earned.decimal(), total.decimal());
                (self.currency.zero(), self.currency.round(exact, rounding))
            }
        };
        let lowered = net - contra;
        if lowered.is_zero() {
            return Ok(Effect { contra_revenue: contra, schedule: None });
        }
        // A backdated credit may stand before the latest version: the days from its date on earn
        // as they do now, not only from that version's own start.
        let in_force = versions.iter().rev().find(|version| version.from <= self.effective);
        let start = in_force.or(versions.first()).unwrap_or(last).start.max(self.effective);
        let schedule = Schedule {
            from: self.effective,
            recognised: earned - taken_back,
            amount: unearned - (lowered - taken_back),
            start,
            end: last.end.max(start),
            ..last.clone()
        };
        Ok(Effect { contra_revenue: contra, schedule: Some(schedule) })
    }
}

/// What a credited line does to revenue.
struct Effect {
    contra_revenue: Amount,
    schedule: Option<Schedule>,
}

fn unknown_line(index: usize, what: &str) -> Rejection {
    Rejection::at(
        Code::LineUnknown,
        format!("data.lines[{index}].invoice_line"),
        format!("{what} does not exist on the invoice; name one of its lines"),
    )
}

/// The named line, or the only one.
fn line_index(lines: &[InvoiceLine], index: usize, line: &CreditLine) -> Result<usize, Rejection> {
    match &line.invoice_line {
        Some(id) => lines
            .iter()
            .position(|one| one.line == *id)
            .ok_or_else(|| unknown_line(index, &format!("the line {id}"))),
        None if lines.len() == 1 => Ok(0),
        None => Err(unknown_line(index, "a line without a name")),
    }
}

/// What the credit is used for, checked against both sides.
fn parts(
    data: &IssueCredit,
    credited: Option<&Invoice>,
    total: Amount,
) -> Result<ApplyParts, Rejection> {
    let zero = data.currency.zero();
    let open = credited.map_or(zero, |invoice| invoice.open);
    let parts = match &data.apply {
        Apply::All(ApplyRule::Invoice) => {
            if credited.is_none() {
                return Err(Rejection::at(
                    Code::CreditApplyMismatch,
                    "data.apply",
                    "a credit without an invoice has none to settle; use \"account\"",
                ));
            }
            ApplyParts { invoice: Some(open.min(total)), refund: None, account: None }
        }
        Apply::All(ApplyRule::Account) => ApplyParts::default(),
        Apply::All(ApplyRule::Refund) => {
            ApplyParts { invoice: None, refund: Some(total), account: None }
        }
        Apply::Parts(parts) => {
            let exact = |part: Option<Amount>, name: &str| match part {
                Some(part) => data.currency.exact(part, &format!("data.apply.{name}")).map(Some),
                None => Ok(None),
            };
            let parts = ApplyParts {
                invoice: exact(parts.invoice, "invoice")?,
                refund: exact(parts.refund, "refund")?,
                account: exact(parts.account, "account")?,
            };
            let all = [parts.invoice, parts.refund, parts.account];
            let sum: Amount = all.iter().flatten().copied().sum();
            if sum != total || all.iter().flatten().any(|part| part.is_negative()) {
                return Err(Rejection::at(
                    Code::CreditApplyMismatch,
                    "data.apply",
                    format!("the parts sum to {sum}, the credit is {total} with its tax"),
                ));
            }
            parts
        }
    };
    if parts.invoice.is_some_and(|part| part > open) {
        return Err(Rejection::at(
            Code::CreditOverApplied,
            "data.apply.invoice",
            format!("only {open} is open on the invoice"),
        ));
    }
    let paid = credited.map(|invoice| invoice.paid);
    if let (Some(refund), Some(paid)) = (parts.refund, paid)
        && refund > paid
    {
        return Err(Rejection::at(
            Code::RefundExceedsPaid,
            "data.apply.refund",
            format!("a refund of {refund} is more than the {paid} that was paid and kept"),
        ));
    }
    Ok(parts)
}

/// The events that use the credit at once.
fn uses(data: &IssueCredit, parts: &ApplyParts) -> Vec<EventData> {
    let mut events = Vec::new();
    if let (Some(amount), Some(invoice)) = (parts.invoice, &data.invoice)
        && amount.is_positive()
    {
        events.push(EventData::CreditApplied(CreditApplied {
            credit: data.credit.clone(),
            customer: data.customer.clone(),
            currency: data.currency,
            allocations: vec![Allocation { invoice: invoice.clone(), amount }],
        }));
    }
    if let Some(amount) = parts.refund
        && amount.is_positive()
    {
        events.push(EventData::CreditRefunded(CreditRefunded {
            credit: data.credit.clone(),
            customer: data.customer.clone(),
            currency: data.currency,
            amount,
        }));
    }
    events
}

/// Settles invoices with unused credit.
pub(super) fn apply(state: &Ledger, data: &ApplyCredit) -> Result<Vec<EventData>, Rejection> {
    let Some(credit) = state.credits.get(&data.credit) else {
        return Err(Rejection::at(
            Code::CreditUnknown,
            "data.credit",
            format!("there is no credit {}", data.credit),
        ));
    };
    let payer = Payer {
        customer: &credit.customer,
        currency: credit.currency,
        available: credit.unused,
        field: "data.credit",
    };
    let code = Code::CreditOverApplied;
    let allocations = settle(state, &payer, &data.allocations, "data.allocations", code)?;
    if allocations.is_empty() {
        return Err(Rejection::at(
            Code::CommandMissingField,
            "data.allocations",
            "name at least one invoice",
        ));
    }
    Ok(vec![EventData::CreditApplied(CreditApplied {
        credit: data.credit.clone(),
        customer: credit.customer.clone(),
        currency: credit.currency,
        allocations,
    })])
}
