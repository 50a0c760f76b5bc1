//! Node.js with the pinned packages of a `package-lock.json` below `tests/node`.
//!
//! Owns the packages under `target/`: fetched on first use, and again when the lock file changes. Does not own: the
//! scripts.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "a test that is turned off reports it")]

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that turns off the tests with Node.js.
const SKIP: &str = "CATCHWATER_SKIP_NODE";

/// A command that runs a script of `tests/node`; none when these tests are turned off.
///
/// # Panics
/// If the packages can't be fetched; the message has the remedy.
#[allow(dead_code, reason = "a test may use packages only")]
pub(crate) fn script(name: &str) -> Option<Command> {
    let modules = packages("")?;
    let mut command = Command::new("node");
    command.arg(sources("").join(name)).env("NODE_PATH", modules);
    Some(command)
}

/// The folder `node_modules` with the packages of a folder below `tests/node`; none when these tests are turned off.
///
/// # Panics
/// If the packages can't be fetched; the message has the remedy.
pub(crate) fn packages(folder: &str) -> Option<PathBuf> {
    if env::var(SKIP).is_ok_and(|value| value == "1") {
        println!("Skipped: this test needs Node.js, and {SKIP}=1 turns it off.");
        return None;
    }
    let sources = sources(folder);
    let mut hasher = DefaultHasher::new();
    fs::read(sources.join("package-lock.json")).unwrap().hash(&mut hasher);
    let fetched = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("node/{:016x}", hasher.finish()));
    fs::create_dir_all(&fetched).unwrap();
    // One test binary fetches while others wait.
    let lock = File::create(fetched.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !fetched.join("ready").exists() {
        fetch(&sources, &fetched);
        File::create(fetched.join("ready")).unwrap();
    }
    Some(fetched.join("node_modules"))
}

fn sources(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node").join(folder)
}

fn fetch(sources: &Path, folder: &PathBuf) {
    for name in ["package.json", "package-lock.json"] {
        fs::copy(sources.join(name), folder.join(name)).unwrap();
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let fetched = Command::new(npm)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output();
    let advice = format!(
        "install Node.js 18 or newer with npm, with access to a package registry, or turn these tests off with {SKIP}=1"
    );
    match fetched {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("npm ci failed: {}. {advice}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("npm does not run: {error}. {advice}"),
    }
}
