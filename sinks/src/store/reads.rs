//! Reading and listing objects.
//!
//! Owns: the requests of a read, and its attempts while a store is busy. Does not own: the meaning of an error (`error`).

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStoreExt};

use super::error::Error;
use super::key::{Key, Object};
use super::{Store, Tail, none_if_missing};
use crate::backoff::Backoff;

impl Store {
    /// The same store, whose reads and listings are attempted again while it is busy or does not answer.
    ///
    /// For callers without attempts of their own. Puts are attempted once: their callers decide what a lost answer means.
    #[must_use]
    pub fn with_read_backoff(&self, read_backoff: Backoff) -> Self {
        Self { read_backoff, ..self.clone() }
    }

    /// Reads a whole object; `None` if it does not exist.
    pub async fn get(&self, key: &Key) -> Result<Option<Bytes>, Error> {
        let read = async || self.objects.get(&key.0).await?.bytes().await;
        self.attempt(|| self.request("read", key, read().map(none_if_missing))).await
    }

    /// The time at which an object was put, by the store's clock; `None` if it does not exist.
    pub async fn put_time(&self, key: &Key) -> Result<Option<SystemTime>, Error> {
        let meta = async || self.objects.head(&key.0).await;
        let found =
            self.attempt(|| self.request("read the time of", key, meta().map(none_if_missing))).await?;
        Ok(found.map(|meta| meta.last_modified.into()))
    }

    /// Reads the last `length` bytes of an object; `None` if it does not exist.
    pub async fn get_tail(&self, key: &Key, length: u64) -> Result<Option<Tail>, Error> {
        let read = async || match self.get_range(key, GetRange::Suffix(length)).await {
            Err(error) if Error::refuses_suffix(&error) => self.get_tail_by_size(key, length).await,
            read => read,
        };
        self.attempt(|| self.request("read the end of", key, read().map(none_if_missing))).await
    }

    /// Reads ranges of an object that exists.
    pub async fn get_ranges(&self, key: &Key, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Error> {
        self.attempt(|| self.request("read from", key, self.objects.get_ranges(&key.0, ranges))).await
    }

    /// Lists the objects below a folder, at any depth, sorted by name.
    ///
    /// A listing is a hint: it may omit an object that was put recently.
    pub async fn list(&self, below: &Key) -> Result<Vec<Object>, Error> {
        let mut found = match &self.folder {
            Some(folder) => self.with_timeout("list", below, Arc::clone(folder).files_below(below)).await?,
            None => self.attempt(|| self.list_objects(below)).await?,
        };
        found.sort_unstable();
        Ok(found)
    }

    /// Lists the names of the folders directly in a folder, or at the top, sorted.
    pub async fn list_folders(&self, of: Option<&Key>) -> Result<Vec<String>, Error> {
        let root = Key::default();
        let of = of.unwrap_or(&root);
        let mut names: Vec<String> = if let Some(folder) = &self.folder {
            self.with_timeout("list", of, Arc::clone(folder).folders_in(of)).await?
        } else {
            let list = || self.request("list", of, self.objects.list_with_delimiter(of.prefix()));
            let name = |folder: &Path| folder.filename().map(str::to_owned);
            self.attempt(list).await?.common_prefixes.iter().filter_map(name).collect()
        };
        names.sort_unstable();
        Ok(names)
    }

    async fn attempt<T, F>(&self, read: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempts = self.read_backoff.attempts();
        loop {
            match read().await {
                Err(error) => attempts.wait_after(error).await?,
                done => return done,
            }
        }
    }

    async fn get_range(&self, key: &Key, range: GetRange) -> object_store::Result<Tail> {
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        let found = self.objects.get_opts(&key.0, options).await?;
        let size = found.meta.size;
        Ok(Tail { bytes: found.bytes().await?, size })
    }

    /// Azure takes no range that counts from the end, and an object without bytes has no range at all.
    async fn get_tail_by_size(&self, key: &Key, length: u64) -> object_store::Result<Tail> {
        let size = self.objects.head(&key.0).await?.size;
        if size == 0 {
            return Ok(Tail { bytes: Bytes::new(), size });
        }
        self.get_range(key, GetRange::Bounded(size.saturating_sub(length)..size)).await
    }

    /// Lists page by page, each within the request timeout: a large lake has thousands of pages.
    async fn list_objects(&self, below: &Key) -> Result<Vec<Object>, Error> {
        let mut listing = self.objects.list(below.prefix());
        let mut found = Vec::new();
        while let Some(object) = self.request("list", below, listing.try_next()).await? {
            found.push(Object { key: Key(object.location), size: object.size });
        }
        Ok(found)
    }
}
