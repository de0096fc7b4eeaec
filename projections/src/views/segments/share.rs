//! Parts of an amount in whole minor units, rounded as `Currency::round` rounds.

use ledger_core::money::Rounding;

/// An amount that is divided by one number again and again: what it takes to do so without a
/// division each time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    amount: u64,
    is_negative: bool,
    whole: u64,
    /// 2^64 over `whole`, rounded down.
    reciprocal: u64,
    /// Whether `amount × whole` fits 64 bits.
    is_small: bool,
    is_half_up: bool,
}

impl Share {
    /// Parts of `amount` in units of which `whole` are all of it.
    pub(super) fn new(amount: i64, whole: u64, rounding: Rounding) -> Self {
        let whole = whole.max(1);
        Self {
            amount: amount.unsigned_abs(),
            is_negative: amount < 0,
            whole,
            reciprocal: u64::MAX / whole,
            is_small: amount.unsigned_abs().checked_mul(whole).is_some_and(|most| most < 1 << 62),
            is_half_up: match rounding {
                Rounding::HalfEven => false,
                Rounding::HalfUp => true,
            },
        }
    }

    /// `amount × part / whole`, rounded. `part` is at most `whole`.
    #[inline]
    pub(super) fn of(&self, part: u64) -> i64 {
        let rounded = if self.is_small { self.small(part) } else { self.large(part) };
        // It is no more than the amount, which came from an `i64`.
        let rounded = i64::try_from(rounded).unwrap_or(i64::MAX);
        if self.is_negative { -rounded } else { rounded }
    }

    #[inline]
    fn small(&self, part: u64) -> u64 {
        let product = self.amount.wrapping_mul(part);
        // The upper half of the product with the reciprocal is the quotient, or one less: the
        // reciprocal is short of 2^64 / whole by at most 1, and the product is below 2^64.
        let high = (u128::from(product) * u128::from(self.reciprocal)) >> 64;
        let mut quotient = u64::try_from(high).unwrap_or(u64::MAX);
        let mut rest = product.wrapping_sub(quotient.wrapping_mul(self.whole));
        if rest >= self.whole {
            quotient += 1;
            rest -= self.whole;
        }
        let twice = rest * 2;
        let is_up =
            twice > self.whole || twice == self.whole && (self.is_half_up || quotient % 2 == 1);
        quotient + u64::from(is_up)
    }

    #[cold]
    fn large(&self, part: u64) -> u64 {
        let product = u128::from(self.amount) * u128::from(part);
        let whole = u128::from(self.whole);
        let (quotient, twice) = (product / whole, product % whole * 2);
        let is_up = twice > whole || twice == whole && (self.is_half_up || quotient % 2 == 1);
        u64::try_from(quotient + u128::from(is_up)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use ledger_core::money::{Amount, Currency};
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    proptest! {
        #[test]
        fn a_share_is_what_the_decimals_give(
            amount in prop_oneof![-100_000_i64..100_000, -999_999_999_999_999_i64..999_999_999_999_999],
            whole in prop_oneof![1_u64..70, 1_u64..4_000_000, 1_u64..1 << 32],
            part in 0_u64..1 << 32,
            is_half_up in any::<bool>(),
        ) {
            let part = part % (whole + 1);
            let rounding = if is_half_up { Rounding::HalfUp } else { Rounding::HalfEven };
            let currency = Currency::parse("JPY").unwrap();
            let exact = ledger_core::money::multiply_divide(amount.into(), part.into(), whole.into());
            let expected = currency.round(exact, rounding);
            let share = Share::new(amount, whole, rounding).of(part);
            prop_assert_eq!(Amount::from_decimal(Decimal::from(share)), expected);
        }
    }
}
