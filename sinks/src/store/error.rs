//! What went wrong at a store, and what a caller does about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use object_store::path::Path;

use crate::backoff::Retryable;

/// Outcome of a failed request, by what a caller does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No answer, or the store was busy: the request may have been executed. Retry, or read.
    Unknown,
    /// Denied, full or broken: a retry fails until an operator fixes the cause.
    Fatal,
}

/// A store that could not be opened or did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is empty.
    #[error("the address of the store is empty")]
    NoAddress,
    /// A `file://` address that names no path of this machine.
    #[error("a file:// address needs an absolute path and no host, as in file:///var/lake")]
    FileAddress,
    /// A store that was not built in.
    #[error("this build has no store for {scheme}:// yet: it has local folders, file:// and memory://")]
    Scheme {
        /// The scheme, before `://`.
        scheme: String,
    },
    /// Quotation marks or spaces came with the address.
    #[error("the address of the store has quotation marks or spaces around it; leave them out")]
    Quoted,
    /// The connection string of a storage account, which is not an address.
    #[error("the address of a store is a folder or a URL, and this is a connection string")]
    ConnectionString,
    /// A local folder can't be used.
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
    /// A local folder can't take a name exactly once.
    #[error("the file system of {} has no hard links, without which two writers could take one name: use another", folder.display())]
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
    /// A request was not answered.
    #[error("could not {operation} {path:?}: the store has not answered for {} s", timeout.as_secs())]
    NoAnswer {
        /// The operation that failed.
        operation: &'static str,
        /// Object or folder of the request.
        path: String,
        /// The timeout.
        timeout: Duration,
    },
    /// A local file or folder can't be made durable.
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
            // A failed sync too: the kernel may have dropped the pages, and a second one would lie.
            _ => Kind::Fatal,
        }
    }

    /// True if a conditional put found the name taken.
    pub(super) fn is_taken(&self) -> bool {
        // S3 says "precondition failed" where the others say "exists".
        use object_store::Error::{AlreadyExists, Precondition};
        matches!(self, Self::Request { source: Cause(AlreadyExists { .. } | Precondition { .. }), .. })
    }

    /// Makes a request's error of `object_store`'s.
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

/// Cause reported by a store. `object_store` repeats the path and its causes at each level; this shows the innermost one, since
/// the request names the path already.
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
        // `object_store` says "generic" for all the rest: a file system's error is inside; without one it is a
        // network's, after its own retries.
        Failure::Generic { source, .. } => io_error_in(source.as_ref()).map_or(Kind::Unknown, kind_of_io),
        // The runtime is going down; the put may be on its way.
        Failure::JoinError { .. } => Kind::Unknown,
        _ => Kind::Fatal,
    }
}

/// Finds a file system's error among the causes of an error.
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
    /// `EMFILE` and `ENFILE`: too many open files, which passes. They have no [`io::ErrorKind`].
    const TOO_MANY_FILES: [i32; 2] = [24, 23];
    let passes = matches!(
        error.kind(),
        // "Not found" while putting: somebody took the staged file or the folder away in between.
        Interrupted | NotFound | ResourceBusy | StaleNetworkFileHandle | TimedOut | WouldBlock
    );
    let too_many_files = error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code));
    if passes || too_many_files { Kind::Unknown } else { Kind::Fatal }
}
