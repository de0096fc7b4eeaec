//! The books by day: what events posted to each role on each day, and what each contract was
//! billed, so that a close can seal them.
//!
//! It runs for every event: sums by day in small arrays, and one entry for each movement of what a
//! contract was billed. What is recognised is not kept, but computed from the contracts' schedules
//! when it is asked for.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::calendar::Day;
use crate::event::{Event, EventData};
use crate::money::Amount;
use crate::posting::{ContractId, Posting, Role, Target, postings};

/// The legs of an event's own entry in the book's currency.
fn book_legs(event: &Event) -> Vec<Posting> {
    match &event.functional {
        Some(functional) => functional.legs(),
        None => postings(&event.data),
    }
}

/// What moves accounts_receivable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceivableKind {
    /// Invoices and their voiding.
    Invoiced,
    /// Money, and what goes with it.
    Paid,
    /// Credits.
    Credited,
    /// Write-offs and recoveries.
    WrittenOff,
}

/// What moves the balance of a contract, but for recognition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContractKind {
    /// Invoices and their voiding.
    Billed,
    /// Credits, their voiding, and chargebacks that reverse revenue.
    Credited,
    /// Write-offs.
    WrittenOff,
}

/// What was posted, by role; of receivables and contracts also by what moved them.
#[derive(Debug, Clone, Copy, Default, BorshSerialize, BorshDeserialize)]
pub struct Sums {
    /// By role, in the order of the roles.
    roles: [Amount; Role::ALL.len()],
    /// By [`ReceivableKind`].
    receivable: [Amount; 4],
    /// By [`ContractKind`].
    contract: [Amount; 3],
}

impl Sums {
    /// What was posted to a role, debit-positive.
    pub fn role(&self, role: Role) -> Amount {
        self.roles.get(role as usize).copied().unwrap_or_default()
    }

    /// What moved accounts_receivable, debit-positive.
    pub fn receivable(&self, kind: ReceivableKind) -> Amount {
        self.receivable.get(kind as usize).copied().unwrap_or_default()
    }

    /// What moved the balance of contracts, debit-positive.
    pub fn contract(&self, kind: ContractKind) -> Amount {
        self.contract.get(kind as usize).copied().unwrap_or_default()
    }

    fn add(&mut self, other: &Self) {
        let pairs = self.roles.iter_mut().zip(other.roles);
        let pairs = pairs.chain(self.receivable.iter_mut().zip(other.receivable));
        for (sum, amount) in pairs.chain(self.contract.iter_mut().zip(other.contract)) {
            *sum += amount;
        }
    }
}

/// What a contract was billed by one event.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Billed {
    posted: Day,
    contract: ContractId,
    amount: Amount,
}

/// A sealed close that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sealed {
    /// Its last day.
    pub through: Day,
    /// What contracts had earned by then.
    pub recognised: Amount,
    /// What contracts stood at: liabilities less assets.
    pub liability: Amount,
    /// What exchange rates took of that since the beginning: losses, above zero.
    pub fx: Amount,
}

/// The books by day.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Books {
    /// The last event that was folded.
    pub sequence: u64,
    days: BTreeMap<Day, Sums>,
    billed: Vec<Billed>,
    closes: Vec<Sealed>,
}

impl Books {
    /// Folds one event. `closed` is the last day that was closed before it.
    pub(super) fn take(&mut self, event: &Event, closed: Option<Day>) {
        self.sequence = event.sequence;
        if let EventData::PeriodClosed(data) = &event.data
            && let Some(seal) = &data.seal
        {
            let revenue = seal.trial_balance.get(Role::Revenue.as_str());
            let recognised = -revenue.copied().unwrap_or_default();
            let roll = &seal.contract_liability;
            let fx = self.last_close().map_or(Amount::ZERO, |before| before.fx) + roll.fx;
            let liability = roll.closing;
            self.closes.push(Sealed { through: data.through, recognised, liability, fx });
        } else if let EventData::PeriodReopened(data) = &event.data {
            self.closes.retain(|sealed| sealed.through < data.from);
        }
        let legs = book_legs(event);
        if legs.is_empty() {
            return;
        }
        let posted = closed.map_or(event.effective, |closed| event.effective.max(closed.next()));
        let (receivable, contract) = kinds(&event.data);
        let sums = self.days.entry(posted).or_default();
        for leg in legs {
            match leg.target {
                Target::Role(role) => {
                    add(&mut sums.roles, role as usize, leg.amount);
                    if role == Role::AccountsReceivable {
                        add(&mut sums.receivable, receivable as usize, leg.amount);
                    }
                }
                Target::Contract(id) => {
                    add(&mut sums.contract, contract as usize, leg.amount);
                    billed(&mut self.billed, posted, id, -leg.amount);
                }
            }
        }
    }

    /// What was posted from a day on (none: ever) through another.
    pub fn posted(&self, from: Option<Day>, through: Day) -> Sums {
        let mut sums = Sums::default();
        let days = self.days.range(..=through);
        for (_, of_day) in days.filter(|(day, _)| from.is_none_or(|from| **day >= from)) {
            sums.add(of_day);
        }
        sums
    }

    /// All that was ever posted.
    pub fn ever(&self) -> Sums {
        let mut sums = Sums::default();
        self.days.values().for_each(|of_day| sums.add(of_day));
        sums
    }

    /// Billed net of credits through a day, by contract.
    pub fn billed(&self, through: Day) -> BTreeMap<&ContractId, Amount> {
        let mut sums: BTreeMap<&ContractId, Amount> = BTreeMap::new();
        for one in self.billed.iter().filter(|one| one.posted <= through) {
            *sums.entry(&one.contract).or_default() += one.amount;
        }
        sums
    }

    /// The last sealed close that stands.
    pub fn last_close(&self) -> Option<Sealed> {
        self.closes.last().copied()
    }
}

fn add(sums: &mut [Amount], at: usize, amount: Amount) {
    if let Some(sum) = sums.get_mut(at) {
        *sum += amount;
    }
}

/// The lines of an invoice mostly bill one contract.
fn billed(all: &mut Vec<Billed>, posted: Day, contract: ContractId, amount: Amount) {
    match all.last_mut() {
        Some(last) if last.posted == posted && last.contract == contract => last.amount += amount,
        Some(_) | None => all.push(Billed { posted, contract, amount }),
    }
}

/// What the event's legs on accounts_receivable and on contracts are.
fn kinds(data: &EventData) -> (ReceivableKind, ContractKind) {
    let is_credit = matches!(
        data,
        EventData::CreditIssued(_) | EventData::CreditVoided(_) | EventData::CreditApplied(_)
    );
    if is_credit {
        (ReceivableKind::Credited, ContractKind::Credited)
    } else if matches!(data, EventData::InvoiceIssued(_) | EventData::InvoiceVoided(_)) {
        (ReceivableKind::Invoiced, ContractKind::Billed)
    } else if matches!(data, EventData::InvoiceWrittenOff(_) | EventData::WriteOffRecovered(_)) {
        (ReceivableKind::WrittenOff, ContractKind::WrittenOff)
    } else {
        // Of money only a chargeback that reverses revenue moves a contract's balance.
        (ReceivableKind::Paid, ContractKind::Credited)
    }
}
