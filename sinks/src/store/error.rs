//! Errors of a store, classified by the caller's reaction.
//!
//! Owns: the classification. Does not own: retries (`backoff`).

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use object_store::path::Path;

use crate::backoff::Retryable;

/// Class of a failed request, by the caller's reaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No answer, or the store was busy. The request may have been executed: retry or read.
    Unknown,
    /// Permission denied, disk full or a defect. A retry fails until an operator fixes the cause.
    Fatal,
}

/// A store that could not be opened, or a failed request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is empty.
    #[error("the address of the store is empty: give a folder or a URL")]
    NoAddress,
    /// A `file://` address that is not an absolute local path.
    #[error("a file:// address needs an absolute path and no host, as in file:///var/lake")]
    FileAddress,
    /// A scheme that this build does not support.
    #[error("this build does not support {scheme}:// stores: use a local folder, file:// or memory://")]
    Scheme {
        /// The scheme, before `://`.
        scheme: String,
    },
    /// Quotation marks or spaces around the address.
    #[error("the address of the store is enclosed in quotation marks or spaces: remove them")]
    Quoted,
    /// The connection string of a storage account, which is not an address.
    #[error("the address of the store is a connection string: give a folder or a URL")]
    ConnectionString,
    /// An operation on a local folder failed.
    #[error("could not {operation} folder {}", folder.display())]
    Folder {
        /// The operation that failed.
        operation: &'static str,
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file system without hard links, which conditional puts require.
    #[error("the file system of {} has no hard links, which keep two writers from taking the same name: use another file system", folder.display())]
    HardLinks {
        /// The folder.
        folder: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A request failed.
    #[error("could not {operation} {path:?}")]
    Request {
        /// The operation that failed.
        operation: &'static str,
        /// Object or folder of the request.
        path: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// A request without an answer.
    #[error("could not {operation} {path:?}: the store did not answer within {} s", timeout.as_secs())]
    NoAnswer {
        /// The operation that failed.
        operation: &'static str,
        /// Object or folder of the request.
        path: String,
        /// The timeout.
        timeout: Duration,
    },
    /// A local file or folder could not be made durable.
    #[error("could not sync {} to disk", path.display())]
    Sync {
        /// File or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// [`Kind::Unknown`] if a retry can succeed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Folder { source, .. } => kind_of_io(source),
            Self::Request { source, .. } => kind_of_request(&source.0),
            Self::NoAnswer { .. } => Kind::Unknown,
            // Also a failed sync: the kernel may have dropped the pages, so that a second sync would succeed falsely.
            _ => Kind::Fatal,
        }
    }

    /// True if a conditional put found the name taken.
    pub(super) fn is_taken(&self) -> bool {
        // S3 returns "precondition failed", other stores "already exists".
        use object_store::Error::{AlreadyExists, Precondition};
        matches!(self, Self::Request { source: Cause(AlreadyExists { .. } | Precondition { .. }), .. })
    }

    /// Converts an error of `object_store` to the error of a request.
    pub(super) fn request(
        operation: &'static str,
        path: &Path,
    ) -> impl FnOnce(object_store::Error) -> Self + use<> {
        let path = path.to_string();
        move |source| Self::Request { operation, path, source: Cause(source) }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == Kind::Unknown
    }
}

/// Cause reported by a store. `object_store` repeats path and causes at each level; `Display` shows only the innermost
/// cause, since the request names the path.
#[derive(Debug)]
pub struct Cause(object_store::Error);

impl From<object_store::Error> for Cause {
    fn from(error: object_store::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = io_error_in(&self.0) {
            return write!(out, "{error}");
        }
        let mut cause: &dyn StdError = &self.0;
        while let Some(source) = cause.source() {
            cause = source;
        }
        write!(out, "{cause}")
    }
}

impl StdError for Cause {}

fn kind_of_request(error: &object_store::Error) -> Kind {
    use object_store::Error as Failure;
    match error {
        // `object_store` reports all other errors as generic. They contain the error of a file system, or else are
        // network errors after its own retries.
        Failure::Generic { source, .. } => io_error_in(source.as_ref()).map_or(Kind::Unknown, kind_of_io),
        // The runtime is shutting down; the put may be in flight.
        Failure::JoinError { .. } => Kind::Unknown,
        _ => Kind::Fatal,
    }
}

/// Finds an error of the file system in a chain of causes.
fn io_error_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

fn kind_of_io(error: &io::Error) -> Kind {
    use io::ErrorKind::{Interrupted, NotFound, ResourceBusy, StaleNetworkFileHandle, TimedOut, WouldBlock};
    /// `EMFILE` and `ENFILE`: too many open files, a transient error. They have no [`io::ErrorKind`].
    const TOO_MANY_FILES: [i32; 2] = [24, 23];
    let is_transient = matches!(
        error.kind(),
        // `NotFound` during a put: another process removed the staging file or the folder.
        Interrupted | NotFound | ResourceBusy | StaleNetworkFileHandle | TimedOut | WouldBlock
    );
    let too_many_files = error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code));
    if is_transient || too_many_files { Kind::Unknown } else { Kind::Fatal }
}
