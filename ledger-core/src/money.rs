//! Exact amounts of one currency, and the named roundings.

use std::cell::Cell;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::digits::Digits;
use crate::limits::{INTEGER_DIGITS_MAX, RATE_DECIMALS_MAX, SUM_DIGITS_MAX};
use crate::rejection::{Code, Rejection};

mod digits;

/// A currency of ISO 4217, with its minor units.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
pub struct Currency {
    code: [u8; 3],
    minor_units: u32,
}

impl Currency {
    /// Finds a currency by its code: `USD`, `JPY`, `KWD`.
    ///
    /// # Errors
    /// `currency.unknown` where ISO 4217 has no such code or gives it no minor units.
    pub fn parse(code: &str) -> Result<Self, Rejection> {
        let known = iso_currency::Currency::from_code(code)
            .and_then(|currency| currency.exponent().map(|minor| (currency.code(), minor)));
        match (known, <[u8; 3]>::try_from(code.as_bytes())) {
            (Some((_, minor)), Ok(bytes)) => {
                Ok(Self { code: bytes, minor_units: u32::from(minor) })
            }
            _ => Err(Rejection::at(
                Code::CurrencyUnknown,
                "currency",
                format!("{code:?} is not a currency of ISO 4217; use a code such as USD"),
            )),
        }
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        // The bytes came from a `str` of three ASCII letters.
        std::str::from_utf8(&self.code).unwrap_or("XXX")
    }

    /// Decimals of an amount: USD 2, JPY 0, KWD 3.
    pub fn minor_units(&self) -> u32 {
        self.minor_units
    }

    /// Rounds to the minor unit.
    pub fn round(&self, value: Decimal, rounding: Rounding) -> Amount {
        let strategy = match rounding {
            Rounding::HalfEven => RoundingStrategy::MidpointNearestEven,
            Rounding::HalfUp => RoundingStrategy::MidpointAwayFromZero,
        };
        let mut rounded = value.round_dp_with_strategy(self.minor_units, strategy);
        rounded.rescale(self.minor_units);
        Amount::from_decimal(rounded)
    }

    /// Nothing, with the currency's decimals.
    pub fn zero(&self) -> Amount {
        Amount(Decimal::new(0, self.minor_units))
    }

    /// Gives an amount the currency's decimals.
    ///
    /// # Errors
    /// `amount.precision` where it has more digits than the currency.
    pub fn exact(&self, amount: Amount, field: &str) -> Result<Amount, Rejection> {
        if amount.0.normalize().scale() > self.minor_units {
            return Err(Rejection::at(
                Code::AmountPrecision,
                field,
                format!(
                    "{} has more decimals than {} has ({}); round it before sending it",
                    amount.0,
                    self.code(),
                    self.minor_units
                ),
            ));
        }
        let mut value = amount.0;
        value.rescale(self.minor_units);
        Ok(Amount::from_decimal(value))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|rejection| crate::wire::coded(&rejection))
    }
}

/// How a midpoint is rounded (contract, section 5, policy `rounding`).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// To the even neighbour.
    #[default]
    HalfEven,
    /// Away from zero.
    HalfUp,
}

/// A decimal number of a document's currency (or a price, rate or quantity). On the wire a JSON
/// string, never a JSON number.
///
/// Values from outside have at most 12 digits before the point and 12 behind it
/// (`limits.rs`), so that sums of millions of them stay far below the 28 digits of the decimal
/// type: addition and subtraction cannot overflow.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    borsh::BorshSerialize,
    borsh::BorshDeserialize,
)]
pub struct Amount(Decimal);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Wraps a decimal; a negative zero becomes zero.
    pub fn from_decimal(value: Decimal) -> Self {
        if value.is_zero() { Self(Decimal::new(0, value.scale())) } else { Self(value) }
    }

    /// The decimal number.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// Whether it is above zero.
    pub fn is_positive(self) -> bool {
        self.0.is_sign_positive() && !self.0.is_zero()
    }

    /// Without its sign.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

thread_local! {
    /// Whether what is read comes from a caller.
    static IS_FROM_OUTSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Reads what a caller sent: its amounts have at most [`INTEGER_DIGITS_MAX`] digits before the point.
/// Events have sums of such amounts, which must be read back whatever they came to.
pub fn from_outside<T>(read: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IS_FROM_OUTSIDE.set(self.0);
        }
    }
    // Set back also where `read` panics.
    let before = Before(IS_FROM_OUTSIDE.replace(true));
    let value = read();
    drop(before);
    value
}

impl FromStr for Amount {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        Self::parse(text, INTEGER_DIGITS_MAX)
    }
}

impl Amount {
    /// Reads a decimal number of at most so many digits before the point.
    fn parse(text: &str, digits_max: u32) -> Result<Self, Rejection> {
        let invalid = || {
            Rejection::new(
                Code::AmountInvalid,
                format!("{text:?} is not a decimal number such as \"1250.00\""),
            )
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) {
            return Err(invalid());
        }
        if whole.trim_start_matches('0').len() > usize::try_from(digits_max).unwrap_or(0) {
            return Err(Rejection::new(
                Code::AmountTooLarge,
                format!("{text} has more than {digits_max} digits before the point"),
            ));
        }
        let significant = fraction.trim_end_matches('0').len();
        if significant > usize::try_from(RATE_DECIMALS_MAX).unwrap_or(0) {
            return Err(Rejection::new(
                Code::AmountPrecision,
                format!("{text} has more than {RATE_DECIMALS_MAX} decimals"),
            ));
        }
        let value = Decimal::from_str(text.get(..).unwrap_or(text)).map_err(|_| invalid())?;
        Ok(Self::from_decimal(value))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (formatter.precision(), Digits::of(self.0.abs()).as_str()) {
            (None, Some(digits)) => formatter.pad_integral(self.0.is_sign_positive(), "", digits),
            _ => fmt::Display::fmt(&self.0, formatter),
        }
    }
}

/// Keeps the decimals of the wider operand, which the sum of a zero would drop: 0.00 + 0 is 0.00.
fn widest(mut sum: Decimal, left: Amount, right: Amount) -> Amount {
    let scale = left.0.scale().max(right.0.scale());
    if sum.scale() < scale {
        sum.rescale(scale);
    }
    Amount::from_decimal(sum)
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        widest(self.0 + other.0, self, other)
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        widest(self.0 - other.0, self, other)
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self::from_decimal(-self.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Digits::of(self.0).as_str() {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Amount;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a decimal number in a JSON string, such as \"1250.00\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Amount, E> {
                let is_from_outside = IS_FROM_OUTSIDE.get();
                let most = if is_from_outside { INTEGER_DIGITS_MAX } else { SUM_DIGITS_MAX };
                Amount::parse(text, most).map_err(|rejection| crate::wire::coded(&rejection))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Splits `total` over `weights` by cumulative rounding in their order, so that the parts sum to
/// the whole exactly (accounting, section 3, Allocation). All-zero weights give everything to
/// the first part.
pub fn allocate(
    total: Amount,
    weights: &[Decimal],
    currency: Currency,
    rounding: Rounding,
) -> Vec<Amount> {
    let whole: Decimal = weights.iter().copied().sum();
    let mut so_far = Decimal::ZERO;
    let mut given = currency.zero();
    weights
        .iter()
        .enumerate()
        .map(|(index, weight)| {
            so_far += *weight;
            let through = if whole.is_zero() {
                if index == 0 { total } else { given }
            } else {
                share(total, so_far, whole, currency, rounding)
            };
            let part = through - given;
            given = through;
            part
        })
        .collect()
}

/// `total × part / whole` rounded once, in whole numbers as long as they fit, so that a share of
/// exactly half a minor unit is rounded as the policy says whatever the weights are.
fn share(
    total: Amount,
    part: Decimal,
    whole: Decimal,
    currency: Currency,
    rounding: Rounding,
) -> Amount {
    exact_share(total, part, whole, currency, rounding)
        .unwrap_or_else(|| currency.round(multiply_divide(total.decimal(), part, whole), rounding))
}

fn exact_share(
    total: Amount,
    part: Decimal,
    whole: Decimal,
    currency: Currency,
    rounding: Rounding,
) -> Option<Amount> {
    let scale = part.scale().max(whole.scale());
    let integer =
        |value: Decimal| value.mantissa().checked_mul(10_i128.checked_pow(scale - value.scale())?);
    let minor = currency.exact(total, "").ok()?.decimal().mantissa();
    let (product, divisor) = (minor.checked_mul(integer(part)?)?, integer(whole)?);
    let (quotient, rest) = (product.checked_div(divisor)?, product.checked_rem(divisor)?);
    let twice = rest.checked_abs()?.checked_mul(2)?;
    let goes_up = match twice.cmp(&divisor.checked_abs()?) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => rounding == Rounding::HalfUp || quotient % 2 != 0,
    };
    let sign = product.signum() * divisor.signum();
    let rounded = if goes_up { quotient.checked_add(sign)? } else { quotient };
    let value = Decimal::try_from_i128_with_scale(rounded, currency.minor_units()).ok()?;
    Some(Amount::from_decimal(value))
}

/// Weights that are fractions, over one denominator: numerators that can be added without loss.
/// Where that would be too large a number they are divided.
pub fn over_one_denominator(fractions: &[(Decimal, Decimal)]) -> Vec<Decimal> {
    let divided = || {
        let divide = |(part, of): &(Decimal, Decimal)| multiply_divide(*part, Decimal::ONE, *of);
        fractions.iter().map(divide).collect()
    };
    let mut common = Decimal::ONE;
    for (_, of) in fractions {
        match common.checked_mul(*of).map(|product| product.normalize()) {
            // A multiple serves already; else the product does, as long as it stays small.
            Some(_) if !of.is_zero() && (common % of).is_zero() => {}
            Some(product) if product <= DENOMINATOR_MAX && !product.is_zero() => common = product,
            Some(_) | None => return divided(),
        }
    }
    let scaled = |(part, of): &(Decimal, Decimal)| part.checked_mul(common / of);
    fractions.iter().map(scaled).collect::<Option<Vec<_>>>().unwrap_or_else(divided)
}

/// The largest common denominator of weights.
const DENOMINATOR_MAX: Decimal = Decimal::from_parts(1_316_134_912, 2_328, 0, false, 0);

/// Splits `total` over `weights` with each part rounded on its own; the last takes what is left
/// (contract, section 5, policy `residual`).
pub fn allocate_each(
    total: Amount,
    weights: &[Decimal],
    currency: Currency,
    rounding: Rounding,
) -> Vec<Amount> {
    let whole: Decimal = weights.iter().copied().sum();
    if whole.is_zero() {
        return allocate(total, weights, currency, rounding);
    }
    let last = weights.iter().rposition(|weight| !weight.is_zero()).unwrap_or(0);
    let mut left = total;
    let mut parts = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let exact = multiply_divide(total.decimal(), *weight, whole);
        let part = if index == last { left } else { currency.round(exact, rounding) };
        left -= part;
        parts.push(part);
    }
    parts
}

/// `value × numerator / denominator`, multiplied first so that an exact result stays exact.
/// A zero denominator gives the value itself.
pub fn multiply_divide(value: Decimal, numerator: Decimal, denominator: Decimal) -> Decimal {
    if denominator.is_zero() || numerator == denominator {
        return value;
    }
    match value.checked_mul(numerator).and_then(|product| product.checked_div(denominator)) {
        Some(result) => result,
        // Only a product beyond 28 digits comes here: divide first, at full precision.
        None => value / denominator * numerator,
    }
}
