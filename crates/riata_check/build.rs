//! Lists the files of the knowledge base, so that a new one needs no other line.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"))
        .join("resources/knowledge");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names: Vec<String> = fs::read_dir(&folder)
        .map(|entries| {
            entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| name.ends_with(".toml"))
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    let mut text = String::from(
        "/// (file name, text)\npub(crate) const KNOWLEDGE_FILES: &[(&str, &str)] = &[\n",
    );
    for name in names {
        let path = folder.join(&name);
        writeln!(
            text,
            "    ({name:?}, include_str!({:?})),",
            path.display().to_string()
        )
        .expect("strings can be written to");
    }
    text.push_str("];\n");
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("knowledge_files.rs");
    fs::write(out, text).expect("the build folder can be written to");
}
