//! Days sales outstanding and its relatives (accounting, section 5; readings, 36).

use ledger_core::calendar::Day;
use ledger_core::money::Amount;
use ledger_core::rejection::Rejection;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::reports::open_items::open;
use crate::reports::{Query, Table};

/// Decimals of a metric.
const DECIMALS: u32 = 4;

fn ratio(numerator: Decimal, denominator: Decimal) -> Option<Amount> {
    let value = numerator.checked_div(denominator)?;
    let rounded = value.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointNearestEven);
    Some(Amount::from_decimal(rounded.normalize()))
}

/// Total and current receivables at the end of a day.
fn receivable(query: &Query<'_>, day: Day) -> (Decimal, Decimal) {
    let mut total = Decimal::ZERO;
    let mut current = Decimal::ZERO;
    for fact in query.views.receivables.invoices.values() {
        let amount = open(fact, day, query.sequence).unwrap_or_default().decimal();
        total += amount;
        if day <= fact.issued.due {
            current += amount;
        }
    }
    (total, current)
}

fn billed(query: &Query<'_>, from: Day, to: Day) -> Decimal {
    let known = query.views.receivables.invoices.values().filter(|fact| {
        fact.sequence <= query.sequence && fact.issued.issued >= from && fact.issued.issued <= to
    });
    known.map(|fact| fact.issued.total.decimal()).sum()
}

/// Whole months of sales from the latest back, 30 days each, the rest in proportion.
fn countback(query: &Query<'_>, to: Day, total: Decimal) -> Option<Amount> {
    let (mut left, mut days, mut month) = (total, Decimal::ZERO, to.month());
    for _ in 0..120 {
        if left.is_zero() {
            break;
        }
        let sales = billed(query, month.first(), month.last().min(to));
        if sales >= left {
            return ratio(days * sales + left * Decimal::from(30), sales);
        }
        left -= sales;
        days += Decimal::from(30);
        month = month.plus(-1);
    }
    ratio(days, Decimal::ONE)
}

/// One row a metric; one whose divisor is zero is left out.
pub(super) fn metrics(query: &Query<'_>) -> Result<Table, Rejection> {
    let to = query.to()?;
    let from = query.from()?.unwrap_or(to.plus_months(-12, to.day()).next());
    let days = Decimal::from(to.days_since(from) + 1);
    let (opening, _) = receivable(query, from.previous());
    let (closing, current) = receivable(query, to);
    let billed = billed(query, from, to);
    let average = (opening + closing) / Decimal::TWO;
    let rows = [
        ("dso", ratio(closing * days, billed)),
        ("dso_average", ratio(average * days, billed)),
        ("dso_countback", countback(query, to, closing)),
        ("best_possible_dso", ratio(current * days, billed)),
        ("collection_effectiveness", ratio(opening + billed - closing, opening + billed - current)),
        ("sales_volume", ratio(billed, Decimal::ONE)),
    ];
    let mut table = Table::new(&["metric", "value:amount"]);
    for (name, value) in rows {
        if let Some(value) = value {
            table.rows.push(vec![name.into(), value.into()]);
        }
    }
    Ok(table)
}
