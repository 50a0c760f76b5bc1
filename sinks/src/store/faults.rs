//! Fault injection for object stores, for tests of writers.
//!
//! Owns a script that determines which requests fail and how; faults do not depend on chance or time. Several writers
//! of one test can use the same objects with different scripts.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::oneshot;

use super::Store;

/// Fault of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutFault {
    /// The request is lost: the store creates nothing and sends no answer.
    RequestLost,
    /// The object is created, but the answer is lost.
    ResponseLost,
    /// The caller gets no answer. [`Faults::deliver_late`] creates the object, if it is called.
    DeliveredLate,
    /// Permission denied.
    Denied,
    /// The put waits for [`Faults::release`] and is then executed.
    Held,
}

/// The faults of one writer. Clones share the script.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    /// Faults of future puts, by part of the key.
    puts: VecDeque<(String, PutFault)>,
    lost_reads: VecDeque<String>,
    refuses_suffixes: bool,
    unlisted: Vec<String>,
    unlisted_once: Vec<String>,
    late: Vec<LatePut>,
    held: Vec<oneshot::Sender<()>>,
    /// Keys of all puts so far.
    requested: Vec<String>,
}

#[derive(Debug)]
struct LatePut {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    payload: PutPayload,
    options: PutOptions,
}

impl Faults {
    /// A script without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Injects `fault` into the next put whose key contains `part`. Faults of one key apply in the order of the calls.
    pub fn next_put(&self, part: &str, fault: PutFault) {
        self.script().puts.push_back((part.to_owned(), fault));
    }

    /// Loses the answer to the next read of a key that contains `part`.
    pub fn lose_next_read(&self, part: &str) {
        self.script().lost_reads.push_back(part.to_owned());
    }

    /// Refuses ranges that count from the end of an object, as Azure does.
    pub fn refuse_suffixes(&self) {
        self.script().refuses_suffixes = true;
    }

    /// Omits keys that contain `part` from listings, as a stale listing does. Reads still find them.
    pub fn hide_from_listings(&self, part: &str) {
        self.script().unlisted.push(part.to_owned());
    }

    /// Omits one key that contains `part` from the next listing that would contain it.
    pub fn hide_from_next_listing(&self, part: &str) {
        self.script().unlisted_once.push(part.to_owned());
    }

    /// Ends the effect of [`hide_from_listings`](Self::hide_from_listings).
    pub fn show_in_listings(&self) {
        self.script().unlisted.clear();
    }

    /// Executes the late puts in the order of their requests; returns the number of created objects.
    pub async fn deliver_late(&self) -> usize {
        let late = std::mem::take(&mut self.script().late);
        let mut created = 0;
        for put in late {
            created += usize::from(put.objects.put_opts(&put.path, put.payload, put.options).await.is_ok());
        }
        created
    }

    /// Releases the held puts.
    pub fn release(&self) {
        for held in self.script().held.drain(..) {
            // Fails if the waiting future was dropped.
            let _ = held.send(());
        }
    }

    /// Releases the put that has been held for the longest time.
    pub fn release_one(&self) {
        let mut script = self.script();
        if !script.held.is_empty() {
            // Fails if the waiting future was dropped.
            let _ = script.held.remove(0).send(());
        }
    }

    /// Number of puts that are held.
    pub fn held(&self) -> usize {
        self.script().held.len()
    }

    /// Keys of all requested puts, successful or not, in order.
    pub fn puts(&self) -> Vec<String> {
        self.script().requested.clone()
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_put_fault(&self, path: &Path) -> Option<PutFault> {
        let mut script = self.script();
        script.requested.push(path.to_string());
        let found = script.puts.iter().position(|(part, _)| path.as_ref().contains(part))?;
        script.puts.remove(found).map(|(_, fault)| fault)
    }

    fn takes_read_fault(&self, path: &Path) -> bool {
        let mut script = self.script();
        let found = script.lost_reads.iter().position(|part| path.as_ref().contains(part));
        found.and_then(|at| script.lost_reads.remove(at)).is_some()
    }

    fn is_listed(&self, path: &Path) -> bool {
        let mut script = self.script();
        let is_part = |part: &String| path.as_ref().contains(part.as_str());
        if let Some(once) = script.unlisted_once.iter().position(is_part) {
            script.unlisted_once.remove(once);
            return false;
        }
        !script.unlisted.iter().any(is_part)
    }
}

impl Store {
    /// The same objects, with faults injected into the requests.
    #[must_use]
    pub fn with_faults(&self, faults: &Faults) -> Self {
        let faults = faults.clone();
        self.decorated(|inner| Arc::new(FaultyStore { inner, faults }))
    }
}

#[derive(Debug)]
struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    faults: Faults,
}

impl FaultyStore {
    fn put_late(&self, path: &Path, payload: PutPayload, options: PutOptions) {
        let (objects, path) = (Arc::clone(&self.inner), path.clone());
        self.faults.script().late.push(LatePut { objects, path, payload, options });
    }

    async fn hold(&self) {
        let (held, released) = oneshot::channel();
        self.faults.script().held.push(held);
        // Also continues if the script was dropped.
        let _ = released.await;
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "faults over {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.faults.take_put_fault(path) {
            None => self.inner.put_opts(path, payload, options).await,
            Some(PutFault::RequestLost) => Err(no_answer()),
            Some(PutFault::ResponseLost) => {
                // The caller gets no answer, even if the put fails.
                let _ = self.inner.put_opts(path, payload, options).await;
                Err(no_answer())
            }
            Some(PutFault::DeliveredLate) => {
                self.put_late(path, payload, options);
                Err(no_answer())
            }
            Some(PutFault::Denied) => Err(denied(path)),
            Some(PutFault::Held) => {
                self.hold().await;
                self.inner.put_opts(path, payload, options).await
            }
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if self.faults.takes_read_fault(path) {
            return Err(no_answer());
        }
        if matches!(options.range, Some(GetRange::Suffix(_))) && self.faults.script().refuses_suffixes {
            return Err(Error::NotSupported { source: "injected fault".into() });
        }
        self.inner.get_opts(path, options).await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let faults = self.faults.clone();
        let listing = self.inner.list(prefix);
        listing.try_filter(move |found| futures::future::ready(faults.is_listed(&found.location))).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut listing = self.inner.list_with_delimiter(prefix).await?;
        listing.objects.retain(|found| self.faults.is_listed(&found.location));
        listing.common_prefixes.retain(|folder| self.faults.is_listed(folder));
        Ok(listing)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Error of a request without an answer.
fn no_answer() -> Error {
    let source = io::Error::new(io::ErrorKind::TimedOut, "injected fault").into();
    Error::Generic { store: "faults", source }
}

/// Error of a request without permission.
fn denied(path: &Path) -> Error {
    let source = io::Error::new(io::ErrorKind::PermissionDenied, "injected fault").into();
    Error::PermissionDenied { path: path.to_string(), source }
}
