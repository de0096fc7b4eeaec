//! What a server's answer to an append means: stored, surely not stored, or not known.
//!
//! Told apart by the server's error codes and never by guessing: whatever is not listed here is
//! [`AppendError::Unknown`], after which the writer reads the tail.

use serde::Deserialize;

use crate::log::AppendError;

const WRONG_LAST_SEQUENCE: u64 = 10071;
const WRONG_LAST_SEQUENCE_IN_FLIGHT: u64 = 10164;
const DUPLICATE_IN_PROCESS: u64 = 10158;
const BATCH_DUPLICATE: u64 = 10201;
const MESSAGE_TOO_LARGE: u64 = 10054;
const HEADERS_TOO_LARGE: u64 = 10097;
const SEALED: u64 = 10109;
const BATCHES_DISABLED: u64 = 10174;
const BATCH_UNSUPPORTED_HEADER: u64 = 10177;
const BATCH_INVALID_ID: u64 = 10179;
const BATCH_TOO_LARGE: u64 = 10199;

/// The answer to a publish: an acknowledgement or an error.
#[derive(Debug, Deserialize)]
struct Answer {
    error: Option<ServerError>,
    #[serde(default)]
    stream: String,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    duplicate: bool,
    count: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct ServerError {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// What an acknowledgement has to say to count as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expectation<'a> {
    pub(super) stream: &'a str,
    pub(super) expected_last: u64,
    pub(super) count: u64,
}

impl Expectation<'_> {
    /// Reads the answer to the message that stores the group. Returns the group's last sequence.
    pub(super) fn stored(&self, payload: &[u8]) -> Result<u64, AppendError> {
        let answer = self.answer(payload)?;
        let last = self.expected_last.saturating_add(self.count);
        let batch = if self.count > 1 { Some(self.count) } else { None };
        if answer.duplicate {
            return Err(unknown("the server knows a Nats-Msg-Id of the group already"));
        }
        if answer.stream != self.stream || answer.seq != last || answer.count != batch {
            return Err(unknown(&format!(
                "the acknowledgement does not fit: stream {:?}, sequence {}, count {:?}; awaited \
                 were {:?}, {last} and {batch:?}",
                answer.stream, answer.seq, answer.count, self.stream
            )));
        }
        Ok(last)
    }

    /// Reads the answer to the first message of a batch, which is empty where the batch goes on.
    pub(super) fn begun(&self, payload: &[u8]) -> Result<(), AppendError> {
        if payload.is_empty() {
            return Ok(());
        }
        let answer = self.answer(payload)?;
        Err(unknown(&format!(
            "the server stored the first message of a batch by itself, at {}: it does not know \
             atomic batches",
            answer.seq
        )))
    }

    fn answer(&self, payload: &[u8]) -> Result<Answer, AppendError> {
        let answer: Answer = serde_json::from_slice(payload)
            .map_err(|error| unknown(&format!("the server's answer is not legible: {error}")))?;
        match &answer.error {
            Some(error) => Err(error.meaning(self.expected_last)),
            None => Ok(answer),
        }
    }
}

impl ServerError {
    fn meaning(&self, expected: u64) -> AppendError {
        let said = format!("{} (error {})", self.description, self.err_code);
        match self.err_code {
            // The answer goes to an inbox that only this attempt has: it is about this message.
            WRONG_LAST_SEQUENCE => match self.actual() {
                Some(actual) if actual != expected => {
                    AppendError::WrongSequence { expected, actual }
                }
                Some(_) | None => unknown(&said),
            },
            MESSAGE_TOO_LARGE
            | HEADERS_TOO_LARGE
            | SEALED
            | BATCHES_DISABLED
            | BATCH_UNSUPPORTED_HEADER
            | BATCH_INVALID_ID
            | BATCH_TOO_LARGE => AppendError::Refused { reason: said },
            WRONG_LAST_SEQUENCE_IN_FLIGHT => {
                unknown(&format!("another write is in flight: {said}"))
            }
            DUPLICATE_IN_PROCESS | BATCH_DUPLICATE => {
                unknown(&format!("the same Nats-Msg-Id was sent before: {said}"))
            }
            // Resources, the store, a leader that changes, and all that later servers invent.
            0..=u64::MAX => unknown(&said),
        }
    }

    /// The sequence in `wrong last sequence: 17`.
    fn actual(&self) -> Option<u64> {
        self.description.rsplit(' ').next()?.parse().ok()
    }
}

/// Reads the answer to a message that was to be stored behind `never`, which cannot be: where the
/// leader's hand ends, or why that is not known.
pub(super) fn end_in_hand(never: u64, payload: &[u8]) -> Result<u64, String> {
    let answer: Answer = serde_json::from_slice(payload)
        .map_err(|error| format!("the server's answer is not legible: {error}"))?;
    let Some(error) = answer.error else {
        return Err(format!("what can never be stored was stored, at {}", answer.seq));
    };
    let is_it = error.err_code == WRONG_LAST_SEQUENCE;
    let actual = error.actual().filter(|actual| is_it && *actual != never);
    actual.ok_or_else(|| format!("{} (error {})", error.description, error.err_code))
}

/// An outcome that only the log's tail can tell.
pub(super) fn unknown(reason: &str) -> AppendError {
    AppendError::Unknown { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Expectation<'_> = Expectation { stream: "S", expected_last: 4, count: 1 };
    const BATCH: Expectation<'_> = Expectation { stream: "S", expected_last: 4, count: 3 };

    fn failed(code: u64, text: &str) -> Vec<u8> {
        format!(r#"{{"error":{{"code":400,"err_code":{code},"description":"{text}"}}}}"#)
            .into_bytes()
    }

    #[test]
    fn only_a_fitting_acknowledgement_is_stored() {
        assert_eq!(ONE.stored(br#"{"stream":"S","seq":5}"#), Ok(5));
        assert_eq!(BATCH.stored(br#"{"stream":"S","seq":7,"batch":"b","count":3}"#), Ok(7));
        let others: [&[u8]; 7] = [
            br#"{"stream":"S","seq":5,"duplicate":true}"#,
            br#"{"stream":"T","seq":5}"#,
            br#"{"stream":"S","seq":6}"#,
            br#"{"stream":"S","seq":5,"count":3}"#,
            br#"{"stream":"S"}"#,
            b"",
            b"+OK",
        ];
        for answer in others {
            assert!(matches!(ONE.stored(answer), Err(AppendError::Unknown { .. })), "{answer:?}");
        }
        let without_count = BATCH.stored(br#"{"stream":"S","seq":7}"#);
        assert!(matches!(without_count, Err(AppendError::Unknown { .. })));
    }

    #[test]
    fn codes_mean_what_they_surely_mean() {
        let wrong = ONE.stored(&failed(10071, "wrong last sequence: 9"));
        assert_eq!(wrong, Err(AppendError::WrongSequence { expected: 4, actual: 9 }));
        for code in [10054, 10097, 10109, 10174, 10177, 10179, 10199] {
            let answer = BATCH.begun(&failed(code, "no"));
            assert!(matches!(answer, Err(AppendError::Refused { .. })), "{code} gave {answer:?}");
        }
        for code in [0, 10008, 10023, 10047, 10077, 10158, 10163, 10164, 10176, 10201, 99_999] {
            let answer = ONE.stored(&failed(code, "perhaps"));
            assert!(matches!(answer, Err(AppendError::Unknown { .. })), "{code} gave {answer:?}");
        }
        let same = ONE.stored(&failed(10071, "wrong last sequence: 4"));
        assert!(matches!(same, Err(AppendError::Unknown { .. })), "{same:?}");
    }

    #[test]
    fn where_the_leader_s_hand_ends_is_told_by_one_error_only() {
        assert_eq!(end_in_hand(99, &failed(10071, "wrong last sequence: 9")), Ok(9));
        let others: [&[u8]; 4] = [
            br#"{"stream":"S","seq":100}"#,
            br#"{"error":{"code":503,"err_code":10008,"description":"wrong last sequence: 9"}}"#,
            br#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence"}}"#,
            b"",
        ];
        for answer in others {
            assert!(end_in_hand(99, answer).is_err(), "{answer:?}");
        }
    }

    #[test]
    fn a_batch_begins_with_an_empty_answer_only() {
        assert_eq!(BATCH.begun(b""), Ok(()));
        let stored = BATCH.begun(br#"{"stream":"S","seq":5}"#);
        assert!(matches!(stored, Err(AppendError::Unknown { .. })), "{stored:?}");
    }
}
