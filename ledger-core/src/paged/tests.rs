//! Paged maps beside plain ones, through any number of snapshots.

use std::collections::BTreeMap;
use std::thread;

use proptest::prelude::*;

use super::{PAGE_ENTRIES, PagedMap, try_read};

type Plain = BTreeMap<u16, String>;
type Paged = PagedMap<u16, String>;

/// What is done to a map.
#[derive(Debug, Clone)]
enum Step {
    Insert(u16, String),
    Change(u16),
    Look(u16),
    /// Written, and read as by the next process.
    Restart,
    Clone,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few keys, so that most of them are met again.
    let key = 0_u16..400;
    let step = prop_oneof![
        60 => (key.clone(), "[a-z]{0,6}").prop_map(|(key, value)| Step::Insert(key, value)),
        10 => key.clone().prop_map(Step::Change),
        10 => key.prop_map(Step::Look),
        2 => Just(Step::Restart),
        1 => Just(Step::Clone),
    ];
    prop::collection::vec(step, 0..600)
}

fn again<T: borsh::BorshSerialize + borsh::BorshDeserialize>(value: &T) -> T {
    borsh::from_slice(&borsh::to_vec(value).unwrap()).unwrap()
}

fn many(count: u16) -> Paged {
    (0..count).map(|key| (key, format!("value {key}"))).collect()
}

proptest! {
    #[test]
    fn a_paged_map_is_a_map_whatever_happens(steps in steps()) {
        let (mut paged, mut plain) = (Paged::default(), Plain::new());
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    prop_assert_eq!(paged.insert(key, value.clone()), plain.insert(key, value));
                }
                Step::Change(key) => {
                    for one in [paged.get_mut(&key), plain.get_mut(&key)].into_iter().flatten() {
                        one.push('!');
                    }
                }
                Step::Look(key) => {
                    prop_assert_eq!(paged.get_key_value(&key), plain.get_key_value(&key));
                    prop_assert_eq!(paged.contains_key(&key), plain.contains_key(&key));
                }
                Step::Restart => paged = again(&paged),
                Step::Clone => paged = paged.clone(),
            }
            prop_assert_eq!(paged.len(), plain.len());
        }
        prop_assert_eq!(paged.is_empty(), plain.is_empty());
        let restarted = again(&paged);
        prop_assert!(restarted.iter().rev().eq(plain.iter().rev()));
        prop_assert!(restarted.values().eq(paged.values()) && restarted.keys().eq(plain.keys()));
        prop_assert_eq!(format!("{paged:?}"), format!("{plain:?}"));
    }
}

#[test]
fn a_look_reads_one_page_and_writing_reads_none() {
    let written = borsh::to_vec(&many(480)).unwrap();
    let read: Paged = borsh::from_slice(&written).unwrap();
    let made = |map: &Paged| map.pages.iter().filter(|page| page.made.get().is_some()).count();
    assert_eq!((read.pages.len(), made(&read)), (480 / PAGE_ENTRIES, 0));
    assert_eq!(borsh::to_vec(&read).unwrap(), written);
    assert_eq!((read.len(), made(&read)), (480, 0));
    assert_eq!(read.get(&100).map(String::as_str), Some("value 100"));
    assert_eq!(made(&read), 1);
    assert_eq!(borsh::to_vec(&read).unwrap(), written, "what was only read is as it was");
}

#[test]
fn many_threads_may_read_what_is_written_and_cloned_meanwhile() {
    let whole = many(20_000);
    let written = borsh::to_vec(&whole).unwrap();
    for _ in 0..5 {
        let read: Paged = borsh::from_slice(&written).unwrap();
        thread::scope(|threads| {
            let looks =
                threads.spawn(|| (0..20_000).rev().all(|key| read.get(&key) == whole.get(&key)));
            let all = threads.spawn(|| read.iter().eq(whole.iter()));
            let copy = threads.spawn(|| read.clone().iter().eq(whole.iter()));
            assert_eq!(borsh::to_vec(&read).unwrap(), written);
            for thread in [looks, all, copy] {
                assert!(thread.join().unwrap());
            }
        });
    }
}

#[test]
fn bytes_that_are_missing_are_an_error() {
    let written = borsh::to_vec(&many(100)).unwrap();
    for length in 0..written.len() {
        assert!(borsh::from_slice::<Paged>(&written[..length]).is_err(), "cut at {length}");
    }
    // A page of one entry that claims to be as long as can be; of none; of more than it has bytes for.
    for (count, length) in [(1, u32::MAX), (0, 8), (9, 8)] {
        let claims = borsh::to_vec(&(true, None::<u16>, count, length, [0_u8; 8], false)).unwrap();
        assert!(borsh::from_slice::<Paged>(&claims).is_err(), "{count} entries of {length} bytes");
    }
    // Entries of one byte each.
    let small: PagedMap<u8, ()> = (0..9).map(|key| (key, ())).collect();
    assert_eq!(again(&small).keys().copied().collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
    // Eight bytes are one entry of a key and a value of two bytes.
    assert_eq!(
        try_read(1, &[7, 0, 2, 0, 0, 0, b'o', b'k']).unwrap(),
        Plain::from([(7, "ok".to_owned())])
    );
    assert!(try_read::<u16, String>(1, &[7, 0, 1, 0, 0, 0, b'o', b'k']).is_err());
}
