//! One record as bytes of a journal's segment or of a backup: a header with its own checksum, then
//! the payload.
//!
//! | at | bytes | what                                                        |
//! |----|-------|-------------------------------------------------------------|
//! | 0  | 4     | `RVJ1`                                                      |
//! | 4  | 4     | bytes of the payload                                        |
//! | 8  | 8     | sequence                                                    |
//! | 16 | 2     | place in the group, from 0                                  |
//! | 18 | 2     | records of the group; the last of them commits the group    |
//! | 20 | 4     | bytes of the subject                                        |
//! | 24 | 4     | bytes of the headers                                        |
//! | 28 | 4     | CRC32C of the payload                                       |
//! | 32 | 32    | SHA-256 of the body                                         |
//! | 64 | 4     | CRC32C of the 64 bytes above                                |
//!
//! The payload is the subject, the headers (length, name, length, value) and the body. Numbers
//! are little-endian. The header's own checksum makes its lengths trustworthy, so that a frame
//! which was cut short can be told from one which was changed.

use sha2::{Digest, Sha256};

use crate::limits::MESSAGE_BYTES_MAX;
use crate::log::bounds::record_bytes;
use crate::log::{HeaderText, Record};

/// Bytes of a frame before its payload.
pub(super) const HEADER_BYTES: usize = 68;
const CHECKED_BYTES: usize = 64;
const NO_SUBJECT: &str = "a subject is not UTF-8";
const NO_HEADER: &str = "a header is not readable";
const MAGIC: [u8; 4] = *b"RVJ1";

/// What a frame says of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the payload.
    pub(super) payload: usize,
    /// Sequence of the record.
    pub(super) sequence: u64,
    /// Place in the group, from 0.
    pub(super) place: u16,
    /// Records of the group.
    pub(super) group: u16,
    subject: usize,
    headers: usize,
    checksum: u32,
    sha256: [u8; 32],
}

/// Which frame comes next in a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// Its sequence.
    pub(super) sequence: u64,
    /// Its place in its group, where it is known.
    pub(super) place: Option<u16>,
    /// The size of its group, where it is known.
    pub(super) group: Option<u16>,
}

/// A length as an offset in a file.
pub(super) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Writes one frame behind `out`. `Err` with a reason where a length does not fit its field,
/// which the bounds of a group exclude.
pub(super) fn encode(
    out: &mut Vec<u8>,
    sequence: u64,
    (place, group): (u16, u16),
    record: &Record,
) -> Result<(), String> {
    let start = out.len();
    out.resize(start + HEADER_BYTES, 0);
    out.extend_from_slice(record.subject.as_bytes());
    let headers_start = out.len();
    for text in record.headers.iter().flat_map(|(name, value)| [name, value]) {
        out.extend_from_slice(&length(text.len())?.to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    let headers = out.len() - headers_start;
    out.extend_from_slice(&record.body);

    let payload = out.get(start + HEADER_BYTES..).unwrap_or_default();
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&length(payload.len())?.to_le_bytes());
    header.extend_from_slice(&sequence.to_le_bytes());
    header.extend_from_slice(&place.to_le_bytes());
    header.extend_from_slice(&group.to_le_bytes());
    header.extend_from_slice(&length(record.subject.len())?.to_le_bytes());
    header.extend_from_slice(&length(headers)?.to_le_bytes());
    header.extend_from_slice(&crc32c::crc32c(payload).to_le_bytes());
    header.extend_from_slice(&Sha256::digest(&record.body));
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    match out.get_mut(start..start + HEADER_BYTES) {
        Some(room) if room.len() == header.len() => room.copy_from_slice(&header),
        Some(_) | None => return Err("the header of a frame has another size".to_owned()),
    }
    Ok(())
}

/// Bytes of the frame of a record.
pub(super) fn frame_bytes(record: &Record) -> u64 {
    wide(HEADER_BYTES + record_bytes(record))
}

fn length(bytes: usize) -> Result<u32, String> {
    u32::try_from(bytes).map_err(|_| format!("{bytes} bytes do not fit a frame"))
}

impl Header {
    /// Reads and checks the first [`HEADER_BYTES`] of a frame; `Err` says what does not fit.
    pub(super) fn decode(bytes: &[u8]) -> Result<Header, &'static str> {
        const SHORT: &str = "the header of a frame is cut short";
        let (checked, end) = bytes.split_at_checked(CHECKED_BYTES).ok_or(SHORT)?;
        let checksum = u32::from_le_bytes(*end.first_chunk().ok_or(SHORT)?);
        if crc32c::crc32c(checked) != checksum {
            return Err("the header of a frame does not fit its checksum");
        }
        let mut fields = Fields(checked);
        if fields.next::<4>().ok_or(SHORT)? != MAGIC {
            return Err("no frame begins here");
        }
        let payload = fields.length().ok_or(SHORT)?;
        let sequence = u64::from_le_bytes(fields.next().ok_or(SHORT)?);
        let place = u16::from_le_bytes(fields.next().ok_or(SHORT)?);
        let group = u16::from_le_bytes(fields.next().ok_or(SHORT)?);
        let subject = fields.length().ok_or(SHORT)?;
        let headers = fields.length().ok_or(SHORT)?;
        let checksum = u32::from_le_bytes(fields.next().ok_or(SHORT)?);
        let sha256 = fields.next().ok_or(SHORT)?;
        if payload > MESSAGE_BYTES_MAX || subject.saturating_add(headers) > payload {
            return Err("the lengths of a frame do not fit one another");
        }
        if place >= group {
            return Err("the place of a frame is not within its group");
        }
        Ok(Header { payload, sequence, place, group, subject, headers, checksum, sha256 })
    }

    /// Whether this record is the last of its group, which commits it.
    pub(super) fn commits(&self) -> bool {
        self.place + 1 == self.group
    }

    /// Bytes of the whole frame.
    pub(super) fn frame(&self) -> usize {
        HEADER_BYTES + self.payload
    }

    /// Reads the record from its payload; `Err` says what does not fit. Checks the CRC32C, but
    /// not the SHA-256: see [`check_body`](Header::check_body).
    pub(super) fn record(&self, payload: &[u8]) -> Result<Record, &'static str> {
        let (subject, mut section, body) = self.parts(payload)?;
        let subject = str::from_utf8(subject).map_err(|_| NO_SUBJECT)?.to_owned();
        let mut headers = Vec::with_capacity(8.min(self.headers / 8));
        while !section.0.is_empty() {
            let name = section.length().and_then(|n| section.text(n)).map(HeaderText::new);
            let value = section.length().and_then(|n| section.text(n)).map(HeaderText::new);
            headers.push(name.zip(value).ok_or(NO_HEADER)?);
        }
        Ok(Record { subject, headers, body: body.to_vec() })
    }

    /// Reads only the value of one header, and the body; checked as in [`record`](Header::record).
    pub(super) fn body<'a>(
        &self,
        payload: &'a [u8],
        header: &str,
    ) -> Result<(Option<&'a [u8]>, &'a [u8]), &'static str> {
        let (_, mut section, body) = self.parts(payload)?;
        while !section.0.is_empty() {
            let mut text = || section.length().and_then(|length| section.take(length));
            let (name, value) = text().zip(text()).ok_or(NO_HEADER)?;
            if name == header.as_bytes() {
                return Ok((Some(value), body));
            }
        }
        Ok((None, body))
    }

    /// The body of a payload that can be read as a record: nothing else is kept of it.
    pub(super) fn readable<'a>(&self, payload: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let (subject, mut section, body) = self.parts(payload)?;
        str::from_utf8(subject).map_err(|_| NO_SUBJECT)?;
        while !section.0.is_empty() {
            section.length().and_then(|length| section.text(length)).ok_or(NO_HEADER)?;
            section.length().and_then(|length| section.text(length)).ok_or(NO_HEADER)?;
        }
        Ok(body)
    }

    /// Subject, headers and body of a payload that fits its checksum.
    fn parts<'a>(
        &self,
        payload: &'a [u8],
    ) -> Result<(&'a [u8], Fields<'a>, &'a [u8]), &'static str> {
        if crc32c::crc32c(payload) != self.checksum {
            return Err("a record does not fit its checksum");
        }
        let mut fields = Fields(payload);
        let subject = fields.take(self.subject).ok_or("a subject is cut short")?;
        let headers = fields.take(self.headers).ok_or("headers are cut short")?;
        Ok((subject, Fields(headers), fields.0))
    }

    /// Whether the body is the one whose SHA-256 was stored.
    pub(super) fn check_body(&self, body: &[u8]) -> Result<(), &'static str> {
        if Sha256::digest(body).as_slice() == self.sha256 {
            Ok(())
        } else {
            Err("the body of a record does not fit its SHA-256")
        }
    }
}

impl Expected {
    /// What of a header is not what comes next, or `None` where all is.
    pub(super) fn misfit(&self, header: &Header) -> Option<String> {
        if header.sequence != self.sequence {
            return Some(format!(
                "sequence {} is where {} belongs",
                header.sequence, self.sequence
            ));
        }
        let place = self.place.is_none_or(|place| place == header.place);
        let group = self.group.is_none_or(|group| group == header.group);
        if place && group {
            return None;
        }
        Some(format!(
            "sequence {} has place {} of {} in its group, which does not continue what is before",
            header.sequence, header.place, header.group
        ))
    }

    /// Whether the first bytes of a header, cut short, can be those of the expected frame.
    pub(super) fn fits_start(&self, bytes: &[u8]) -> bool {
        let known = [
            (0, MAGIC.to_vec()),
            (8, self.sequence.to_le_bytes().to_vec()),
            (16, self.place.map(|n| n.to_le_bytes().to_vec()).unwrap_or_default()),
            (18, self.group.map(|n| n.to_le_bytes().to_vec()).unwrap_or_default()),
        ];
        known.iter().all(|(at, wanted)| {
            bytes.iter().skip(*at).zip(wanted).all(|(found, wanted)| found == wanted)
        })
    }
}

/// Bytes that are taken from the front.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn next<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(first)
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.next()?)).ok()
    }

    pub(super) fn text(&mut self, bytes: usize) -> Option<&'a str> {
        str::from_utf8(self.take(bytes)?).ok()
    }
}
