//! Object stores: opening one by its address, and the operations that a lake needs.
//!
//! Owns the guarantees: a key has a complete object or none, and one of several conditional puts wins. Does not own the
//! keys (`paths`), or retries (`backoff`), which use the [`Kind`] of an error.

#[cfg(any(test, feature = "test-util"))]
pub mod faults; // fault injection, for tests
mod address; // addresses, and their form without secrets
mod error; // errors, classified by the caller's reaction
mod folder; // durability of a local folder, which object_store does not provide

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use address::Location;
use folder::Folder;

pub use address::Address;
pub use error::{Cause, Error, Kind};
pub use folder::STAGING_AGE_MAX;

/// An object store. A clone is cheap and uses the same objects.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    url: Arc<str>,
    /// Durability of a local folder, which `object_store` leaves to the caller.
    folder: Option<Arc<Folder>>,
    request_timeout: Duration,
}

/// Answer to a conditional put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is created and durable.
    Created,
    /// Conflict: the name already has an object, possibly from an earlier attempt of the caller.
    Taken,
}

/// The last bytes of an object.
#[derive(Clone, Debug)]
pub struct Tail {
    /// At most the requested number of bytes.
    pub bytes: Bytes,
    /// Size of the object, in bytes.
    pub size: u64,
}

impl Store {
    /// Opens the store at an address. Creates a local folder that does not exist.
    ///
    /// # Shape
    /// A path, `file:///path` or `memory://`. Each call for `memory://` opens a new, empty store, which only clones
    /// share.
    ///
    /// # Errors
    /// Rejects a file system without hard links, since conditional puts require them.
    pub fn open(address: impl Into<Address>) -> Result<Self, Error> {
        let address = address.into();
        match address.location()? {
            Location::Memory => Ok(Self::memory(&address)),
            Location::Folder(root) => Ok(Self::local(Folder::create(&root)?)),
        }
    }

    /// Opens a store for reading. A folder that does not exist is an error and is not created.
    pub fn open_existing(address: impl Into<Address>) -> Result<Self, Error> {
        let address = address.into();
        match address.location()? {
            Location::Memory => Ok(Self::memory(&address)),
            Location::Folder(root) => Ok(Self::local(Folder::existing(&root)?)),
        }
    }

    /// The same objects, accessed through a decorator.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn decorated(&self, decorate: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Self {
        Self { objects: decorate(Arc::clone(&self.objects)), ..self.clone() }
    }

    /// The same store with another timeout than [`REQUEST_TIMEOUT`].
    #[must_use]
    pub fn with_request_timeout(&self, request_timeout: Duration) -> Self {
        Self { request_timeout, ..self.clone() }
    }

    /// The store's address without secrets: `file:///…` for a folder.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Puts an object unless its name is taken, atomically. After [`Put::Created`] it is durable.
    ///
    /// # Errors
    /// [`Kind::Unknown`]: the object may exist, or may appear later.
    pub async fn put_if_absent(&self, path: &Path, bytes: Bytes) -> Result<Put, Error> {
        match self.put_with(path, bytes, PutMode::Create).await {
            Ok(()) => Ok(Put::Created),
            Err(error) if error.is_taken() => Ok(Put::Taken),
            Err(error) => Err(error),
        }
    }

    /// Puts an object or replaces it, atomically: readers see the old object or the new one.
    pub async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), Error> {
        self.put_with(path, bytes, PutMode::Overwrite).await
    }

    /// Reads a whole object; `None` if it does not exist.
    pub async fn get(&self, path: &Path) -> Result<Option<Bytes>, Error> {
        let read = async { self.objects.get(path).await?.bytes().await };
        self.request("read", path, read.map(none_if_missing)).await
    }

    /// Reads the last `length` bytes of an object; `None` if it does not exist.
    pub async fn get_tail(&self, path: &Path, length: u64) -> Result<Option<Tail>, Error> {
        let options = GetOptions { range: Some(GetRange::Suffix(length)), ..GetOptions::default() };
        let read = async {
            let found = self.objects.get_opts(path, options).await?;
            let size = found.meta.size;
            Ok(Tail { bytes: found.bytes().await?, size })
        };
        self.request("read the end of", path, read.map(none_if_missing)).await
    }

    /// Reads ranges of an object that exists.
    pub async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        self.request("read from", path, self.objects.get_ranges(path, ranges)).await
    }

    /// Lists the objects below a folder, at any depth, sorted by name.
    ///
    /// A listing is a hint: it may omit an object that was put recently.
    pub async fn list(&self, prefix: &Path) -> Result<Vec<ObjectMeta>, Error> {
        let mut found: Vec<ObjectMeta> = if let Some(folder) = &self.folder {
            self.with_timeout("list", prefix, Arc::clone(folder).files_below(prefix)).await?
        } else {
            self.request("list", prefix, self.objects.list(Some(prefix)).try_collect()).await?
        };
        found.sort_by(|one, other| one.location.cmp(&other.location));
        Ok(found)
    }

    /// Lists the names of the folders directly in a folder, or at the top, sorted.
    pub async fn list_folders(&self, prefix: Option<&Path>) -> Result<Vec<String>, Error> {
        let of = prefix.cloned().unwrap_or_default();
        let mut names: Vec<String> = if let Some(folder) = &self.folder {
            self.with_timeout("list", &of, Arc::clone(folder).folders_in(&of)).await?
        } else {
            let found = self.request("list", &of, self.objects.list_with_delimiter(prefix)).await?;
            let name = |folder: &Path| folder.filename().map(str::to_owned);
            found.common_prefixes.iter().filter_map(name).collect()
        };
        names.sort();
        Ok(names)
    }

    /// Makes an object durable that another writer put.
    ///
    /// A local file is visible before its writer has synced it. In other stores a visible object is durable, and this
    /// call does nothing.
    pub async fn make_durable(&self, path: &Path) -> Result<(), Error> {
        match &self.folder {
            Some(folder) => self.with_timeout("sync", path, Arc::clone(folder).sync_found(path)).await,
            None => Ok(()),
        }
    }

    /// Removes staging files below a folder that are older than [`STAGING_AGE_MAX`]: their writers were killed. Returns
    /// the number of removed files, which is 0 for stores other than a local folder.
    pub async fn remove_stale_staging(&self, below: &Path, now: SystemTime) -> Result<u64, Error> {
        match &self.folder {
            Some(folder) => Arc::clone(folder).remove_stale_staging(below, now).await,
            None => Ok(0),
        }
    }

    async fn put_with(&self, path: &Path, bytes: Bytes, mode: PutMode) -> Result<(), Error> {
        let options = PutOptions { mode, ..PutOptions::default() };
        self.request("put", path, self.objects.put_opts(path, PutPayload::from_bytes(bytes), options))
            .await?;
        match &self.folder {
            Some(folder) => {
                self.with_timeout("sync the folders of", path, Arc::clone(folder).sync_folders_above(path))
                    .await
            }
            None => Ok(()),
        }
    }

    async fn request<T>(
        &self,
        operation: &'static str,
        path: &Path,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        self.with_timeout(
            operation,
            path,
            request.map(|answer| answer.map_err(Error::request(operation, path))),
        )
        .await
    }

    /// Waits for an answer, at most for the request timeout: a network file system whose server is down never answers.
    async fn with_timeout<T>(
        &self,
        operation: &'static str,
        path: &Path,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timeout = self.request_timeout;
        tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or_else(|_| Err(Error::NoAnswer { operation, path: path.to_string(), timeout }))
    }

    fn memory(address: &Address) -> Self {
        let objects = Arc::new(object_store::memory::InMemory::new());
        Self { objects, url: address.to_string().into(), folder: None, request_timeout: REQUEST_TIMEOUT }
    }

    fn local(folder: Folder) -> Self {
        let (objects, url) = (folder.objects(), folder.url());
        Self { objects, url, folder: Some(Arc::new(folder)), request_timeout: REQUEST_TIMEOUT }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Request timeout: the time for 64 MiB at half a megabyte a second.
pub const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// Converts `NotFound` to `None`.
fn none_if_missing<T>(read: object_store::Result<T>) -> object_store::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
