//! What fuzzing begins with: the examples that are published with the project, as inputs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::{Value, json};

/// The root of the project.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let above = here.ancestors().find(|folder| folder.join("schemas/golden").is_dir());
    above.unwrap_or(here).to_owned()
}

/// The golden commands, one each.
pub fn golden_lines() -> &'static [Vec<u8>] {
    static LINES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    LINES.get_or_init(|| crate::book::GOLDEN.lines().map(|line| line.into()).collect())
}

/// Each scenario and each worked example as lines of commands.
pub fn scenarios() -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> = ["tests/scenarios", "tests/worked"]
        .iter()
        .flat_map(|folder| fs::read_dir(root().join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: &PathBuf| -> Value {
        let text = fs::read_to_string(path).unwrap();
        if path.extension().is_some_and(|end| end == "json") {
            serde_json::from_str(&text).unwrap()
        } else {
            serde_yaml_ng::from_str(&text).unwrap()
        }
    };
    paths.iter().map(|path| lines(&read(path))).collect()
}

fn lines(scenario: &Value) -> Vec<u8> {
    let commands = scenario["commands"].as_array().unwrap();
    let days = commands.iter().filter_map(|command| command["effective"].as_str());
    let mut made = Vec::new();
    if let Some(book) = scenario.get("book") {
        let open =
            json!({"id": "open", "command": "OpenBook", "effective": days.min(), "data": book});
        made.push(open.to_string());
    }
    for (number, command) in commands.iter().enumerate() {
        let mut command = command.clone();
        let fields = command.as_object_mut().unwrap();
        fields.remove("expect_error");
        fields.remove("note");
        fields.entry("id").or_insert_with(|| json!(format!("c{number}")));
        made.push(command.to_string());
    }
    made.join("\n").into_bytes()
}

/// Inputs of a folder, that a crash left once: they are tried first.
pub fn regressions(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = root().join("tests/fuzz/regressions").join(target);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}
