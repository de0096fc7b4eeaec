//! Writes the generated schemas: `cargo run -p schemas --example publish`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["commands", "events"] {
        let folder = root.join(folder);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
    }
    for (path, text) in schemas::publish::files() {
        std::fs::write(root.join(path), text)?;
    }
    Ok(())
}
