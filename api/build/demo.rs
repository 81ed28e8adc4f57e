//! Lists the demonstration data, so that a plain build carries them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Writes `demo_files.rs`.
pub(crate) fn list() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("demo");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    collect(&root, &mut files);
    // Collections and their items stand before the observations.
    let is_observations = |path: &Path| path.extension().is_some_and(|e| e == "parquet");
    files.sort_by_key(|path| (is_observations(path), path.clone()));
    let mut list = String::from("&[\n");
    for path in &files {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.strip_prefix(&root).expect("found below it").to_string_lossy().into_owned();
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", path.display().to_string()).expect("a String");
    }
    list.push_str("]\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("demo_files.rs");
    std::fs::write(out, list).expect("the output folder can be written");
}

/// Data files below a folder; texts for people (`.md`) stay out.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for path in entries.map(|e| e.expect("a readable folder").path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if !path.extension().is_some_and(|e| e == "md" || e == "py" || e == "toml") {
            files.push(path);
        }
    }
}
