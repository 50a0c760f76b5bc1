//! The data folder of a namespace: a folder for each hub, and a lock that keeps a second process out.
//!
//! Owns the place of a hub's folder. Does not own: its content (`storage`).
//!
//! ```text
//! .lock          locked as long as a process uses the folder
//! orders/        the folder of the hub `Orders`
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The data folder of a namespace, in use by this process.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    /// The locked file, until the folder is released.
    lock: Mutex<Option<File>>,
}

impl DataFolder {
    /// Creates the folder if it is missing, and locks it.
    ///
    /// # Errors
    /// Another process uses the folder, or an earlier version has written it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(io_error(path))?;
        let file = path.join(LOCK);
        let lock = File::create(&file).map_err(io_error(&file))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(Error::Io { path: file, source }),
        }
        // A hub may have this name: then it is a folder.
        if path.join(HUB_METADATA).is_file() {
            return Err(Error::EarlierLayout { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), lock: Mutex::new(Some(lock)) })
    }

    /// Returns the folder of a hub.
    pub(super) fn of_hub(&self, name: &str) -> PathBuf {
        self.path.join(name.to_lowercase())
    }

    /// Returns the names of the folders with a hub that is not among `names`.
    pub(super) fn other_hubs(&self, names: &[String]) -> Result<Vec<String>, Error> {
        let mut others = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(io_error(&self.path))? {
            let entry = entry.map_err(io_error(&self.path))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_hub = entry.path().join(HUB_METADATA).is_file();
            if is_hub && !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                others.push(name);
            }
        }
        others.sort();
        Ok(others)
    }

    /// Lets another process use the folder.
    pub(super) fn release(&self) {
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Error of the data folder of a namespace.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process uses the folder.
    #[error(
        "another process uses the data folder {}: stop it, or name another folder with --data",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// An earlier version has written the folder, with one hub directly in it.
    #[error(
        "the data folder {} was written by an earlier version, whose files can't be read: name another folder with \
         --data, or remove hub.json and the p*.log files from it to begin with an empty hub",
        path.display()
    )]
    EarlierLayout {
        /// The folder.
        path: PathBuf,
    },
    /// A file can't be read or written.
    #[error("{} can't be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}

/// Name of the file that is locked. It is empty. The name of a hub does not begin with a period.
const LOCK: &str = ".lock";

/// Name of the file with the metadata of a hub.
const HUB_METADATA: &str = "hub.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_in_use_is_refused_until_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/hub");
        let first = DataFolder::open(&path).unwrap();
        let refused = DataFolder::open(&path).unwrap_err();
        assert!(matches!(refused, Error::InUse { .. }), "{refused}");
        assert!(refused.to_string().contains("name another folder with --data"));
        first.release();
        DataFolder::open(&path).unwrap();
    }

    #[test]
    fn folder_of_an_earlier_version_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("hub.json"), "{}").unwrap();
        let refused = DataFolder::open(folder.path()).unwrap_err();
        assert!(matches!(refused, Error::EarlierLayout { .. }), "{refused}");
        fs::remove_file(folder.path().join("hub.json")).unwrap();
        DataFolder::open(folder.path()).unwrap();
    }

    #[test]
    fn hubs_outside_the_configuration_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        for name in ["Orders", "audit", "events"] {
            let path = data.of_hub(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("hub.json"), "{}").unwrap();
        }
        fs::create_dir(data.of_hub("empty")).unwrap();
        assert_eq!(data.other_hubs(&["EVENTS".into()]).unwrap(), ["audit", "orders"]);
    }
}
