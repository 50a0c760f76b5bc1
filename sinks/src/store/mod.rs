//! Object stores: opening one by its address, and the operations that a lake needs.
//!
//! Owns the guarantees: a key has a complete object or none, and one of several conditional puts wins. Does not own the
//! keys (`paths`), or retries (`backoff`), which use the [`Kind`] of an error.

#[cfg(any(test, feature = "test-util"))]
pub mod faults; // fault injection, for tests
#[cfg(any(test, feature = "test-util"))]
pub mod suite; // the checks that every store has to pass
mod key; // names of objects
mod address; // addresses, and their form without secrets
mod options; // settings of cloud stores
#[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
mod cloud; // clients of cloud stores
#[cfg(feature = "aws")]
mod profile; // access keys in the shared files of Amazon's tools
#[cfg(feature = "azure")]
mod blob_listing; // the XML of a listing of blobs
#[cfg(feature = "azure")]
mod blob_metadata; // blobs of Azure whose state is in their metadata
#[cfg(feature = "azure")]
mod azure; // the client of Azure
mod answer; // answers of cloud stores, with remedies
mod error; // errors, classified by the caller's reaction
mod folder; // durability of a local folder, which object_store does not provide
mod reads; // reading and listing objects
mod new_folders; // folders that a probe creates

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::FutureExt;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, UpdateVersion};

use crate::backoff::Backoff;
use address::{CloudLocation, Location};
use folder::Folder;

pub use address::Address;
#[cfg(feature = "azure")]
pub use blob_metadata::{MetadataBlob, MetadataBlobs};
use error::none_if_missing;
pub use error::{Cause, Error, Kind};
pub use folder::STAGING_AGE_MAX;
pub use key::{InvalidKey, Key, Object};
pub use new_folders::NewFolders;
pub use options::{REQUEST_TIMEOUT, StoreOption, StoreOptions, UnknownOption};

/// An object store. A clone is cheap and uses the same objects.
#[derive(Clone)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    url: Arc<str>,
    /// Durability of a local folder, which `object_store` leaves to the caller.
    folder: Option<Arc<Folder>>,
    request_timeout: Duration,
    /// Policy of reads that fail.
    read_backoff: Backoff,
    /// The container of a store in Azure, for requests that `object_store` does not send.
    #[cfg(feature = "azure")]
    blobs: Option<Arc<blob_metadata::BlobClient>>,
}

/// Answer to a conditional put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is created and durable.
    Created,
    /// Conflict: the name already has an object, possibly from an earlier attempt of the caller.
    Taken,
}

/// Answer to a put that replaces one version of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swap {
    /// The object is replaced and durable.
    Replaced,
    /// Conflict: the object has changed since it was read, possibly by an earlier attempt of the caller.
    Changed,
}

/// The version of an object that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(UpdateVersion);

/// The last bytes of an object.
#[derive(Clone, Debug)]
pub struct Tail {
    /// At most the requested number of bytes.
    pub bytes: Bytes,
    /// Size of the object, in bytes.
    pub size: u64,
}

impl Store {
    /// Opens the store at an address. Creates a local folder that does not exist, but no container or bucket. Sends no
    /// request.
    ///
    /// # Shape
    /// A path, `file:///path`, `az://container/path`, `abfss://container@account.dfs.core.windows.net/path`,
    /// `s3://bucket/path`, `gs://bucket/path` or `memory://`. Each call for `memory://` opens a new, empty store, which
    /// only clones share.
    ///
    /// # Errors
    /// Rejects a file system without hard links, since conditional puts require them.
    pub fn open(address: impl Into<Address>, options: &StoreOptions) -> Result<Self, Error> {
        Self::open_with(&address.into(), options, Folder::create)
    }

    /// Opens a store for reading. A folder that does not exist is an error and is not created.
    pub fn open_existing(address: impl Into<Address>, options: &StoreOptions) -> Result<Self, Error> {
        Self::open_with(&address.into(), options, Folder::existing)
    }

    fn open_with(
        address: &Address,
        options: &StoreOptions,
        open_folder: impl FnOnce(&std::path::Path) -> Result<Folder, Error>,
    ) -> Result<Self, Error> {
        match address.location()? {
            Location::Memory => Ok(Self::remote(Arc::new(InMemory::new()), address)),
            Location::Folder(root) => Ok(Self::local(open_folder(&root)?)),
            Location::Cloud(location) => Self::cloud(&location, address, options),
        }
    }

    /// A new, empty store in memory, for tests.
    #[cfg(any(test, feature = "test-util"))]
    #[must_use]
    pub fn in_memory() -> Self {
        Self::remote(Arc::new(InMemory::new()), &"memory://".into())
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

    /// The blobs of this store by their metadata; `None` for a store that is not in Azure Blob Storage.
    #[cfg(feature = "azure")]
    pub fn metadata_blobs(&self) -> Option<MetadataBlobs> {
        let client = self.blobs.clone()?;
        Some(MetadataBlobs { objects: Arc::clone(&self.objects), client })
    }

    /// The store's address without secrets: `file:///…` for a folder.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// True for a folder of this machine.
    pub fn is_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Puts an object unless its name is taken, atomically. After [`Put::Created`] it is durable.
    ///
    /// # Errors
    /// [`Kind::Unknown`]: the object may exist, or may appear later.
    pub async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<Put, Error> {
        match self.put_with(key, bytes, PutMode::Create).await {
            Ok(()) => Ok(Put::Created),
            Err(error) if error.is_taken() => Ok(Put::Taken),
            Err(error) => Err(error),
        }
    }

    /// Puts an object or replaces it, atomically: readers see the old object or the new one.
    pub async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), Error> {
        self.put_with(key, bytes, PutMode::Overwrite).await
    }

    /// Replaces an object if it still has the version that was read, atomically.
    ///
    /// # Errors
    /// [`Kind::Unknown`]: the object may be replaced, or may be replaced later.
    pub async fn put_if_unchanged(&self, key: &Key, bytes: Bytes, read: &Version) -> Result<Swap, Error> {
        let put = match &self.folder {
            // `object_store` has no such put for files.
            Some(folder) => {
                let _locked = self.with_timeout("lock", key, Arc::clone(folder).lock(key)).await?;
                match self.get_version(key).await? {
                    Some((_, version)) if version == *read => self.put(key, bytes).await,
                    _ => return Ok(Swap::Changed),
                }
            }
            None => self.put_with(key, bytes, PutMode::Update(read.0.clone())).await,
        };
        match put {
            Ok(()) => Ok(Swap::Replaced),
            Err(error) if error.is_changed() => Ok(Swap::Changed),
            Err(error) => Err(error),
        }
    }

    /// Reads a whole object and its version, for [`Self::put_if_unchanged`]; `None` if it does not exist.
    pub async fn get_version(&self, key: &Key) -> Result<Option<(Bytes, Version)>, Error> {
        let read = async {
            let found = self.objects.get(&key.0).await?;
            let version =
                UpdateVersion { e_tag: found.meta.e_tag.clone(), version: found.meta.version.clone() };
            Ok((found.bytes().await?, Version(version)))
        };
        self.request("read", key, read.map(none_if_missing)).await
    }

    /// Removes an object that is not part of a lake, such as a probe: a name of a lake is never freed. A missing object is
    /// removed already.
    pub async fn remove(&self, key: &Key) -> Result<(), Error> {
        let removed = self.objects.delete(&key.0).map(none_if_missing);
        self.request("remove", key, removed).await.map(|_| ())
    }

    /// Makes an object durable that another writer put.
    ///
    /// A local file is visible before its writer has synced it. In other stores a visible object is durable, and this
    /// call does nothing.
    pub async fn make_durable(&self, key: &Key) -> Result<(), Error> {
        match &self.folder {
            Some(folder) => self.with_timeout("sync", key, Arc::clone(folder).sync_found(key)).await,
            None => Ok(()),
        }
    }

    /// Removes staging files below a folder that are older than [`STAGING_AGE_MAX`]: their writers were killed. Returns
    /// the number of removed files, which is 0 for stores other than a local folder.
    pub async fn remove_stale_staging(&self, below: &Key, now: SystemTime) -> Result<u64, Error> {
        match &self.folder {
            Some(folder) => Arc::clone(folder).remove_stale_staging(below, now).await,
            None => Ok(0),
        }
    }

    async fn put_with(&self, key: &Key, bytes: Bytes, mode: PutMode) -> Result<(), Error> {
        let options = PutOptions { mode, ..PutOptions::default() };
        self.request("put", key, self.objects.put_opts(&key.0, PutPayload::from_bytes(bytes), options))
            .await?;
        match &self.folder {
            Some(folder) => {
                self.with_timeout("sync the folders of", key, Arc::clone(folder).sync_folders_above(key))
                    .await
            }
            None => Ok(()),
        }
    }

    async fn request<T>(
        &self,
        operation: &'static str,
        key: &Key,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Error> {
        self.with_timeout(
            operation,
            key,
            request.map(|answer| answer.map_err(Error::request(operation, key))),
        )
        .await
    }

    /// Waits for an answer, at most for the request timeout: a network file system whose server is down never answers.
    async fn with_timeout<T>(
        &self,
        operation: &'static str,
        key: &Key,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let timeout = self.request_timeout;
        tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or_else(|_| Err(Error::NoAnswer { operation, path: key.to_string(), timeout }))
    }

    #[cfg(any(feature = "aws", feature = "azure", feature = "gcp"))]
    fn cloud(location: &CloudLocation, address: &Address, options: &StoreOptions) -> Result<Self, Error> {
        let opened = cloud::open(location, options)?;
        let store = Self::remote(opened.objects, address);
        #[cfg(feature = "azure")]
        let store = Self { blobs: opened.blobs, ..store };
        Ok(store)
    }

    /// This build has no client.
    #[cfg(not(any(feature = "aws", feature = "azure", feature = "gcp")))]
    fn cloud(location: &CloudLocation, _: &Address, _: &StoreOptions) -> Result<Self, Error> {
        let service = location.service;
        Err(Error::NotBuilt { scheme: service.scheme(), feature: service.feature() })
    }

    fn remote(objects: Arc<dyn ObjectStore>, address: &Address) -> Self {
        Self {
            objects,
            url: address.to_string().into(),
            folder: None,
            request_timeout: REQUEST_TIMEOUT,
            read_backoff: Backoff::none(),
            #[cfg(feature = "azure")]
            blobs: None,
        }
    }

    fn local(folder: Folder) -> Self {
        let (objects, url) = (folder.objects(), folder.url());
        Self {
            objects,
            url,
            folder: Some(Arc::new(folder)),
            request_timeout: REQUEST_TIMEOUT,
            read_backoff: Backoff::none(),
            #[cfg(feature = "azure")]
            blobs: None,
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Store").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
