//! The hash chain: each event carries a hash over itself and everything before it.

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::log::Record;
use sha2::{Digest, Sha256};

/// The header that carries the chain through the event, in hex.
pub const CHAIN_HEADER: &str = "Ledger-Chain";

/// A hash over a prefix of the log (`docs/ARCHITECTURE.md`, The hash chain).
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// The chain of the empty log.
    pub const START: Self = Self([0; 32]);

    /// The hash of one event's stored bytes alone.
    #[must_use]
    pub fn leaf(body: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update([0]).chain_update(body).finalize().into()
    }

    /// The chain through one more event, whose stored bytes are `body`.
    #[must_use]
    pub fn next(self, body: &[u8]) -> Self {
        self.next_leaf(&Self::leaf(body))
    }

    /// The same, from the event's own hash, which can be computed out of order.
    #[must_use]
    pub fn next_leaf(self, leaf: &[u8; 32]) -> Self {
        Self(
            Sha256::new()
                .chain_update([2])
                .chain_update(self.0)
                .chain_update(leaf)
                .finalize()
                .into(),
        )
    }

    /// The chain that a record carries; none where it carries none that can be read.
    pub fn written(record: &Record) -> Option<Self> {
        let header = record.headers.iter().find(|(name, _)| name == CHAIN_HEADER);
        header.and_then(|(_, hex)| Self::from_hex(hex))
    }

    /// 64 lower-case hex digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Reads what [`Chain::to_hex`] wrote, and nothing else.
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::from_digits(text.as_bytes())
    }

    /// The same of the text's bytes.
    pub fn from_digits(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; 64] = digits.try_into().ok()?;
        let mut bytes = [0; 32];
        // One look at the end instead of a branch for each digit: every event is read through here.
        let mut all = 0;
        for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let (high, low) = (digit(*high), digit(*low));
            all |= high | low;
            *byte = high << 4 | low;
        }
        (all & NO_DIGIT == 0).then_some(Self(bytes))
    }
}

/// The bit that says that a byte is no digit.
const NO_DIGIT: u8 = 0x80;

/// What a lower-case hex digit stands for.
fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

static DIGITS: [u8; 256] = digits();

const fn digits() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let byte = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        table[byte as usize] = value;
        value += 1;
    }
    table
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    let text = bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect();
    // Digits are ASCII.
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_read_as_it_was_written_and_in_no_other_form() {
        let chain = Chain(std::array::from_fn(|index| u8::try_from(index * 8).unwrap()));
        let text = chain.to_hex();
        assert!(text.starts_with("0008101820") && text.len() == 64, "{text}");
        assert_eq!(Chain::from_hex(&text), Some(chain));
        let (upper, plus) = (text.to_uppercase(), text.replacen("08", "+8", 1));
        for other in
            ["", "00", &upper, &plus, &text[2..], &format!("{text}00"), &format!("{text}0")]
        {
            assert_eq!(Chain::from_hex(other), None, "{other}");
        }
    }
}
