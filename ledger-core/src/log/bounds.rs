//! What every log checks of a group before it stores any of it.

use super::{AppendError, Record};
use crate::limits::{EVENT_BYTES_MAX, GROUP_BYTES_MAX, GROUP_RECORDS_MAX, MESSAGE_BYTES_MAX};

/// Bytes that a header takes besides its name and its value: two lengths of four bytes.
pub(crate) const HEADER_OVERHEAD_BYTES: usize = 8;

/// Bytes that a record takes: subject, headers with 8 bytes for each, and body.
///
/// Every log counts alike, so that a group which one takes is not refused by another.
#[must_use]
pub fn record_bytes(record: &Record) -> usize {
    let headers: usize = record
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + HEADER_OVERHEAD_BYTES)
        .sum();
    record.subject.len() + headers + record.body.len()
}

/// Checks a group against the bounds of [`limits`](crate::limits).
///
/// # Errors
///
/// [`AppendError::Refused`] where the group is empty or has too many records, where a body, a
/// record or the whole group has too many bytes. The reason names the bound and what to do.
pub fn check_group(group: &[Record]) -> Result<(), AppendError> {
    let refused = |reason: String| Err(AppendError::Refused { reason });
    if group.is_empty() {
        return refused("a group has at least one record".to_owned());
    }
    if group.len() > GROUP_RECORDS_MAX {
        return refused(format!(
            "the group has {} records, the limit is {GROUP_RECORDS_MAX}: append less at once",
            group.len()
        ));
    }
    let mut total = 0_usize;
    for record in group {
        let body = record.body.len();
        if body > EVENT_BYTES_MAX {
            return refused(format!(
                "the body of {} has {body} bytes, the limit is {EVENT_BYTES_MAX}: split the event",
                record.subject
            ));
        }
        let bytes = record_bytes(record);
        if bytes > MESSAGE_BYTES_MAX {
            return refused(format!(
                "a record with its subject and headers has {bytes} bytes, \
                 the limit is {MESSAGE_BYTES_MAX}: shorten its headers"
            ));
        }
        total += bytes;
    }
    if total > GROUP_BYTES_MAX {
        return refused(format!(
            "the group has {total} bytes, the limit is {GROUP_BYTES_MAX}: append less at once"
        ));
    }
    Ok(())
}
