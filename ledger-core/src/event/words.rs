//! The words of events in snapshots: a byte each, and no memory of their own once they are read.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};

use crate::event::{DocumentReference, EventData};

/// Writes an event's type.
///
/// # Errors
/// Where there is no such type, or the writer fails.
pub fn write_type<W: io::Write>(name: impl AsRef<str>, writer: &mut W) -> io::Result<()> {
    let place = EventData::TYPES.iter().position(|(known, _)| *known == name.as_ref());
    write(place, writer)
}

/// Reads what [`write_type`] wrote.
///
/// # Errors
/// Where it is no type, or the reader fails.
pub fn read_type<R: io::Read>(reader: &mut R) -> io::Result<&'static str> {
    let number = u8::deserialize_reader(reader)?;
    EventData::TYPES.get(usize::from(number)).map(|(name, _)| *name).ok_or_else(unknown)
}

/// Writes the kind of a document.
///
/// # Errors
/// Where there is no such kind, or the writer fails.
pub fn write_kind<W: io::Write>(kind: impl AsRef<str>, writer: &mut W) -> io::Result<()> {
    write(DocumentReference::KINDS.iter().position(|known| *known == kind.as_ref()), writer)
}

/// Reads what [`write_kind`] wrote.
///
/// # Errors
/// Where it is no kind, or the reader fails.
pub fn read_kind<R: io::Read>(reader: &mut R) -> io::Result<&'static str> {
    let number = u8::deserialize_reader(reader)?;
    DocumentReference::KINDS.get(usize::from(number)).copied().ok_or_else(unknown)
}

fn write<W: io::Write>(place: Option<usize>, writer: &mut W) -> io::Result<()> {
    let number = place.and_then(|place| u8::try_from(place).ok()).ok_or_else(unknown)?;
    number.serialize(writer)
}

fn unknown() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "no type of an event, or kind of a document")
}

impl BorshSerialize for DocumentReference {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let Self { customer, kind, id } = self;
        write_kind(kind, writer)?;
        (customer, id).serialize(writer)
    }
}

impl BorshDeserialize for DocumentReference {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let kind = read_kind(reader)?;
        let (customer, id) = BorshDeserialize::deserialize_reader(reader)?;
        Ok(Self { customer, kind, id })
    }
}
