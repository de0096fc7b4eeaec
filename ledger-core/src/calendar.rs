//! Business dates: parsing, month arithmetic, and the serde form `YYYY-MM-DD`.

use std::io;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{Date, Month};

use crate::rejection::{Code, Rejection};

/// A business date in the book's time zone, `YYYY-MM-DD` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Wraps a calendar date.
    pub fn new(date: Date) -> Self {
        Self(date)
    }

    /// The calendar date.
    pub fn date(self) -> Date {
        self.0
    }

    /// A day by its numbers; `None` where it does not exist.
    pub fn from_numbers(year: i32, month: u8, day: u8) -> Option<Self> {
        let month = Month::try_from(month).ok()?;
        Date::from_calendar_date(year, month, day).ok().map(Self)
    }

    /// Days since the Julian epoch, for differences.
    pub fn number(self) -> i32 {
        self.0.to_julian_day()
    }

    /// Whole days from `other` to this day.
    pub fn days_since(self, other: Self) -> i32 {
        self.number() - other.number()
    }

    /// So many days later (or earlier), within the years 1 to 9999.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Date::from_julian_day(self.number().saturating_add(days)).map_or(self, Self)
    }

    /// The day before.
    #[must_use]
    pub fn previous(self) -> Self {
        self.plus_days(-1)
    }

    /// The day after.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus_days(1)
    }

    /// The month in which the day falls.
    pub fn month(self) -> YearMonth {
        YearMonth { year: self.0.year(), month: u8::from(self.0.month()) }
    }

    /// The day of the month, 1 to 31.
    pub fn day(self) -> u8 {
        self.0.day()
    }

    /// The same day of a later (or earlier) month, with `anchor` as the wanted day of the month;
    /// in a month that is too short its last day.
    #[must_use]
    pub fn plus_months(self, months: i32, anchor: u8) -> Self {
        let target = self.month().plus(months);
        target.day(anchor.min(target.days()))
    }
}

impl FromStr for Day {
    type Err = Rejection;

    fn from_str(text: &str) -> Result<Self, Rejection> {
        let parts: Vec<&str> = text.split('-').collect();
        let parsed = match parts.as_slice() {
            [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2 => {
                match (year.parse(), month.parse(), day.parse()) {
                    (Ok(year), Ok(month), Ok(day)) if year >= 1 => {
                        Self::from_numbers(year, month, day)
                    }
                    _ => None,
                }
            }
            _ => None,
        };
        parsed.ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            Rejection::new(
                Code::DateInvalid,
                format!("{shown:?} is not a date that exists; write YYYY-MM-DD"),
            )
        })
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let month = u8::from(self.0.month());
        write!(formatter, "{:04}-{month:02}-{:02}", self.0.year(), self.0.day())
    }
}

impl Day {
    /// The ten characters of a day from year 0 to 9999: dates are the most frequent values of a
    /// log, and formatting machinery would be a tenth of the time of writing one.
    fn characters(self) -> Option<[u8; 10]> {
        let digit = |value: u16| u8::try_from(value % 10).map_or(b'0', |value| b'0' + value);
        let year = u16::try_from(self.0.year()).ok().filter(|year| *year <= 9999)?;
        let (month, day) = (u16::from(u8::from(self.0.month())), u16::from(self.0.day()));
        Some([
            digit(year / 1000),
            digit(year / 100),
            digit(year / 10),
            digit(year),
            b'-',
            digit(month / 10),
            digit(month),
            b'-',
            digit(day / 10),
            digit(day),
        ])
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let characters = self.characters();
        match characters.as_ref().map(|characters| std::str::from_utf8(characters)) {
            Some(Ok(text)) => serializer.serialize_str(text),
            Some(Err(_)) | None => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_str(&text).map_err(|rejection| crate::wire::coded(&rejection))
    }
}

/// As the number of the day: four bytes of a snapshot.
impl borsh::BorshSerialize for Day {
    fn serialize<W: io::Write>(&self, writer: &mut W) -> io::Result<()> {
        borsh::BorshSerialize::serialize(&self.number(), writer)
    }
}

impl borsh::BorshDeserialize for Day {
    fn deserialize_reader<R: io::Read>(reader: &mut R) -> io::Result<Self> {
        let number = <i32 as borsh::BorshDeserialize>::deserialize_reader(reader)?;
        let date = Date::from_julian_day(number);
        date.map(Self).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// A calendar month, `YYYY-MM` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct YearMonth {
    /// The year.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
}

impl YearMonth {
    /// So many months later (or earlier).
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        let index = self.year * 12 + i32::from(self.month) - 1 + months;
        // A remainder of 12 fits a byte.
        let month = u8::try_from(index.rem_euclid(12)).unwrap_or(0) + 1;
        Self { year: index.div_euclid(12), month }
    }

    /// Months from `other` to this month.
    pub fn since(self, other: Self) -> i32 {
        (self.year - other.year) * 12 + i32::from(self.month) - i32::from(other.month)
    }

    /// How many days it has.
    pub fn days(self) -> u8 {
        Month::try_from(self.month).map_or(30, |month| month.length(self.year))
    }

    /// Its first day.
    pub fn first(self) -> Day {
        self.day(1)
    }

    /// Its last day.
    pub fn last(self) -> Day {
        self.day(self.days())
    }

    /// A day of it; years outside the calendar give the nearest day that exists.
    pub fn day(self, day: u8) -> Day {
        Day::from_numbers(self.year, self.month, day).unwrap_or(if self.year < 1 {
            Day(Date::MIN)
        } else {
            Day(Date::MAX)
        })
    }
}

impl std::fmt::Display for YearMonth {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:04}-{:02}", self.year, self.month)
    }
}
