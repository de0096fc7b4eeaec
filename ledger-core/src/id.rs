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
    use fmt::Write as _;
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            token.push(char::from(byte));
        } else if write!(token, "%{byte:02X}").is_err() {
            // Writing to a String does not fail.
            return token;
        }
    }
    token
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
