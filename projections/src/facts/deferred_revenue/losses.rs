//! What credits, early-payment discounts, chargebacks and write-offs do to contracts and to revenue.

use ledger_core::command::payment::ChargebackTreatment;
use ledger_core::event::EventData;
use ledger_core::event::loss::InvoiceWrittenOff;
use ledger_core::event::payment::{PaymentAllocation, PaymentChargedBack};
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::policy::WriteOffTo;
use ledger_core::posting::ContractId;

use crate::facts::deferred_revenue::{DeferredFact, contra, credit_shaped, credited, version};

/// Adds the facts of such an event, but for what its entry moves.
pub(super) fn facts(facts: &mut Vec<DeferredFact>, data: &EventData) {
    if let EventData::CreditIssued(data) = data {
        let of = (&data.customer, data.currency, data.invoice.as_ref());
        credited(facts, of, &data.lines, false);
        credit_shaped(facts, data);
    }
    if let EventData::CreditVoided(data) = data {
        let of = (&data.customer, data.currency, data.invoice.as_ref());
        credited(facts, of, &data.lines, true);
    }
    if let EventData::PaymentAllocated(data) = data {
        discounted(facts, (&data.customer, data.currency), &data.allocations, false);
    }
    if let EventData::PaymentDeallocated(data) = data {
        discounted(facts, (&data.customer, data.currency), &data.allocations, true);
    }
    if let EventData::PaymentFailed(data) = data {
        let back = data.taken.as_ref().map_or(&[][..], |taken| &taken.allocations);
        discounted(facts, (&data.customer, data.currency), back, true);
    }
    if let EventData::PaymentChargedBack(data) = data {
        charged_back(facts, data);
    }
    if let EventData::ChargebackWon(data) = data {
        discounted(facts, (&data.customer, data.currency), &data.allocations, false);
    }
    if let EventData::InvoiceWrittenOff(data) = data {
        written_off(facts, data);
    }
    if let EventData::WriteOffRecovered(data) = data
        && data.write_off_to == WriteOffTo::ContraRevenue
    {
        contra(facts, (&data.customer, data.currency), None, -data.loss);
    }
}

/// Early-payment discounts lower revenue, of no contract's line in particular.
fn discounted(
    facts: &mut Vec<DeferredFact>,
    of: (&Identifier, Currency),
    allocations: &[PaymentAllocation],
    is_back: bool,
) {
    let sum: Amount = allocations.iter().map(PaymentAllocation::cash_discount_net).sum();
    contra(facts, of, None, if is_back { -sum } else { sum });
}

fn charged_back(facts: &mut Vec<DeferredFact>, data: &PaymentChargedBack) {
    let (customer, currency) = (&data.customer, data.currency);
    if data.treatment == ChargebackTreatment::ReopenReceivable {
        discounted(facts, (customer, currency), &data.taken.allocations, true);
    }
    for one in &data.reversed {
        credited(facts, (customer, currency, Some(&one.invoice)), &one.lines, false);
    }
}

/// What a write-off does to contracts, and to revenue where its loss is contra revenue.
fn written_off(facts: &mut Vec<DeferredFact>, data: &InvoiceWrittenOff) {
    let of = (&data.customer, data.currency);
    let mut rest = data.loss;
    for line in &data.lines {
        let contract = match &line.order {
            Some(order) => ContractId::Order(order.clone()),
            None => ContractId::Invoice(data.invoice.clone()),
        };
        let name = line.order_line.as_ref().unwrap_or(&line.invoice_line);
        facts.extend(line.versions().map(|one| version(&contract, name, None, one)));
        // Tax that is not relieved is loss, too.
        let kept = if data.tax.is_zero() { line.tax } else { Amount::ZERO };
        rest -= line.earned + kept;
        if data.write_off_to == WriteOffTo::ContraRevenue {
            contra(facts, of, Some((contract, name)), line.earned + kept);
        }
    }
    if data.write_off_to == WriteOffTo::ContraRevenue {
        contra(facts, of, None, rest);
    }
}
