//! How many random cases a property is asked: `REVLEDGER_CASES` times as many as usual.

use proptest::prelude::ProptestConfig;

pub(crate) fn config(cases: u32) -> ProptestConfig {
    let times = std::env::var("REVLEDGER_CASES").map_or(1, |times| times.parse().unwrap());
    ProptestConfig { cases: cases * times, failure_persistence: None, ..ProptestConfig::default() }
}
