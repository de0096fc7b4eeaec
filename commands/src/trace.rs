//! W3C Trace Context: which trace a command belongs to, as the header `traceparent` says.

use uuid::Uuid;

/// Characters of `00-<trace id>-<span id>-<flags>`.
const CHARACTERS: usize = 55;
/// Bytes that a version of the future may have, at most.
const CHARACTERS_MAX: usize = 256;

/// The trace of one request, and our own span in it.
///
/// ```
/// use commands::trace::Trace;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let trace = Trace::read(header).unwrap();
/// assert_eq!(trace.received(), header);
/// assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert!(trace.answer().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
/// assert!(Trace::read("no trace").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    received: String,
    span: u64,
}

impl Trace {
    /// Reads a header; none where it is malformed, which the specification wants ignored.
    pub fn read(header: &str) -> Option<Self> {
        let is_well_formed = header.len() <= CHARACTERS_MAX && is_well_formed(header);
        is_well_formed.then(|| Self { received: header.to_owned(), span: new_span() })
    }

    /// Reads the one header of a request: two of them say nothing.
    pub fn read_only<'a>(mut headers: impl Iterator<Item = &'a str>) -> Option<Self> {
        match (headers.next(), headers.next()) {
            (Some(header), None) => Self::read(header),
            (Some(_), Some(_)) | (None, _) => None,
        }
    }

    /// The header as it came, which the events keep.
    pub fn received(&self) -> &str {
        &self.received
    }

    /// What all spans of the trace share: 32 hex digits.
    pub fn trace_id(&self) -> &str {
        self.received.get(3..35).unwrap_or_default()
    }

    /// Our own span: 16 hex digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span)
    }

    /// The header of the answer: the same trace, our own span.
    pub fn answer(&self) -> String {
        let flags = self.received.get(53..CHARACTERS).unwrap_or("00");
        format!("00-{}-{}-{flags}", self.trace_id(), self.span_id())
    }
}

fn new_span() -> u64 {
    // The lower half of a UUIDv7 is random but for its two highest bits, and never zero.
    let (_, random) = Uuid::now_v7().as_u64_pair();
    random
}

fn is_well_formed(header: &str) -> bool {
    let mut parts = header.split('-');
    let is_hex = |text: &str, digits: usize| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == digits && text.bytes().all(is_digit)
    };
    let is_id = |text: &str, digits| is_hex(text, digits) && text.bytes().any(|byte| byte != b'0');
    let (Some(version), Some(trace), Some(span), Some(flags)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    // A later version may have more behind it; the first one has not.
    let is_whole = parts.next().is_none() || version != "00" && header.is_ascii();
    is_hex(version, 2)
        && version != "ff"
        && is_id(trace, 32)
        && is_id(span, 16)
        && is_hex(flags, 2)
        && is_whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_no_trace() {
        // The examples and rules of https://www.w3.org/TR/trace-context/#traceparent-header.
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let span = "b7ad6b7169203331";
        let good = [
            format!("00-{trace}-{span}-01"),
            format!("00-{trace}-{span}-00"),
            format!("01-{trace}-{span}-01"),
            format!("cc-{trace}-{span}-01-what-the-future-will-be-like"),
        ];
        let bad = [
            String::new(),
            "00".to_owned(),
            format!("ff-{trace}-{span}-01"),
            format!("00-{trace}-{span}-01-more"),
            format!("00-{trace}-{span}"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-{}-01", &span[1..]),
            format!("00-{trace}0-{span}-01"),
            format!("0-{trace}-{span}-01"),
            format!("00-{trace}-{span}-1"),
            format!(" 00-{trace}-{span}-01"),
            format!("00-{trace}-{span}-01\r\nx: y"),
            format!("cc-{trace}-{span}-01-{}", "x".repeat(300)),
        ];
        for header in good {
            let read = Trace::read(&header).unwrap();
            assert_eq!((read.trace_id(), read.received()), (trace, header.as_str()));
        }
        for header in bad {
            assert_eq!(Trace::read(&header), None, "{header:?}");
        }
    }

    #[test]
    fn an_answer_has_the_trace_and_a_span_of_its_own() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = Trace::read(header).unwrap();
        let answer = trace.answer();
        assert_eq!(answer.len(), CHARACTERS);
        assert!(answer.ends_with("-01"), "{answer}");
        assert!(!answer.contains("b7ad6b7169203331"), "{answer}");
        assert!(answer.contains(&trace.span_id()), "{answer}");
        assert_eq!(Trace::read(&answer).unwrap().trace_id(), trace.trace_id());
        assert_ne!(Trace::read(header).unwrap().span_id(), trace.span_id());
    }

    #[test]
    fn two_headers_are_none() {
        let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(Trace::read_only([header].into_iter()).is_some());
        assert!(Trace::read_only([header, header].into_iter()).is_none());
        assert!(Trace::read_only([].into_iter()).is_none());
    }
}
