//! What a write-off or a chargeback takes of an invoice's lines: net and tax in proportion, and of
//! the net what was earned and what was not, as a credit would (accounting, section 2).

use rust_decimal::Decimal;

use crate::calendar::Day;
use crate::decide::credit::effect::Effects;
use crate::decide::credit::worked::Worked;
use crate::id::Identifier;
use crate::money::{Amount, allocate, multiply_divide};
use crate::policy::CreditRevenue;
use crate::posting::ContractId;
use crate::rejection::Rejection;
use crate::revenue::schedule::Schedule;
use crate::state::{Book, Invoice, Ledger};

/// What is taken of one line.
pub(in crate::decide) struct Lowered {
    /// The invoice line.
    pub(in crate::decide) invoice_line: Identifier,
    /// The order whose contract balance it lowers.
    pub(in crate::decide) order: Option<Identifier>,
    /// The order line whose price it lowers.
    pub(in crate::decide) order_line: Option<Identifier>,
    /// Net of tax.
    pub(in crate::decide) net: Amount,
    /// Its tax.
    pub(in crate::decide) tax: Amount,
    /// The part of the net that was earned, or that stays to be earned.
    pub(in crate::decide) earned: Amount,
    /// The line's new version, where what it is still to earn is lowered.
    pub(in crate::decide) schedule: Option<Schedule>,
    /// Its later versions behind that one.
    pub(in crate::decide) later: Vec<Schedule>,
}

/// Takes a gross amount of an invoice's lines, in proportion to what is left of them; what exceeds
/// them is the second value. `worked` is what the command took of order lines before. Where not
/// `clears`, nothing is taken of what is still to be earned.
pub(in crate::decide) fn lower(
    state: &Ledger,
    book: &Book,
    (invoice, effective): (&Invoice, Day),
    (amount, clears): (Amount, bool),
    worked: &mut Worked,
) -> Result<(Vec<Lowered>, Amount), Rejection> {
    let (currency, rounding) = (invoice.currency, book.policies.rounding);
    let nets: Vec<Decimal> = invoice.lines.iter().map(|line| line.left_net().decimal()).collect();
    let taxes: Vec<Decimal> = invoice.lines.iter().map(|line| line.left_tax().decimal()).collect();
    let (net_left, tax_left): (Decimal, Decimal) = (nets.iter().sum(), taxes.iter().sum());
    let left = Amount::from_decimal(net_left + tax_left).max(currency.zero());
    let share = amount.min(left);
    if !share.is_positive() {
        return Ok((Vec::new(), amount));
    }
    let exact = multiply_divide(tax_left, share.decimal(), left.decimal());
    let tax = currency.round(exact, rounding);
    let nets = allocate(share - tax, &nets, currency, rounding);
    let taxes = allocate(tax, &taxes, currency, rounding);
    let effects = Effects { book, currency, effective, revenue: CreditRevenue::SplitProRata };
    let mut lines = Vec::with_capacity(invoice.lines.len());
    for (line, (net, tax)) in invoice.lines.iter().zip(nets.into_iter().zip(taxes)) {
        if net.is_zero() && tax.is_zero() {
            continue;
        }
        let (order, order_line) = match (&line.contract, &line.order_line) {
            (ContractId::Order(order), Some(name)) => (Some(order.clone()), Some(name.clone())),
            (ContractId::Order(_) | ContractId::Invoice(_), _) => (None, None),
        };
        let mut lowered = Lowered {
            invoice_line: line.line.clone(),
            order,
            order_line,
            net,
            tax,
            earned: net,
            schedule: None,
            later: Vec::new(),
        };
        if clears && !net.is_zero() {
            let effect = effects.of(&worked.earning(state, invoice, line), net, "data.amount")?;
            if let (Some(order), Some(name)) = (&lowered.order, &lowered.order_line) {
                worked.take(state, (order, name), effective, net, &effect);
            }
            lowered.earned = effect.contra_revenue;
            lowered.schedule = effect.schedule;
            lowered.later = effect.later;
        }
        lines.push(lowered);
    }
    Ok((lines, amount - share))
}
