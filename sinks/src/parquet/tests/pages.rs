//! The checksum in each page's header, by our own writer and by the library.

use super::*;
use crate::parquet::{Damage, DataFile};

pub(super) async fn verify(bytes: Bytes) -> Option<Damage> {
    let (store, path) = (Store::in_memory(), Key::from("a.parquet"));
    store.put(&path, bytes).await.unwrap();
    DataFile::open(&store, &path).await.unwrap().unwrap().verify().await.unwrap()
}

/// Few rows are uncompressed, many take several pages, and missing columns are filled with nulls.
#[tokio::test]
async fn pages_of_every_type_match_their_checksums() {
    let few = every_type(9);
    let many = every_type(50_000);
    let other = integers(9, &["other"]);
    for batches in [vec![&few], vec![&many], vec![&few, &other, &many]] {
        assert_eq!(verify(written(&batches)).await, None);
    }
}

#[tokio::test]
async fn changed_page_is_reported_with_its_column() {
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
                let prefix = format!("column {:?}: row group {group}: ", path.string());
                assert!(damage.reason.starts_with(&prefix), "{prefix}{}", damage.reason);
                assert_eq!(damage.columns, [path.parts()[0].clone()].into());
            }
        }
    }
}

/// Readers that are built on the library detect a changed page too.
#[test]
fn library_detects_a_changed_page() {
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
