//! How many random cases a property is asked: `REVLEDGER_CASES` times as many as usual.

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// The same cases each time, so that a test does not fail by chance; others where more are asked for,
/// which is the search.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let times = std::env::var("REVLEDGER_CASES").ok().map(|times| times.parse().unwrap());
    let rng_seed = if times.is_some() { RngSeed::Random } else { RngSeed::Fixed(2026) };
    let cases = cases * times.unwrap_or(1);
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}
