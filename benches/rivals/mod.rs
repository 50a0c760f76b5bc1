//! Other libraries on the same bytes: their answers are compared before they are timed.
//!
//! Rivals in Rust need the feature `rivals`. The others are programs in the folder that the environment variable
//! `CATCHWATER_RIVALS` names; `provision.sh` fills it. Absent rivals are reported and skipped. In each group ours is
//! the yardstick: a ratio is the rival's time divided by ours.

pub(super) mod parse; // bodies → facts and attributes
pub(super) mod receive; // partitions of a hub → events
pub(super) mod to_parquet; // bodies → a Parquet file
mod checksum; // checksum of what was read
mod typed; // libraries that fill serde's types
mod external; // rivals that are programs

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Environment variable with the folder of the rivals' programs.
const RIVALS: &str = "CATCHWATER_RIVALS";

/// Path of a rival's program, or the reason for its absence.
fn program(name: &str) -> Result<PathBuf, String> {
    let Some(folder) = env::var_os(RIVALS) else {
        return Err(format!("the rival {name}: {RIVALS} is not set; run benches/rivals/provision.sh"));
    };
    let path = Path::new(&folder).join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("the rival {name}: not in the folder of {RIVALS}; run benches/rivals/provision.sh"))
    }
}

/// Path of the Python with the rivals' packages, or the reason for its absence.
fn python() -> Result<PathBuf, String> {
    program("python/bin/python")
}

/// Path of a rival's script.
fn script(name: impl AsRef<OsStr>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rivals/programs").join(Path::new(name.as_ref()))
}
