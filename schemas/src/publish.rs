//! The published schemas: JSON Schema of every command and event, the list of codes, and AsyncAPI
//! of the subjects. All are generated from the types; a test compares them with the files.

use std::collections::BTreeMap;

use ledger_core::command::CommandData;
use ledger_core::event::EventData;
use ledger_core::posting::Functional;
use ledger_core::rejection::Code;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Every generated file by its path below `schemas/`, with its text.
pub fn files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let (names, definitions) = described(CommandData::schemas);
    for (name, data) in &names {
        let path = format!("commands/{name}.json");
        files.insert(path, text(&command(name, data, &definitions)));
    }
    let mut functional = Value::Null;
    let (types, definitions) = described(|generator| {
        functional = generator.subschema_for::<Functional>().to_value();
        EventData::schemas(generator)
    });
    for (name, data) in &types {
        let version = EventData::TYPES.iter().find(|(one, _)| one == name).map_or(1, |one| one.1);
        let path = format!("events/{name}.v{version}.json");
        let mut schema = event(name, version, data, &definitions);
        if EventData::WITH_ENTRY.contains(name) {
            schema["properties"]["functional"] = functional.clone();
            schema["$defs"] = Value::Object(needed(&schema, &definitions));
        }
        files.insert(path, text(&schema));
    }
    files.insert("errors.json".to_owned(), text(&errors()));
    files.insert("reply.json".to_owned(), text(&reply()));
    files.insert("asyncapi.json".to_owned(), text(&asyncapi()));
    files
}

type Described = (Vec<(&'static str, Value)>, Map<String, Value>);

/// The data schemas by name, and the definitions that they refer to.
fn described(
    schemas: impl FnOnce(&mut SchemaGenerator) -> Vec<(&'static str, schemars::Schema)>,
) -> Described {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let named = schemas(&mut generator).into_iter();
    let named = named.map(|(name, schema)| (name, schema.to_value())).collect();
    (named, generator.take_definitions(true))
}

/// Only the definitions that `schema` refers to, also through one another.
fn needed(schema: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Array(values) => open.extend(values),
            Value::Object(object) => {
                let name = object.get("$ref").and_then(Value::as_str);
                let name = name.and_then(|path| path.strip_prefix("#/$defs/"));
                if let Some((name, definition)) =
                    name.and_then(|name| definitions.get_key_value(name))
                    && !kept.contains_key(name)
                {
                    kept.insert(name.clone(), definition.clone());
                    open.push(definition);
                }
                open.extend(object.values());
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    kept.sort_keys();
    kept
}

fn identifier(about: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 128, "description": about})
}

fn command(name: &str, data: &Value, definitions: &Map<String, Value>) -> Value {
    json!({
        "$schema": DIALECT,
        "title": name,
        "description": format!("The command {name}, the same over every transport."),
        "type": "object",
        "properties": {
            "id": identifier("The idempotency key: the same id and content, the same reply."),
            "command": {"const": name},
            "book": identifier("The book; the one that the command was sent to."),
            "effective": {"type": "string", "format": "date",
                          "description": "The business date; today where it is missing."},
            "reason": {"type": "string", "description": "Free text for the audit trail."},
            "correlation_id": identifier("Ties commands of one story together."),
            "data": data,
        },
        "required": ["command", "data"],
        "additionalProperties": false,
        "$defs": needed(data, definitions),
    })
}

fn event(name: &str, version: u32, data: &Value, definitions: &Map<String, Value>) -> Value {
    json!({
        "$schema": DIALECT,
        "title": format!("{name} v{version}"),
        "description": "The body of an event; readers ignore fields that they do not know.",
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "Unique in all logs; the Nats-Msg-Id."},
            "type": {"const": name},
            "version": {"const": version},
            "effective": {"type": "string", "format": "date",
                          "description": "The business date."},
            "recorded_at": {"type": "string", "format": "date-time",
                            "description": "When the ledger learned it, UTC, six decimals."},
            "actor": {"type": "string", "description": "Who asked."},
            "command_id": identifier("The command that caused it."),
            "command_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$",
                             "description": "SHA-256 of the command's content."},
            "correlation_id": identifier("The story that it belongs to."),
            "reason": {"type": "string", "description": "Free text of the command."},
            "data": data,
        },
        "required": ["id", "type", "version", "effective", "recorded_at", "actor", "command_id",
                     "command_hash", "correlation_id", "data"],
        "$defs": needed(data, definitions),
    })
}

fn errors() -> Value {
    let codes: Vec<Value> = Code::ALL
        .iter()
        .map(|code| json!({"code": code.as_str(), "meaning": code.meaning().trim()}))
        .collect();
    json!({"description": "Every code of a rejection. A code never changes its meaning.",
           "codes": codes})
}

fn reply() -> Value {
    let event = json!({
        "type": "object",
        "properties": {
            "type": {"type": "string"},
            "sequence": {"type": "integer", "minimum": 1},
            "subject": {"type": "string"},
        },
        "required": ["type", "sequence", "subject"],
    });
    let error = json!({
        "type": "object",
        "properties": {
            "code": {"enum": Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>()},
            "message": {"type": "string"},
            "field": {"type": "string"},
            "retry_after_ms": {"type": "integer", "minimum": 1,
                               "description": "When the same is worth another try, where known."},
        },
        "required": ["code", "message"],
    });
    json!({
        "$schema": DIALECT,
        "title": "Reply",
        "description": "The reply to a command id: the same bytes for ever.",
        "type": "object",
        "properties": {
            "id": identifier("The command's id."),
            "outcome": {"enum": ["accepted", "rejected"]},
            "duplicate": {"const": false},
            "sequence": {"type": "integer", "minimum": 1,
                         "description": "The sequence of the command's last event."},
            "events": {"type": "array", "items": event},
            "error": error,
        },
        "required": ["outcome"],
    })
}

fn parameter(about: &str) -> Value {
    json!({"description": format!("{about}; bytes outside A-Z a-z 0-9 _ - are percent-encoded.")})
}

fn trace_headers(about: &str) -> Value {
    json!({"type": "object", "properties": {
        "traceparent": {"type": "string", "description": format!("{about} (W3C Trace Context).")},
    }})
}

fn asyncapi() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let reply_channel = json!({
        "address": null,
        "messages": {"reply": {
            "payload": {"$ref": "reply.json"},
            "headers": trace_headers("The command's trace, with the daemon's own span"),
        }},
    });
    channels.insert("reply".to_owned(), reply_channel);
    for name in CommandData::NAMES {
        channels.insert(
            format!("command{name}"),
            json!({
                "address": format!("ledger.{{book}}.cmd.{name}"),
                "parameters": {"book": parameter("The book")},
                "messages": {"command": {
                    "payload": {"$ref": format!("commands/{name}.json")},
                    "headers": trace_headers("The trace of the command, kept by its events"),
                    "contentType": "application/json",
                }},
            }),
        );
        operations.insert(
            format!("receive{name}"),
            json!({
                "action": "receive",
                "channel": {"$ref": format!("#/channels/command{name}")},
                "reply": {"address": {"location": "$message.header#/reply-to"},
                          "channel": {"$ref": "#/channels/reply"}},
            }),
        );
    }
    channels.insert("events".to_owned(), events_channel());
    operations.insert(
        "sendEvents".to_owned(),
        json!({"action": "send", "channel": {"$ref": "#/channels/events"}}),
    );
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "revledger",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "An event-sourced revenue ledger for order-to-cash. Each command may also \
                            be sent to ledger.{book}.cmd.{user}.<Command>, the user's own subject.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
    })
}

/// Where the events stand: one channel, a message for each type.
fn events_channel() -> Value {
    let messages: Map<String, Value> = EventData::TYPES
        .iter()
        .map(|(name, version)| {
            let message = json!({
                "name": format!("revledger.{name}.v{version}"),
                "contentType": "application/json",
                "payload": {"$ref": format!("events/{name}.v{version}.json")},
            });
            ((*name).to_owned(), message)
        })
        .collect();
    json!({
        "address": "ledger.{book}.evt.{shard}.{customer}.{kind}.{document}",
        "description": "One message an event, on the stream LEDGER_<book>_<shard>. Headers \
                        follow the CloudEvents NATS binding in binary mode.",
        "parameters": {
            "book": parameter("The book"),
            "shard": {"description": "The shard, 0 where there is one."},
            "customer": parameter("The customer, _book for events of the whole book"),
            "kind": {"description": "customer, order, invoice, payment, credit, book, product"},
            "document": parameter("The document's id"),
        },
        "messages": messages,
    })
}

fn text(value: &Value) -> String {
    // Values that were built here always serialize.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
