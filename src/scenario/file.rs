//! The text of a scenario file: JSON or YAML, strict about its keys.

use std::path::Path;

use ledger_core::calendar::Day;
use serde_json::{Map, Value};

/// One scenario.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scenario {
    /// What it shows.
    pub(crate) title: String,
    /// The data of `OpenBook`; none where the commands open the book themselves.
    pub(crate) book: Option<Map<String, Value>>,
    /// The commands in order.
    pub(crate) commands: Vec<Step>,
    /// What must hold afterwards.
    pub(crate) expect: Vec<Expectation>,
}

/// One command, and whether it must be refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// The envelope, with an id.
    pub(crate) envelope: Map<String, Value>,
    /// The code with which it must be refused.
    pub(crate) expect_error: Option<String>,
}

impl Step {
    /// The command's name, for messages.
    pub(crate) fn name(&self) -> &str {
        self.envelope.get("command").and_then(Value::as_str).unwrap_or("?")
    }

    fn effective(&self) -> Option<Day> {
        self.envelope.get("effective").and_then(Value::as_str).and_then(|text| text.parse().ok())
    }
}

/// One report, and the rows that it must have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expectation {
    /// The report's name.
    pub(crate) report: String,
    /// The rows.
    pub(crate) rows: Vec<Map<String, Value>>,
    /// Whether no other row may have an amount.
    pub(crate) exact: bool,
    /// As known after this command, counted from 1.
    pub(crate) at_command: Option<usize>,
    /// All other keys: the report's filters.
    pub(crate) filters: Vec<(String, String)>,
}

impl Scenario {
    /// Reads a file; YAML where its name ends so, JSON otherwise.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let value: Value = if yaml {
            serde_yaml_ng::from_str(&text).map_err(|error| error.to_string())?
        } else {
            serde_json::from_str(&text).map_err(|error| error.to_string())?
        };
        Self::from_value(value)
    }

    fn from_value(value: Value) -> Result<Self, String> {
        let mut object = Object::of("the file", value)?;
        let title = object.text("title")?.unwrap_or_default();
        let book = match object.take("book") {
            None => None,
            Some(value) => Some(map("book", value)?),
        };
        let commands = object.list("commands")?.into_iter().enumerate();
        let commands = commands
            .map(|(index, value)| step(index + 1, value))
            .collect::<Result<Vec<Step>, String>>()?;
        let expect = object.list("expect")?.into_iter().enumerate();
        let expect = expect
            .map(|(index, value)| expectation(index + 1, value))
            .collect::<Result<Vec<Expectation>, String>>()?;
        object.finish(&["source", "topic", "derived", "rechecked", "note"])?;
        Ok(Self { title, book, commands, expect })
    }

    /// The earliest and the latest date of the commands.
    pub(crate) fn dates(&self) -> Option<(Day, Day)> {
        let mut dates: Vec<Day> = self.commands.iter().filter_map(Step::effective).collect();
        dates.sort_unstable();
        Some((*dates.first()?, *dates.last()?))
    }
}

fn step(number: usize, value: Value) -> Result<Step, String> {
    let mut object = Object::of(&format!("command {number}"), value)?;
    let expect_error = object.text("expect_error")?;
    object.take("note");
    let mut envelope = object.fields;
    // Unknown keys stay in: the ledger itself refuses them.
    envelope.entry("id").or_insert_with(|| Value::String(format!("c{number}")));
    Ok(Step { envelope, expect_error })
}

fn expectation(number: usize, value: Value) -> Result<Expectation, String> {
    let name = format!("expectation {number}");
    let mut object = Object::of(&name, value)?;
    let report = object.text("report")?.ok_or(format!("{name} names no report"))?;
    let rows = object.list("rows")?;
    let rows = rows.into_iter().map(|row| map(&format!("a row of {name}"), row));
    let rows = rows.collect::<Result<Vec<_>, String>>()?;
    let exact = match object.take("exact") {
        None => false,
        Some(Value::Bool(exact)) => exact,
        Some(other) => return Err(format!("{name}: exact is true or false, not {other}")),
    };
    let at_command = match object.take("at_command") {
        None => None,
        Some(value) => match value.as_u64().and_then(|number| usize::try_from(number).ok()) {
            Some(number) => Some(number),
            None => return Err(format!("{name}: at_command is a number, not {value}")),
        },
    };
    for key in ["derived", "note", "source"] {
        object.take(key);
    }
    let filters = object.fields.into_iter().map(|(key, value)| (key, plain(&value))).collect();
    Ok(Expectation { report, rows, exact, at_command, filters })
}

/// A scalar as text: strings without their quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn map(name: &str, value: Value) -> Result<Map<String, Value>, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(format!("{name} is no object"))
        }
    }
}

/// An object whose keys are taken out one after another.
struct Object {
    name: String,
    fields: Map<String, Value>,
}

impl Object {
    fn of(name: &str, value: Value) -> Result<Self, String> {
        Ok(Self { name: name.to_owned(), fields: map(name, value)? })
    }

    fn take(&mut self, key: &str) -> Option<Value> {
        self.fields.remove(key)
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("{}: {key} is a text, not {other}", self.name)),
        }
    }

    fn list(&mut self, key: &str) -> Result<Vec<Value>, String> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(format!("{}: {key} is a list, not {other}", self.name)),
        }
    }

    /// Refuses what is left, but for `ignored`.
    fn finish(self, ignored: &[&str]) -> Result<(), String> {
        match self.fields.keys().find(|key| !ignored.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(format!("{} has an unknown key {key:?}", self.name)),
        }
    }
}
