//! Where the bytes go: an object store from its address, and the few operations a lake needs of one.
//!
//! Owns what is promised: a key holds a whole object or none, and of two conditional puts one wins. Does not
//! own the keys (`paths`), or retries (`backoff`): an error has a [`Kind`].

#[cfg(any(test, feature = "test-util"))]
pub mod faults; // an object store that misbehaves on demand, for tests
mod address; // the store that an address names, and its form without secrets
mod error; // errors, by what a caller does about them
mod folder; // what a local folder needs beyond object_store to be durable

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

use address::Place;
use folder::Folder;

pub use address::Address;
pub use error::{Cause, Error, Kind};
pub use folder::STAGING_AGE_MAX;

/// An object store. Cloning it is cheap and shares it.
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
    /// The object is there and durable, and it is ours.
    Created,
    /// The name had an object already, perhaps of an earlier attempt of the caller.
    Taken,
}

/// The end of an object.
#[derive(Clone, Debug)]
pub struct Tail {
    /// The object's last bytes, or all of them.
    pub bytes: Bytes,
    /// The size of the whole object, in bytes.
    pub size: u64,
}

impl Store {
    /// Opens the store at an address and creates it where it is a local folder.
    ///
    /// # Shape
    /// A path, `file:///path` or `memory://`. Each `memory://` that is opened is a new, empty store; only
    /// the clones of one `Store` share it.
    ///
    /// # Errors
    /// Refuses a file system that has no hard links, since nothing else there takes a name exactly once.
    pub fn open(address: impl Into<Address>) -> Result<Self, Error> {
        let address = address.into();
        match address.place()? {
            Place::Memory => Ok(Self::memory(&address)),
            Place::Folder(root) => Ok(Self::local(Folder::create(&root)?)),
        }
    }

    /// Opens a store to read from: a folder that is not there is an error and is not created.
    pub fn open_existing(address: impl Into<Address>) -> Result<Self, Error> {
        let address = address.into();
        match address.place()? {
            Place::Memory => Ok(Self::memory(&address)),
            Place::Folder(root) => Ok(Self::local(Folder::existing(&root)?)),
        }
    }

    /// The same objects, seen through a decorator.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn decorated(&self, decorate: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Self {
        Self { objects: decorate(Arc::clone(&self.objects)), ..self.clone() }
    }

    /// The same store, whose requests are given up after another time than [`REQUEST_TIMEOUT`].
    #[must_use]
    pub fn with_request_timeout(&self, request_timeout: Duration) -> Self {
        Self { request_timeout, ..self.clone() }
    }

    /// The store's address without what may be secret of it: `file:///…` for every folder.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Puts an object under a name that has none, in one step; [`Put::Created`] is durable.
    ///
    /// # Errors
    /// [`Kind::Unknown`]: the object may be there, or may appear later.
    pub async fn put_if_absent(&self, path: &Path, bytes: Bytes) -> Result<Put, Error> {
        match self.put_with(path, bytes, PutMode::Create).await {
            Ok(()) => Ok(Put::Created),
            Err(error) if error.is_taken() => Ok(Put::Taken),
            Err(error) => Err(error),
        }
    }

    /// Puts an object, in place of the one that may be there; readers see the old one or the new one whole.
    pub async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), Error> {
        self.put_with(path, bytes, PutMode::Overwrite).await
    }

    /// Reads a whole object; `None` if it does not exist.
    pub async fn get(&self, path: &Path) -> Result<Option<Bytes>, Error> {
        let read = async { self.objects.get(path).await?.bytes().await };
        self.request("read", path, read.map(present)).await
    }

    /// Reads the last `length` bytes of an object; `None` if it does not exist.
    pub async fn get_tail(&self, path: &Path, length: u64) -> Result<Option<Tail>, Error> {
        let options = GetOptions { range: Some(GetRange::Suffix(length)), ..GetOptions::default() };
        let read = async {
            let found = self.objects.get_opts(path, options).await?;
            let size = found.meta.size;
            Ok(Tail { bytes: found.bytes().await?, size })
        };
        self.request("read the end of", path, read.map(present)).await
    }

    /// Reads parts of an object that is there.
    pub async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        self.request("read from", path, self.objects.get_ranges(path, ranges)).await
    }

    /// Lists every object below a folder, at any depth, in the order of their names.
    ///
    /// A listing is a hint: it need not show what was put a moment ago.
    pub async fn list(&self, prefix: &Path) -> Result<Vec<ObjectMeta>, Error> {
        let mut found: Vec<ObjectMeta> = if let Some(folder) = &self.folder {
            self.answered("list", prefix, Arc::clone(folder).files_below(prefix)).await?
        } else {
            self.request("list", prefix, self.objects.list(Some(prefix)).try_collect()).await?
        };
        found.sort_by(|one, other| one.location.cmp(&other.location));
        Ok(found)
    }

    /// Lists the names of the folders directly in a folder, or at the top, in order.
    pub async fn list_folders(&self, prefix: Option<&Path>) -> Result<Vec<String>, Error> {
        let of = prefix.cloned().unwrap_or_default();
        let mut names: Vec<String> = if let Some(folder) = &self.folder {
            self.answered("list", &of, Arc::clone(folder).folders_in(&of)).await?
        } else {
            let found = self.request("list", &of, self.objects.list_with_delimiter(prefix)).await?;
            let name = |folder: &Path| folder.filename().map(str::to_owned);
            found.common_prefixes.iter().filter_map(name).collect()
        };
        names.sort();
        Ok(names)
    }

    /// Makes an object that was found outlive a loss of power, as [`Put::Created`] already has.
    ///
    /// A local file is visible before its writer has synced it. An object of any other store is durable
    /// once it can be seen, and nothing is done.
    pub async fn make_durable(&self, path: &Path) -> Result<(), Error> {
        match &self.folder {
            Some(folder) => self.answered("sync", path, Arc::clone(folder).sync_found(path)).await,
            None => Ok(()),
        }
    }

    /// Removes the staging files below a folder that no put has written to for [`STAGING_AGE_MAX`]: their writers were
    /// killed. Returns how many there were. Only a local folder has any.
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
                self.answered("sync the folders of", path, Arc::clone(folder).sync_folders_above(path)).await
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
        self.answered(operation, path, request.map(|answer| answer.map_err(Error::request(operation, path))))
            .await
    }

    /// Waits for an answer until the request timeout: a network file system without its server never answers.
    async fn answered<T>(
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

/// Request timeout: 64 MiB take as long at half a megabyte a second.
pub const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// Turns "not found" into `None`.
fn present<T>(read: object_store::Result<T>) -> object_store::Result<Option<T>> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
