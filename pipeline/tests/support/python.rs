//! Python interpreters with the pinned packages of `tests/python/requirements*.txt`.
//!
//! Owns the virtual environments under `target/`: created on first use and again when the requirements change, and
//! shared by all test binaries (with a file lock, so that one creates it while the others wait). Does not own: the
//! scripts.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "a test that is turned off reports it")]

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that turns off the Python tests.
const SKIP: &str = "CATCHWATER_SKIP_PYTHON";

/// Returns the interpreter, or none when the Python tests are turned off.
///
/// # Panics
/// If the environment can't be created; the message has the remedy.
#[allow(dead_code, reason = "a test may need other packages only")]
pub(crate) fn interpreter() -> Option<PathBuf> {
    interpreter_with("requirements.txt")
}

/// Returns the interpreter with the packages of one file of requirements.
pub(crate) fn interpreter_with(requirements: &str) -> Option<PathBuf> {
    if env::var(SKIP).is_ok_and(|value| value == "1") {
        println!("Skipped: this test needs Python, and {SKIP}=1 turns it off.");
        return None;
    }
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(requirements);
    let folder = folder_for(&fs::read(&requirements).unwrap());
    fs::create_dir_all(folder.parent().unwrap()).unwrap();
    let lock = File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if !folder.join("ready").exists() {
        provision(&folder, &requirements);
        File::create(folder.join("ready")).unwrap();
    }
    Some(interpreter_in(&folder))
}

/// Returns the path of a script beside the requirements.
#[allow(dead_code, reason = "a test may use programs of the packages only")]
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)
}

/// Returns the folder of the environment for these requirements.
fn folder_for(requirements: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    requirements.hash(&mut hasher);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("python").join(format!("{:016x}", hasher.finish()))
}

fn interpreter_in(folder: &Path) -> PathBuf {
    if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") }
}

fn provision(folder: &Path, requirements: &Path) {
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    let system = if cfg!(windows) { "python" } else { "python3" };
    run(Command::new(system).args(["-m", "venv"]).arg(folder), "create a virtual environment");
    run(
        Command::new(interpreter_in(folder))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
                "-r",
            ])
            .arg(requirements),
        "install the pinned packages",
    );
}

fn run(command: &mut Command, purpose: &str) {
    let advice = format!(
        "install CPython 3.9 or newer, with access to a package index, or turn the Python tests off with {SKIP}=1"
    );
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("Python could not {purpose} ({advice}):\n{stderr}");
        }
        Err(error) => panic!("Python could not be run to {purpose} ({advice}): {error}"),
    }
}
