//! Days sales outstanding and its relatives (accounting, section 5; readings, 36), sales volume, and
//! customer lifetime value.

use std::collections::{BTreeMap, BTreeSet};

use ledger_core::calendar::Day;
use ledger_core::id::Identifier;
use ledger_core::money::Amount;
use ledger_core::posting::Role;
use ledger_core::rejection::Rejection;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::facts::{Settles, Used};
use crate::reports::contracts::{Span, by_unknown};
use crate::reports::open_items::{open, paid_on};
use crate::reports::{Query, Table, functional};
use crate::views::{CreditFact, InvoiceFact};

/// Decimals of a metric.
const DECIMALS: u32 = 4;

/// The documents that metrics are made of: of all customers, or of one.
#[derive(Default)]
struct Documents<'a> {
    invoices: Vec<&'a InvoiceFact>,
    credits: Vec<&'a CreditFact>,
}

/// Both ends count.
#[derive(Clone, Copy)]
struct Period {
    from: Day,
    to: Day,
}

/// One row a metric; one whose divisor is zero is left out. `by` a span of time or customer there
/// is a row for each of those and metric.
pub(super) fn metrics(query: &Query<'_>) -> Result<Table, Rejection> {
    let to = query.to()?;
    let from = query.from()?.unwrap_or(to.plus_months(-12, to.day()).next());
    let whole = Period { from, to };
    let by = match query.filters.get("by") {
        None => return Ok(table(query, None, [(String::new(), documents(query), whole)])),
        Some("customer") => {
            let rows = by_customer(query).into_iter();
            let rows = rows.map(|(id, documents)| (id.to_string(), documents, whole));
            return Ok(table(query, Some("customer"), rows));
        }
        Some(by) => Span::parse(by).filter(|span| *span != Span::Day),
    };
    let span = by.ok_or_else(|| by_unknown("month, quarter, year or customer"))?;
    let parts = std::iter::successors(Some(from), |day| Some(span.last(*day).next()));
    let rows = parts.take_while(|day| *day <= to).map(|from| {
        let period = Period { from, to: span.last(from).min(to) };
        (span.label(from), documents(query), period)
    });
    Ok(table(query, Some(span.name()), rows))
}

fn table<'a>(
    query: &Query<'a>,
    by: Option<&str>,
    rows: impl IntoIterator<Item = (String, Documents<'a>, Period)>,
) -> Table {
    let columns: Vec<&str> = by.into_iter().chain(["metric", "value:amount"]).collect();
    let mut table = Table::new(&columns);
    for (label, documents, period) in rows {
        for (name, value) in documents.metrics(query, period) {
            let Some(value) = value else { continue };
            let label = by.map(|_| label.as_str().into());
            table.rows.push(label.into_iter().chain([name.into(), value.into()]).collect());
        }
    }
    table
}

fn documents<'a>(query: &Query<'a>) -> Documents<'a> {
    let mut all = Documents::default();
    for documents in by_customer(query).into_values() {
        all.invoices.extend(documents.invoices);
        all.credits.extend(documents.credits);
    }
    all
}

fn by_customer<'a>(query: &Query<'a>) -> BTreeMap<&'a Identifier, Documents<'a>> {
    let mut customers: BTreeMap<&Identifier, Documents<'a>> = BTreeMap::new();
    let view = &query.views.receivables;
    for fact in view.invoices.values().filter(|fact| fact.sequence <= query.sequence) {
        customers.entry(&fact.issued.customer).or_default().invoices.push(fact);
    }
    for fact in view.credits.values().filter(|fact| fact.sequence <= query.sequence) {
        customers.entry(&fact.issued.customer).or_default().credits.push(fact);
    }
    customers.retain(|customer, _| query.keeps("customer", Some(customer.as_str())));
    customers
}

/// A part of an invoice in the book's currency.
fn of_invoice(query: &Query<'_>, fact: &InvoiceFact, part: Amount) -> Amount {
    let of = (fact.sequence, Role::AccountsReceivable);
    functional::at_own_rate(query, of, (part, fact.issued.total))
}

fn ratio(numerator: Decimal, denominator: Decimal) -> Option<Amount> {
    let value = numerator.checked_div(denominator)?;
    let rounded = value.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointNearestEven);
    Some(Amount::from_decimal(rounded.normalize()))
}

impl Documents<'_> {
    /// Amounts of all currencies are summed in the book's, each at the rate of its document.
    fn metrics(&self, query: &Query<'_>, period: Period) -> Vec<(&'static str, Option<Amount>)> {
        let Period { from, to } = period;
        let days = Decimal::from(to.days_since(from) + 1);
        let (opening, _) = self.receivable(query, from.previous());
        let (closing, current) = self.receivable(query, to);
        let billed = self.billed(query, period);
        let average = (opening + closing) / Decimal::TWO;
        let overdue = closing - current;
        let [paid, to_pay, late] = self.paid(query, period);
        let (net, ever) = self.lifetime(query, to);
        let one = Decimal::ONE;
        vec![
            ("dso", ratio(closing * days, billed)),
            ("dso_average", ratio(average * days, billed)),
            ("dso_countback", self.countback(query, to, closing)),
            ("best_possible_dso", ratio(current * days, billed)),
            ("average_days_delinquent", ratio(overdue * days, billed)),
            ("average_days_to_pay", ratio(to_pay, paid)),
            ("average_days_late", ratio(late, paid)),
            (
                "collection_effectiveness",
                ratio(opening + billed - closing, opening + billed - current),
            ),
            ("sales_volume", ratio(billed, one)),
            ("invoices", ratio(Decimal::from(self.issued(period).count()), one)),
            ("customers", ratio(self.customers(period), one)),
            ("sales_per_customer", ratio(billed, self.customers(period))),
            ("customer_lifetime_value", ratio(net, ever)),
        ]
    }

    fn issued(&self, period: Period) -> impl Iterator<Item = &InvoiceFact> {
        let is_in = move |day: Day| day >= period.from && day <= period.to;
        self.invoices.iter().copied().filter(move |fact| is_in(fact.issued.issued))
    }

    /// Total and current receivables at the end of a day.
    fn receivable(&self, query: &Query<'_>, day: Day) -> (Decimal, Decimal) {
        let mut total = Decimal::ZERO;
        let mut current = Decimal::ZERO;
        for fact in &self.invoices {
            let open = open(fact, day, query.sequence).unwrap_or_default();
            let amount = of_invoice(query, fact, open).decimal();
            total += amount;
            if day <= fact.issued.due {
                current += amount;
            }
        }
        (total, current)
    }

    fn billed(&self, query: &Query<'_>, period: Period) -> Decimal {
        let totals = self.issued(period).map(|fact| of_invoice(query, fact, fact.issued.total));
        totals.map(Amount::decimal).sum()
    }

    /// How many customers got an invoice.
    fn customers(&self, period: Period) -> Decimal {
        let customers = self.issued(period).map(|fact| &fact.issued.customer);
        Decimal::from(customers.collect::<BTreeSet<_>>().len())
    }

    /// Whole months of sales from the latest back, 30 days each, the rest in proportion.
    fn countback(&self, query: &Query<'_>, to: Day, total: Decimal) -> Option<Amount> {
        let (mut left, mut days, mut month) = (total, Decimal::ZERO, to.month());
        for _ in 0..120 {
            if left.is_zero() {
                break;
            }
            let sales =
                self.billed(query, Period { from: month.first(), to: month.last().min(to) });
            if sales >= left {
                return ratio(days * sales + left * Decimal::from(30), sales);
            }
            left -= sales;
            days += Decimal::from(30);
            month = month.plus(-1);
        }
        ratio(days, Decimal::ONE)
    }

    /// How many invoices money settled in the period, the days from their issue, and from their due
    /// dates (below zero: before them).
    fn paid(&self, query: &Query<'_>, period: Period) -> [Decimal; 3] {
        let mut sums = [0_i64; 3];
        for fact in &self.invoices {
            let paid = paid_on(fact, period.to, query.sequence);
            if let Some(paid) = paid.filter(|day| *day >= period.from) {
                let days = [fact.issued.issued, fact.issued.due].map(|day| paid.days_since(day));
                let [count, to_pay, late] = &mut sums;
                *count += 1;
                *to_pay += i64::from(days[0]);
                *late += i64::from(days[1]);
            }
        }
        sums.map(Decimal::from)
    }

    /// What was billed through a day, net of tax, credits and voided documents, and to how many
    /// customers. Its mean is the historic customer lifetime value: of the usual formula, average
    /// purchase value x purchase frequency x lifespan
    /// (<https://reply.io/sales-glossary/customer-lifetime-value/>), frequency times lifespan are
    /// the purchases per customer so far. It has no margin, for a ledger knows no cost of sales, and
    /// nothing of it is foreseen.
    fn lifetime(&self, query: &Query<'_>, day: Day) -> (Decimal, Decimal) {
        let known = |on: Day, at: u64| on <= day && at <= query.sequence;
        let is_void = |fact: &InvoiceFact| {
            let mut settlements = fact.settlements.iter();
            settlements.any(|one| one.kind == Settles::Void && known(one.effective, one.sequence))
        };
        let invoices = self.invoices.iter().copied();
        let invoices = invoices.filter(|fact| fact.issued.issued <= day && !is_void(fact));
        let mut net = Decimal::ZERO;
        let mut customers = BTreeSet::new();
        for fact in invoices {
            net += of_invoice(query, fact, fact.issued.net).decimal();
            customers.insert(&fact.issued.customer);
        }
        for fact in self.credits.iter().filter(|fact| fact.effective <= day) {
            let mut uses = fact.uses.iter();
            let is_void =
                uses.any(|one| one.of == Used::CreditVoid && known(one.effective, one.sequence));
            if !is_void {
                let parts = (fact.issued.net, fact.issued.total);
                let of = (fact.sequence, Role::CustomerCredits);
                net -= functional::at_own_rate(query, of, parts).decimal();
            }
        }
        (net, Decimal::from(customers.len()))
    }
}
