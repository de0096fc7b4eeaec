//! Dates as a map wants them.

use ledger_core::calendar::Day;

/// A part of a date, or what stands between two.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Year,
    /// With two digits, or as few as it takes.
    Month(bool),
    Day(bool),
    Between(char),
}

/// How dates are written: `yyyy`, `mm`, `m`, `dd`, `d`, and what stands between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DateFormat(Vec<Part>);

impl DateFormat {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let words = [
            ("yyyy", Part::Year),
            ("mm", Part::Month(true)),
            ("dd", Part::Day(true)),
            ("m", Part::Month(false)),
            ("d", Part::Day(false)),
        ];
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let word = words.iter().find_map(|(word, part)| Some((part, rest.strip_prefix(word)?)));
            if let Some((part, behind)) = word {
                parts.push(part.clone());
                rest = behind;
            } else if letter.is_alphanumeric() {
                return Err(format!(
                    "date_format is {text:?}, but dates are written with yyyy, mm, m, dd, d only"
                ));
            } else {
                parts.push(Part::Between(letter));
                rest = rest.get(letter.len_utf8()..).unwrap_or_default();
            }
        }
        let has = |wanted: fn(&Part) -> bool| parts.iter().filter(|part| wanted(part)).count() == 1;
        let is_whole = has(|part| matches!(part, Part::Year))
            && has(|part| matches!(part, Part::Month(_)))
            && has(|part| matches!(part, Part::Day(_)));
        if is_whole {
            Ok(Self(parts))
        } else {
            Err(format!("date_format is {text:?}, but needs a year, a month and a day, each once"))
        }
    }

    pub(super) fn show(&self, day: Day) -> String {
        let iso = day.to_string();
        let mut numbers = iso.splitn(3, '-');
        let mut next = || numbers.next().unwrap_or_default();
        let (year, month, date) = (next(), next(), next());
        let short = |number: &str, is_padded: bool| match number.strip_prefix('0') {
            Some(digit) if !is_padded => digit.to_owned(),
            Some(_) | None => number.to_owned(),
        };
        let part = |part: &Part| match part {
            Part::Year => year.to_owned(),
            Part::Month(is_padded) => short(month, *is_padded),
            Part::Day(is_padded) => short(date, *is_padded),
            Part::Between(letter) => letter.to_string(),
        };
        self.0.iter().map(part).collect()
    }
}
