//! What a fold needs of many records, and nothing else, in one buffer: a record by itself is a dozen
//! pieces of memory, of which a fold looks at two.

use std::ops::Range;

use super::{Record, StoredRecord};

/// Most bodies are shorter; room that is not used is never touched.
const BODY_BYTES_USUAL: usize = 1_024;

/// The bodies of records in sequence, each with the value of one header.
#[derive(Debug, Clone, Default)]
pub struct Bodies {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// Where a record's bytes are in the buffer: the header's value, then the body.
#[derive(Debug, Clone)]
struct Place {
    sequence: u64,
    header: Option<Range<usize>>,
    body: Range<usize>,
}

/// One record's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Body<'a> {
    /// Its place in the log.
    pub sequence: u64,
    /// The value of the header that was asked for; none where the record has no such header.
    pub header: Option<&'a [u8]>,
    /// The event's JSON, as it is stored.
    pub bytes: &'a [u8],
}

impl Bodies {
    /// Room for so many records.
    pub fn with_capacity(records: usize) -> Self {
        let bytes = Vec::with_capacity(records.saturating_mul(BODY_BYTES_USUAL));
        Self { bytes, places: Vec::with_capacity(records) }
    }

    /// Those of whole records.
    pub fn of(records: &[StoredRecord], header: &str) -> Self {
        let mut bodies = Self::with_capacity(records.len());
        for StoredRecord { sequence, record } in records {
            bodies.push(*sequence, value(record, header).map(str::as_bytes), &record.body);
        }
        bodies
    }

    /// Adds the next one.
    pub fn push(&mut self, sequence: u64, header: Option<&[u8]>, body: &[u8]) {
        let header = header.map(|value| self.add(value));
        let body = self.add(body);
        self.places.push(Place { sequence, header, body });
    }

    fn add(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The sequence of the last one.
    pub fn last(&self) -> Option<u64> {
        self.places.last().map(|place| place.sequence)
    }

    /// Some of them, by their numbers from 0; what is not there is left out.
    pub fn iter(&self, numbers: Range<usize>) -> impl Iterator<Item = Body<'_>> {
        let places = self.places.iter().skip(numbers.start).take(numbers.len());
        places.map(|place| Body {
            sequence: place.sequence,
            header: place.header.clone().and_then(|place| self.bytes.get(place)),
            bytes: self.bytes.get(place.body.clone()).unwrap_or_default(),
        })
    }
}

/// The value of a record's header.
fn value<'a>(record: &'a Record, header: &str) -> Option<&'a str> {
    let found = record.headers.iter().find(|(name, _)| name == header);
    found.map(|(_, value)| value.as_str())
}
