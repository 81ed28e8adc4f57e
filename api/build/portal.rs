//! Bundles the portal's scripts and styles with Node, from `portal/` into the output folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// What the bundle is made of. The folder of packages is no source: it follows from the lock.
const SOURCES: [&str; 6] = ["src", "static", "package.json", "package-lock.json", "build.mjs", "bundle.mjs"];

/// Installs the packages if they are missing or older than the lock, and writes `portal/assets.rs` with all it lists.
///
/// # Panics
/// With what to do, when Node is absent, the packages cannot be had, or the sources do not bundle.
pub(crate) fn bundle() {
    let portal = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("portal");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", portal.join(source).display());
    }
    let installed = changed(&portal.join("node_modules/.package-lock.json"));
    if installed.is_none() || installed < changed(&portal.join("package-lock.json")) {
        run(&portal, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("portal");
    run(&portal, "node", &["build.mjs", &out.display().to_string()]);
}

fn changed(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|m| m.modified()).ok()
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let wanted = "the pages need Node 20 or newer with npm to be built (on Debian: apt-get install nodejs npm)";
    let output = Command::new(program).args(arguments).current_dir(folder).output();
    let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}; {wanted}"));
    assert!(
        output.status.success(),
        "`{program} {}` failed in {}:\n{}\n{}",
        arguments.join(" "),
        folder.display(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
