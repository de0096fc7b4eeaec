//! What the replies to all command ids are made from, in as few bytes as it takes.
//!
//! A ledger remembers every command id for ever, so that this grows with the log and nothing else of
//! a writer does. Each id has a record in a block of memory; a map finds it by a hash of the id.

use std::collections::BTreeMap;
use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use ledger_core::content_hash::ContentHash;
use ledger_core::event::{DocumentReference, Event, words};
use ledger_core::id::Identifier;
use ledger_core::limits::COMMAND_EVENTS_MAX;
use ledger_core::snapshot::Map;
use sha2::{Digest, Sha256};

use super::Answered;

/// A block that has so many bytes takes no further record.
const BLOCK_BYTES: usize = 1 << 20;
/// What precedes the id in a record: the record before it of the same hash, how many events the
/// command has, how many of them are listed, the first one, the content hash.
const HEAD_BYTES: usize = 8 + 8 + 4 + 8 + 32;
/// Where the two counts stand in a record.
const COUNTS_AT: usize = 8;

/// Where a record begins: its block, and the byte in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Place {
    block: u32,
    byte: u32,
}

/// The end of a chain of records.
const NOWHERE: Place = Place { block: u32::MAX, byte: u32::MAX };

/// What the replies are made from, by command id.
#[derive(Debug, Clone, Default)]
pub(super) struct Replies {
    /// The newest record of a hash; it names the one before it.
    places: BTreeMap<u64, Place>,
    blocks: Vec<Vec<u8>>,
    /// The record that was written last, which alone can grow in place.
    last: Option<Place>,
    /// Whether an event could not be added: nothing is found any more then.
    is_damaged: bool,
}

/// Bytes that are no record: a snapshot of them was checked, so that this is a fault of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what commands were answered cannot be read; start the program again")]
pub(super) struct DamagedReplies;

impl From<io::Error> for DamagedReplies {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// The first bytes of a record.
struct Head {
    before: Place,
    count: u64,
    listed: u32,
    first: u64,
    content_hash: ContentHash,
}

impl Replies {
    /// Adds an event to what the reply to its command is made from.
    pub(super) fn take(&mut self, event: &Event) {
        if self.try_take(event).is_err() {
            self.is_damaged = true;
        }
    }

    fn try_take(&mut self, event: &Event) -> Result<(), DamagedReplies> {
        let id = &event.command_id;
        if !self.is_last(id)? {
            let hash = hash(id);
            match self.find_by(id, hash)? {
                None => self.begin(id, hash, event.command_hash, event.sequence)?,
                Some(place) => self.move_to_end(id, hash, place)?,
            }
        }
        self.push(event)
    }

    /// What the reply to an id is made from.
    pub(super) fn get(&self, id: &Identifier) -> Result<Option<Answered>, DamagedReplies> {
        self.find(id)?.map(|place| self.read(place)).transpose()
    }

    /// How many events the command of the id has.
    pub(super) fn count(&self, id: &Identifier) -> Result<usize, DamagedReplies> {
        let Some(place) = self.find(id)? else { return Ok(0) };
        usize::try_from(self.head(place)?.0.count).map_err(|_| DamagedReplies)
    }

    /// Whether the last record is of the id.
    fn is_last(&self, id: &Identifier) -> Result<bool, DamagedReplies> {
        if self.is_damaged {
            return Err(DamagedReplies);
        }
        let Some(last) = self.last else { return Ok(false) };
        Ok(read_id_bytes(self.head(last)?.1)? == id.as_str().as_bytes())
    }

    fn find(&self, id: &Identifier) -> Result<Option<Place>, DamagedReplies> {
        // A reply is asked for right behind its events.
        if self.is_last(id)? { Ok(self.last) } else { self.find_by(id, hash(id)) }
    }

    fn find_by(&self, id: &Identifier, hash: u64) -> Result<Option<Place>, DamagedReplies> {
        let Some(mut place) = self.places.get(&hash).copied() else { return Ok(None) };
        while place != NOWHERE {
            let (head, rest) = self.head(place)?;
            if read_id_bytes(rest)? == id.as_str().as_bytes() {
                return Ok(Some(place));
            }
            place = head.before;
        }
        Ok(None)
    }

    /// Begins a record without events behind all others.
    fn begin(
        &mut self,
        id: &Identifier,
        hash: u64,
        content_hash: ContentHash,
        first: u64,
    ) -> Result<(), DamagedReplies> {
        let place = self.end()?;
        let before = self.places.insert(hash, place).unwrap_or(NOWHERE);
        let block = self.blocks.last_mut().ok_or(DamagedReplies)?;
        (before, 0_u64, 0_u32, first, content_hash, id).serialize(block)?;
        self.last = Some(place);
        Ok(())
    }

    /// Where the next record begins; makes room for it.
    fn end(&mut self) -> Result<Place, DamagedReplies> {
        if self.blocks.last().is_none_or(|block| block.len() >= BLOCK_BYTES) {
            // The first one grows with its book, which may stay small.
            let room = if self.blocks.is_empty() { 0 } else { BLOCK_BYTES };
            self.blocks.push(Vec::with_capacity(room));
        }
        let block = u32::try_from(self.blocks.len() - 1).map_err(|_| DamagedReplies)?;
        let byte = self.blocks.last().map_or(0, Vec::len);
        Ok(Place { block, byte: u32::try_from(byte).map_err(|_| DamagedReplies)? })
    }

    /// A command that goes on behind others (a billing run that was cut off) is written once more:
    /// the old record is never found again.
    fn move_to_end(
        &mut self,
        id: &Identifier,
        hash: u64,
        from: Place,
    ) -> Result<(), DamagedReplies> {
        let answered = self.read(from)?;
        self.begin(id, hash, answered.content_hash, answered.first)?;
        for (sequence, kind, document) in &answered.events {
            self.push_entry(*sequence, kind, document)?;
        }
        let (_, listed) = self.counts()?;
        let count = u64::try_from(answered.count).map_err(|_| DamagedReplies)?;
        self.set_counts(count, listed)
    }

    /// Adds an event to the last record.
    fn push(&mut self, event: &Event) -> Result<(), DamagedReplies> {
        let (count, listed) = self.counts()?;
        if usize::try_from(count).is_ok_and(|count| count >= COMMAND_EVENTS_MAX) {
            // Only the last event of so many is listed.
            let place = self.last.ok_or(DamagedReplies)?;
            let end = self.entries_at(place)?;
            self.blocks.last_mut().ok_or(DamagedReplies)?.truncate(end);
            self.set_counts(count, 0)?;
        } else {
            self.set_counts(count, listed)?;
        }
        self.push_entry(event.sequence, event.data.type_name(), &event.data.document())
    }

    fn push_entry(
        &mut self,
        sequence: u64,
        kind: &str,
        document: &DocumentReference,
    ) -> Result<(), DamagedReplies> {
        let (count, listed) = self.counts()?;
        let block = self.blocks.last_mut().ok_or(DamagedReplies)?;
        sequence.serialize(block)?;
        words::write_type(kind, block)?;
        document.serialize(block)?;
        self.set_counts(count + 1, listed + 1)
    }

    /// The counts of the last record.
    fn counts(&self) -> Result<(u64, u32), DamagedReplies> {
        let (head, _) = self.head(self.last.ok_or(DamagedReplies)?)?;
        Ok((head.count, head.listed))
    }

    fn set_counts(&mut self, count: u64, listed: u32) -> Result<(), DamagedReplies> {
        let Place { byte, .. } = self.last.ok_or(DamagedReplies)?;
        let at = usize::try_from(byte).map_err(|_| DamagedReplies)? + COUNTS_AT;
        let block = self.blocks.last_mut().ok_or(DamagedReplies)?;
        let mut counts = block.get_mut(at..at + 12).ok_or(DamagedReplies)?;
        Ok((count, listed).serialize(&mut counts)?)
    }

    /// The head of a record, and the bytes from its id on.
    fn head(&self, place: Place) -> Result<(Head, &[u8]), DamagedReplies> {
        let Place { block, byte } = place;
        let index = |number| usize::try_from(number).map_err(|_| DamagedReplies);
        let block = self.blocks.get(index(block)?).ok_or(DamagedReplies)?;
        let mut rest = block.get(index(byte)?..).ok_or(DamagedReplies)?;
        let (before, count, listed, first, content_hash) =
            BorshDeserialize::deserialize_reader(&mut rest)?;
        Ok((Head { before, count, listed, first, content_hash }, rest))
    }

    /// Where in its block the events of a record begin.
    fn entries_at(&self, place: Place) -> Result<usize, DamagedReplies> {
        let (_, rest) = self.head(place)?;
        let start = usize::try_from(place.byte).map_err(|_| DamagedReplies)?;
        Ok(start + HEAD_BYTES + 4 + read_id_bytes(rest)?.len())
    }

    fn read(&self, place: Place) -> Result<Answered, DamagedReplies> {
        let (head, mut rest) = self.head(place)?;
        let Head { count, listed, first, content_hash, .. } = head;
        rest = rest.get(4 + read_id_bytes(rest)?.len()..).ok_or(DamagedReplies)?;
        let mut events = Vec::with_capacity(usize::try_from(listed).unwrap_or(0));
        for _ in 0..listed {
            let sequence = u64::deserialize_reader(&mut rest)?;
            let kind = words::read_type(&mut rest)?;
            events.push((sequence, kind, DocumentReference::deserialize_reader(&mut rest)?));
        }
        let count = usize::try_from(count).map_err(|_| DamagedReplies)?;
        Ok(Answered { content_hash, first, count, events })
    }
}

/// The bytes of the identifier that the bytes begin with.
fn read_id_bytes(mut rest: &[u8]) -> Result<&[u8], DamagedReplies> {
    let length = u32::deserialize_reader(&mut rest)?;
    rest.get(..usize::try_from(length).map_err(|_| DamagedReplies)?).ok_or(DamagedReplies)
}

/// What the map finds an id by. Ids of one hash are told apart by their records.
fn hash(id: &Identifier) -> u64 {
    let digest: [u8; 32] = Sha256::digest(id.as_str().as_bytes()).into();
    let [one, two, three, four, five, six, seven, eight, ..] = digest;
    u64::from_le_bytes([one, two, three, four, five, six, seven, eight])
}

impl BorshSerialize for Replies {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let Self { places, blocks, last, is_damaged } = self;
        (is_damaged, last, blocks, places).serialize(writer)
    }
}

impl BorshDeserialize for Replies {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let (is_damaged, last, blocks, Map(places)) = BorshDeserialize::deserialize_reader(reader)?;
        Ok(Self { places, blocks, last, is_damaged })
    }
}

#[cfg(test)]
mod tests;
