//! Identifiers: the caller's own names of books, customers and documents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::limits::IDENTIFIER_BYTES_MAX;
use crate::money::Currency;
use crate::rejection::{Code, Rejection};

/// 1 to 128 bytes of printable UTF-8 without control characters (contract, section 1).
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, borsh::BorshSerialize, borsh::BorshDeserialize,
)]
pub struct Identifier(
    // Short ones are kept in place: maps of a million of them are searched by every command.
    SmolStr,
);

impl Identifier {
    /// The name of a pair of currencies: `USD-EUR`.
    pub(crate) fn of_pair(from: Currency, to: Currency) -> Self {
        Self(smol_str::format_smolstr!("{}-{}", from.code(), to.code()))
    }

    /// The identifier as the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// One token of a NATS subject: every byte outside `A-Z a-z 0-9 _ -` percent-encoded.
    pub fn token(&self) -> String {
        subject_token(&self.0)
    }
}

/// Percent-encodes every byte outside `A-Z a-z 0-9 _ -`, so that any text is one subject token.
pub fn subject_token(text: &str) -> String {
    Token(text).to_string()
}

/// A text that is written as [`subject_token`] gives it.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a>(pub &'a str);

impl fmt::Display for Token<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        // Most identifiers are plain, and written as one piece.
        if self.0.bytes().all(is_plain) {
            return formatter.write_str(self.0);
        }
        for byte in self.0.bytes() {
            if is_plain(byte) {
                fmt::Write::write_char(formatter, char::from(byte))?;
            } else {
                write!(formatter, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Identifier {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        if text.is_empty()
            || text.len() > IDENTIFIER_BYTES_MAX
            || text.chars().any(char::is_control)
        {
            let shown: String = text.chars().take(40).collect();
            return Err(Rejection::new(
                Code::IdentifierInvalid,
                format!(
                    "{shown:?} is not an identifier: 1 to {IDENTIFIER_BYTES_MAX} bytes without \
                     control characters"
                ),
            ));
        }
        Ok(Self(SmolStr::new(text)))
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl Serialize for Identifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_str(&text).map_err(|rejection| crate::wire::coded(&rejection))
    }
}
