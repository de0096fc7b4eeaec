//! Recognition: the entries that contracts make by themselves, by the day or by the month.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::chart::Dimensions;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, allocate};
use ledger_core::posting::{ContractId, Role};
use ledger_core::revenue::schedule::Schedule;
use rust_decimal::Decimal;

use crate::reports::general_ledger::entry::{Both, Entry, EntryKind, Policy};
use crate::reports::general_ledger::{GeneralLedger, Sums};
use crate::reports::{functional, late};
use crate::views::{Contract, Line, Standing, Walk};

/// How finely recognition is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognition {
    /// An entry for each contract and day.
    Daily,
    /// An entry for each contract and month, on the month's last day or that of the range.
    Monthly,
}

/// What a contract stands at, at the end of a day.
struct Stand {
    /// In the book's currency.
    book: Standing,
    /// In its own.
    own: Standing,
    billed: Both,
    /// What each line earned, in their order and in the contract's currency.
    earned: Vec<Amount>,
}

impl<'a> GeneralLedger<'a> {
    /// Adds up what a contract stands at.
    pub(super) fn stands<'b>(
        &'b self,
        contract: &'a Contract,
        day: Day,
        add: &mut impl FnMut(Role, &'b str, Both),
    ) {
        let mut walk = functional::walk(&self.query, contract);
        let stand = self.stand(contract, day, &mut walk);
        let of = of(contract);
        let parts = [
            (Role::DeferredRevenue, -stand.book.deferred),
            (Role::UnbilledReceivable, stand.book.unbilled),
            (Role::FxGainLoss, stand.book.loss),
        ];
        for (role, amount) in parts.into_iter().filter(|(_, amount)| !amount.is_zero()) {
            add(role, self.chart.account(role, of), Both::of_book(amount));
        }
        for (account, earned) in self.revenue(contract, &stand) {
            add(Role::Revenue, account, Both::of_book(-earned.book));
        }
        let late = self.late(contract);
        self.add_late(contract, &late, &|on| on <= day, add);
    }

    /// What a contract caught up for closed days, by day and account of revenue, in the book's
    /// currency.
    fn late<'b>(&'b self, contract: &'b Contract) -> Vec<(Day, &'b str, Amount)> {
        let steps = self.query.at().steps();
        if steps.is_empty() {
            return Vec::new();
        }
        let mut own: BTreeMap<Day, Vec<(&str, Amount)>> = BTreeMap::new();
        for line in contract.lines.values() {
            let of = Dimensions { product: line.product.as_ref(), ..of(contract) };
            for (day, amount) in late::caught_up(line, &steps, contract.currency) {
                own.entry(day).or_default().push((self.chart.account(Role::Revenue, of), amount));
            }
        }
        let sums = late::in_book(&self.query, contract, &steps);
        let mut all = Vec::new();
        for (day, parts) in own {
            let weights: Vec<Decimal> = parts.iter().map(|(_, amount)| amount.decimal()).collect();
            let whole = sums.get(&day).copied().unwrap_or_default();
            let rounding = self.query.views.policies.rounding;
            // In the book's currency these are the parts themselves.
            let book = allocate(whole, &weights, self.currency, rounding);
            all.extend(
                parts.into_iter().zip(book).map(|((account, _), part)| (day, account, part)),
            );
        }
        all
    }

    /// Adds what of it was caught up on some days. It raised what was earned, and so lowered the
    /// contract's balance.
    fn add_late<'b>(
        &'b self,
        contract: &'b Contract,
        late: &[(Day, &'b str, Amount)],
        counts: &dyn Fn(Day) -> bool,
        add: &mut impl FnMut(Role, &'b str, Both),
    ) {
        for (_, account, amount) in late.iter().filter(|(day, ..)| counts(*day)) {
            add(Role::Revenue, account, Both::late(-*amount));
            let role = Role::DeferredRevenue;
            add(role, self.chart.account(role, of(contract)), Both::late(*amount));
        }
    }

    fn stand(&self, contract: &Contract, day: Day, walk: &mut Option<Walk<'_>>) -> Stand {
        let (at, zero) = (self.query.at(), contract.currency.zero());
        let lines = contract.lines.values();
        let earned: Vec<Amount> =
            lines.map(|line| line.earned(day, at, contract.currency)).collect();
        let recognised = zero + earned.iter().copied().sum();
        let billed = contract.billed(day, at.sequence);
        let balance = billed - recognised;
        let (deferred, unbilled) = (balance.max(zero), (-balance).max(zero));
        let own = Standing { deferred, unbilled, recognised, loss: zero };
        match walk {
            None => {
                let billed = Both { book: billed, own: billed, ..Both::default() };
                Stand { book: own, own, billed, earned }
            }
            Some(walk) => {
                let book = functional::billed(&self.query, contract, day);
                let billed = Both { book, own: billed, ..Both::default() };
                Stand { book: walk.through(day), own, billed, earned }
            }
        }
    }

    /// Splits what a contract earned over the accounts of revenue: as its lines do in its own
    /// currency, and in proportion to that in the book's.
    fn revenue<'b>(&'b self, contract: &'b Contract, stand: &Stand) -> BTreeMap<&'b str, Both> {
        let of = of(contract);
        let (book, own) = (stand.book.recognised, stand.own.recognised);
        if !self.chart.asks_product(Role::Revenue) {
            let earned = Both { book, own, ..Both::default() };
            return [(self.chart.account(Role::Revenue, of), earned)].into();
        }
        let parts = if contract.currency == self.currency {
            stand.earned.clone()
        } else {
            let weights: Vec<Decimal> = stand.earned.iter().map(|one| one.decimal()).collect();
            allocate(book, &weights, self.currency, self.query.views.policies.rounding)
        };
        let mut sums: BTreeMap<&str, Both> = BTreeMap::new();
        for (line, (own, book)) in contract.lines.values().zip(stand.earned.iter().zip(parts)) {
            let of = Dimensions { product: line.product.as_ref(), ..of };
            let account = self.chart.account(Role::Revenue, of);
            *sums.entry(account).or_default() += Both { book, own: *own, ..Both::default() };
        }
        sums
    }

    /// Adds the entries of a contract in a range of days.
    pub(super) fn recognised<'b>(
        &'b self,
        contract: &'a Contract,
        (from, to): (Option<Day>, Day),
        recognition: Recognition,
        entries: &mut Vec<Entry<'b>>,
    ) {
        let mut walk = functional::walk(&self.query, contract);
        let mut last: Option<(Day, Stand)> = None;
        let late = self.late(contract);
        for (before, date, kind) in self.steps(contract, (from, to), recognition) {
            let opening = match last.take() {
                Some((day, stand)) if day == before => stand,
                Some(_) | None => self.stand(contract, before, &mut walk),
            };
            let closing = self.stand(contract, date, &mut walk);
            let mut sums = self.movement(contract, &opening, &closing);
            let mut add = |role, account, both| *sums.entry((role, account)).or_default() += both;
            self.add_late(contract, &late, &|on| before < on && on <= date, &mut add);
            let legs = self.legs(sums, contract.currency);
            if !legs.is_empty() {
                let (event, policy) = self.origin(contract, date);
                let document = match &contract.id {
                    ContractId::Order(id) | ContractId::Invoice(id) => id.as_str().into(),
                };
                entries.push(Entry {
                    kind,
                    date,
                    // Nothing behind it changes the entry any more.
                    sequence: self.query.at().known(date),
                    document,
                    customer: Some(&contract.customer),
                    event: event.and_then(|event| self.query.views.audit_trail.event(event)),
                    policy,
                    lines: lines(contract, &opening, &closing),
                    legs,
                });
            }
            last = Some((date, closing));
        }
    }

    /// The days at whose ends the contract is looked at, each with the one before.
    fn steps(
        &self,
        contract: &Contract,
        (from, to): (Option<Day>, Day),
        recognition: Recognition,
    ) -> Vec<(Day, Day, EntryKind)> {
        let days = self.days(contract, from, to);
        match recognition {
            Recognition::Daily => {
                days.into_iter().map(|day| (day.previous(), day, EntryKind::Day)).collect()
            }
            Recognition::Monthly => {
                let months: BTreeSet<_> = days.into_iter().map(Day::month).collect();
                let step = |month: YearMonth| {
                    let first = from.map_or(month.first(), |from| from.max(month.first()));
                    (first.previous(), month.last().min(to), EntryKind::Month(month))
                };
                months.into_iter().map(step).collect()
            }
        }
    }

    /// The days on which a contract's balance can move.
    fn days(&self, contract: &Contract, from: Option<Day>, to: Day) -> BTreeSet<Day> {
        let mut days: BTreeSet<Day> = contract.billed.iter().map(|one| one.date).collect();
        for line in contract.lines.values() {
            let Some((first, last)) = line.reach(self.query.at(), to) else { continue };
            let mut day = from.map_or(first, |from| first.max(from));
            while day <= last.min(to) {
                days.insert(day);
                day = day.next();
            }
        }
        days.retain(|day| *day <= to && from.is_none_or(|from| *day >= from));
        days
    }

    /// What moved between two days.
    fn movement<'b>(
        &'b self,
        contract: &'b Contract,
        opening: &Stand,
        closing: &Stand,
    ) -> Sums<'b> {
        let mut sums = Sums::new();
        for (account, earned) in self.revenue(contract, closing) {
            *sums.entry((Role::Revenue, account)).or_default() += negative(earned);
        }
        for (account, earned) in self.revenue(contract, opening) {
            *sums.entry((Role::Revenue, account)).or_default() += earned;
        }
        let moved = |of: fn(&Standing) -> Amount| Both {
            book: of(&closing.book) - of(&opening.book),
            own: of(&closing.own) - of(&opening.own),
            ..Both::default()
        };
        // The entries of the bills themselves have gone to deferred_revenue.
        let mut deferred = negative(moved(|stands| stands.deferred));
        deferred += closing.billed;
        deferred += negative(opening.billed);
        let moves = [
            (Role::DeferredRevenue, deferred),
            (Role::UnbilledReceivable, moved(|stands| stands.unbilled)),
            (Role::FxGainLoss, moved(|stands| stands.loss)),
        ];
        for (role, both) in moves {
            *sums.entry((role, self.chart.account(role, of(contract)))).or_default() += both;
        }
        sums
    }

    /// The event that made the newest schedule which is in force on a day, and what shaped it.
    fn origin<'b>(&'b self, contract: &'b Contract, day: Day) -> (Option<u64>, Policy<'b>) {
        let known = self.query.at().known(day);
        let versions = contract.lines.values().filter_map(|line| version(line, day, known));
        match versions.max_by_key(|(at, _)| *at) {
            Some((at, schedule)) => {
                let decided = contract.policies.get(&at).map(Policy::Decided);
                (Some(at), decided.unwrap_or(Policy::Schedule(schedule)))
            }
            None => match contract.policies.range(..=known).next_back() {
                Some((at, policy)) => (Some(*at), Policy::Decided(policy)),
                None => (None, Policy::None),
            },
        }
    }
}

/// What a rule may ask of a contract's postings, but for products.
fn of(contract: &Contract) -> Dimensions<'_> {
    let (customer, currency) = (Some(&contract.customer), contract.currency);
    Dimensions { product: None, customer, currency }
}

fn negative(both: Both) -> Both {
    Both { book: -both.book, late: -both.late, own: -both.own }
}

/// The lines that earned between two days.
fn lines<'a>(contract: &'a Contract, opening: &Stand, closing: &Stand) -> Vec<&'a Identifier> {
    let earned = closing.earned.iter().zip(&opening.earned);
    let lines = contract.lines.keys().zip(earned);
    lines.filter(|(_, (closing, opening))| closing != opening).map(|(line, _)| line).collect()
}

/// The version of a line that is in force on a day, as known at a sequence.
fn version(line: &Line, day: Day, known: u64) -> Option<(u64, &Schedule)> {
    let schedule = line.in_force(day, known)?;
    let of = |(_, one): &&(u64, Schedule)| std::ptr::eq(one, schedule);
    line.versions.iter().find(of).map(|(at, one)| (*at, one))
}
