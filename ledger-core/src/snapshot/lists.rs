//! Long lists and maps of a snapshot, read into memory of the right size at once: growing a list of a
//! million to its length copies it twenty times.

use std::collections::BTreeMap;
use std::io;

use borsh::BorshDeserialize;

/// A list, in the form of a [`Vec`].
#[derive(Debug)]
pub struct List<T>(pub Vec<T>);

/// A map, in the form of a [`BTreeMap`].
#[derive(Debug)]
pub struct Map<K, V>(pub BTreeMap<K, V>);

impl<T: BorshDeserialize> BorshDeserialize for List<T> {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let count = u32::deserialize_reader(reader)?;
        let mut list = Vec::new();
        let wanted = usize::try_from(count).map_err(io::Error::other)?;
        list.try_reserve_exact(wanted).map_err(io::Error::other)?;
        for _ in 0..count {
            list.push(T::deserialize_reader(reader)?);
        }
        Ok(Self(list))
    }
}

impl<K: BorshDeserialize + Ord, V: BorshDeserialize> BorshDeserialize for Map<K, V> {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let List(pairs) = List::<(K, V)>::deserialize_reader(reader)?;
        Ok(Self(pairs.into_iter().collect()))
    }
}
