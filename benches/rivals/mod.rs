//! Rivals on the same bytes: their answers are compared before they are timed.
//!
//! Those in Rust need the feature `rivals`, the others are programs in the folder that the environment
//! variable `CATCHWATER_RIVALS` names; `provision.sh` fills it. Absent ones are reported and skipped.
//! In each group ours is the yardstick: a ratio is the rival's time divided by ours.

pub(super) mod parse; // bodies → facts and attributes
pub(super) mod receive; // a hub's partitions → bodies
pub(super) mod to_parquet; // bodies → a Parquet file
mod answer; // what has to be read from a body
mod typed; // serde's libraries
mod external; // rivals that are programs

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The variable that names the folder of the rivals' programs.
const RIVALS: &str = "CATCHWATER_RIVALS";

/// A program among the rivals, or why it is absent.
fn program(name: &str) -> Result<PathBuf, String> {
    let Some(folder) = env::var_os(RIVALS) else {
        return Err(format!(
            "the rival {name}: {RIVALS} names no folder; benches/rivals/provision.sh fills one"
        ));
    };
    let path = Path::new(&folder).join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("the rival {name}: it is not in the folder of {RIVALS}"))
    }
}

/// The Python that has the rivals' packages, or why it is absent.
fn python() -> Result<PathBuf, String> {
    program("python/bin/python")
}

/// A script beside this file.
fn script(name: impl AsRef<OsStr>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals/programs").join(Path::new(name.as_ref()))
}
