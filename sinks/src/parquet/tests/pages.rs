//! The checksum in each page's header, in columns of ours and in those that the library writes.

use super::*;
use crate::parquet::{Damage, DataFile};

async fn verify(bytes: Bytes) -> Option<Damage> {
    let (store, path) = (Store::open("memory://").unwrap(), Path::from("a.parquet"));
    store.put(&path, bytes).await.unwrap();
    DataFile::open(&store, &path).await.unwrap().unwrap().verify().await.unwrap()
}

/// Few rows stay uncompressed, many are several pages; a column that a row group lacks is filled up.
#[tokio::test]
async fn pages_of_every_type_have_their_checksum() {
    let few = every_type(9);
    let many = every_type(50_000);
    let other = integers(9, &["other"]);
    for batches in [vec![&few], vec![&many], vec![&few, &other, &many]] {
        assert_eq!(verify(written(&batches)).await, None);
    }
}

#[tokio::test]
async fn changed_page_is_named_by_its_column() {
    let bytes = written(&[&integers(9, &["other"]), &every_type(3_000)]);
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
    for (group, row_group) in metadata.row_groups().iter().enumerate() {
        for column in row_group.columns() {
            let (start, length) = column.byte_range();
            for at in [start, start + length / 2, start + length - 1] {
                let mut changed = bytes.to_vec();
                changed[at as usize] ^= 0x40;
                let damage = verify(changed.into()).await.unwrap();
                let path = column.column_path();
                let place = format!("column {:?}: row group {group}: ", path.string());
                assert!(damage.reason.starts_with(&place), "{place}{}", damage.reason);
                assert_eq!(damage.columns, [path.parts()[0].clone()].into());
            }
        }
    }
}

/// The library's own check, and so every reader built on it, sees a changed page as well.
#[test]
fn library_checks_the_checksums() {
    let bytes = written(&[&integers(3_000, &["number"])]);
    let read = |bytes: Bytes| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        reader.collect::<Result<Vec<_>, _>>().map(|batches| batches.len())
    };
    assert!(read(bytes.clone()).is_ok());
    let mut changed = bytes.to_vec();
    changed[200] ^= 1;
    assert!(read(changed.into()).unwrap_err().to_string().contains("CRC checksum mismatch"));
}
