//! Errors of a store, classified by the caller's reaction.
//!
//! Owns: the classification. Does not own: retries (`backoff`).

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::answer::ServiceAnswer;
use super::key::Key;
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
    /// A scheme that is not that of a store.
    #[error(
        "{scheme}:// is not the address of a store: give a folder, file:///folder, az://container/folder, \
         abfss://container@account.dfs.core.windows.net/folder, s3://bucket/folder or gs://bucket/folder"
    )]
    Scheme {
        /// The scheme, before `://`.
        scheme: String,
    },
    /// A store whose client this build leaves out.
    #[error("this build has no client for {scheme}:// stores: build catchwater with `--features {feature}`")]
    NotBuilt {
        /// The scheme, before `://`.
        scheme: &'static str,
        /// The feature that has the client.
        feature: &'static str,
    },
    /// An address in a cloud without container or bucket.
    #[error(
        "{address} names no container or bucket: write it after the two slashes, as in az://container/folder"
    )]
    NoContainer {
        /// The address, without secrets.
        address: String,
    },
    /// A user name or a password in an address.
    #[error(
        "{address} was given with a user name or a password, which no store takes: set the variables of the store"
    )]
    UserInfo {
        /// The address, without secrets.
        address: String,
    },
    /// A query in an address.
    #[error(
        "{address} was given with a `?` or `#`: only az:// and abfss:// take a shared access signature after a `?`; \
         write %3F or %23 if the character belongs to the name of the folder"
    )]
    Query {
        /// The address, without secrets.
        address: String,
    },
    /// The folder of an address in a cloud is not a key.
    #[error(
        "the folder of {address} is not a name of objects: a part of it is `.` or `..`, or has a control character"
    )]
    FolderName {
        /// The address, without secrets.
        address: String,
    },
    /// The settings of a cloud store are incomplete or contradict each other.
    #[error("the store at {root} can't be opened with these settings")]
    Settings {
        /// Scheme and container.
        root: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// Quotation marks or spaces around the address.
    #[error("the address of the store is enclosed in quotation marks or spaces: remove them")]
    Quoted,
    /// The connection string of a storage account, which is not an address.
    #[error("the address of the store is a connection string: give a folder or a URL")]
    ConnectionString,
    /// A profile of Amazon's tools without an access key.
    #[error(
        "profile {name:?} has no access key in the shared files of Amazon's tools: catchwater takes access keys of a \
         profile, but no roles and no sign-in; export the credentials as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
         AWS_SESSION_TOKEN"
    )]
    Profile {
        /// The name of the profile.
        name: String,
    },
    /// A shared file of Amazon's tools that can't be read.
    #[error("could not read {} with the profiles of S3 credentials", file.display())]
    ProfileFile {
        /// The file.
        file: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
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
    /// A conditional put replaced an object.
    #[error(
        "the store replaces an object although a put asks it not to, so that two writers would lose each other's files: \
         use a store with conditional puts"
    )]
    PutsReplace,
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

    /// True if the store answered: its address and the network are right.
    pub fn is_answer(&self) -> bool {
        matches!(self, Self::Request { source: Cause(cause), .. } if ServiceAnswer::find(cause).is_some())
    }

    /// True if the container or bucket of the address does not exist.
    pub fn is_missing_container(&self) -> bool {
        matches!(self, Self::Request { source: Cause(cause), .. } if Self::lacks_container(cause))
    }

    /// True if a conditional put found the name taken. The object may still be missing: another put may be in flight,
    /// and a store that is busy with one answers the same.
    pub(super) fn is_taken(&self) -> bool {
        use object_store::Error::{AlreadyExists, NotModified, Precondition};
        let Self::Request { source: Cause(cause), .. } = self else { return false };
        matches!(cause, AlreadyExists { .. } | NotModified { .. } | Precondition { .. })
            && !ServiceAnswer::find(cause).is_some_and(|answer| answer.is_busy())
    }

    /// True if the container or bucket of an object does not exist, which a store reports as it does a missing object.
    pub(super) fn lacks_container(error: &object_store::Error) -> bool {
        ServiceAnswer::find(error).is_some_and(|answer| answer.lacks_container())
    }

    /// True if a put that replaces one version found another one, or no object.
    pub(super) fn is_changed(&self) -> bool {
        let Self::Request { source: Cause(cause), .. } = self else { return false };
        let is_missing =
            matches!(cause, object_store::Error::NotFound { .. }) && !Self::lacks_container(cause);
        is_missing || self.is_taken()
    }

    /// True if the store does not take a range of an object that counts from its end.
    pub(super) fn refuses_suffix(error: &object_store::Error) -> bool {
        matches!(error, object_store::Error::NotSupported { .. })
            || ServiceAnswer::find(error).is_some_and(|answer| answer.is_outside_object())
            || StdError::source(error).is_some_and(|source| source.to_string() == RANGE_IGNORED)
    }

    /// The error of a put that failed in the file system or on a socket, for tests.
    #[cfg(any(test, feature = "test-util"))]
    pub fn of_put(kind: io::ErrorKind) -> Self {
        let source = object_store::Error::Generic { store: "test", source: io::Error::from(kind).into() };
        Self::request("put", &Key::from("x"))(source)
    }

    /// Converts an error of `object_store` to the error of the settings.
    #[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
    pub(super) fn settings(root: &str) -> impl FnOnce(object_store::Error) -> Self {
        let root = root.to_owned();
        move |source| Self::Settings { root, source: Cause(source) }
    }

    /// Converts an error of `object_store` to the error of a request.
    pub(super) fn request(
        operation: &'static str,
        key: &Key,
    ) -> impl FnOnce(object_store::Error) -> Self + use<> {
        let path = key.to_string();
        move |source| Self::Request { operation, path, source: Cause(source) }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == Kind::Unknown
    }
}

/// Cause reported by a store. `object_store` repeats path and causes at each level, and the answer of a service may be
/// a page of XML with the signed request in it; `Display` shows only code, message and remedy of an answer, or else the
/// innermost cause, since the request names the path.
#[derive(Debug)]
pub struct Cause(object_store::Error);

impl Cause {
    /// The remedy for a mistake in configuration, rights or clock, if the store's answer shows one.
    pub fn remedy(&self) -> Option<&'static str> {
        ServiceAnswer::find(&self.0)?.remedy()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(answer) = ServiceAnswer::find(&self.0) {
            return answer.fmt(out);
        }
        if let Some(error) = find_in::<io::Error>(&self.0) {
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

/// Converts `NotFound` to `None`, but not if the container does not exist.
pub(super) fn none_if_missing<T>(read: object_store::Result<T>) -> object_store::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(error @ object_store::Error::NotFound { .. }) if !Error::lacks_container(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn kind_of_request(error: &object_store::Error) -> Kind {
    use object_store::Error as Failure;
    if let Some(answer) = ServiceAnswer::find(error) {
        return if answer.is_busy() { Kind::Unknown } else { Kind::Fatal };
    }
    match error {
        // `object_store` reports all other errors as generic. They contain the error of a file system or of a socket, or
        // else are network errors.
        Failure::Generic { source, .. } => find_in(source.as_ref()).map_or(Kind::Unknown, kind_of_io),
        // The runtime is shutting down; the put may be in flight.
        Failure::JoinError { .. } => Kind::Unknown,
        _ => Kind::Fatal,
    }
}

/// The error of `object_store` about a server that answers a range with 200 and the whole object, which HTTP allows. Its
/// type is not exported.
const RANGE_IGNORED: &str = "Received non-partial response when range requested";

/// Finds an error of a type in a chain of causes.
fn find_in<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
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
    use io::ErrorKind::{
        AddrNotAvailable, BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        Interrupted, NetworkDown, NetworkUnreachable, NotConnected, NotFound, ResourceBusy,
        StaleNetworkFileHandle, TimedOut, UnexpectedEof, WouldBlock,
    };
    /// `EMFILE` and `ENFILE`: too many open files, a transient error. They have no [`io::ErrorKind`].
    const TOO_MANY_FILES: [i32; 2] = [24, 23];
    let is_transient = matches!(
        error.kind(),
        // `NotFound` during a put: another process removed the staging file or the folder.
        Interrupted | NotFound | ResourceBusy | StaleNetworkFileHandle | TimedOut | WouldBlock
        // Of a socket.
        | AddrNotAvailable | BrokenPipe | ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable
        | NetworkDown | NetworkUnreachable | NotConnected | UnexpectedEof
    );
    let too_many_files = error.raw_os_error().is_some_and(|code| TOO_MANY_FILES.contains(&code));
    if is_transient || too_many_files { Kind::Unknown } else { Kind::Fatal }
}
