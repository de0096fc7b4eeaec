//! What lines earn from day to day, out of the hot table where it can tell, so that a report over
//! a million lines takes no longer than reading them.

use std::collections::BTreeMap;

use ledger_core::calendar::{Day, YearMonth};
use ledger_core::money::{Amount, Currency};
use ledger_core::posting::ContractId;
use rust_decimal::Decimal;

use crate::reports::Query;
use crate::reports::contracts::{Span, lines, order_of};
use crate::views::{Contract, Cuts, Line, Segment, Segments, Selected};

/// Whether the hot table can answer: it knows all that is known now, and nothing of the past.
fn is_hot(query: &Query<'_>) -> bool {
    query.sequence >= query.views.deferred_revenue.changed
}

/// The lines that pass the filters and that the hot table cannot tell about.
pub(super) fn other_lines<'a>(
    query: &'a Query<'_>,
) -> Box<dyn Iterator<Item = (&'a Contract, &'a Line)> + 'a> {
    if !is_hot(query) {
        return Box::new(lines(query));
    }
    let view = &query.views.deferred_revenue;
    let known = view.segments.general_lines().iter().filter_map(|(id, line)| {
        let contract = view.contracts.get(id)?;
        Some((contract, &**contract.lines.get(line)?))
    });
    Box::new(known.filter(|(contract, line)| {
        query.keeps("customer", Some(contract.customer.as_str()))
            && query.keeps("order", order_of(contract))
            && query.keeps("product", line.product.as_ref().map(|product| product.as_str()))
    }))
}

/// The rows of the hot table that pass the filters, by group and currency.
struct Hot<'a> {
    selected: Selected<'a>,
    currencies: &'a [Currency],
    names: Box<dyn Fn(u32) -> String + 'a>,
}

impl<'a> Hot<'a> {
    /// None where the hot table has no such row, or cannot answer.
    fn new(query: &'a Query<'_>, by: &str) -> Option<Self> {
        if !is_hot(query) {
            return None;
        }
        let view = &query.views.deferred_revenue;
        let table = &view.segments;
        let currencies = u32::try_from(table.currencies().len()).ok()?;
        let keeps = filter(query)?;
        let (groups, group, names) = groups(query, by);
        let selected = table.select(groups * table.currencies().len(), |row| {
            keeps(row).then(|| group(row) * currencies + u32::from(row.currency))
        });
        Some(Self { selected, currencies: table.currencies(), names })
    }

    /// What each group earned from one cut to the next, which ends on the day that `each` gets.
    /// What was earned through the first cut is left out.
    fn between(
        &self,
        cuts: &Cuts,
        booked: Option<Day>,
        each: &mut dyn FnMut(&str, Currency, Day, Amount),
    ) {
        let count = u32::try_from(self.currencies.len()).unwrap_or(1).max(1);
        self.selected.cumulative(cuts, booked, &mut |group, first, sums| {
            let index = usize::try_from(group % count).unwrap_or(0);
            let Some(currency) = self.currencies.get(index) else { return };
            let name = (self.names)(group / count);
            let mut before = if first == 0 { sums.first().copied().unwrap_or(0) } else { 0 };
            for (day, sum) in cuts.days().iter().skip(first).zip(sums) {
                if *sum != before {
                    each(&name, *currency, *day, amount(sum - before, *currency));
                }
                before = *sum;
            }
        });
    }
}

/// Minor units as an amount. Sums of all the rows that fit into memory have fewer than 28 digits.
fn amount(units: i128, currency: Currency) -> Amount {
    Amount::from_decimal(Decimal::from_i128_with_scale(units, currency.minor_units()))
}

/// Whether a row passes the filters; none where none can.
fn filter<'a>(query: &'a Query<'_>) -> Option<impl Fn(&Segment) -> bool + 'a> {
    let table = &query.views.deferred_revenue.segments;
    let wanted = |name: &str, number: &dyn Fn(&str) -> Option<u32>| match query.filters.get(name) {
        Some(value) => number(value).map(Some),
        None => Some(None),
    };
    let customer = wanted("customer", &|name| table.customers.number(name))?;
    let product = wanted("product", &|name| Some(table.products.number(name)? + 1))?;
    let order = wanted("order", &|name| {
        let id = ContractId::Order(name.parse().ok()?);
        Some(query.views.deferred_revenue.contracts.get(&id)?.number)
    })?;
    Some(move |row: &Segment| {
        order.is_none_or(|order| row.contract == order)
            && product.is_none_or(|product| row.product == product)
            && customer.is_none_or(|customer| table.customer(row) == customer)
    })
}

type Group<'a> = Box<dyn Fn(&Segment) -> u32 + 'a>;
type Name<'a> = Box<dyn Fn(u32) -> String + 'a>;

/// How many groups there are, that of a row, and its name.
fn groups<'a>(query: &'a Query<'_>, by: &str) -> (usize, Group<'a>, Name<'a>) {
    let view = &query.views.deferred_revenue;
    let table: &Segments = &view.segments;
    match by {
        "product" => {
            let name = |number: u32| {
                let name = number.checked_sub(1).and_then(|number| table.products.name(number));
                name.map(ToString::to_string).unwrap_or_default()
            };
            (table.products.len() + 1, Box::new(|row| row.product), Box::new(name))
        }
        "customer" => {
            let name = |number: u32| {
                table.customers.name(number).map(ToString::to_string).unwrap_or_default()
            };
            (table.customers.len(), Box::new(|row| table.customer(row)), Box::new(name))
        }
        "order" => {
            let mut names = vec![""; view.contracts.len()];
            for contract in view.contracts.values() {
                let index = usize::try_from(contract.number).unwrap_or(usize::MAX);
                if let (Some(name), Some(order)) = (names.get_mut(index), order_of(contract)) {
                    *name = order;
                }
            }
            let name = move |number: u32| {
                let index = usize::try_from(number).unwrap_or(usize::MAX);
                names.get(index).copied().unwrap_or("").to_owned()
            };
            (view.contracts.len(), Box::new(|row| row.contract), Box::new(name))
        }
        "booked" => {
            // Months since the year 0.
            let month = |number: u32| {
                let months = i32::try_from(number).unwrap_or(0);
                YearMonth { year: 0, month: 1 }.plus(months).to_string()
            };
            (12 * 10_000, Box::new(Segment::month_booked), Box::new(month))
        }
        _ => (1, Box::new(|_| 0), Box::new(|_| String::new())),
    }
}

/// The sums of the waterfall: by month, currency and group what is recognised and scheduled.
pub(super) type MonthSums<'a> = BTreeMap<(YearMonth, &'a str, String), (Amount, Amount)>;

/// Adds what the lines of the hot table have earned and will earn, by month.
pub(super) fn add_months<'a>(query: &'a Query<'_>, by: &str, sums: &mut MonthSums<'a>) {
    let Some(hot) = Hot::new(query, by) else { return };
    let Some((first, last)) = hot.selected.reach else { return };
    let mut days: Vec<Day> = (0..=last.month().since(first.month()))
        .map(|months| first.month().plus(months).last())
        .collect();
    days.extend([first.month().first().previous(), query.as_of]);
    hot.between(&Cuts::new(days), Some(query.as_of), &mut |name, currency, day, earned| {
        let zero = currency.zero();
        let code = code_of(hot.currencies, currency);
        let key = (day.month(), code, name.to_owned());
        let sum = sums.entry(key).or_insert((zero, zero));
        if day <= query.as_of { sum.0 += earned } else { sum.1 += earned }
    });
}

fn code_of(currencies: &[Currency], currency: Currency) -> &str {
    currencies.iter().find(|one| **one == currency).map_or("", Currency::code)
}

/// Adds what the lines of the hot table have earned in each span of a range, or by group.
pub(super) fn add_spans<'a>(
    query: &'a Query<'_>,
    (from, to): (Day, Day),
    (by, span): (&str, Option<Span>),
    sums: &mut BTreeMap<(String, &'a str), Amount>,
) {
    let Some(hot) = Hot::new(query, if span.is_some() { "" } else { by }) else { return };
    let Some((first, last)) = hot.selected.reach else { return };
    let (from, last) = (from.max(first), last.min(to));
    if from > to {
        return;
    }
    let mut days = vec![from.previous(), to];
    let mut day = from;
    while let Some(span) = span.filter(|_| day <= last) {
        days.push(span.last(day).min(to));
        day = span.last(day).next();
    }
    hot.between(&Cuts::new(days), None, &mut |name, currency, day, earned| {
        let key = span.map_or_else(|| name.to_owned(), |span| span.label(day));
        let code = code_of(hot.currencies, currency);
        *sums.entry((key, code)).or_insert(currency.zero()) += earned;
    });
}
