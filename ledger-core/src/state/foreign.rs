//! Documents in other currencies than the book's, by day, so that a close can seal what they stand at
//! in the book's: bills of contracts, what is open, and what was known at each close.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::calendar::Day;
use crate::event::{Event, EventData};
use crate::id::Identifier;
use crate::money::{Amount, Currency, multiply_divide};
use crate::posting::{ContractId, OpenMove, Role, contract_moves, open_moves};
use crate::revenue::closes::{At, Closes};
use crate::revenue::progress::Progress;
use crate::revenue::schedule::{Schedule, in_force};
use crate::revenue::usage::Meter;
use crate::revenue::valuation::{BillRef, Jumps, Paused, Standing, Valued, Valuing, Walk};
use crate::state::{Book, Ledger};

/// A movement of what a contract was billed.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Bill {
    posted: Day,
    invoice: Option<Identifier>,
    amount: Amount,
    value: Amount,
}

/// A document of which something is, or was, open.
#[derive(Debug, Clone, BorshSerialize, BorshDeserialize)]
struct Item {
    currency: Currency,
    posted: Day,
    total: Amount,
    value: Amount,
    /// What was taken of it, in the order of recording.
    moves: Vec<(Day, Amount)>,
}

/// Documents in other currencies than the book's.
#[derive(Debug, Clone, Default, BorshSerialize, BorshDeserialize)]
pub struct Foreign {
    closes: Closes,
    bills: BTreeMap<ContractId, Vec<Bill>>,
    items: BTreeMap<(Role, Identifier), Item>,
    /// By contract and line, for each version of its schedule that was there at a close, the
    /// sequence of the first such close: what is known now of a closed day is what its close knew.
    learned: BTreeMap<ContractId, Vec<Vec<u64>>>,
    /// The walks over the contracts as they were at the end of the last closed day, which never
    /// changes: the next close goes on from there.
    walks: BTreeMap<ContractId, Paused>,
}

impl Foreign {
    /// Folds one event. `closed` is the last day that was closed before it.
    pub(super) fn take(&mut self, event: &Event, closed: Option<Day>) {
        if let EventData::PeriodClosed(data) = &event.data {
            self.closes.take(event.sequence, data.through);
        } else if let EventData::PeriodReopened(data) = &event.data {
            self.closes.take(event.sequence, data.from.previous());
            self.walks.clear();
        }
        let Some(functional) = &event.functional else { return };
        let posted = closed.map_or(event.effective, |closed| event.effective.max(closed.next()));
        for one in contract_moves(&event.data, functional) {
            let bill =
                Bill { posted, invoice: one.invoice, amount: -one.amount, value: -one.value };
            self.bills.entry(one.contract).or_default().push(bill);
        }
        for one in open_moves(&event.data, functional) {
            self.open(one, posted, functional.rate.from);
        }
    }

    fn open(&mut self, one: OpenMove, posted: Day, currency: Currency) {
        let (key, total) = ((one.role, one.document), one.amount);
        if let Some(value) = one.opens_at {
            self.items.insert(key, Item { currency, posted, total, value, moves: Vec::new() });
        } else if let Some(item) = self.items.get_mut(&key) {
            item.moves.push((posted, one.amount));
        }
    }

    /// The versions of schedules that a close is the first to know.
    fn learn(&mut self, sequence: u64, contracts: Vec<(ContractId, Vec<&[Schedule]>)>) {
        for (contract, lines) in contracts {
            let known = self.learned.entry(contract).or_default();
            known.resize(lines.len().max(known.len()), Vec::new());
            for (known, versions) in known.iter_mut().zip(lines) {
                known.resize(versions.len().max(known.len()), sequence);
            }
        }
    }
}

impl Ledger {
    /// What the contracts in other currencies than the book's stand at in the book's at the end of a
    /// day, all together.
    pub fn foreign_contracts(&self, book: &Book, day: Day) -> Standing {
        let mut all = Standing::default();
        for (_, mut walk) in self.walks(book) {
            let one = walk.through(day);
            all.deferred += one.deferred;
            all.unbilled += one.unbilled;
            all.recognised += one.recognised;
            all.loss += one.loss;
        }
        all
    }

    /// A walk over each contract, which begins behind the last closed day where one was there.
    fn walks<'a>(
        &'a self,
        book: &'a Book,
    ) -> impl Iterator<Item = (ContractId, Walk<'a, Contract<'a>>)> {
        let at = At::new(&self.foreign.closes, self.books.sequence);
        let by = self.valuing(book);
        self.contracts_at_rates(book.currency).map(move |(id, contract)| {
            let walk = match self.foreign.walks.get(&id) {
                Some(paused) => Walk::resume(contract, at, by, paused.clone()),
                None => Walk::new(contract, at, by),
            };
            (id, walk)
        })
    }

    fn valuing(&self, book: &Book) -> Valuing<'_> {
        let rounding = book.policies.rounding;
        Valuing { currency: book.currency, rates: &self.rates, rounding }
    }

    /// What the accounts of open items in other currencies go up by when they are valued at the
    /// closing rate of a day, debit-positive, by role.
    pub fn revaluation(&self, book: &Book, day: Day) -> BTreeMap<Role, Amount> {
        let mut sums: BTreeMap<Role, Amount> = BTreeMap::new();
        for ((role, _), item) in &self.foreign.items {
            let moved = item.revalued(&self.valuing(book), (day, self.books.sequence));
            let is_owed_to_us = *role == Role::AccountsReceivable;
            *sums.entry(*role).or_default() += if is_owed_to_us { moved } else { -moved };
        }
        sums
    }

    /// Notes which versions of schedules a close knows, and how far contracts are walked.
    pub(super) fn learn(&mut self, sequence: u64, through: Day) {
        let mut foreign = std::mem::take(&mut self.foreign);
        foreign.learn(sequence, self.foreign_schedules());
        self.foreign = foreign;
        let Some(book) = &self.book else { return };
        let walks = self.walks(book).map(|(id, mut walk)| {
            walk.through(through);
            (id, walk.pause())
        });
        self.foreign.walks = walks.collect();
    }

    /// The schedules of the contracts in other currencies, by line.
    fn foreign_schedules(&self) -> Vec<(ContractId, Vec<&[Schedule]>)> {
        let Some(book) = &self.book else { return Vec::new() };
        let orders = self.orders.iter().filter(|(_, order)| order.currency != book.currency);
        let orders = orders.map(|(id, order)| {
            let lines = order.lines.iter().map(|line| line.versions.as_slice()).collect();
            (ContractId::Order(id.clone()), lines)
        });
        let invoices = self.invoices.iter().filter(|(_, one)| one.currency != book.currency);
        let invoices = invoices.map(|(id, invoice)| {
            let lines = invoice.lines.iter().map(|line| line.versions.as_slice()).collect();
            (ContractId::Invoice(id.clone()), lines)
        });
        let all = orders.chain(invoices);
        all.filter(|(_, lines): &(_, Vec<_>)| lines.iter().any(|one| !one.is_empty())).collect()
    }

    fn contracts_at_rates(
        &self,
        book: Currency,
    ) -> impl Iterator<Item = (ContractId, Contract<'_>)> {
        let orders = self.orders.iter().filter(move |(_, order)| order.currency != book);
        let orders = orders.map(|(id, order)| {
            let lines = order
                .lines
                .iter()
                .map(|line| (line.versions.as_slice(), Some(&line.progress), line.meter.as_ref()));
            self.contract(ContractId::Order(id.clone()), order.currency, lines)
        });
        let invoices = self.invoices.iter().filter(move |(_, one)| one.currency != book);
        let invoices = invoices.map(|(id, invoice)| {
            let lines = invoice.lines.iter().map(|line| (line.versions.as_slice(), None, None));
            self.contract(ContractId::Invoice(id.clone()), invoice.currency, lines)
        });
        orders.chain(invoices)
    }

    fn contract<'a>(
        &'a self,
        id: ContractId,
        currency: Currency,
        lines: impl Iterator<Item = (&'a [Schedule], Option<&'a Progress>, Option<&'a Meter>)>,
    ) -> (ContractId, Contract<'a>) {
        let learned = self.foreign.learned.get(&id).map_or(&[][..], Vec::as_slice);
        let line = |(index, (versions, progress, meter))| {
            let learned = learned.get::<usize>(index).map_or(&[][..], Vec::as_slice);
            Line { versions, learned, progress, meter }
        };
        let bills = self.foreign.bills.get(&id).map_or(&[][..], Vec::as_slice);
        let lines = lines.enumerate().map(line).collect();
        (id, Contract { currency, bills, lines })
    }
}

impl Item {
    /// What it goes up by when what is left of it at the end of a day is valued at the closing rate.
    /// What is left after each movement keeps its proportion of what the whole was worth.
    fn revalued(&self, by: &Valuing<'_>, (day, sequence): (Day, u64)) -> Amount {
        if self.posted > day {
            return Amount::ZERO;
        }
        let (mut all, mut all_value) = (self.total, self.value);
        let (mut left, mut value) = (all, all_value);
        for (posted, amount) in &self.moves {
            all -= *amount;
            let (whole, total) = (self.value.decimal(), self.total.decimal());
            let exact = multiply_divide(whole, all.decimal(), total);
            let after = by.currency.round(exact, by.rounding);
            if *posted <= day {
                left -= *amount;
                value -= all_value - after;
            }
            all_value = after;
        }
        let rate = by.rates.closing(self.currency, by.currency, day, sequence);
        rate.map_or(Amount::ZERO, |rate| rate.value(left, by.rounding) - value)
    }
}

/// A line of a contract.
struct Line<'a> {
    versions: &'a [Schedule],
    /// When the first of them were known.
    learned: &'a [u64],
    progress: Option<&'a Progress>,
    meter: Option<&'a Meter>,
}

impl Line<'_> {
    fn earned(&self, day: Day, known: u64, at: At<'_>, currency: Currency) -> Amount {
        if let Some(meter) = self.meter {
            return meter.earned_through(day, known);
        }
        // Those of no close yet are known on open days alone.
        let is_known =
            |index: usize| self.learned.get(index).copied().unwrap_or(at.sequence) <= known;
        let versions = self.versions.iter().enumerate();
        let versions = versions.filter(|(index, _)| is_known(*index)).map(|(_, version)| version);
        let Some(version) = in_force(versions, day) else { return currency.zero() };
        let progress = self.progress.filter(|_| version.progress.is_some());
        let done = progress.map(|progress| progress.done_as_known(day, known)).unwrap_or_default();
        version.earned_through(day, done, currency)
    }

    fn first(&self) -> Option<Day> {
        let scheduled = self.versions.iter().map(|version| version.from.min(version.start));
        let metered = self.meter.and_then(|meter| meter.reach(u64::MAX));
        scheduled.chain(metered.map(|(start, _)| start)).min()
    }
}

/// A contract as the writer's state has it.
struct Contract<'a> {
    currency: Currency,
    bills: &'a [Bill],
    lines: Vec<Line<'a>>,
}

impl<'a> Valued<'a> for Contract<'a> {
    fn currency(&self) -> Currency {
        self.currency
    }

    fn recognised(&self, day: Day, at: At<'_>) -> Amount {
        let known = at.known(day);
        let lines = self.lines.iter();
        let earned: Amount = lines.map(|line| line.earned(day, known, at, self.currency)).sum();
        self.currency.zero() + earned
    }

    fn first_earned(&self, _: At<'_>) -> Option<Day> {
        self.lines.iter().filter_map(Line::first).min()
    }

    fn bills(&self, _: At<'_>) -> Vec<(Day, BillRef<'a>)> {
        let bill = |one: &'a Bill| {
            let (invoice, amount, value) = (one.invoice.as_ref(), one.amount, one.value);
            (one.posted, BillRef { invoice, amount, value })
        };
        self.bills.iter().map(bill).collect()
    }

    fn jumps(&self, _: At<'_>) -> Jumps {
        let mut jumps = Jumps::default();
        for line in &self.lines {
            line.versions.iter().for_each(|version| jumps.version(version));
            if line.meter.is_some() {
                jumps.metered();
            }
        }
        jumps
    }
}
