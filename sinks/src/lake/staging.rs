//! Removal of staging files that killed writers left in a lake, at each start.
//!
//! Owns the selection of folders. Does not own the age from which a staging file is stale (`store`).

use std::time::SystemTime;

use crate::paths;
use crate::store::{Error, Store};

/// Removes the stale staging files of a lake, or of a checkpoint store, and returns their number.
///
/// Lists every file of the lake, so a start does not wait for it.
pub async fn remove_stale_staging(store: &Store, now: SystemTime) -> Result<u64, Error> {
    let mut removed = 0;
    for folder in store.list_folders(None).await? {
        if folder == paths::RECORDS_FOLDER || paths::is_table_folder(&folder) {
            removed += store.remove_stale_staging(&paths::listed_folder(&[&folder]), now).await?;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::Duration;

    use super::*;
    use crate::store::StoreOptions;

    #[tokio::test]
    async fn removes_only_staging_files_older_than_an_hour() {
        const HOUR: u64 = 3600;
        let root = tempfile::TempDir::new().unwrap();
        let store = Store::open(root.path().to_str().unwrap(), &StoreOptions::default()).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let file = |name: &str, age_seconds: u64| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "half").unwrap();
            File::options()
                .write(true)
                .open(&path)
                .unwrap()
                .set_modified(now - Duration::from_secs(age_seconds))
                .unwrap();
            path
        };
        let stale = [
            file("account/enqueued_date=2026-11-22/x.parquet#1", HOUR + 1),
            file("table$%41/x.parquet#12", 9 * HOUR),
            file("_quarantine/x.parquet#2", 9 * HOUR),
            file("_catchwater/checkpoints/hub/0.json#1", 9 * HOUR),
        ];
        let kept = [
            file("account/enqueued_date=2026-11-22/y.parquet#1", HOUR),
            file("account/z.parquet#1", 0),
            file("account/z.parquet", 9 * HOUR),
            file("account/notes#1", 9 * HOUR),
            file("account/x.parquet#one", 9 * HOUR),
            file("lost+found/x.parquet#1", 9 * HOUR),
            file(".trash/x.parquet#1", 9 * HOUR),
        ];
        // A file from the future (the clock was set back) is not stale.
        let future = file("account/f.parquet#1", 0);
        File::options()
            .write(true)
            .open(&future)
            .unwrap()
            .set_modified(now + Duration::from_hours(2))
            .unwrap();

        assert_eq!(remove_stale_staging(&store, now).await.unwrap(), stale.len() as u64);
        assert!(stale.iter().all(|path| !path.exists()));
        assert!(kept.iter().chain([&future]).all(|path| path.exists()));
        assert_eq!(remove_stale_staging(&store, now).await.unwrap(), 0);
        assert_eq!(remove_stale_staging(&Store::in_memory(), now).await.unwrap(), 0);
    }
}
