//! Two lakes of the same events, one of each writer of Parquet pages: every row reads the same.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::RowGroupMetaData;
use processes::{Hub, audit, catchwater, output_text};

#[test]
fn lakes_of_either_writer_read_the_same() {
    // One partition and one lane: the order of events decides the types and the order of columns.
    let hub = Hub::start(1);
    let sent = hub.send("mixed", 6000, 7);
    let folder = tempfile::tempdir().unwrap();
    let [own, library] = ["own", "library"].map(|writer| {
        let lake = folder.path().join(writer);
        let mut run = catchwater(&hub.run_arguments(&lake));
        let output = run.args(["--lanes", "1"]).env("CATCHWATER_PARQUET_WRITER", writer).output().unwrap();
        assert!(output.status.success(), "{}", output_text(&output));
        assert!(audit(&lake)["rows"].as_u64() >= Some(sent), "an event has a row");
        lake
    });
    let [own, library] = [&own, &library].map(|lake| {
        let mut files = BTreeMap::new();
        read_files(lake, lake, &mut files);
        files
    });
    assert!(own.len() >= 4, "{} files", own.len());
    assert!(own.keys().eq(library.keys()), "{:?} and {:?}", own.keys(), library.keys());
    for (path, rows) in &own {
        for (column, values) in &rows.columns {
            assert_eq!(Some(values), library[path].columns.get(column), "{column} in {path}");
        }
        assert_eq!(rows.columns.len(), library[path].columns.len(), "columns of {path}");
    }
    // The library splits bit-packed runs after 504 values, so its pages have other sizes.
    assert!(
        own.iter().any(|(path, rows)| rows.page_bytes != library[path].page_bytes),
        "the setting has no effect"
    );
}

/// A data file, decoded.
struct Rows {
    columns: BTreeMap<String, ArrayRef>,
    page_bytes: i64,
}

/// Reads each data file below a folder, by path.
fn read_files(lake: &Path, folder: &Path, files: &mut BTreeMap<String, Rows>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_files(lake, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
            let page_bytes =
                reader.metadata().row_groups().iter().map(RowGroupMetaData::compressed_size).sum();
            let schema = Arc::clone(reader.schema());
            let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
            let rows = concat_batches(&schema, &batches).unwrap();
            let names = schema.fields().iter().map(|field| field.name().clone());
            let columns = names.zip(rows.columns().iter().cloned()).collect();
            let name = path.strip_prefix(lake).unwrap().to_str().unwrap().to_owned();
            files.insert(name, Rows { columns, page_bytes });
        }
    }
}
