//! An instant in a snapshot: nanoseconds since 1970, in UTC.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use time::OffsetDateTime;

/// Writes one.
///
/// # Errors
/// Where the writer fails.
pub fn serialize<W: io::Write>(instant: &OffsetDateTime, writer: &mut W) -> io::Result<()> {
    instant.unix_timestamp_nanos().serialize(writer)
}

/// Reads one.
///
/// # Errors
/// Where it is none, or the reader fails.
pub fn deserialize<R: io::Read>(reader: &mut R) -> io::Result<OffsetDateTime> {
    let nanoseconds = i128::deserialize_reader(reader)?;
    OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).map_err(io::Error::other)
}
