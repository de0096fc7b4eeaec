//! Another input made of one: bytes that change anywhere, and JSON whose values, fields and lines do.

use serde_json::{Map, Value, json};

use crate::chance::Chance;

/// Values that limits, roundings and calendars look at twice.
const TEXTS: [&str; 44] = [
    "0",
    "-1",
    "1",
    "0.01",
    "-0.01",
    "0.005",
    "1e3",
    "1.",
    ".5",
    "+1",
    "00.00",
    "999999999999.99",
    "1000000000000",
    "0.000000000001",
    "0.0000000000001",
    "100.00",
    "33.33",
    "360.00",
    "12.5",
    "2026-01-01",
    "2026-02-28",
    "2024-02-29",
    "2026-02-30",
    "0000-01-01",
    "9999-12-31",
    "2026-12-31",
    "1900-01-01",
    "2026-05-01",
    "2026-1-1",
    "USD",
    "EUR",
    "JPY",
    "KWD",
    "XXX",
    "usd",
    "",
    "day",
    "month_even",
    "Europe/Berlin",
    "ORD-1",
    "INV/2026.001",
    "C/1 \u{fc}",
    "SEAT",
    "\u{0}",
];
const NUMBERS: [i64; 12] = [0, 1, -1, 2, 12, 30, 365, 1_200, 65_535, 65_536, i64::MAX, i64::MIN];

/// Bytes that mean something to a reader.
const MARKS: [&[u8]; 24] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r\n",
    b"\0",
    b";",
    b"<",
    b">",
    b"&#x0;",
    b"/",
    b"-",
    b".",
    b"\xff",
    b"\xc3\xbc",
    b"99999999999999999999",
    b"-0",
    b"\t",
    b"%00",
];

/// Other bytes, at most `limit` of them.
pub fn bytes(input: &[u8], chance: &mut Chance, limit: usize) -> Vec<u8> {
    let mut made = input.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(made.len() + 1);
        let length = 1 + chance.below(16);
        let end = (at + length).min(made.len());
        match chance.below(7) {
            0 => {
                if let Some(byte) = made.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
            1 => drop(made.drain(at..end)),
            2 => made.truncate(at),
            3 => drop(made.splice(at..end, chance.one_of(&MARKS).iter().copied())),
            4 => {
                let part = made[at..end].to_vec();
                made.splice(at..at, part);
            }
            5 => drop(made.splice(at..at, chance.one_of(&TEXTS).bytes())),
            _ => {
                let part = made[at..end].to_vec();
                let to = chance.below(made.len() + 1);
                made.splice(to..to, part);
            }
        }
    }
    made.truncate(limit);
    made
}

/// Other lines of JSON, with lines of `others` among them; bytes that change anywhere where there is none.
pub fn lines(input: &[u8], others: &[Vec<u8>], chance: &mut Chance, limit: usize) -> Vec<u8> {
    if chance.below(8) == 0 {
        return bytes(input, chance, limit);
    }
    let read = |line: &[u8]| serde_json::from_slice::<Value>(line).ok();
    let mut values: Vec<Value> = input.split(|byte| *byte == b'\n').filter_map(read).collect();
    if values.is_empty() {
        return bytes(input, chance, limit);
    }
    for _ in 0..=chance.below(3) {
        let at = chance.below(values.len());
        match chance.below(10) {
            0 if values.len() > 1 => drop(values.remove(at)),
            1 => {
                let twice = values[at].clone();
                values.insert(at, twice);
            }
            2 => {
                let with = chance.below(values.len());
                values.swap(at, with);
            }
            3 | 4 if !others.is_empty() => {
                let other = chance.one_of(others).clone();
                let lines: Vec<Vec<u8>> =
                    other.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                let line: &Vec<u8> = chance.one_of(&lines);
                values.insert(at + 1, read(line).unwrap_or_default());
            }
            _ => value(&mut values[at], chance),
        }
    }
    let mut made = Vec::new();
    for value in values {
        made.extend(value.to_string().bytes());
        made.push(b'\n');
    }
    // Half a line would only be refused.
    if made.len() > limit { bytes(input, chance, limit) } else { made }
}

/// Changes one value somewhere within.
pub fn value(at: &mut Value, chance: &mut Chance) {
    match at {
        Value::Object(fields) if !fields.is_empty() && chance.below(8) > 0 => field(fields, chance),
        Value::Array(values) if !values.is_empty() && chance.below(8) > 0 => {
            let place = chance.below(values.len());
            match chance.below(6) {
                0 => drop(values.remove(place)),
                1 => values.push(values[place].clone()),
                _ => value(&mut values[place], chance),
            }
        }
        Value::String(text) if chance.below(4) == 0 => digit(text, chance),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => *at = leaf(chance),
    }
}

fn field(fields: &mut Map<String, Value>, chance: &mut Chance) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let name = chance.one_of(&names);
    match chance.below(12) {
        0 => drop(fields.remove(name)),
        1 => {
            let other = chance.one_of(&names).clone();
            let moved = fields.get(name).cloned().unwrap_or_default();
            fields.insert(other, moved);
        }
        _ => fields.get_mut(name).into_iter().for_each(|inner| value(inner, chance)),
    }
}

/// Another digit or letter, which most often stays what it is: a number, a date, a name.
fn digit(text: &mut String, chance: &mut Chance) {
    let mut letters: Vec<char> = text.chars().collect();
    let at = chance.below(letters.len());
    if let Some(letter) = letters.get_mut(at) {
        *letter = char::from(b'0' + u8::try_from(chance.below(10)).unwrap_or(0));
    }
    *text = letters.into_iter().collect();
}

fn leaf(chance: &mut Chance) -> Value {
    match chance.below(12) {
        0 => Value::Null,
        1 => json!(chance.below(2) == 0),
        2 => json!([]),
        3 => json!({}),
        4 | 5 => json!(chance.one_of(&NUMBERS)),
        _ => json!(chance.one_of(&TEXTS)),
    }
}
