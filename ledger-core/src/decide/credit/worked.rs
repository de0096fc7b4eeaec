//! Order lines as they stand within a command: two lines of an invoice can bill one order line, and
//! what is taken of the second stands on what was taken of the first.

use std::collections::BTreeMap;

use crate::calendar::Day;
use crate::decide::credit::effect::{Earning, Effect};
use crate::id::Identifier;
use crate::money::Amount;
use crate::posting::ContractId;
use crate::state::order::OrderLine;
use crate::state::{Invoice, InvoiceLine, Ledger};

/// Order lines that the command has taken something of, by order and line.
#[derive(Default)]
pub(in crate::decide) struct Worked(BTreeMap<(Identifier, Identifier), OrderLine>);

impl Worked {
    /// What a line of an invoice earns by: its own schedule, or its order line's.
    pub(super) fn earning<'a>(
        &'a self,
        state: &'a Ledger,
        invoice: &Invoice,
        line: &'a InvoiceLine,
    ) -> Earning<'a> {
        let own = Earning::Own { versions: &line.versions, contra: &line.contra };
        let (ContractId::Order(order), Some(name)) = (&line.contract, &line.order_line) else {
            return own;
        };
        let Some(known) = state.orders.get(order) else { return own };
        let worked = self.0.get(&(order.clone(), name.clone()));
        let stored = || known.lines.iter().find(|one| one.placed.line == *name);
        match worked.or_else(stored) {
            Some(found) => Earning::Order {
                order: known,
                line: found,
                day: line.service.map_or(invoice.issued, |(start, _)| start),
                contra: &line.contra,
            },
            None => own,
        }
    }

    /// Takes an effect of a net amount into the order line.
    pub(super) fn take(
        &mut self,
        state: &Ledger,
        (order, name): (&Identifier, &Identifier),
        day: Day,
        net: Amount,
        effect: &Effect,
    ) {
        let key = (order.clone(), name.clone());
        if !self.0.contains_key(&key) {
            let known = state.orders.get(order);
            let line = known.and_then(|one| one.lines.iter().find(|one| one.placed.line == *name));
            let Some(line) = line else { return };
            self.0.insert(key.clone(), line.clone());
        }
        if let Some(line) = self.0.get_mut(&key) {
            let versions = effect.schedule.iter().chain(&effect.later);
            let contra = effect.contra_revenue;
            line.lowered_by(day, net - contra, contra, versions);
        }
    }
}
