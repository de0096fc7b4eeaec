//! The digits of a decimal, as [`std::fmt::Display`] of the decimal type writes them.
//!
//! A log is full of amounts, and each is written several times: as an event, as a fact, and into
//! a digest. The formatting machinery of the decimal type is most of that time.

use rust_decimal::Decimal;

/// Sign, "0.", and 28 digits, or 29 digits with a point.
const CHARACTERS_MAX: usize = 32;

/// A decimal in characters, without an allocation.
#[derive(Debug)]
pub(super) struct Digits {
    characters: [u8; CHARACTERS_MAX],
    start: usize,
}

impl Digits {
    pub(super) fn of(value: Decimal) -> Self {
        let mut digits = Self { characters: [b'0'; CHARACTERS_MAX], start: CHARACTERS_MAX };
        let scale = value.scale();
        let mantissa = value.mantissa().unsigned_abs();
        let mut written = 0;
        // Nearly all fit in 64 bits, where a division is an instruction.
        if let Ok(mut rest) = u64::try_from(mantissa) {
            while rest > 0 || written <= scale {
                digits.digit(u8::try_from(rest % 10).unwrap_or(0), &mut written, scale);
                rest /= 10;
            }
        } else {
            let mut rest = mantissa;
            while rest > 0 || written <= scale {
                digits.digit(u8::try_from(rest % 10).unwrap_or(0), &mut written, scale);
                rest /= 10;
            }
        }
        if value.is_sign_negative() {
            digits.push(b'-');
        }
        digits
    }

    /// The characters; none where they are not text, which they always are.
    pub(super) fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.characters.get(self.start..)?).ok()
    }

    fn digit(&mut self, digit: u8, written: &mut u32, scale: u32) {
        if *written == scale && scale > 0 {
            self.push(b'.');
        }
        self.push(b'0' + digit);
        *written += 1;
    }

    fn push(&mut self, character: u8) {
        self.start = self.start.saturating_sub(1);
        if let Some(slot) = self.characters.get_mut(self.start) {
            *slot = character;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MANTISSA_MAX: i128 = (1 << 96) - 1;

    fn check(mantissa: i128, scale: u32) {
        let value = Decimal::from_i128_with_scale(mantissa, scale);
        assert_eq!(Digits::of(value).as_str(), Some(value.to_string().as_str()));
    }

    #[test]
    fn the_ends_are_what_the_decimal_type_writes() {
        for mantissa in [0, 1, -1, 9, 10, -10, 99, 100, MANTISSA_MAX, -MANTISSA_MAX] {
            for scale in 0..=28 {
                check(mantissa, scale);
            }
        }
    }

    proptest! {
        #[test]
        fn any_value_is_what_the_decimal_type_writes(
            mantissa in prop_oneof![-10_000_i128..10_000, -MANTISSA_MAX..=MANTISSA_MAX],
            scale in 0_u32..=28,
        ) {
            check(mantissa, scale);
        }
    }
}
