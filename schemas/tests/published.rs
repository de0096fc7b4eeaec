//! The schemas in the tree are the ones that the types generate, and hold together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use schemas::publish::files;
use serde_json::Value;

fn on_disk() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    for folder in ["", "commands", "events"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_published_files_are_the_generated_ones() {
    let (generated, found) = (files(), on_disk());
    let hint = "run `cargo run -p schemas --example publish` and read the difference";
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&generated), names(&found), "{hint}");
    for (name, text) in &generated {
        assert!(found[name] == *text, "{name} differs: {hint}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let files = files();
    let mut checked = 0;
    for (name, text) in &files {
        let root: Value = serde_json::from_str(text).unwrap();
        let mut open = vec![&root];
        while let Some(value) = open.pop() {
            if let Some(target) = value.get("$ref").and_then(Value::as_str) {
                checked += 1;
                match target.strip_prefix('#') {
                    Some(pointer) => assert!(root.pointer(pointer).is_some(), "{name}: {target}"),
                    None => assert!(files.contains_key(target), "{name}: {target}"),
                }
            }
            match value {
                Value::Array(values) => open.extend(values),
                Value::Object(object) => open.extend(object.values()),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
    assert!(checked > 50, "{checked} references");
}
