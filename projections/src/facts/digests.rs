//! The digests in a snapshot: hashes that are half done, and go on where they stood.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};

use super::Digests;

impl BorshSerialize for Digests {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let Self { receivables, deferred_revenue, audit_trail } = self;
        for hash in [receivables, deferred_revenue, audit_trail] {
            writer.write_all(&SerializableState::serialize(hash))?;
        }
        Ok(())
    }
}

impl BorshDeserialize for Digests {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let mut hash = || {
            let mut state = SerializedState::<Sha256>::default();
            reader.read_exact(&mut state)?;
            <Sha256 as SerializableState>::deserialize(&state).map_err(io::Error::other)
        };
        Ok(Self { receivables: hash()?, deferred_revenue: hash()?, audit_trail: hash()? })
    }
}
