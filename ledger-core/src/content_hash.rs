//! The hash of what a command asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::rejection::{Code, Rejection};

/// Bytes of SHA-256.
const BYTES: usize = 32;

/// SHA-256 of a command's content: what `command.id_reused` compares. On the wire 64 lower-case hex
/// digits.
#[derive(
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
pub struct ContentHash(pub [u8; BYTES]);

impl ContentHash {
    /// The digits, in place.
    fn digits(&self) -> [u8; BYTES * 2] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
        let mut text = [b'0'; BYTES * 2];
        for (pair, byte) in text.chunks_exact_mut(2).zip(&self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
        }
        text
    }

    /// Reads 64 lower-case hex digits.
    fn read(text: &[u8]) -> Option<Self> {
        if text.len() != BYTES * 2 {
            return None;
        }
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let &[high, low] = pair else { return None };
            *byte = value(high)? << 4 | value(low)?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for ContentHash {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        Self::read(text.as_bytes()).ok_or_else(|| {
            let message = format!("{text:?} is no SHA-256 in 64 lower-case hex digits");
            Rejection::new(Code::CommandMalformed, message)
        })
    }
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl serde::de::Visitor<'_> for Digits {
            type Value = ContentHash;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("64 lower-case hex digits")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ContentHash, E> {
                text.parse().map_err(|rejection: Rejection| E::custom(rejection.message))
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

#[cfg(test)]
mod tests {
    use super::ContentHash;

    /// SHA-256 of nothing (FIPS 180-4).
    const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn digits_are_read_as_they_are_written() {
        let hash: ContentHash = OF_NOTHING.parse().unwrap();
        assert_eq!(hash.0[..3], [0xe3, 0xb0, 0xc4]);
        assert_eq!(hash.to_string(), OF_NOTHING);
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, format!("\"{OF_NOTHING}\""));
        assert_eq!(serde_json::from_str::<ContentHash>(&json).unwrap(), hash);
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let upper = OF_NOTHING.to_uppercase();
        let strange = format!("\u{e9}{}", &OF_NOTHING[2..]);
        for text in ["", "e3", &OF_NOTHING[1..], &upper, &strange, &OF_NOTHING.replace('e', "g")] {
            assert!(text.parse::<ContentHash>().is_err(), "{text}");
        }
    }
}
