//! A record's headers on a server: which ones travel, and in which order they come back.
//!
//! The client keeps headers in a hash map and so sends them in any order. Here they come back
//! sorted by name, and the ledger writes them sorted, so that every log returns the same record.

use std::str::FromStr;

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};

use crate::log::{AppendError, HeaderText, Record};

/// The one header of the server's own name space that belongs to the record.
const MESSAGE_ID: &str = "nats-msg-id";
/// The server's own name space: such a header would command the server.
const SERVER_PREFIX: &str = "nats-";

/// The headers of a record, as the server takes them.
///
/// # Errors
///
/// [`AppendError::Refused`] where a header would not come back as it is.
pub(super) fn to_server(record: &Record) -> Result<HeaderMap, AppendError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &record.headers {
        let refused = |why: &str| AppendError::Refused {
            reason: format!("header {name:?} of {}: {why}", record.subject),
        };
        if belongs_to_server(name) {
            return Err(refused("names that start with Nats- are the server's"));
        }
        if name.is_empty() || name.trim() != name {
            return Err(refused("a name is neither empty nor surrounded by spaces"));
        }
        if value.trim() != value {
            return Err(refused("a value is not surrounded by spaces: a server drops them"));
        }
        let header = HeaderName::from_str(name)
            .map_err(|_| refused("a name has printable ASCII characters and no colon"))?;
        let value =
            HeaderValue::from_str(value).map_err(|_| refused("a value has no line breaks"))?;
        headers.append(header, value);
    }
    Ok(headers)
}

/// The headers that the ledger wrote, sorted by name, without those of the server.
pub(super) fn from_server(headers: Option<&HeaderMap>) -> Vec<(HeaderText, HeaderText)> {
    let mut found: Vec<(HeaderText, HeaderText)> = Vec::new();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        let name: &str = name.as_ref();
        if !belongs_to_server(name) {
            found.extend(values.iter().map(|value| (name.into(), value.as_str().into())));
        }
    }
    // Stable: values of one name keep their order.
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

fn belongs_to_server(name: &str) -> bool {
    let start = name.get(..SERVER_PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(SERVER_PREFIX))
        && !name.eq_ignore_ascii_case(MESSAGE_ID)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(headers: &[(&str, &str)]) -> Record {
        Record {
            subject: "ledger.acme.evt.0.a".to_owned(),
            headers: headers.iter().map(|&(n, v)| (n.into(), v.into())).collect(),
            body: Vec::new(),
        }
    }

    #[test]
    fn headers_come_back_sorted_and_without_the_servers() {
        let record = record(&[("ce-type", "x"), ("Nats-Msg-Id", "1"), ("Ledger-B", "2")]);
        let mut headers = to_server(&record).expect("legal headers");
        headers.insert("Nats-Batch-Id", "b");
        headers.insert("Nats-Expected-Last-Sequence", "7");
        let names: Vec<_> = from_server(Some(&headers)).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Ledger-B", "Nats-Msg-Id", "ce-type"]);
        assert!(from_server(None).is_empty());
    }

    #[test]
    fn headers_that_would_change_or_command_the_server_are_refused() {
        let cases = [
            ("Nats-Rollup", "all"),
            ("nats-ttl", "1s"),
            ("", "x"),
            (" A", "x"),
            ("A:B", "x"),
            ("Ä", "x"),
            ("A", " x"),
            ("A", "x\r\nB: y"),
        ];
        for case in cases {
            let answer = to_server(&record(&[case]));
            assert!(matches!(answer, Err(AppendError::Refused { .. })), "{case:?} gave {answer:?}");
        }
    }
}
