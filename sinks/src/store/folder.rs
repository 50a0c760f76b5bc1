//! A local folder as a store.
//!
//! Owns durability and listings, which `object_store` does not provide as needed. Does not own reads and puts.
//!
//! `LocalFileSystem` with fsync writes `<name>#1`, syncs it, links it to its name and syncs the folder. It also syncs
//! the folders that it creates, but not a folder that another writer created and has not synced yet. Each process
//! therefore syncs each folder once, when it first puts an object below it.
//!
//! A crash during a put leaves the staging file `<name>.parquet#1`. It does not match `*.parquet`, `Store::list` omits
//! it, and the next put uses `#2`. A start removes it after an hour. A younger file may belong to a writer that is
//! suspended: if its `#1` were removed and used by another put, the writer would link that incomplete file to the name.
//! After an hour this requires the writer to resume in the milliseconds in which another put stages the same file.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path as FsPath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::Url;
use uuid::Uuid;

use super::{Error, Key, Object};

/// A folder of this machine.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    objects: Arc<LocalFileSystem>,
    /// Folders whose entries in their parents this process has synced, up to the root.
    synced: Mutex<HashSet<PathBuf>>,
}

impl Folder {
    /// Opens a folder for writing. Creates it durably if it does not exist.
    pub(super) fn create(root: &FsPath) -> Result<Self, Error> {
        create_durably(root)?;
        let folder = Self::existing(root)?;
        probe_hard_links(&folder.root)?;
        Ok(folder)
    }

    /// Opens a folder that exists.
    pub(super) fn existing(root: &FsPath) -> Result<Self, Error> {
        let failed = |source| Error::Folder { operation: "open", folder: root.to_owned(), source };
        let root = root.canonicalize().map_err(failed)?;
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|source| Error::Folder {
                operation: "open",
                folder: root.clone(),
                source: source.into(),
            })?
            .with_fsync(true);
        Ok(Self { root, objects: Arc::new(objects), synced: Mutex::default() })
    }

    /// The folder as a store of `object_store`.
    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects) as Arc<dyn ObjectStore>
    }

    /// The folder's address.
    pub(super) fn url(&self) -> Arc<str> {
        Url::from_file_path(&self.root).map_or_else(|()| "file://".into(), |url| url.as_str().into())
    }

    /// Lists the files below a folder, at any depth. Omits staging files and names that are not valid in a path. Does
    /// not follow links to a folder above.
    pub(super) async fn files_below(self: Arc<Self>, prefix: &Key) -> Result<Vec<Object>, Error> {
        let (folder, prefix) = (self.folder(prefix)?, prefix.clone());
        blocking(move || {
            let mut found = Vec::new();
            let mut linked = Vec::from_iter(folder.canonicalize());
            list_files(&folder, &prefix, &mut linked, &mut found)?;
            Ok(found)
        })
        .await
    }

    /// Lists the names of the folders directly in a folder. Omits names that are not valid in a path (control
    /// characters, not UTF-8), for which `object_store` would fail.
    pub(super) async fn folders_in(self: Arc<Self>, prefix: &Key) -> Result<Vec<String>, Error> {
        let folder = self.folder(prefix)?;
        blocking(move || {
            let failed = |source| Error::Folder { operation: "list", folder: folder.clone(), source };
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries.map_err(failed)?,
            };
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name().into_string().ok();
                let name = name.filter(|name| Key::parse(name).is_ok());
                // Includes links to folders.
                names.extend(name.filter(|_| entry.path().is_dir()));
            }
            Ok(names)
        })
        .await
    }

    /// Syncs the folders above a file that was put, unless this process has synced them before.
    pub(super) async fn sync_folders_above(self: Arc<Self>, key: &Key) -> Result<(), Error> {
        let file = self.file(key)?;
        let is_synced = file.parent().is_none_or(|folder| self.is_synced(folder));
        // Most puts are in a synced folder and need no blocking thread.
        if is_synced { Ok(()) } else { blocking(move || self.sync_upwards(&file)).await }
    }

    /// Syncs a file of another writer and the folders above it.
    pub(super) async fn sync_found(self: Arc<Self>, key: &Key) -> Result<(), Error> {
        let file = self.file(key)?;
        blocking(move || {
            sync(&file)?;
            // The file's own entry may be newer than the last sync of its folder.
            file.parent().map_or(Ok(()), sync)?;
            self.sync_upwards(&file)
        })
        .await
    }

    /// Locks a name against the other processes and tasks that lock it, until the returned file is dropped.
    pub(super) async fn lock(self: Arc<Self>, key: &Key) -> Result<File, Error> {
        let mut path = self.file(key)?.into_os_string();
        // Listings omit it, and it is never removed: a removed file could be locked twice.
        path.push(".lock#0");
        let path = PathBuf::from(path);
        blocking(move || {
            let failed = |source| Error::Folder { operation: "lock a file in", folder: path.clone(), source };
            path.parent().map_or(Ok(()), create_durably)?;
            let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
            file.lock().map_err(failed)?;
            Ok(file)
        })
        .await
    }

    /// Removes the staging files below a folder that are older than [`STAGING_AGE_MAX`].
    pub(super) async fn remove_stale_staging(
        self: Arc<Self>,
        below: &Key,
        now: SystemTime,
    ) -> Result<u64, Error> {
        let folder = self.file(below)?;
        blocking(move || remove_stale_files(&folder, now)).await
    }

    fn folder(&self, prefix: &Key) -> Result<PathBuf, Error> {
        if prefix.as_ref().is_empty() { Ok(self.root.clone()) } else { self.file(prefix) }
    }

    fn file(&self, key: &Key) -> Result<PathBuf, Error> {
        self.objects.path_to_filesystem(&key.0).map_err(Error::request("find", key))
    }

    /// Syncs the folders that hold the entries of the folders above `file`, up to the root.
    fn sync_upwards(&self, file: &FsPath) -> Result<(), Error> {
        let new: Vec<&FsPath> = file
            .ancestors()
            .skip(1)
            .take_while(|folder| *folder != self.root && !self.is_synced(folder))
            .collect();
        for folder in &new {
            folder.parent().map_or(Ok(()), sync)?;
        }
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        synced.extend(new.into_iter().map(FsPath::to_owned));
        Ok(())
    }

    fn is_synced(&self, folder: &FsPath) -> bool {
        folder == self.root || self.synced.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }
}

/// Age after which a staging file can't belong to a put in flight.
pub const STAGING_AGE_MAX: Duration = Duration::from_hours(1);

/// Lists a folder. `linked` has the targets of the links on the path to it.
fn list_files(
    folder: &FsPath,
    prefix: &Key,
    linked: &mut Vec<PathBuf>,
    found: &mut Vec<Object>,
) -> Result<(), Error> {
    let failed = |source| Error::Folder { operation: "list", folder: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Some(name) = entry.file_name().into_string().ok().filter(|name| !has_staging_suffix(name)) else {
            continue;
        };
        let key = if prefix.as_ref().is_empty() { name } else { format!("{prefix}/{name}") };
        let Ok(key) = Key::parse(key) else { continue };
        if entry.file_type().map_err(failed)?.is_dir() {
            list_files(&entry.path(), &key, linked, found)?;
            continue;
        }
        // Follows a link. Fails if another process removed the file.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if metadata.is_dir() {
            let Ok(target) = entry.path().canonicalize() else { continue };
            if !linked.iter().any(|above| above.starts_with(&target)) {
                linked.push(target);
                list_files(&entry.path(), &key, linked, found)?;
                linked.pop();
            }
        } else if metadata.is_file() {
            found.push(Object { key, size: metadata.len() });
        }
    }
    Ok(())
}

/// True if the name ends as that of a staging file of `object_store`.
fn has_staging_suffix(name: &str) -> bool {
    let digits = name.rsplit_once('#').map_or("", |(_, digits)| digits);
    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
}

/// Removes stale staging files below a folder; returns their number.
fn remove_stale_files(folder: &FsPath, now: SystemTime) -> Result<u64, Error> {
    let failed = |source| Error::Folder { operation: "list", folder: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        // Another process may remove a folder, or the same file, at the same time.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(failed)?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            removed += remove_stale_files(&entry.path(), now)?;
        } else if kind.is_file() && is_staging_file(&entry.file_name().to_string_lossy()) {
            let written = entry.metadata().and_then(|found| found.modified());
            let is_stale = |written| now.duration_since(written).is_ok_and(|age| age > STAGING_AGE_MAX);
            if written.is_ok_and(is_stale) && fs::remove_file(entry.path()).is_ok() {
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// True if this is the name of a staging file of a lake: `x.parquet#1`, `x.json#12`.
fn is_staging_file(name: &str) -> bool {
    let of = name.rsplit_once('#').map_or(name, |(of, _)| of);
    has_staging_suffix(name) && [".parquet", ".json"].iter().any(|ending| of.ends_with(ending))
}

/// Creates a folder and its parents, each with a durable entry.
fn create_durably(folder: &FsPath) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        create_durably(above)?;
    }
    match fs::create_dir(folder) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(Error::Folder { operation: "create", folder: folder.to_owned(), source })
        }
        _ => sync(above.unwrap_or_else(|| FsPath::new("."))),
    }
}

/// Checks that a hard link to an existing name fails, which every conditional put requires.
fn probe_hard_links(root: &FsPath) -> Result<(), Error> {
    // Listings omit a name that ends in `#1`, even if a crash leaves the file behind.
    let probe = root.join(format!(".probe-{}#1", Uuid::new_v4()));
    let link = probe.with_extension("link#1");
    let write = File::create_new(&probe).map_err(|source| Error::Folder {
        operation: "write to",
        folder: root.to_owned(),
        source,
    });
    let probed = write.and_then(|_| link_once(root, &probe, &link));
    for file in [&probe, &link] {
        // A remaining probe has no effect.
        let _ = fs::remove_file(file);
    }
    probed
}

/// Links a file twice to the same name: the first link must succeed and the second one fail.
fn link_once(root: &FsPath, file: &FsPath, link: &FsPath) -> Result<(), Error> {
    let refused = |source| Error::HardLinks { folder: root.to_owned(), source };
    fs::hard_link(file, link).map_err(refused)?;
    match fs::hard_link(file, link) {
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(refused(source)),
        Ok(()) => Err(refused(io::Error::other("a second link took the same name"))),
    }
}

/// Makes a file, or the entries of a folder, durable.
fn sync(path: &FsPath) -> Result<(), Error> {
    // Only Unix can open a folder to sync it.
    if cfg!(not(unix)) && path.is_dir() {
        return Ok(());
    }
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| Error::Sync { path: path.to_owned(), source })
}

/// Runs file system calls on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) => Err(Error::request("sync", &Key::default())(stopped.into())),
    }
}
