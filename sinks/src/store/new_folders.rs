//! The local folders that a probe creates, and their removal.
//!
//! Owns: telling them from folders that existed before. Does not own: the probe (the caller's).

use std::fs;
use std::path::PathBuf;

use super::address::{Address, Location};
use super::key::Key;

/// Folders that do not exist yet, and that opening a store and putting an object will create. In a cloud: none.
#[derive(Debug, Default)]
pub struct NewFolders {
    /// The deepest first.
    folders: Vec<PathBuf>,
}

impl NewFolders {
    /// The folders above an object that are missing now.
    pub fn above(key: &Key, at: &Address) -> Self {
        let Ok(Location::Folder(root)) = at.location() else { return Self::default() };
        let object = root.join(key.as_ref());
        let missing = object
            .ancestors()
            .skip(1)
            .take_while(|folder| !folder.as_os_str().is_empty() && fs::symlink_metadata(folder).is_err());
        Self { folders: missing.map(PathBuf::from).collect() }
    }

    /// Removes those that are empty. One that another process uses meanwhile stays.
    pub fn remove(self) {
        for folder in self.folders {
            // Fails for a folder with a file, and for one that was not created after all.
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::store::{Store, StoreOptions};

    #[tokio::test]
    async fn only_new_and_empty_folders_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let existing = folder.path().join("existing");
        fs::create_dir(&existing).unwrap();
        let address = Address::from(existing.join("lake/raw").to_str().unwrap());
        let probe = Key::from("_catchwater/check/probe");
        let other = Key::from("_catchwater/lake.json");

        let new = NewFolders::above(&probe, &address);
        let store = Store::open(address.clone(), &StoreOptions::default()).unwrap();
        store.put(&probe, Bytes::new()).await.unwrap();
        store.remove(&probe).await.unwrap();
        new.remove();
        assert_eq!(fs::read_dir(&existing).unwrap().count(), 0);

        let new = NewFolders::above(&probe, &address);
        Store::open(address.clone(), &StoreOptions::default()).unwrap();
        new.remove();
        assert_eq!(fs::read_dir(&existing).unwrap().count(), 0, "nothing was put");

        let new = NewFolders::above(&probe, &address);
        let store = Store::open(address.clone(), &StoreOptions::default()).unwrap();
        for key in [&probe, &other] {
            store.put(key, Bytes::new()).await.unwrap();
        }
        store.remove(&probe).await.unwrap();
        new.remove();
        let left = store.list(&Key::default()).await.unwrap();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(!existing.join("lake/raw/_catchwater/check").exists());
        assert_eq!(NewFolders::above(&other, &address).folders.len(), 0);
    }
}
