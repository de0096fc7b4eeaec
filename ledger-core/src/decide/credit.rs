//! Credits against invoices, and what they do to revenue (accounting, sections 3 and 4).

use crate::calendar::Day;
use crate::command::credit::{Apply, ApplyCredit, ApplyParts, ApplyRule, CreditLine, IssueCredit};
use crate::command::shared::Allocation;
use crate::decide::credit::effect::Effects;
use crate::decide::payment::{Payer, settle};
use crate::decide::{customer, fx, invoice, policy, text};
use crate::event::EventData;
use crate::event::credit::{CreditApplied, CreditIssued, CreditRefunded, CreditedLine};
use crate::money::{Amount, Currency};
use crate::policy::CreditRevenue;
use crate::posting::ContractId;
use crate::rejection::{Code, Rejection};
use crate::state::{Book, Credit, Invoice, InvoiceLine, Ledger};

mod effect;
mod give_back;
mod lower;
mod refund;
mod tax;
mod void;
mod worked;

pub(super) use give_back::{Back, Progress, Settles, credit_adjustments, give_back};
pub(super) use lower::{Lowered, lower};
pub(super) use refund::{applied_to, refund};
pub(super) use void::void;
pub(super) use worked::Worked;

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
    if let Some(invoice) = credited.filter(|invoice| effective < invoice.issued) {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!("the invoice was issued on {}, after {effective}", invoice.issued),
        ));
    }
    fx::rate(state, book, data.currency, effective)?;
    let by_reason =
        data.reason.as_ref().and_then(|reason| book.credit_revenue_by_reason.get(reason));
    let revenue = data.revenue.or(by_reason.copied()).unwrap_or(book.policies.credit_revenue);
    let context = Context { state, book, effective, revenue, currency: data.currency };
    let mut worked = Worked::default();
    let mut progress = credited.map(|invoice| invoice.lines.clone()).unwrap_or_default();
    let mut lines = Vec::with_capacity(data.lines.len());
    for (index, line) in data.lines.iter().enumerate() {
        text::check_optional(
            &format!("data.lines[{index}].description"),
            line.description.as_ref(),
        )?;
        lines.push(match credited {
            Some(invoice) => context.against(invoice, (&mut progress, &mut worked), index, line)?,
            None => context.on_account(index, line)?,
        });
    }
    let net: Amount = lines.iter().map(|line| line.net).sum();
    let tax: Amount = lines.iter().map(|line| line.tax).sum();
    let total = net + tax;
    let parts = parts(data, credited, (effective, total))?;
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
        number: None,
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
    if found.voided {
        return Err(Rejection::at(
            Code::InvoiceVoid,
            "data.invoice",
            format!("the invoice {id} is void: nothing of it is left to credit"),
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
            later: Vec::new(),
            adjustment: None,
            period: None,
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
    /// lines with what this credit's lines before took, `worked` the order lines.
    fn against(
        &self,
        invoice: &Invoice,
        (progress, worked): (&mut [InvoiceLine], &mut Worked),
        index: usize,
        line: &CreditLine,
    ) -> Result<CreditedLine, Rejection> {
        let at = line_index(progress, index, line)?;
        let net = self.amount(index, line)?;
        let given = match line.tax {
            Some(given) => Some(self.given_tax(progress, at, index, given)?),
            None => None,
        };
        let tax = given.unwrap_or_else(|| tax::of(self.book, self.currency, progress, at, net));
        let Some(target) = progress.get_mut(at) else {
            return Err(unknown_line(index, "the line"));
        };
        let left = target.left_net();
        if net > left {
            return Err(Rejection::at(
                Code::CreditExceedsLine,
                format!("data.lines[{index}].amount"),
                format!("{net} is more than the {left} that is left of line {}", target.line),
            ));
        }
        let order_line = match (&target.contract, &target.order_line) {
            (ContractId::Order(order), Some(line)) => Some((order.clone(), line.clone())),
            (ContractId::Order(_) | ContractId::Invoice(_), _) => None,
        };
        let effects = Effects {
            book: self.book,
            currency: self.currency,
            effective: self.effective,
            revenue: self.revenue,
        };
        let earning = worked.earning(self.state, invoice, target);
        let effect = effects.of(&earning, net, &format!("data.lines[{index}].amount"))?;
        if let Some((order, name)) = &order_line {
            worked.take(self.state, (order, name), self.effective, net, &effect);
        }
        target.credited_net += net;
        target.credited_tax += tax;
        target.contra.push((self.effective, effect.contra_revenue));
        target.versions.extend(effect.schedule.iter().chain(&effect.later).cloned());
        let (order, order_line) = order_line.unzip();
        Ok(CreditedLine {
            invoice_line: Some(target.line.clone()),
            order,
            order_line,
            description: line.description.clone(),
            net,
            tax,
            contra_revenue: effect.contra_revenue,
            contract_balance: net - effect.contra_revenue,
            schedule: effect.schedule,
            later: effect.later,
            adjustment: None,
            period: None,
        })
    }

    /// A tax that the caller knows better, within what is left of it.
    fn given_tax(
        &self,
        lines: &[InvoiceLine],
        at: usize,
        index: usize,
        given: Amount,
    ) -> Result<Amount, Rejection> {
        let field = format!("data.lines[{index}].tax");
        let given = self.currency.exact(given, &field)?;
        let left = tax::left(self.book, self.currency, lines, at);
        if given.is_negative() || given > left {
            return Err(Rejection::at(
                Code::CreditExceedsLine,
                field,
                format!("a tax of {given} is more than the {left} that is left"),
            ));
        }
        Ok(given)
    }
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
    (effective, total): (Day, Amount),
) -> Result<ApplyParts, Rejection> {
    let zero = data.currency.zero();
    let open = credited.map_or(zero, |invoice| invoice.open_from(effective));
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

/// The credit of that id, if it is not void.
fn find<'a>(state: &'a Ledger, id: &crate::id::Identifier) -> Result<&'a Credit, Rejection> {
    let Some(credit) = state.credits.get(id) else {
        let message = format!("there is no credit {id}");
        return Err(Rejection::at(Code::CreditUnknown, "data.credit", message));
    };
    if credit.voided {
        let message = format!("the credit {id} is void");
        return Err(Rejection::at(Code::CreditVoid, "data.credit", message));
    }
    Ok(credit)
}

/// The credit of that id, if it was issued by then.
fn find_on<'a>(
    state: &'a Ledger,
    id: &crate::id::Identifier,
    effective: Day,
) -> Result<&'a Credit, Rejection> {
    let credit = find(state, id)?;
    if effective < credit.issued {
        return Err(Rejection::at(
            Code::DateEndBeforeStart,
            "effective",
            format!("the credit was issued on {}, after {effective}", credit.issued),
        ));
    }
    Ok(credit)
}

/// Settles invoices with unused credit.
pub(super) fn apply(
    state: &Ledger,
    effective: Day,
    data: &ApplyCredit,
) -> Result<Vec<EventData>, Rejection> {
    let credit = find_on(state, &data.credit, effective)?;
    let payer = Payer {
        customer: &credit.customer,
        currency: credit.currency,
        available: credit.unused,
        day: effective,
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
