//! Our own chunks against the library's: values, metadata, bloom filters.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Int32Array,
    Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::ColumnChunkMetaData;
use uuid::Uuid;

use super::{every_type, extension, in_file, integers, metadata, pages, read_back, strings_of, written};
use crate::lake::fixtures::complete;
use crate::parquet::encodings::Encodings;
use crate::parquet::{ChunkWriter, encode_row_group};

/// Makes a column of some rows; the function is true for those that have a value.
type Make = fn(usize, &dyn Fn(usize) -> bool) -> (Field, ArrayRef);

const COLUMNS: [(&str, Make); 16] = [
    ("guids", |rows, some| guids(rows, some, usize::MAX)),
    ("few guids", |rows, some| guids(rows, some, 40)),
    ("one guid", |rows, some| guids(rows, some, 1)),
    ("strings", |rows, some| strings(rows, some, |row| format!("{row} {}", "ä".repeat(row % 50)))),
    ("few strings", |rows, some| strings(rows, some, |row| format!("value {}", row * 7919 % 100))),
    ("runs of strings", |rows, some| strings(rows, some, |row| format!("value {}", row / 300))),
    ("one string", |rows, some| strings(rows, some, |_| "the hub".to_owned())),
    ("empty strings", |rows, some| strings(rows, some, |_| String::new())),
    ("long strings", |rows, some| strings(rows, some, |row| format!("{}", row / 3).repeat(200))),
    ("lists", lists),
    ("int", |rows, some| {
        let values = (0..rows).map(|row| some(row).then_some(row as i32 % 500 - 250));
        (plain(DataType::Int32), Arc::new(values.collect::<Int32Array>()))
    }),
    ("long", |rows, some| {
        let values = (0..rows).map(|row| some(row).then_some((row as i64) << 33));
        (plain(DataType::Int64), Arc::new(values.collect::<Int64Array>()))
    }),
    ("day", |rows, some| {
        let values = (0..rows).map(|row| some(row).then_some(row as i32 - 10));
        (plain(DataType::Date32), Arc::new(values.collect::<Date32Array>()))
    }),
    ("time", |rows, some| {
        let values = (0..rows).map(|row| some(row).then_some(row as i64 * 977 - 5));
        let array = values.collect::<TimestampMicrosecondArray>();
        (plain(array.data_type().clone()), Arc::new(array))
    }),
    ("decimal", |rows, some| {
        let values = (0..rows).map(|row| some(row).then_some((row as i128 - 7) * 10_i128.pow(30)));
        let array = values.collect::<Decimal128Array>().with_precision_and_scale(38, 12).unwrap();
        (plain(array.data_type().clone()), Arc::new(array))
    }),
    ("boolean", |rows, some| {
        let values = (0..rows).map(|row| some(row).then_some(row % 3 == 0));
        (plain(DataType::Boolean), Arc::new(values.collect::<BooleanArray>()))
    }),
];

fn plain(data_type: DataType) -> Field {
    Field::new("a", data_type, true)
}

fn guids(rows: usize, some: &dyn Fn(usize) -> bool, distinct: usize) -> (Field, ArrayRef) {
    let guid = |row: usize| ((row % distinct + 1) as u128 * 0x9E37_79B9_7F4A_7C15_F39C).to_be_bytes();
    let values = (0..rows).map(|row| some(row).then(|| guid(row)));
    let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 16).unwrap();
    (extension("a", DataType::FixedSizeBinary(16), "arrow.uuid"), Arc::new(array))
}

fn strings(rows: usize, some: &dyn Fn(usize) -> bool, string: fn(usize) -> String) -> (Field, ArrayRef) {
    let values = (0..rows).map(|row| some(row).then(|| string(row)));
    (plain(DataType::Utf8), Arc::new(values.collect::<StringArray>()))
}

/// Lists of no, one and several strings, some of them null.
fn lists(rows: usize, some: &dyn Fn(usize) -> bool) -> (Field, ArrayRef) {
    let element = Arc::new(Field::new("element", DataType::Utf8, true));
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(Arc::clone(&element));
    for row in 0..rows {
        for item in 0..row % 5 * usize::from(some(row)) {
            lists.values().append_option((item != 3).then(|| format!("name {}", (row + item) % 30)));
        }
        lists.append(some(row));
    }
    (plain(DataType::List(element)), Arc::new(lists.finish()))
}

/// True for the rows that have a value.
type Some = fn(usize) -> bool;

const NULLS: [(&str, Some); 5] = [
    ("none", |_| true),
    ("every third", |row| row % 3 != 1),
    ("in runs", |row| row / 100 % 2 == 0),
    ("most", |row| row % 97 == 5),
    ("all", |_| false),
];

/// A file of the column by the library, with the same encodings.
fn by_the_library(field: &FieldRef, array: &ArrayRef) -> Bytes {
    let written = in_file(field, array);
    let schema = Arc::new(Schema::new(vec![plain(written.data_type().clone())]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![written]).unwrap();
    let mut out = Vec::new();
    let properties = Encodings::choose(field, array).properties(array);
    let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out.into()
}

/// Metadata that readers use.
fn metadata_of(chunk: &ColumnChunkMetaData) -> impl PartialEq + std::fmt::Debug + use<'_> {
    let mut encodings: Vec<Encoding> = chunk.encodings().collect();
    encodings.sort();
    (
        encodings,
        chunk.compression(),
        chunk.num_values(),
        // The library cuts strings of over 64 bytes; ours has no statistics then.
        chunk
            .statistics()
            .filter(|statistics| statistics.min_is_exact() || statistics.min_bytes_opt().is_none())
            .cloned(),
        chunk.dictionary_page_offset().is_some(),
        (
            chunk.column_descr().physical_type(),
            chunk.column_descr().logical_type_ref(),
            chunk.column_descr().max_def_level(),
        ),
    )
}

#[test]
fn own_chunks_equal_those_of_the_library() {
    let mut sizes = [0; 2];
    for (name, make) in COLUMNS {
        for (nulls, some) in NULLS {
            for rows in [1, 7, 8, 65, 1000, 20_000, 45_003] {
                let (field, whole) = make(rows + 3, &some);
                let field = Arc::new(field);
                for array in [whole.slice(0, rows), whole.slice(3, rows)] {
                    let case = format!("{name}, {rows} rows, nulls: {nulls}");
                    let schema = Arc::new(Schema::new(vec![Arc::clone(&field)]));
                    let ours = written(&[&RecordBatch::try_new(schema, vec![Arc::clone(&array)]).unwrap()]);
                    assert_eq!(read_back(&ours).column(0), &in_file(&field, &array), "{case}");
                    let theirs = by_the_library(&field, &array);
                    let [ours, theirs] = [metadata(&ours), metadata(&theirs)];
                    let [ours, theirs] = [&ours, &theirs].map(|file| file.row_group(0).column(0));
                    assert_eq!(metadata_of(ours), metadata_of(theirs), "{case}");
                    sizes[0] += ours.compressed_size();
                    sizes[1] += theirs.compressed_size();
                }
            }
        }
    }
    assert!(sizes[0] <= sizes[1] + sizes[1] / 50, "{sizes:?} bytes");
}

/// Files of either writer, and of both, read the same; the library makes the same bloom filters.
#[tokio::test]
async fn columns_read_the_same_from_either_writer() {
    let filters = |file: &Bytes| -> Vec<Option<Vec<u8>>> {
        let filter = |chunk| Sbbf::read_from_column_chunk(chunk, file).unwrap();
        let bits = |filter: Sbbf| {
            let mut bits = Vec::new();
            filter.write(&mut bits).unwrap();
            bits
        };
        metadata(file).row_groups().iter().map(|group| filter(group.column(0)).map(bits)).collect()
    };
    for (name, make) in COLUMNS {
        for (nulls, some) in NULLS {
            for rows in [1, 1000, 20_003] {
                let case = format!("{name}, {rows} rows, nulls: {nulls}");
                let (field, array) = make(rows, &some);
                let (field, array) = (Arc::new(field), array.slice(rows / 3, rows - rows / 3));
                let schema = Arc::new(Schema::new(vec![Arc::clone(&field)]));
                let batch = RecordBatch::try_new(schema, vec![Arc::clone(&array)]).unwrap();
                let group = |writer| encode_row_group(&batch, writer).unwrap();
                assert!(group(ChunkWriter::Library).joins(&[group(ChunkWriter::Own)]), "{case}");
                let both = [ChunkWriter::Own, ChunkWriter::Library].map(group).into();
                let file = complete(both, &super::facts());
                let back = read_back(&file);
                let own = back.column(0).slice(0, array.len());
                assert_eq!(&own, &in_file(&field, &array), "{case}");
                assert_eq!(&back.column(0).slice(array.len(), array.len()), &own, "{case}");
                assert_eq!(pages::verify(file.clone()).await, None, "{case}");
                let filters = filters(&file);
                assert_eq!(filters[0], filters[1], "{case}");
            }
        }
    }
}

/// A row group of the library's that lacks columns gets them from the library.
#[tokio::test]
async fn library_writes_every_type() {
    let (few, all) = (integers(9, &["other"]), every_type(3000));
    let groups = [&few, &all].map(|batch| encode_row_group(batch, ChunkWriter::Library).unwrap());
    let file = complete(groups.into(), &super::facts());
    assert_eq!(read_back(&file), read_back(&written(&[&few, &all])));
    assert_eq!(pages::verify(file).await, None);
}

/// The library begins a dictionary of long strings and abandons it when it is too long; ours does not begin.
#[test]
fn long_strings_have_a_dictionary_if_some_repeat() {
    for (repeats, expected) in [(1, false), (2, true)] {
        let text = |row: usize| format!("{{\"a\":{}}}", row / repeats).repeat(20);
        let array: ArrayRef = Arc::new((0..3000).map(|row| Some(text(row))).collect::<StringArray>());
        let batch = RecordBatch::try_from_iter([("a", Arc::clone(&array))]).unwrap();
        let file = written(&[&batch]);
        assert_eq!(read_back(&file).column(0), &array);
        let chunk = metadata(&file).row_group(0).column(0).clone();
        assert_eq!(chunk.dictionary_page_offset().is_some(), expected, "each {repeats} times");
    }
}

/// The validity of rows behind a slice is in the same byte as that of its last row.
#[test]
fn rows_behind_a_slice_do_not_change_its_bytes() {
    let file = |behind: Option<i32>| {
        let rows = (0..16).map(|row| if row < 13 { (row % 2 == 0).then_some(row) } else { behind });
        let array: ArrayRef = Arc::new(rows.collect::<Int32Array>().slice(0, 13));
        written(&[&RecordBatch::try_from_iter([("a", array)]).unwrap()])
    };
    assert_eq!(file(None), file(Some(1)));
}

#[test]
fn bloom_filter_finds_every_value_and_few_others() {
    for (distinct, rows) in [(usize::MAX, 3000), (40, 3000)] {
        let (field, array) = guids(rows, &|row| row % 3 != 1, distinct);
        let schema = Arc::new(Schema::new(vec![field]));
        let file = written(&[&RecordBatch::try_new(schema, vec![Arc::clone(&array)]).unwrap()]);
        let chunk = metadata(&file).row_group(0).column(0).clone();
        let filter = Sbbf::read_from_column_chunk(&chunk, &file).unwrap().unwrap();
        let strings = strings_of(&array);
        let mut values = strings.as_string::<i32>().iter().flatten();
        assert!(values.all(|string| filter.check(string.as_bytes())));
        let other = |n: u128| Uuid::from_u128(n << 77 | 1).to_string();
        let others = (0..1000_u128).filter(|n| filter.check(other(*n).as_bytes())).count();
        assert!(others < 150, "{others} of 1000 GUIDs that are not values");
    }
}

/// The sample of up to 1,024 rows may miss values; the statistics may not.
#[test]
fn statistics_cover_values_that_the_sample_misses() {
    let value = |row: usize| if row % 9973 == 5 { ["a", "z"][row % 2] } else { "m" };
    let array: ArrayRef = Arc::new((0..20_000).map(|row| Some(value(row))).collect::<StringArray>());
    let file = written(&[&RecordBatch::try_from_iter([("a", array)]).unwrap()]);
    let chunk = metadata(&file).row_group(0).column(0).clone();
    let statistics = chunk.statistics().unwrap();
    assert_eq!((statistics.min_bytes_opt(), statistics.max_bytes_opt()), (Some(&b"a"[..]), Some(&b"z"[..])));
}
