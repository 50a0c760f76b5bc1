//! Writes to log files, behind a trait: a test makes them fail as a full disk does.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};

/// A disk that takes the bytes of a log.
pub(in crate::emulator) trait Disk: Debug + Send + Sync {
    /// Appends bytes to a file. After an error any part of them may be in it.
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct SystemDisk;

impl Disk for SystemDisk {
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }
}
