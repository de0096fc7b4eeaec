//! From bytes to a command, or a refusal with its code and field (contract, sections 1 and 2).

use ledger_core::calendar::Day;
use ledger_core::command::{Command, CommandData, PLANNED};
use ledger_core::content_hash::ContentHash;
use ledger_core::id::Identifier;
use ledger_core::limits::{COMMAND_BYTES_MAX, JSON_DEPTH_MAX};
use ledger_core::money::from_outside;
use ledger_core::rejection::{Code, Rejection};
use ledger_core::wire::uncoded;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::str::FromStr;

/// Where a command came from: what the transport knows and the envelope does not say.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The book that it was sent to.
    pub book: Identifier,
    /// Who asked, from the credentials of the connection.
    pub actor: String,
    /// Today in the book's time zone: the default of `effective`.
    pub today: Day,
    /// The command that the subject names.
    pub command_name: Option<String>,
}

/// A command that was refused before anybody decided on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its id, where that much could be read.
    pub id: Option<String>,
    /// Why.
    pub rejection: Rejection,
}

impl From<Rejection> for Refused {
    fn from(rejection: Rejection) -> Self {
        Self { id: None, rejection }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    #[serde(default)]
    id: Option<Identifier>,
    command: String,
    #[serde(default)]
    book: Option<Identifier>,
    #[serde(default)]
    effective: Option<Day>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    correlation_id: Option<Identifier>,
    /// Read by themselves, by the command's name.
    #[serde(rename = "data")]
    _data: IgnoredAny,
}

/// Reads one command. `new_id` makes an id where the caller gave none.
///
/// # Errors
/// [`Refused`] with the id where it could be read; nothing is to be written then.
pub fn parse(
    bytes: &[u8],
    origin: &Origin,
    new_id: &mut dyn FnMut() -> String,
) -> Result<Command, Refused> {
    let (id, value) = read(bytes)?;
    decode(value, origin, new_id).map_err(|rejection| Refused { id, rejection })
}

/// Reads one command of which the transport proved who sent it: its body may say so, too, as
/// `actor`, and must not say otherwise.
///
/// # Errors
/// As [`parse`], and `actor.mismatch`.
pub fn parse_stated(
    bytes: &[u8],
    origin: &Origin,
    new_id: &mut dyn FnMut() -> String,
) -> Result<Command, Refused> {
    let (id, mut value) = read(bytes)?;
    let said = value.as_object_mut().and_then(|envelope| envelope.remove("actor"));
    let is_other = said.is_some_and(|said| said.as_str() != Some(&origin.actor));
    let decoded = if is_other {
        let message = format!("the server says that {} sent it; leave `actor` out", origin.actor);
        Err(Rejection::at(Code::ActorMismatch, "actor", message))
    } else {
        decode(value, origin, new_id)
    };
    decoded.map_err(|rejection| Refused { id, rejection })
}

/// The id of a command, where it can be read: to answer one that is refused unread.
pub fn id_of(bytes: &[u8]) -> Option<String> {
    read(bytes).ok().and_then(|(id, _)| id)
}

fn read(bytes: &[u8]) -> Result<(Option<String>, Value), Rejection> {
    check_bounds(bytes)?;
    let value = distinct::parse(bytes).map_err(|error| malformed("", &error.to_string()))?;
    let id = value.get("id").and_then(Value::as_str).map(|id| id.chars().take(128).collect());
    Ok((id, value))
}

fn decode(
    mut value: Value,
    origin: &Origin,
    new_id: &mut dyn FnMut() -> String,
) -> Result<Command, Rejection> {
    let data = value.get_mut("data").map(Value::take).unwrap_or_default();
    let envelope = envelope(value)?;
    if envelope.book.as_ref().is_some_and(|book| *book != origin.book) {
        return Err(Rejection::at(
            Code::BookMismatch,
            "book",
            format!("the command is for another book than {}, where it was sent", origin.book),
        ));
    }
    if origin.command_name.as_ref().is_some_and(|name| *name != envelope.command) {
        return Err(Rejection::at(
            Code::CommandMalformed,
            "command",
            format!("{:?} was sent on the subject of another command", envelope.command),
        ));
    }
    if envelope
        .reason
        .as_ref()
        .is_some_and(|reason| reason.len() > ledger_core::limits::TEXT_BYTES_MAX)
    {
        return Err(Rejection::at(Code::TextInvalid, "reason", "the reason is too long"));
    }
    let content_hash = content_hash(&envelope, &data)?;
    let data = from_outside(|| read_data(&envelope.command, data))?;
    let id = match envelope.id {
        Some(id) => id,
        None => Identifier::from_str(&new_id())?,
    };
    Ok(Command {
        correlation_id: envelope.correlation_id.unwrap_or_else(|| id.clone()),
        id,
        effective: envelope.effective.unwrap_or(origin.today),
        reason: envelope.reason,
        actor: origin.actor.clone(),
        content_hash,
        data,
    })
}

/// Where it is read without a fault, nobody needs to know which field is being read: to keep track of
/// that takes as long as reading. So only what cannot be read is read again.
fn envelope(value: Value) -> Result<Envelope, Rejection> {
    Envelope::deserialize(&value)
        .or_else(|_| serde_path_to_error::deserialize(value).map_err(|error| refusal("", &error)))
}

/// The same of the data.
fn read_data(name: &str, value: Value) -> Result<CommandData, Rejection> {
    if PLANNED.contains(&name) {
        return Err(Rejection::at(
            Code::CommandNotSupported,
            "command",
            format!("{name} is not part of this release yet"),
        ));
    }
    if let Some(Ok(data)) = CommandData::deserialize(name, &value) {
        return Ok(data);
    }
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(value, &mut track);
    match CommandData::deserialize(name, deserializer) {
        Some(Ok(data)) => Ok(data),
        Some(Err(error)) => {
            let path = track.path().to_string();
            Err(classify("data", &path, &error.to_string()))
        }
        None => Err(Rejection::at(
            Code::CommandUnknown,
            "command",
            format!(
                "there is no command {:?}; there are {}",
                name.chars().take(40).collect::<String>(),
                CommandData::NAMES.join(", ")
            ),
        )),
    }
}

fn refusal(prefix: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> Rejection {
    classify(prefix, &error.path().to_string(), &error.inner().to_string())
}

/// Finds the code that a deserializer's message stands for.
fn classify(prefix: &str, path: &str, message: &str) -> Rejection {
    let field = match (prefix, path) {
        (prefix, ".") => prefix.to_owned(),
        ("", path) => path.to_owned(),
        (prefix, path) => format!("{prefix}.{path}"),
    };
    let named = message.split('`').nth(1).unwrap_or("");
    if let Some((code, text)) = uncoded(message) {
        let field = Some(field).filter(|field| !field.is_empty());
        return Rejection {
            code: code.to_owned(),
            message: text.to_owned(),
            field,
            retry_after_ms: None,
        };
    }
    if message.starts_with("unknown field") {
        let expected = message.split_once("expected ").map_or("", |(_, expected)| expected);
        // The path of an unknown field already ends with its name.
        return Rejection::at(
            Code::CommandUnknownField,
            field,
            format!("there is no field {named:?} here; there are {expected}"),
        );
    }
    if message.starts_with("missing field") {
        let at = if field.is_empty() { named.to_owned() } else { format!("{field}.{named}") };
        return Rejection::at(
            Code::CommandMissingField,
            at,
            format!("the field {named:?} is missing"),
        );
    }
    if message.contains("a decimal number in a JSON string") {
        return Rejection::at(
            Code::AmountInvalid,
            field,
            format!("{message}; JSON numbers are floats, so quote it"),
        );
    }
    malformed(&field, message)
}

fn malformed(field: &str, message: &str) -> Rejection {
    let message = format!("the command is not of the right shape: {message}");
    if field.is_empty() {
        Rejection::new(Code::CommandMalformed, message)
    } else {
        Rejection::at(Code::CommandMalformed, field, message)
    }
}

/// SHA-256 over what the caller asked for, in one form: sorted keys, no white space. The id, the
/// book and defaults that were filled in are left out, so that a retry on another day is the
/// same content.
fn content_hash(envelope: &Envelope, data: &Value) -> Result<ContentHash, Rejection> {
    /// In the order of the keys.
    #[derive(Serialize)]
    struct Content<'a> {
        command: &'a str,
        data: &'a Value,
        effective: Option<Day>,
        reason: Option<&'a str>,
    }
    let content = Content {
        command: &envelope.command,
        data,
        effective: envelope.effective,
        reason: envelope.reason.as_deref(),
    };
    let bytes = serde_json::to_vec(&content).map_err(|error| malformed("", &error.to_string()))?;
    Ok(ContentHash(Sha256::digest(bytes).into()))
}

/// Refuses what is too large or too deep before anything reads it: a recursive parser would
/// otherwise meet it first.
fn check_bounds(bytes: &[u8]) -> Result<(), Rejection> {
    if bytes.len() > COMMAND_BYTES_MAX {
        return Err(Rejection::new(
            Code::CommandTooLarge,
            format!(
                "the command has {} bytes, above the limit of {COMMAND_BYTES_MAX}; split it",
                bytes.len()
            ),
        ));
    }
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                if depth > JSON_DEPTH_MAX {
                    return Err(Rejection::new(
                        Code::CommandTooDeep,
                        format!("the JSON is nested deeper than {JSON_DEPTH_MAX}"),
                    ));
                }
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// JSON in which no object has a key twice: serde_json would keep the last one silently.
mod distinct {
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
    use serde_json::map::Entry;
    use serde_json::{Map, Number, Value};

    struct Distinct(Value);

    pub(super) fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
        serde_json::from_slice::<Distinct>(bytes).map(|distinct| distinct.0)
    }

    impl<'de> Deserialize<'de> for Distinct {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Any).map(Distinct)
        }
    }

    struct Any;

    impl<'de> Visitor<'de> for Any {
        type Value = Value;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("JSON")
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
            Ok(Value::Bool(value))
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
            Ok(value.into())
        }

        fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
            Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
            Ok(Value::String(value.to_owned()))
        }

        fn visit_unit<E: Error>(self) -> Result<Value, E> {
            Ok(Value::Null)
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
            let mut list = Vec::new();
            while let Some(Distinct(value)) = access.next_element()? {
                list.push(value);
            }
            Ok(Value::Array(list))
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
            let mut map = Map::new();
            while let Some((key, Distinct(value))) = access.next_entry::<String, Distinct>()? {
                match map.entry(key) {
                    Entry::Vacant(place) => place.insert(value),
                    Entry::Occupied(first) => {
                        let key = first.key();
                        return Err(A::Error::custom(format!("the field {key:?} stands twice")));
                    }
                };
            }
            Ok(Value::Object(map))
        }
    }
}
