//! What an event in another currency than the book's moves, in both currencies: balances of
//! contracts, and documents of which something is open.

use crate::event::EventData;
use crate::id::Identifier;
use crate::money::Amount;
use crate::posting::entry::{Basis, Leg};
use crate::posting::functional::{Functional, Opened, is_opening, merged, moved, opened, sign_of};
use crate::posting::{ContractId, Role, Target, valued_legs};

/// What an event moves of a contract's balance, in both currencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractMove {
    /// The contract.
    pub contract: ContractId,
    /// The invoice that billed it, or whose bill it lowers.
    pub invoice: Option<Identifier>,
    /// Debit-positive, in the document's currency.
    pub amount: Amount,
    /// Debit-positive, in the book's currency.
    pub value: Amount,
}

/// What an event moves of contracts' balances, invoice by invoice.
pub fn contract_moves(data: &EventData, functional: &Functional) -> Vec<ContractMove> {
    let mut moves = Vec::new();
    for leg in merged(valued_legs(data)) {
        let invoice = moved(&leg).cloned();
        let value = functional.value_of(&leg);
        if let Target::Contract(contract) = leg.target {
            moves.push(ContractMove { contract, invoice, amount: leg.amount, value });
        }
    }
    moves
}

/// What an event opens, or takes of something that is open: an invoice, a payment's unapplied money,
/// the unused part of a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenMove {
    /// The account on which it stands.
    pub role: Role,
    /// The document.
    pub document: Identifier,
    /// How much is taken of it, below zero: given back; or what it is when it opens.
    pub amount: Amount,
    /// Of one that opens what it is worth in the book's currency.
    pub opens_at: Option<Amount>,
}

/// What an event opens, and takes of what is open.
pub fn open_moves(data: &EventData, functional: &Functional) -> Vec<OpenMove> {
    let mut moves: Vec<OpenMove> =
        opened(data).map(|one| one.opens(functional)).into_iter().collect();
    for leg in merged(valued_legs(data)) {
        // The legs that opened a document count as its beginning.
        if let Some((role, document)) = of(&leg).filter(|_| !is_opening(data, &leg)) {
            let amount = if sign_of(&leg) { leg.amount } else { -leg.amount };
            moves.push(OpenMove { role, document: document.clone(), amount, opens_at: None });
        }
    }
    moves
}

/// The document of which a leg takes what is open, with its account.
fn of<'a>(leg: &Leg<'a>) -> Option<(Role, &'a Identifier)> {
    match (leg.basis, &leg.target) {
        (Basis::Invoice(id), Target::Role(Role::AccountsReceivable)) => {
            Some((Role::AccountsReceivable, id))
        }
        (Basis::Payment(id), _) => Some((Role::UnappliedCash, id)),
        (Basis::Credit(id), _) => Some((Role::CustomerCredits, id)),
        (
            Basis::Invoice(_)
            | Basis::Own
            | Basis::AtInvoice(_)
            | Basis::AtLoss(_)
            | Basis::AtPayment(_)
            | Basis::AtCredit(_),
            _,
        ) => None,
    }
}

impl Opened<'_> {
    fn opens(&self, functional: &Functional) -> OpenMove {
        let (role, document, amount) = match self {
            Self::Invoice(invoice) => (Role::AccountsReceivable, &invoice.invoice, invoice.total),
            Self::Payment(id, amount) => (Role::UnappliedCash, *id, *amount),
            Self::Credit(id, amount) => (Role::CustomerCredits, *id, *amount),
        };
        let opens_at = Some(functional.role(role).abs());
        OpenMove { role, document: document.clone(), amount, opens_at }
    }
}
