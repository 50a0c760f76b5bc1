//! Chunks that we write ourselves: what the library reads from them, and that their footer says what the library's says.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Int32Array,
    Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;
use uuid::Uuid;

use super::{extension, in_files, metadata, read_back, texts_of, written};
use crate::parquet::encodings::Encodings;

/// What a column's values are, by row.
type Make = fn(usize, &dyn Fn(usize) -> bool) -> (Field, ArrayRef);

const COLUMNS: [(&str, Make); 16] = [
    ("ids", |rows, some| ids(rows, some, usize::MAX)),
    ("few ids", |rows, some| ids(rows, some, 40)),
    ("one id", |rows, some| ids(rows, some, 1)),
    ("texts", |rows, some| texts(rows, some, |row| format!("{row} {}", "ä".repeat(row % 50)))),
    ("few texts", |rows, some| texts(rows, some, |row| format!("value {}", row * 7919 % 100))),
    ("runs of texts", |rows, some| texts(rows, some, |row| format!("value {}", row / 300))),
    ("one text", |rows, some| texts(rows, some, |_| "the hub".to_owned())),
    ("empty texts", |rows, some| texts(rows, some, |_| String::new())),
    ("long texts", |rows, some| texts(rows, some, |row| format!("{}", row / 3).repeat(200))),
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
    ("flag", |rows, some| {
        let values = (0..rows).map(|row| some(row).then_some(row % 3 == 0));
        (plain(DataType::Boolean), Arc::new(values.collect::<BooleanArray>()))
    }),
];

fn plain(data_type: DataType) -> Field {
    Field::new("a", data_type, true)
}

fn ids(rows: usize, some: &dyn Fn(usize) -> bool, distinct: usize) -> (Field, ArrayRef) {
    let id = |row: usize| ((row % distinct + 1) as u128 * 0x9E37_79B9_7F4A_7C15_F39C).to_be_bytes();
    let values = (0..rows).map(|row| some(row).then(|| id(row)));
    let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 16).unwrap();
    (extension("a", DataType::FixedSizeBinary(16), "arrow.uuid"), Arc::new(array))
}

fn texts(rows: usize, some: &dyn Fn(usize) -> bool, text: fn(usize) -> String) -> (Field, ArrayRef) {
    let values = (0..rows).map(|row| some(row).then(|| text(row)));
    (plain(DataType::Utf8), Arc::new(values.collect::<StringArray>()))
}

/// Lists of no, one and many texts, some of them null.
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

/// Which rows have a value.
type Some = fn(usize) -> bool;

const NULLS: [(&str, Some); 5] = [
    ("none", |_| true),
    ("every third", |row| row % 3 != 1),
    ("in runs", |row| row / 100 % 2 == 0),
    ("most", |row| row % 97 == 5),
    ("all", |_| false),
];

/// What the library makes of it with the same choices.
fn by_the_library(field: &FieldRef, array: &ArrayRef) -> Bytes {
    let written = in_files(field, array);
    let schema = Arc::new(Schema::new(vec![plain(written.data_type().clone())]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![written]).unwrap();
    let mut out = Vec::new();
    let properties = Encodings::of(field, array).properties();
    let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out.into()
}

/// What readers go by.
fn facts(chunk: &ColumnChunkMetaData) -> impl PartialEq + std::fmt::Debug + use<'_> {
    let mut encodings: Vec<Encoding> = chunk.encodings().collect();
    encodings.sort();
    (
        encodings,
        chunk.compression(),
        chunk.num_values(),
        // The library cuts a text of over 64 bytes; we leave it out.
        chunk.statistics().filter(|said| said.min_is_exact() || said.min_bytes_opt().is_none()).cloned(),
        chunk.dictionary_page_offset().is_some(),
        (
            chunk.column_descr().physical_type(),
            chunk.column_descr().logical_type_ref(),
            chunk.column_descr().max_def_level(),
        ),
    )
}

#[test]
fn our_chunks_are_the_librarys() {
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
                    assert_eq!(read_back(&ours).column(0), &in_files(&field, &array), "{case}");
                    let theirs = by_the_library(&field, &array);
                    let [ours, theirs] = [metadata(&ours), metadata(&theirs)];
                    let [ours, theirs] = [&ours, &theirs].map(|file| file.row_group(0).column(0));
                    assert_eq!(facts(ours), facts(theirs), "{case}");
                    sizes[0] += ours.compressed_size();
                    sizes[1] += theirs.compressed_size();
                }
            }
        }
    }
    assert!(sizes[0] <= sizes[1] + sizes[1] / 50, "{sizes:?} bytes");
}

/// The library begins a dictionary of long texts and gives up when it is too long; we don't begin.
#[test]
fn long_texts_have_a_dictionary_where_some_repeat() {
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

/// The validity of rows behind a slice stands in the same byte as that of its last row.
#[test]
fn rows_behind_the_last_leave_no_trace() {
    let of = |behind: Option<i32>| {
        let rows = (0..16).map(|row| if row < 13 { (row % 2 == 0).then_some(row) } else { behind });
        let array: ArrayRef = Arc::new(rows.collect::<Int32Array>().slice(0, 13));
        written(&[&RecordBatch::try_from_iter([("a", array)]).unwrap()])
    };
    assert_eq!(of(None), of(Some(1)));
}

/// A filter holds every value, and few that are not there.
#[test]
fn a_filter_knows_what_is_there() {
    for (distinct, rows) in [(usize::MAX, 3000), (40, 3000)] {
        let (field, array) = ids(rows, &|row| row % 3 != 1, distinct);
        let schema = Arc::new(Schema::new(vec![field]));
        let file = written(&[&RecordBatch::try_new(schema, vec![Arc::clone(&array)]).unwrap()]);
        let chunk = metadata(&file).row_group(0).column(0).clone();
        let filter = parquet::bloom_filter::Sbbf::read_from_column_chunk(&chunk, &file).unwrap().unwrap();
        let texts = texts_of(&array);
        let mut there = texts.as_string::<i32>().iter().flatten();
        assert!(there.all(|text| filter.check(text.as_bytes())));
        let other = |n: u128| Uuid::from_u128(n << 77 | 1).to_string();
        let others = (0..1000_u128).filter(|n| filter.check(other(*n).as_bytes())).count();
        assert!(others < 150, "{others} of 1000 ids that are not there");
    }
}
