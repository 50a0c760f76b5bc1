//! Python interpreters with the pinned packages of `tests/python/requirements*.txt`.
//!
//! Owns the virtual environments under `target/`: each made on first use, made anew when the requirements change, shared
//! by all test binaries (a file lock lets one of them make it while the others wait).
//! Does not own: the scripts.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that can't be set up has to fail")]
#![expect(clippy::print_stdout, reason = "a test that is turned off has to say so")]

use std::env;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that turns the Python tests off.
const SKIP: &str = "CATCHWATER_SKIP_PYTHON";

/// Returns the interpreter, or none when the Python tests are turned off.
///
/// # Panics
/// With a sentence that says what to do, when the environment can't be made.
pub(crate) fn interpreter() -> Option<PathBuf> {
    interpreter_with("requirements.txt")
}

/// Returns the interpreter with the packages of one file of requirements.
pub(crate) fn interpreter_with(requirements: &str) -> Option<PathBuf> {
    if env::var(SKIP).is_ok_and(|value| value == "1") {
        println!("{SKIP}=1: this test needs Python and checks nothing now.");
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
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)
}

/// Returns where the environment for these requirements lives.
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
    run(Command::new(system).args(["-m", "venv"]).arg(folder), "make a virtual environment");
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
    let advice =
        format!("CPython 3.9 or newer and a package index are needed; {SKIP}=1 turns the Python tests off");
    match command.output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            panic!("Python could not {purpose} ({advice}):\n{said}");
        }
        Err(error) => panic!("Python could not be run to {purpose} ({advice}): {error}"),
    }
}
