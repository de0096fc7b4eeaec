//! The check that a report ties: what it shows, the ageing, the open items, and the control
//! accounts (accounting, section 7), each summed its own way and compared for each customer.
//!
//! Ageing and open items come from documents and what settled them, the control accounts from the
//! entries that posting rules made of the same events: one does not read the other.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::{Posting, Role, Target};
use ledger_core::rejection::{Code, Rejection};
use serde::Serialize;

use crate::reports::open_items::{aged, unapplied};
use crate::reports::{Cell, Filters, Query, Source, Table, functional};
use crate::views::Views;

/// What a report was found to tie to, in one currency: each pair of figures is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Control {
    /// The currency.
    pub currency: String,
    /// The day.
    pub as_of: Day,
    /// Of this customer only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The sum of all ageing buckets.
    pub ageing: Amount,
    /// The sum of what is open of each invoice.
    pub open_items: Amount,
    /// The balance of the account, from its entries.
    pub accounts_receivable: Amount,
    /// What is left of payments and credits.
    pub unapplied: Amount,
    /// The balances of unapplied_cash and customer_credits, from their entries, credit-positive.
    pub unapplied_cash_and_credits: Amount,
}

/// The day on which a report must tie; none for a report that is not of what customers owe.
fn day(query: &Query<'_>, report: &str) -> Result<Option<Day>, Rejection> {
    Ok(match report {
        "receivables" | "open-items" | "trial-balance" | "worklist" | "forecast" => {
            Some(query.as_of)
        }
        "statement" | "metrics" => Some(query.to()?),
        _ => None,
    })
}

/// Sums of one customer in one currency, each by its own route.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    ageing: Amount,
    open_items: Amount,
    accounts_receivable: Amount,
    unapplied: Amount,
    accounts_beside: Amount,
}

impl Sums {
    fn ties(&self) -> bool {
        self.ageing == self.open_items
            && self.open_items == self.accounts_receivable
            && self.unapplied == self.accounts_beside
    }

    fn add(&mut self, other: &Self) {
        self.ageing += other.ageing;
        self.open_items += other.open_items;
        self.accounts_receivable += other.accounts_receivable;
        self.unapplied += other.unapplied;
        self.accounts_beside += other.accounts_beside;
    }
}

type Key<'a> = (Option<&'a Identifier>, Currency);

/// Checks a report that was made, and says what it ties to; nothing for reports of other matters.
///
/// # Errors
/// `report.does_not_tie`, with the figures.
pub(super) fn check(
    query: &Query<'_>,
    report: &str,
    table: &Table,
) -> Result<Vec<Control>, Rejection> {
    let Some(day) = day(query, report)? else { return Ok(Vec::new()) };
    let question = Query { as_of: day, ..*query };
    let mut all: BTreeMap<Currency, Sums> = BTreeMap::new();
    all.extend(query.views.currency().map(|currency| (currency, Sums::default())));
    for ((customer, currency), sums) in sums(&question)? {
        if !sums.ties() {
            let whose = customer.map_or("no customer", Identifier::as_str);
            return Err(does_not_tie(&format!("of {whose} in {}", currency.code()), day, &sums));
        }
        all.entry(currency).or_default().add(&sums);
    }
    for (currency, sums) in &all {
        shown(query, report, table, (*currency, sums))?;
    }
    let customer = query.filters.get("customer").map(str::to_owned);
    let control = |(currency, sums): (Currency, Sums)| {
        let zero = currency.zero();
        Control {
            currency: currency.code().to_owned(),
            as_of: day,
            customer: customer.clone(),
            ageing: zero + sums.ageing,
            open_items: zero + sums.open_items,
            accounts_receivable: zero + sums.accounts_receivable,
            unapplied: zero + sums.unapplied,
            unapplied_cash_and_credits: zero + sums.accounts_beside,
        }
    };
    Ok(all.into_iter().map(control).collect())
}

fn sums<'a>(query: &Query<'a>) -> Result<BTreeMap<Key<'a>, Sums>, Rejection> {
    let mut sums: BTreeMap<Key<'a>, Sums> = BTreeMap::new();
    for ((customer, currency), row) in aged(query)? {
        let sums = sums.entry((Some(customer), currency)).or_default();
        sums.ageing = row.buckets.into_values().sum();
        sums.open_items = row.total;
    }
    for ((customer, currency), left) in unapplied(query) {
        sums.entry((Some(customer), currency)).or_default().unapplied = left;
    }
    // One after another most entries are of the same customer: a payment, and what it settles.
    let mut run: Option<(Key<'a>, Sums)> = None;
    for entry in &query.views.receivables.entries {
        let customer = entry.customer.as_ref();
        if entry.date > query.as_of
            || entry.sequence > query.sequence
            || !query.keeps("customer", customer.map(Identifier::as_str))
        {
            continue;
        }
        let key = (customer, entry.currency);
        if let Some((last, so_far)) = run.filter(|(last, _)| *last != key) {
            sums.entry(last).or_default().add(&so_far);
            run = None;
        }
        post(&entry.legs, &mut run.get_or_insert((key, Sums::default())).1);
    }
    if let Some((last, so_far)) = run {
        sums.entry(last).or_default().add(&so_far);
    }
    Ok(sums)
}

/// Adds what an entry posts to the control accounts.
fn post(legs: &[Posting], sums: &mut Sums) {
    for leg in legs {
        match leg.target {
            Target::Role(Role::AccountsReceivable) => sums.accounts_receivable += leg.amount,
            Target::Role(Role::UnappliedCash | Role::CustomerCredits) => {
                sums.accounts_beside -= leg.amount;
            }
            Target::Role(
                Role::Cash
                | Role::UnbilledReceivable
                | Role::DeferredRevenue
                | Role::Revenue
                | Role::ContraRevenue
                | Role::Recoveries
                | Role::TaxPayable
                | Role::BadDebtExpense
                | Role::Allowance
                | Role::PaymentFees
                | Role::FxGainLoss
                | Role::SmallBalanceWriteOff,
            )
            | Target::Contract(_) => {}
        }
    }
}

/// Checks what the report itself shows: its rows against the sums.
fn shown(
    query: &Query<'_>,
    report: &str,
    table: &Table,
    (currency, sums): (Currency, &Sums),
) -> Result<(), Rejection> {
    let of_currency = |row: &[Cell]| text(table, row, "currency") == currency.code();
    let role = |role: &str| {
        total(table, "balance", |row| of_currency(row) && text(table, row, "role") == role)
    };
    let has = |filter: &str| query.filters.get(filter).is_some();
    let pairs = match report {
        "receivables" => vec![
            ("the total", total(table, "total", of_currency), sums.accounts_receivable),
            ("the sum of the buckets", buckets(table, of_currency), sums.accounts_receivable),
            ("unapplied", total(table, "unapplied", of_currency), sums.accounts_beside),
        ],
        "open-items" if !has("invoice") => {
            vec![("the sum of open", total(table, "open", of_currency), sums.accounts_receivable)]
        }
        "forecast" => {
            let open = total(table, "open_items", of_currency);
            let disputed = total(table, "disputed", of_currency);
            vec![("the sum of open and disputed", open + disputed, sums.accounts_receivable)]
        }
        "statement" => {
            let last = table.rows.iter().rfind(|row| of_currency(row));
            let last = last.map(|row| amount(table, row, "balance"));
            let owed = sums.accounts_receivable - sums.accounts_beside;
            last.map(|last| ("the last balance", last, owed)).into_iter().collect()
        }
        // In the book's currency alone.
        "trial-balance" if !has("role") && Some(currency) == query.views.currency() => {
            let (receivable, beside) = valued(query, sums);
            vec![
                ("accounts_receivable", role("accounts_receivable"), receivable),
                (
                    "unapplied_cash and customer_credits",
                    -(role("unapplied_cash") + role("customer_credits")),
                    beside,
                ),
                ("the sum of all balances", total(table, "balance", of_currency), Amount::ZERO),
            ]
        }
        _ => Vec::new(),
    };
    match pairs.into_iter().find(|(_, shown, wanted)| shown != wanted) {
        None => Ok(()),
        Some((name, shown, wanted)) => Err(refusal(&format!(
            "{report} in {}: {name} is {shown}, but must be {wanted}",
            currency.code(),
        ))),
    }
}

/// The open items, and what is left of payments and credits, of all currencies in the book's.
/// `sums` are those in the book's.
fn valued(query: &Query<'_>, sums: &Sums) -> (Amount, Amount) {
    let is_revalued = functional::is_revalued(query, query.as_of);
    let (mut receivable, mut beside) = (sums.open_items, sums.unapplied);
    for one in functional::monetary(query, query.as_of) {
        let value = if is_revalued { one.closing } else { one.value };
        if one.role == Role::AccountsReceivable {
            receivable += value;
        } else {
            beside -= value;
        }
    }
    (receivable, beside)
}

/// What the control accounts of the trial balance must be at the end of a day, in the book's
/// currency, each by another route than the entries.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// The open items.
    pub(crate) receivable: Amount,
    /// What is left of payments and credits.
    pub(crate) unapplied: Amount,
    /// Billed less recognised of all contracts, with the gains and losses of bills at other rates.
    pub(crate) contracts: Amount,
}

/// The figures of a day.
///
/// # Errors
/// Those of a report.
pub(crate) fn wanted(views: &Views, day: Day) -> Result<Wanted, Rejection> {
    let mut filters = Filters::default();
    filters.set("as_of", day.to_string());
    let query = Source { views, orders: None, today: day }.query(&filters)?;
    let Some(book) = views.currency() else { return Ok(Wanted::default()) };
    let mut own = Sums::default();
    for ((_, currency), sums) in sums(&query)? {
        if currency == book {
            own.add(&sums);
        }
    }
    let (receivable, unapplied) = valued(&query, &own);
    let contracts = views.deferred_revenue.contracts.values().map(|contract| {
        let stands = functional::standing(&query, contract, day);
        functional::billed(&query, contract, day) - stands.recognised + stands.loss
    });
    Ok(Wanted { receivable, unapplied, contracts: contracts.sum() })
}

fn text(table: &Table, row: &[Cell], column: &str) -> String {
    let at = table.columns.iter().position(|(name, _)| name == column);
    at.and_then(|at| row.get(at)).map(Cell::text).unwrap_or_default()
}

fn amount(table: &Table, row: &[Cell], column: &str) -> Amount {
    let at = table.columns.iter().position(|(name, _)| name == column);
    at.and_then(|at| row.get(at)).map(Cell::amount).unwrap_or_default()
}

fn total(table: &Table, column: &str, keep: impl Fn(&[Cell]) -> bool) -> Amount {
    let rows = table.rows.iter().filter(|row| keep(row));
    rows.map(|row| amount(table, row, column)).sum()
}

/// The columns between the currency and the total.
fn buckets(table: &Table, keep: impl Fn(&[Cell]) -> bool) -> Amount {
    let names = table.columns.iter().map(|(name, _)| name.as_str()).skip(2);
    let names = names.take_while(|name| *name != "total");
    names.map(|name| total(table, name, &keep)).sum()
}

fn does_not_tie(whose: &str, day: Day, sums: &Sums) -> Rejection {
    refusal(&format!(
        "{whose} on {day}: ageing {}, open items {}, accounts_receivable {}; unapplied {}, \
         unapplied_cash and customer_credits {}",
        sums.ageing,
        sums.open_items,
        sums.accounts_receivable,
        sums.unapplied,
        sums.accounts_beside,
    ))
}

fn refusal(what: &str) -> Rejection {
    let message = format!(
        "the books contradict themselves, so nothing is shown: {what}; `revledger verify` names \
         what does not fit, `revledger replay --compare` whether stored projections are at fault"
    );
    Rejection::new(Code::ReportDoesNotTie, message)
}
