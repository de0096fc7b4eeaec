//! The trial balance of a group of books in one currency (IAS 21.39; ASC 830-30-45).
//!
//! Balances are translated at the closing rate, income and expense at the average rate of the
//! period. What the two leave is the translation difference, which belongs to equity. Nothing is
//! eliminated: what the books owe one another is for the group's own entries.

use std::collections::BTreeMap;

use ledger_core::calendar::Day;
use ledger_core::fx::{ExchangeRate, RateType, Rates};
use ledger_core::money::{Amount, Currency, Rounding};
use ledger_core::posting::Role;
use ledger_core::rejection::{Code, Rejection};

use crate::reports::{Cell, Filters, Table, run};
use crate::views::Views;

/// The row of what translation leaves.
pub const DIFFERENCE: &str = "translation_difference";

/// One book of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// Its name.
    pub book: String,
    /// Its functional currency.
    pub currency: Currency,
    /// Its balances, debit-positive.
    pub balances: BTreeMap<Role, Amount>,
    /// At which its balances are translated.
    pub closing: ExchangeRate,
    /// At which its income and expense are translated.
    pub average: ExchangeRate,
}

/// The rates that a group translates at: those that were given, else those that its first book has
/// recorded.
#[derive(Debug, Clone, Default)]
pub struct GroupRates<'a> {
    /// Closing rates that were given, by currency.
    pub closing: BTreeMap<Currency, Amount>,
    /// Average rates that were given, by currency.
    pub average: BTreeMap<Currency, Amount>,
    /// Recorded rates.
    pub recorded: Option<&'a Rates>,
}

impl GroupRates<'_> {
    /// The closing and the average rate of a currency. Without an average rate of a day in the month
    /// the closing rate serves for both.
    ///
    /// # Errors
    /// `fx.rate_missing`.
    pub fn of(
        &self,
        from: Currency,
        to: Currency,
        day: Day,
    ) -> Result<(ExchangeRate, ExchangeRate), Rejection> {
        let given = |rates: &BTreeMap<Currency, Amount>| {
            let even = ExchangeRate::even(from, day);
            rates.get(&from).map(|rate| ExchangeRate { to, rate: *rate, ..even })
        };
        let recorded = self.recorded;
        let closing = given(&self.closing)
            .or_else(|| recorded?.closing(from, to, day, u64::MAX))
            .or((from == to).then(|| ExchangeRate::even(from, day)));
        let closing = closing.ok_or_else(|| {
            let message = format!(
                "there is no rate of {from} in {to} on or before {day}; give one with --rate \
                 {from}=RATE, or record it in the first book"
            );
            Rejection::at(Code::FxRateMissing, "rate", message)
        })?;
        let average = given(&self.average).or_else(|| {
            let average = recorded?.find((from, to, RateType::Average), day, u64::MAX);
            average.filter(|one| one.date.month() == day.month())
        });
        Ok((closing, average.unwrap_or(closing)))
    }
}

impl Entity {
    /// A book as of a day.
    ///
    /// # Errors
    /// `book.not_open`; those of the report `trial-balance`.
    pub fn new(
        book: &str,
        views: &Views,
        day: Day,
        (to, rates): (Currency, &GroupRates<'_>),
    ) -> Result<Self, Rejection> {
        let Some(currency) = views.currency() else {
            let message = format!("the book {book} is not open: it has no currency yet");
            return Err(Rejection::new(Code::BookNotOpen, message));
        };
        let mut filters = Filters::default();
        filters.set("as_of", day.to_string());
        let table = run("trial-balance", &filters, views, day)?;
        let place = |name: &str| table.columns.iter().position(|(column, _)| column == name);
        let (role, balance) = (place("role"), place("balance"));
        let mut balances: BTreeMap<Role, Amount> = BTreeMap::new();
        for row in &table.rows {
            let name = role.and_then(|at| row.get(at)).map(Cell::text).unwrap_or_default();
            let role = Role::ALL.into_iter().find(|one| one.as_str() == name);
            if let (Some(role), Some(Cell::Amount(amount))) =
                (role, balance.and_then(|at| row.get(at)))
            {
                *balances.entry(role).or_default() += *amount;
            }
        }
        let (closing, average) = rates.of(currency, to, day)?;
        Ok(Self { book: book.to_owned(), currency, balances, closing, average })
    }

    /// The rate of an account.
    fn rate(&self, role: Role) -> &ExchangeRate {
        if is_result(role) { &self.average } else { &self.closing }
    }
}

/// Whether an account is income or expense.
fn is_result(role: Role) -> bool {
    match role {
        Role::Revenue
        | Role::ContraRevenue
        | Role::Recoveries
        | Role::BadDebtExpense
        | Role::PaymentFees
        | Role::FxGainLoss
        | Role::SmallBalanceWriteOff => true,
        Role::Cash
        | Role::AccountsReceivable
        | Role::UnbilledReceivable
        | Role::DeferredRevenue
        | Role::TaxPayable
        | Role::UnappliedCash
        | Role::CustomerCredits
        | Role::Allowance => false,
    }
}

/// The balances of all books by role; `by_book`, a row for each book with its own balance and rate.
pub fn trial_balance(entities: &[Entity], currency: Currency, by_book: bool) -> Table {
    let columns: &[&str] = if by_book {
        &[
            "role",
            "book",
            "book_currency",
            "book_balance:amount",
            "rate",
            "currency",
            "balance:amount",
        ]
    } else {
        &["role", "currency", "debit:amount", "credit:amount", "balance:amount"]
    };
    let mut table = Table::new(columns);
    let zero = currency.zero();
    let mut sums: BTreeMap<Option<Role>, Amount> = BTreeMap::new();
    for entity in entities {
        let mut difference = zero;
        for (role, balance) in &entity.balances {
            let rate = entity.rate(*role);
            let value = rate.value(*balance, Rounding::HalfEven);
            difference -= value;
            // A book's own roles come first, and what is left last.
            *sums.entry(Some(*role)).or_insert(zero) += value;
            if by_book {
                table.rows.push(vec![
                    role.as_str().into(),
                    entity.book.as_str().into(),
                    entity.currency.code().into(),
                    (*balance).into(),
                    text(rate).into(),
                    currency.code().into(),
                    value.into(),
                ]);
            }
        }
        *sums.entry(None).or_insert(zero) += difference;
        if by_book && !difference.is_zero() {
            table.rows.push(vec![
                DIFFERENCE.into(),
                entity.book.as_str().into(),
                entity.currency.code().into(),
                Cell::Empty,
                Cell::Empty,
                currency.code().into(),
                difference.into(),
            ]);
        }
    }
    if !by_book {
        let difference = sums.remove(&None).map(|amount| (DIFFERENCE, amount));
        let roles = sums.into_iter().filter_map(|(role, amount)| Some((role?.as_str(), amount)));
        for (name, balance) in roles.chain(difference).filter(|(_, amount)| !amount.is_zero()) {
            table.rows.push(vec![
                name.into(),
                currency.code().into(),
                balance.max(zero).into(),
                (-balance).max(zero).into(),
                balance.into(),
            ]);
        }
    }
    table
}

fn text(rate: &ExchangeRate) -> String {
    let per = rate.per.to_string();
    if per == "1" { rate.rate.to_string() } else { format!("{}/{per}", rate.rate) }
}
