//! The distribution of latencies.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::Outcome;

/// Significant digits that the distribution keeps.
const DIGITS: u8 = 3;

/// A distribution of latencies, exact to a thousandth.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// An empty one.
    ///
    /// # Errors
    /// Never: the number of digits is a legal one.
    pub fn new() -> Outcome<Self> {
        Ok(Self(Histogram::new(DIGITS)?))
    }

    /// Counts one latency.
    ///
    /// # Errors
    /// Where it is longer than memory suffices to count.
    pub fn record(&mut self, latency: Duration) -> Outcome<()> {
        let nanoseconds = u64::try_from(latency.as_nanos())?;
        Ok(self.0.record(nanoseconds)?)
    }

    /// Counts those of another one, too.
    ///
    /// # Errors
    /// As [`Latencies::record`].
    pub fn add(&mut self, other: &Self) -> Outcome<()> {
        Ok(self.0.add(&other.0)?)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// What 99 of 100 do not exceed.
    pub fn p99(&self) -> Duration {
        self.quantile(0.99)
    }

    /// The cells of a Markdown row: p50, p99, p99.9 and the highest, in milliseconds.
    pub fn cells(&self) -> String {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| self.quantile(quantile));
        let max = Duration::from_nanos(self.0.max());
        [p50, p99, p999, max].map(milliseconds).join(" | ")
    }

    fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile))
    }
}

/// A time in milliseconds, with two decimals.
pub fn milliseconds(time: Duration) -> String {
    let hundredths = (time.as_micros() + 5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
