//! The terms of a line from day to day, and what each of its periods costs under them.
//!
//! The same amounts are billed and earned: a line's price is the sum of its periods, each rounded
//! as it is billed (readings, 43).

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;

use crate::billing::grid::{Grid, Length, Period};
use crate::billing::price;
use crate::billing::proration::share;
use crate::billing::timeline::Timeline;
use crate::calendar::Day;
use crate::command::shared::{Discount, Per, Price};
use crate::event::order::ContainedTax;
use crate::money::{Amount, Currency, Rounding, multiply_divide};
use crate::policy::{Policies, Proration, ProrationRounding, TaxInclusive};

/// What a line costs from a day on.
#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
pub struct Terms {
    /// The first day on which they hold.
    pub from: Day,
    /// The price of one period.
    pub price: Price,
    /// Units.
    pub quantity: Amount,
    /// Off each period's price.
    pub discount: Option<Discount>,
    /// Whether the order is suspended: then the days cost nothing.
    pub is_suspended: bool,
    /// Tax that the price contains; the line costs the rest.
    pub contained_tax: Option<ContainedTax>,
}

impl Terms {
    /// The price of one whole period of `price.per`, before rounding.
    pub fn whole(&self) -> Decimal {
        if self.is_suspended {
            return Decimal::ZERO;
        }
        let priced = price::of_units(&self.price, self.quantity.decimal());
        let minimum = self.price.minimum.map_or(Decimal::ZERO, Amount::decimal);
        let price = price::discounted(priced.max(minimum), self.discount);
        self.net_share().map_or(price, |(part, of)| multiply_divide(price, part, of))
    }

    /// The net part of a price that contains its tax: the first number over the second.
    pub fn net_share(&self) -> Option<(Decimal, Decimal)> {
        let tax = self.contained_tax?;
        let (rate, hundred) = (tax.rate.decimal(), Decimal::ONE_HUNDRED);
        Some(match tax.split {
            TaxInclusive::Extract => (hundred, hundred + rate),
            TaxInclusive::Division => (hundred - rate, hundred),
        })
    }
}

/// What pricing a line's periods shares.
#[derive(Debug, Clone, Copy)]
pub struct Pricing {
    /// Its periods.
    pub grid: Grid,
    /// The period that its price is for.
    pub per: Per,
    /// What a part of a period costs.
    pub proration: Proration,
    /// How a change inside a period is rounded.
    pub proration_rounding: ProrationRounding,
    /// How midpoints are rounded.
    pub rounding: Rounding,
    /// The currency.
    pub currency: Currency,
}

impl Pricing {
    /// The pricing of a line with these periods under a book's policies.
    pub fn new(grid: Grid, per: Per, policies: &Policies, currency: Currency) -> Self {
        Self {
            grid,
            per,
            proration: policies.proration,
            proration_rounding: policies.proration_rounding,
            rounding: policies.rounding,
            currency,
        }
    }

    /// How many billing periods make one period of the price, where the price is for a longer
    /// time than a billing period: a yearly price that is billed by the month.
    pub fn parts(&self) -> i32 {
        match (Length::from(self.per), self.grid.length) {
            (Length::Months(price), Length::Months(billed)) if price % billed == 0 => {
                price / billed
            }
            _ => 1,
        }
    }

    /// What a whole period of the grid costs at a price for `per`, before rounding.
    fn exact(&self, price: Decimal, period: &Period) -> Decimal {
        match (Length::from(self.per), self.grid.length) {
            (Length::Months(price_months), Length::Months(billed)) => {
                multiply_divide(price, billed.into(), price_months.into())
            }
            (Length::Days(price_days), Length::Months(_) | Length::Days(_)) => {
                let days = period.whole_end.days_since(period.whole_start) + 1;
                multiply_divide(price, days.into(), price_days.into())
            }
            (Length::Months(price_months), Length::Days(days)) => {
                let month = period.whole_start;
                let whole = month.plus_months(price_months, month.day()).days_since(month);
                multiply_divide(price, days.into(), whole.into())
            }
            (Length::Term, _) | (_, Length::Term) => price,
        }
    }

    /// A whole period's price, rounded. Where several make one period of the price, that is rounded
    /// first, and cumulative rounding inside it lets them sum to it exactly: a line without an end
    /// earns the same parts of it.
    pub fn whole(&self, terms: &Terms, period: &Period) -> Amount {
        let parts = self.parts();
        if parts == 1 {
            return self.round(self.exact(terms.whole(), period));
        }
        let index = self.grid.index(period.start).rem_euclid(parts);
        let whole = self.round(terms.whole()).decimal();
        let through = |count: i32| self.round(multiply_divide(whole, count.into(), parts.into()));
        through(index + 1) - through(index)
    }

    /// What a period of the grid costs with every change that falls inside it.
    pub fn period(&self, terms: &Timeline, period: &Period) -> Amount {
        let Some(first) = in_force(terms, period.start).or(terms.first()) else {
            return self.currency.zero();
        };
        let mut sum = if period.is_whole() {
            self.whole(first, period)
        } else {
            let part = share(self.proration, self.grid.length, period, period.start, period.end);
            self.round(part.times(self.exact(first.whole(), period)))
        };
        let mut before = first;
        for changed in terms.within(period) {
            if changed.from > period.start {
                sum += self.change(before, changed, period);
            }
            before = changed;
        }
        sum
    }

    /// The difference that a change makes to the days that are left of a period, the first day of
    /// the new terms counted (accounting, section 4; readings, 30).
    fn change(&self, before: &Terms, after: &Terms, period: &Period) -> Amount {
        let (old, new) = (self.exact(before.whole(), period), self.exact(after.whole(), period));
        let left = share(self.proration, self.grid.length, period, after.from, period.end);
        match self.proration_rounding {
            ProrationRounding::Net => self.round(left.times(new - old)),
            ProrationRounding::Legs => self.round(left.times(new)) - self.round(left.times(old)),
            ProrationRounding::DailyRate => {
                let whole = period.whole_end.days_since(period.whole_start) + 1;
                let days = Decimal::from(period.end.days_since(after.from) + 1);
                let rate = |price: Decimal| {
                    self.round(multiply_divide(price, Decimal::ONE, whole.into())).decimal()
                };
                self.round((rate(new) - rate(old)) * days)
            }
        }
    }

    /// The price of all periods from the one that holds `from` on; nothing where there is no end.
    pub fn rest(&self, terms: &Timeline, from: Day) -> Amount {
        let zero = self.currency.zero();
        if self.grid.last().is_none() && self.grid.length != Length::Term {
            return zero;
        }
        zero + self.grid.from(from).map(|period| self.period(terms, &period)).sum()
    }

    /// The price of all periods at one set of terms before any rounding, for ratios: the first
    /// number over the second. Of one whole period where there is no end.
    pub fn exact_total(&self, terms: &Terms) -> (Decimal, Decimal) {
        let one = (terms.whole(), Decimal::ONE);
        if self.grid.last().is_none() && self.grid.length != Length::Term {
            return one;
        }
        let (mut sum, mut of) = (Decimal::ZERO, Decimal::ONE);
        for period in self.grid.from(self.grid.start) {
            let whole = self.exact(terms.whole(), &period);
            let length = self.grid.length;
            let part = share(self.proration, length, &period, period.start, period.end);
            // At most two periods are parts: the denominators stay small.
            let added = sum
                .checked_mul(part.of)
                .zip(whole.checked_mul(part.part).and_then(|one| one.checked_mul(of)))
                .zip(of.checked_mul(part.of));
            match added {
                Some(((sum_there, here), product)) => (sum, of) = (sum_there + here, product),
                None => return one,
            }
        }
        (sum, of)
    }

    fn round(&self, value: Decimal) -> Amount {
        self.currency.round(value, self.rounding)
    }
}

/// The terms that hold on a day.
pub fn in_force(terms: &Timeline, day: Day) -> Option<&Terms> {
    terms.in_force(day)
}

/// The list with new terms from a day on: what held from then on until now is gone.
pub fn with(terms: &Timeline, new: Terms) -> Timeline {
    terms.with(new)
}
