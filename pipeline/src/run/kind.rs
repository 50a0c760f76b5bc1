//! Maps every error to its exit code, in one table.
//!
//! Every match is exhaustive, so that a new error needs a decision here. Does not own the numbers (`cli::exit`).

use std::io;

use catchwater_sinks::lake::{commit, names, records, recovery, redrive as plans, rules, schema};
use catchwater_sinks::{parquet, store};

use super::error::Error;
use super::publisher::Error as PublisherError;
use super::reader::Error as ReaderError;
use super::redrive;
use crate::eventhubs;
use crate::partitions;

/// Meaning of an error for the caller of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fault of this program.
    Internal,
    /// The configuration has to change.
    Configuration,
    /// Hub or store could not be reached; starting again may help.
    Unreachable,
    /// Events are gone that the lake does not have.
    PositionLost,
    /// Another run reads the partitions.
    OwnershipLost,
    /// Store, hub or data refuse: permissions, no space, damage. An operator has to act.
    Refused,
}

impl Error {
    /// Meaning for the caller of the run.
    pub fn kind(&self) -> Kind {
        match self {
            Self::OwnershipLost => Kind::OwnershipLost,
            Self::Store { source, .. } => Kind::of_store(source),
            Self::Records(error) => Kind::of_records(error),
            Self::Names(error) => Kind::of_names(error),
            Self::Checkpoints(error) => Kind::of_checkpoint(error),
            Self::Schemas(error) => Kind::of_schema(error),
            Self::Hub(error) => Kind::of_hub(error),
            Self::Reader(error) => error.exit_kind(),
            Self::Publisher(error) => error.exit_kind(),
            // The system has no resources for another thread.
            Self::Thread(_) => Kind::Refused,
            // The next run reads it as another log.
            Self::HubCreatedAgain { .. } => Kind::Unreachable,
            Self::Lane(_) | Self::Died(_) => Kind::Internal,
        }
    }
}

impl ReaderError {
    fn exit_kind(&self) -> Kind {
        match self {
            Self::Hub { source, .. } => Kind::of_hub(source),
            Self::PositionLost { .. } => Kind::PositionLost,
            Self::LakeBehind { .. } | Self::OriginMissing { .. } => Kind::Refused,
            Self::NoEventOfTime { .. } | Self::HubCreatedAgain { .. } => Kind::Unreachable,
            Self::Checkpoint(error) => Kind::of_checkpoint(error),
            Self::Records(error) => Kind::of_records(error),
            Self::Rules(error) => Kind::of_rules(error),
            Self::Recovery(error) => Kind::of_recovery(error),
            // The run reports the error of the part that ended first.
            Self::Ended => Kind::Internal,
        }
    }
}

impl PublisherError {
    fn exit_kind(&self) -> Kind {
        match self {
            Self::Put { source, .. } => Kind::of_commit(source),
            Self::Schema { source, .. } => Kind::of_schema(source),
            Self::Footer { source, .. } => Kind::of_parquet(source),
            Self::Ledger(_) | Self::PutTask(_) => Kind::Internal,
        }
    }
}

impl redrive::Error {
    /// Meaning for the caller of the redrive.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => Kind::of_store(error),
            Self::Records(error) | Self::Redrive(plans::Error::Record(error)) => Kind::of_records(error),
            Self::Schemas(error) => Kind::of_schema(error),
            Self::Redrive(plans::Error::File(error)) => Kind::of_commit(error),
            Self::Parquet(error) => Kind::of_parquet(error),
            Self::Redrive(plans::Error::Plan { .. })
            | Self::Gone { .. }
            | Self::Column { .. }
            | Self::NoSuchRows { .. } => Kind::Refused,
            Self::OtherRules { .. } => Kind::Configuration,
            Self::Disagrees { .. } => Kind::Internal,
            // Other writers were faster at every attempt.
            Self::Unsettled { .. } => Kind::Unreachable,
        }
    }
}

impl Kind {
    pub(crate) fn of_hub(error: &eventhubs::Error) -> Self {
        use eventhubs::{Error, ErrorKind};
        match (error, error.kind()) {
            (Error::NoConnection(error), _) => Self::of_hub(error),
            (Error::Transport(error), _) if !error.is_configuration() => Self::Unreachable,
            (Error::Transport(_) | Error::NoEventHub, _)
            // Another protocol answers at this address.
            | (Error::NotOpened { .. }, ErrorKind::Fatal)
            | (_, ErrorKind::Unauthorized | ErrorKind::NotFound) => Self::Configuration,
            (_, ErrorKind::Transient) => Self::Unreachable,
            (_, ErrorKind::OwnershipLost) => Self::OwnershipLost,
            (_, ErrorKind::PositionLost) => Self::PositionLost,
            (_, ErrorKind::Fatal) => Self::Refused,
        }
    }

    pub(crate) fn of_credential(error: &eventhubs::CredentialError) -> Self {
        if error.is_transient() { Self::Unreachable } else { Self::Configuration }
    }

    pub(crate) fn of_store(error: &store::Error) -> Self {
        use store::Error;
        match error {
            Error::NoAddress
            | Error::FileAddress
            | Error::Scheme { .. }
            | Error::NotBuilt { .. }
            | Error::NoContainer { .. }
            | Error::UserInfo { .. }
            | Error::Query { .. }
            | Error::FolderName { .. }
            | Error::Settings { .. }
            | Error::Profile { .. }
            | Error::ProfileFile { .. }
            | Error::Quoted
            | Error::ConnectionString => Self::Configuration,
            // The folder of the address does not exist, or can't be created.
            Error::Folder { source, .. } if source.kind() == io::ErrorKind::NotFound => Self::Configuration,
            Error::Folder { .. }
            | Error::HardLinks { .. }
            | Error::PutsReplace
            | Error::Request { .. }
            | Error::NoAnswer { .. }
            | Error::Sync { .. } => Self::of_answer(error.kind()),
        }
    }

    pub(crate) fn of_records(error: &records::Error) -> Self {
        match error {
            records::Error::Store(error) => Self::of_store(error),
            records::Error::Namespace { .. } => Self::Configuration,
            records::Error::Json { .. }
            | records::Error::TakenAndAbsent { .. }
            | records::Error::NotCovered { .. }
            | records::Error::StartMissing { .. }
            | records::Error::Contract { .. }
            | records::Error::NoIdentity { .. } => Self::of_answer(error.kind()),
        }
    }

    fn of_names(error: &names::Error) -> Self {
        match error {
            names::Error::Record(error) => Self::of_records(error),
            names::Error::Foreign { .. }
            | names::Error::OtherName { .. }
            | names::Error::OtherLog { .. }
            | names::Error::Partitions { .. } => Self::Configuration,
        }
    }

    pub(crate) fn of_schema(error: &schema::Error) -> Self {
        match error {
            schema::Error::Record(error) => Self::of_records(error),
            schema::Error::Gone { .. }
            | schema::Error::Missing { .. }
            | schema::Error::Misplaced { .. }
            | schema::Error::Changed { .. }
            | schema::Error::Numbered { .. } => Self::Refused,
        }
    }

    pub(crate) fn of_checkpoint(error: &partitions::Error) -> Self {
        match error {
            partitions::Error::Store { source, .. } => Self::of_store(source),
            partitions::Error::Unreadable { .. } => Self::Refused,
        }
    }

    fn of_rules(error: &rules::Error) -> Self {
        match error {
            rules::Error::NotCaughtUp { .. }
            | rules::Error::NotDrained { .. }
            | rules::Error::Newer { .. } => Self::Configuration,
            rules::Error::Record(error) => Self::of_records(error),
            rules::Error::Missing { .. } | rules::Error::Misplaced { .. } => Self::Refused,
            rules::Error::NoOrigin { .. } => Self::Internal,
        }
    }

    fn of_recovery(error: &recovery::Error) -> Self {
        match error {
            recovery::Error::Store(error) => Self::of_store(error),
            recovery::Error::Unreadable { source, .. } => Self::of_parquet(source),
            recovery::Error::Gone { .. }
            | recovery::Error::OtherLake { .. }
            | recovery::Error::DurableTooHigh { .. }
            | recovery::Error::Misplaced { .. } => Self::Refused,
        }
    }

    fn of_commit(error: &commit::Error) -> Self {
        match error {
            commit::Error::Store(error) => Self::of_store(error),
            commit::Error::Footer { source, .. } => Self::of_parquet(source),
            commit::Error::TakenAndAbsent { .. } => Self::Unreachable,
            commit::Error::Mismatch { .. } => Self::Refused,
            commit::Error::WrongName { .. } | commit::Error::Violation { .. } => Self::Internal,
        }
    }

    fn of_parquet(error: &parquet::Error) -> Self {
        match error {
            parquet::Error::Store(error) => Self::of_store(error),
            parquet::Error::Foreign { .. } | parquet::Error::Unreadable { .. } => Self::Refused,
            parquet::Error::Assemble { .. }
            | parquet::Error::Ids { .. }
            | parquet::Error::Column { .. }
            | parquet::Error::Types { .. } => Self::Internal,
        }
    }

    fn of_answer(answer: store::Kind) -> Self {
        match answer {
            store::Kind::Unknown => Self::Unreachable,
            store::Kind::Fatal => Self::Refused,
        }
    }
}
