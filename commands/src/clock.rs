//! The one place that reads the clock.

use std::fmt;

use ledger_core::calendar::Day;
use ledger_core::rejection::{Code, Rejection};
use time::OffsetDateTime;
use time_tz::{Offset, TimeZone};

/// A source of the time, so that tests and scenario files can have their own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now, in UTC.
    fn now(&self) -> OffsetDateTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// A clock that stands still.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub OffsetDateTime);

impl Clock for FixedClock {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

/// The business date in a time zone (an IANA name such as `Europe/Berlin`).
///
/// # Errors
/// `time_zone.unknown` where there is no such zone.
pub fn today(clock: &dyn Clock, time_zone: &str) -> Result<Day, Rejection> {
    let zone = time_tz::timezones::get_by_name(time_zone).ok_or_else(|| {
        Rejection::at(
            Code::TimeZoneUnknown,
            "data.time_zone",
            format!("there is no time zone {time_zone:?}; use a name such as Europe/Berlin"),
        )
    })?;
    let now = clock.now();
    let offset = zone.get_offset_utc(&now).to_utc();
    Ok(Day::new(now.to_offset(offset).date()))
}
