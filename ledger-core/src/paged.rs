//! Sorted maps in pages. A page that came from a snapshot stays bytes until somebody looks into it: a
//! start costs what is asked for, not all that was ever written.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::num::NonZero;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use borsh::{BorshDeserialize, BorshSerialize};

#[cfg(test)]
mod tests;

/// Entries of a page: few enough to be read for the sake of one, enough to make the index small.
const PAGE_ENTRIES: usize = 48;
/// Unread pages that one thread reads on its way.
const PAGES_ALONE: usize = 64;
/// Reserved for the bytes of a page before any was read.
const RESERVED_BYTES: usize = 64 * 1024;

/// A sorted map, to be used as a [`BTreeMap`]. One that never was in a snapshot is a single page.
pub struct PagedMap<K, V> {
    pages: Vec<Page<K, V>>,
    /// The first key of each page but the first, which also takes all that is smaller.
    begins: Vec<K>,
}

impl<K, V> Default for PagedMap<K, V> {
    fn default() -> Self {
        Self { pages: Vec::new(), begins: Vec::new() }
    }
}

impl<K, V> PagedMap<K, V>
where
    K: Ord + BorshDeserialize + Send + Sync,
    V: BorshDeserialize + Send + Sync,
{
    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.page(key)?.get(key)
    }

    /// A key as the map holds it, and its value.
    pub fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        self.page(key)?.get_key_value(key)
    }

    /// Whether there is such a key.
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let number = self.number(key);
        self.pages.get_mut(number)?.get_mut().get_mut(key)
    }

    /// Puts a value under a key; the one that was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let number = self.number(&key);
        if let Some(page) = self.pages.get_mut(number) {
            return page.get_mut().insert(key, value);
        }
        self.pages.push(Page::of(BTreeMap::from([(key, value)])));
        None
    }

    /// Keys and values in the order of keys. Reads all pages.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        read_all(&self.pages);
        self.pages.iter().flat_map(Page::get)
    }

    /// Keys in order. Reads all pages.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Values in the order of keys. Reads all pages.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// How many there are. Counts pages, and reads none.
    pub fn len(&self) -> usize {
        let counted = |page: &Page<K, V>| match page.made.get() {
            Some(made) => made.len(),
            // A page was counted in 32 bits when it was written.
            None => usize::try_from(page.count).unwrap_or(usize::MAX),
        };
        self.pages.iter().map(counted).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn number(&self, key: &K) -> usize {
        self.begins.partition_point(|begin| begin <= key)
    }

    fn page(&self, key: &K) -> Option<&BTreeMap<K, V>> {
        self.pages.get(self.number(key)).map(Page::get)
    }
}

impl<K: Ord + Clone + BorshDeserialize, V: Clone + BorshDeserialize> Clone for PagedMap<K, V> {
    fn clone(&self) -> Self {
        Self { pages: self.pages.iter().map(Page::copy).collect(), begins: self.begins.clone() }
    }
}

/// As any map shows itself: the pages do not matter, what is in them does.
impl<K, V> fmt::Debug for PagedMap<K, V>
where
    K: Ord + BorshDeserialize + Send + Sync + fmt::Debug,
    V: BorshDeserialize + Send + Sync + fmt::Debug,
{
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for PagedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self { pages: vec![Page::of(entries.into_iter().collect())], begins: Vec::new() }
    }
}

/// Pages, each behind `true` and the key with which it begins (none: the first one), and `false`.
impl<K, V> BorshSerialize for PagedMap<K, V>
where
    K: Ord + BorshSerialize + BorshDeserialize,
    V: BorshSerialize + BorshDeserialize,
{
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        for (number, page) in self.pages.iter().enumerate() {
            let mut begin = number.checked_sub(1).and_then(|before| self.begins.get(before));
            if page.write_unread(begin, writer)? {
                continue;
            }
            let mut entries = page.get().iter();
            while entries.len() > 0 {
                let mut bytes = Vec::new();
                let mut count = 0_u32;
                for entry in entries.by_ref().take(PAGE_ENTRIES) {
                    entry.serialize(&mut bytes)?;
                    count += 1;
                }
                write_page(begin, count, &bytes, writer)?;
                begin = entries.clone().next().map(|(next, _)| next);
            }
        }
        false.serialize(writer)
    }
}

impl<K: BorshDeserialize + Ord, V: BorshDeserialize> BorshDeserialize for PagedMap<K, V> {
    fn deserialize_reader<R: Read>(reader: &mut R) -> io::Result<Self> {
        let mut map = Self::default();
        while bool::deserialize_reader(reader)? {
            let begin = Option::<K>::deserialize_reader(reader)?;
            if !map.pages.is_empty() {
                map.begins.push(begin.ok_or_else(|| damaged("a page without its first key"))?);
            }
            map.pages.push(read_page(reader)?);
        }
        Ok(map)
    }
}

/// Entries that follow one another: bytes, or what was read from them.
#[derive(Debug)]
struct Page<K, V> {
    /// How many there are in the bytes.
    count: u32,
    /// As the snapshot holds them; none once they were read.
    stored: Mutex<Box<[u8]>>,
    made: OnceLock<BTreeMap<K, V>>,
}

impl<K, V> Page<K, V> {
    fn of(made: BTreeMap<K, V>) -> Self {
        Self { count: 0, stored: Mutex::default(), made: made.into() }
    }

    fn stored(&self) -> MutexGuard<'_, Box<[u8]>> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes it as the bytes that it still is; false where somebody has read them.
    fn write_unread<W: io::Write>(&self, begin: Option<&K>, writer: &mut W) -> io::Result<bool>
    where
        K: BorshSerialize,
    {
        let stored = self.stored();
        let is_unread = !stored.is_empty();
        if is_unread {
            write_page(begin, self.count, &stored, writer)?;
        }
        Ok(is_unread)
    }
}

impl<K: Ord + BorshDeserialize, V: BorshDeserialize> Page<K, V> {
    fn get(&self) -> &BTreeMap<K, V> {
        self.made.get_or_init(|| read(self.count, &std::mem::take(&mut *self.stored())))
    }

    #[expect(clippy::expect_used, reason = "the line above fills it")]
    fn get_mut(&mut self) -> &mut BTreeMap<K, V> {
        self.get();
        self.made.get_mut().expect("a page that was read")
    }

    fn copy(&self) -> Self
    where
        K: Clone,
        V: Clone,
    {
        let stored = self.stored().clone();
        if stored.is_empty() {
            // Whoever took the bytes has read them, or is about to, and is waited for.
            return Self::of(self.get().clone());
        }
        Self { count: self.count, stored: Mutex::new(stored), made: OnceLock::new() }
    }
}

/// Reads what nobody has read, on all cores where it is much.
fn read_all<K, V>(pages: &[Page<K, V>])
where
    K: Ord + BorshDeserialize + Send + Sync,
    V: BorshDeserialize + Send + Sync,
{
    let is_unread = |page: &&Page<K, V>| page.made.get().is_none();
    if pages.iter().filter(is_unread).nth(PAGES_ALONE).is_none() {
        return;
    }
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|threads| {
        for some in pages.chunks(pages.len().div_ceil(cores)) {
            let read = move || {
                for page in some {
                    page.get();
                }
            };
            // Where there is no thread to be had, whoever asks for them reads them.
            drop(thread::Builder::new().spawn_scoped(threads, read));
        }
    });
}

/// Reads a page. It cannot fail: values are handed out only when the part of the snapshot that holds
/// their bytes fits its checksum, and when its heading names this program, to the last line that decides
/// how values are laid out (`snapshot::Heading`). So the bytes are what writing such values gave. Were
/// they not, to go on without them would be a wrong figure: the process ends.
#[expect(clippy::expect_used, reason = "the bytes fit their checksum and their program")]
fn read<K: Ord + BorshDeserialize, V: BorshDeserialize>(
    count: u32,
    bytes: &[u8],
) -> BTreeMap<K, V> {
    try_read(count, bytes).expect("a page of a snapshot is what was written")
}

fn try_read<K: Ord + BorshDeserialize, V: BorshDeserialize>(
    count: u32,
    mut bytes: &[u8],
) -> io::Result<BTreeMap<K, V>> {
    let entries = (0..count).map(|_| BorshDeserialize::deserialize(&mut bytes));
    let made = entries.collect::<io::Result<_>>()?;
    if bytes.is_empty() { Ok(made) } else { Err(damaged("a page is longer than its entries")) }
}

fn damaged(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn write_page<K: BorshSerialize, W: io::Write>(
    begin: Option<&K>,
    count: u32,
    bytes: &[u8],
    writer: &mut W,
) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    (true, begin, count, length).serialize(writer)?;
    writer.write_all(bytes)
}

fn read_page<K, V, R: Read>(reader: &mut R) -> io::Result<Page<K, V>> {
    let (count, length) = <(u32, u32)>::deserialize_reader(reader)?;
    // No page is written without an entry, and no entry without a byte.
    if count == 0 || count > length {
        return Err(damaged("a page is too short for its entries"));
    }
    let wanted = usize::try_from(length).map_err(io::Error::other)?;
    let mut stored = Vec::new();
    // A damaged length must not take all memory before the bytes are missing.
    stored.try_reserve_exact(wanted.min(RESERVED_BYTES)).map_err(io::Error::other)?;
    if reader.take(u64::from(length)).read_to_end(&mut stored)? < wanted {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a page is shorter than it says"));
    }
    Ok(Page { count, stored: Mutex::new(stored.into_boxed_slice()), made: OnceLock::new() })
}
