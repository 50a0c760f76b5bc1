//! Exit codes of all commands, each with one meaning.
//!
//! Owns the numbers and their table in `--help`. Does not own the meaning of an error of a run (`run::Kind`).

use std::error::Error;
use std::io;
use std::process::ExitCode;

use crate::columns::MetadataError;
use crate::emulator::{self, ConfigJsonError};
use crate::eventhubs::{ConnectionStringError, NamespaceError, TransportOptionsError};
use crate::generator::FilesError;
use crate::run::{self, Kind};

/// The outcome of a command; its number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Done = 0,
    Internal = 1,
    Configuration = 2,
    Unreachable = 3,
    PositionLost = 4,
    AuditFault = 5,
    OwnershipLost = 6,
    Refused = 7,
    Interrupted = 130,
    #[cfg(unix)]
    Terminated = 143,
}

/// The table at the end of `--help`; the README has the same one.
pub(super) const HELP: &str = "\
Exit codes:
  0  done
  1  internal error: a bug, please report it
  2  usage or configuration
  3  could not reach the hub or the store; worth retrying
  4  position lost: the hub no longer has events that the lake lacks
  5  audit found a fault
  6  lost its partitions to another run
  7  the store, the hub or the data refuses (rights, no space, damage): a person is needed
  130, 143  ended by SIGINT or SIGTERM before it was done";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Kind> for Exit {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Internal => Self::Internal,
            Kind::Configuration => Self::Configuration,
            Kind::Unreachable => Self::Unreachable,
            Kind::PositionLost => Self::PositionLost,
            Kind::OwnershipLost => Self::OwnershipLost,
            Kind::Refused => Self::Refused,
        }
    }
}

/// A mistake of the user: an option, a value or a file that does not fit.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Usage(pub(super) String);

impl Exit {
    /// Classifies an error by its outermost cause of a known type; an error without one is a bug.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Internal)
    }

    /// One line for each error type with an exit code of its own. Their order does not matter.
    fn of_cause(cause: Cause<'_>) -> Option<Self> {
        by_type(cause, |_: &Usage| Self::Configuration)
            .or_else(|| by_type(cause, |_: &ConnectionStringError| Self::Configuration))
            .or_else(|| by_type(cause, |_: &TransportOptionsError| Self::Configuration))
            .or_else(|| by_type(cause, |_: &NamespaceError| Self::Configuration))
            .or_else(|| by_type(cause, |error| Kind::of_credential(error).into()))
            .or_else(|| by_type(cause, |_: &FilesError| Self::Configuration))
            .or_else(|| by_type(cause, |_: &MetadataError| Self::Configuration))
            .or_else(|| by_type(cause, |_: &ConfigJsonError| Self::Configuration))
            .or_else(|| by_type(cause, Self::of_emulator))
            .or_else(|| by_type(cause, Self::of_io))
            .or_else(|| by_type(cause, |error: &run::Error| error.kind().into()))
            .or_else(|| by_type(cause, |error: &run::redrive::Error| error.kind().into()))
            .or_else(|| by_type(cause, |error| Kind::of_hub(error).into()))
            .or_else(|| by_type(cause, |error| Kind::of_store(error).into()))
            .or_else(|| by_type(cause, |error| Kind::of_records(error).into()))
            .or_else(|| by_type(cause, |error| Kind::of_schema(error).into()))
            .or_else(|| by_type(cause, |error| Kind::of_checkpoint(error).into()))
    }

    fn of_emulator(error: &emulator::Error) -> Self {
        use emulator::{DataError, Error, HubError};
        match error {
            Error::Hub(HubError::Disk(_) | HubError::Data(DataError::Io { .. })) | Error::Append(_) => {
                Self::Refused
            }
            Error::Bind { .. } | Error::UnknownPartition(_) | Error::Fault(_) | Error::Hub(_) => {
                Self::Configuration
            }
            Error::Event(_) => Self::Internal,
            Error::Tls(error) => Self::of_authority(error),
        }
    }

    fn of_authority(error: &emulator::AuthorityError) -> Self {
        use emulator::AuthorityError::{Certificate, Names, Read, Record, Tls, Write};
        match error {
            Names { .. } => Self::Configuration,
            Record(_) | Read { .. } | Write { .. } => Self::Refused,
            Certificate(_) | Tls(_) => Self::Internal,
        }
    }

    /// Errors of this machine: its files, streams and space.
    fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{Interrupted, ResourceBusy, StaleNetworkFileHandle, TimedOut, WouldBlock};
        match error.kind() {
            Interrupted | ResourceBusy | StaleNetworkFileHandle | TimedOut | WouldBlock => Self::Unreachable,
            _ => Self::Refused,
        }
    }
}

type Cause<'a> = &'a (dyn Error + 'static);

/// The exit code of a cause, if it has the type that `classify` takes.
fn by_type<E: Error + 'static>(cause: Cause<'_>, classify: impl FnOnce(&E) -> Exit) -> Option<Exit> {
    cause.downcast_ref().map(classify)
}

#[cfg(test)]
mod tests {
    use catchwater_sinks::lake::{records, schema};
    use catchwater_sinks::store;

    use super::*;
    use crate::eventhubs;

    #[test]
    fn help_and_readme_have_one_table() {
        let readme = include_str!("../../../README.md");
        for line in HELP.lines().skip(1) {
            let (code, meaning) = line.trim().split_once("  ").unwrap();
            assert!(
                readme.contains(&format!("| {code} | {meaning} |")),
                "the README lacks {code}: {meaning}"
            );
        }
    }

    #[test]
    fn each_cause_has_its_code() {
        let folder = |kind: io::ErrorKind| store::Error::Folder {
            operation: "open",
            folder: "x".into(),
            source: kind.into(),
        };
        let full = || store::Error::of_put(io::ErrorKind::StorageFull);
        let slow = || store::Error::of_put(io::ErrorKind::TimedOut);
        let address = store::Address::from("x");
        let json = serde_json::from_str::<u8>("x").unwrap_err();
        for (error, exit) in [
            (anyhow::anyhow!("an unknown error"), Exit::Internal),
            (Usage("no".to_owned()).into(), Exit::Configuration),
            (anyhow::Error::from(full()).context("while auditing"), Exit::Refused),
            (slow().into(), Exit::Unreachable),
            (store::Error::NoAddress.into(), Exit::Configuration),
            (folder(io::ErrorKind::NotFound).into(), Exit::Configuration),
            (folder(io::ErrorKind::PermissionDenied).into(), Exit::Refused),
            (run::Error::Store { address, source: full() }.into(), Exit::Refused),
            (run::Error::Records(records::Error::Store(slow())).into(), Exit::Unreachable),
            (run::Error::Schemas(schema::Error::Record(records::Error::Store(full()))).into(), Exit::Refused),
            (records::Error::Json { path: "x".to_owned(), source: json }.into(), Exit::Refused),
            (run::Error::Died("a lane").into(), Exit::Internal),
            (run::Error::OwnershipLost.into(), Exit::OwnershipLost),
            (run::redrive::Error::Unsettled { table: "x".to_owned() }.into(), Exit::Unreachable),
            (run::redrive::Error::Gone { path: "x".to_owned() }.into(), Exit::Refused),
            (io::Error::from(io::ErrorKind::StorageFull).into(), Exit::Refused),
            (io::Error::from(io::ErrorKind::TimedOut).into(), Exit::Unreachable),
            (eventhubs::Error::NoEventHub.into(), Exit::Configuration),
        ] {
            assert_eq!(Exit::of(&error), exit, "{error:#}");
        }
    }
}
