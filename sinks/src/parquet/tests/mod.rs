//! Types, row groups, columns and footer of a file, and the values that are read back.
#![expect(clippy::from_iter_instead_of_collect, reason = "tests of types show the type of each array")]

mod chunks;
mod pages;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::store::Key;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, FixedSizeBinaryArray, Float64Array,
    Int32Array, Int32Builder, Int64Array, ListArray, ListBuilder, RecordBatch, StringArray, StringBuilder,
    StructArray, StructBuilder, TimestampMicrosecondArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{ColumnOrder, Compression, LogicalType, Type as PhysicalType};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use uuid::Uuid;

use super::data_file::without_metadata;
use super::{
    ChunkWriter, DataFile, Error, FACTS_KEY, FooterFacts, Removed, Replaced, RowGroup, assemble,
    encode_row_group, footer_checksum, read_facts,
};
use crate::lake::fixtures::complete;
use crate::ordinals::Ordinal;
use crate::paths::{Destination, SourceId};
use crate::store::Store;

fn facts() -> FooterFacts {
    let destination = Destination {
        table: "Account \"ü\"".into(),
        date: "2026-11-22".parse().unwrap(),
        source: SourceId::new("hub", 1_763_800_000_000, 7),
    };
    FooterFacts {
        lake: "7d9f".into(),
        rows: 4,
        writer: "one".into(),
        ..FooterFacts::sample(destination, 0, 3, i64::MAX)
    }
}

fn extension(name: &str, data_type: DataType, extension: &str) -> Field {
    let mut metadata = HashMap::from([("ARROW:extension:name".to_owned(), extension.to_owned())]);
    if extension == "arrow.json" {
        metadata.insert("ARROW:extension:metadata".to_owned(), String::new());
    }
    Field::new(name, data_type, true).with_metadata(metadata)
}

fn uuids(rows: usize) -> ArrayRef {
    let values =
        (0..rows).map(|row| (row % 3 != 2).then(|| (row as u128 * 0x9E37_79B9_7F4A_7C15).to_be_bytes()));
    Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 16).unwrap())
}

fn parties_of(rows: usize) -> StructArray {
    let fields =
        Fields::from(vec![Field::new("type", DataType::Utf8, true), Field::new("id", DataType::Utf8, true)]);
    let names: ArrayRef =
        Arc::new(StringArray::from_iter((0..rows).map(|row| (row != 1).then_some("contact"))));
    StructArray::new(fields, vec![names, strings_of(&uuids(rows))], None)
}

/// A column as readers find it: GUIDs are strings.
fn in_file(field: &Field, array: &ArrayRef) -> ArrayRef {
    if field.extension_type_name() == Some("arrow.uuid") { strings_of(array) } else { Arc::clone(array) }
}

fn strings_of(guids: &ArrayRef) -> ArrayRef {
    let text = |guid: &[u8]| Uuid::from_slice(guid).unwrap().to_string();
    Arc::new(guids.as_fixed_size_binary().iter().map(|guid| guid.map(text)).collect::<StringArray>())
}

/// A column of every type that a lake has, with nulls.
fn every_type(rows: usize) -> RecordBatch {
    let some = |row: usize| row % 4 != 1;
    let times =
        || TimestampMicrosecondArray::from_iter((0..rows).map(|row| some(row).then_some(row as i64 - 1)));
    let decimals = (0..rows).map(|row| some(row).then_some(row as i128 * 10_i128.pow(28) + 1));
    let element = |of: DataType| Arc::new(Field::new("element", of, true));
    let mut choices = ListBuilder::new(Int32Builder::new()).with_field(element(DataType::Int32));
    for row in 0..rows {
        (0..row % 4).for_each(|choice| choices.values().append_value(choice as i32));
        choices.append(row % 4 != 3);
    }
    let party = parties_of(rows);
    let each_one = OffsetBuffer::from_lengths(std::iter::repeat_n(1, rows));
    let parties = ListArray::new(element(party.data_type().clone()), each_one, Arc::new(party), None);
    let strings =
        || StringArray::from_iter((0..rows).map(|row| some(row).then(|| format!("{{\"a\":{row}}}"))));
    let columns: Vec<(Field, ArrayRef)> = vec![
        (extension("uuid", DataType::FixedSizeBinary(16), "arrow.uuid"), uuids(rows)),
        (Field::new("fixed", DataType::FixedSizeBinary(16), true), uuids(rows)),
        (extension("json", DataType::Utf8, "arrow.json"), Arc::new(strings())),
        (Field::new("text", DataType::Utf8, true), Arc::new(strings())),
        (
            Field::new("decimal", DataType::Decimal128(38, 12), true),
            Arc::new(Decimal128Array::from_iter(decimals).with_precision_and_scale(38, 12).unwrap()),
        ),
        (
            Field::new("instant", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
            Arc::new(times().with_timezone("UTC")),
        ),
        (Field::new("wall", DataType::Timestamp(TimeUnit::Microsecond, None), true), Arc::new(times())),
        (
            Field::new("int", DataType::Int32, true),
            Arc::new(Int32Array::from_iter((0..rows).map(|row| some(row).then_some(-(row as i32))))),
        ),
        (
            Field::new("long", DataType::Int64, false),
            Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row as i64))),
        ),
        (
            Field::new("flag", DataType::Boolean, true),
            Arc::new(BooleanArray::from_iter((0..rows).map(|row| some(row).then_some(row % 2 == 0)))),
        ),
        (
            Field::new("image", DataType::Binary, true),
            Arc::new(BinaryArray::from_iter((0..rows).map(|row| some(row).then(|| vec![255, 0, row as u8])))),
        ),
        (Field::new("choices", DataType::List(element(DataType::Int32)), true), Arc::new(choices.finish())),
        (Field::new("parties", parties.data_type().clone(), true), Arc::new(parties)),
    ];
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

/// A batch of these integer columns, in their order.
fn integers(rows: usize, columns: &[&str]) -> RecordBatch {
    let array =
        |n| Arc::new(Int64Array::from_iter_values((0..rows).map(|row| (row * 100 + n) as i64))) as ArrayRef;
    RecordBatch::try_from_iter_with_nullable(
        columns.iter().enumerate().map(|(n, name)| (*name, array(n), true)),
    )
    .unwrap()
}

fn groups(batches: &[&RecordBatch]) -> Vec<RowGroup> {
    batches.iter().map(|batch| encode_row_group(batch, ChunkWriter::default()).unwrap()).collect()
}

fn written(batches: &[&RecordBatch]) -> Bytes {
    complete(groups(batches), &facts())
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new().parse_and_finish(file).unwrap()
}

fn read_back(file: &Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    // The reader adds field ids to the types, and the comparison of arrays includes types.
    let fields: Fields = reader.schema().fields().iter().map(|field| without_metadata(field)).collect();
    let schema = Arc::new(Schema::new(fields));
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(&schema));
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    concat_batches(&schema, &batches).unwrap()
}

fn column_names(batch: &RecordBatch) -> Vec<String> {
    batch.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn every_type_reads_back() {
    for rows in [1, 7, 1000, 50_000] {
        let batch = every_type(rows);
        let back = read_back(&written(&[&batch, &batch]));
        assert_eq!(back.num_rows(), 2 * rows);
        for half in [back.slice(0, rows), back.slice(rows, rows)] {
            for (field, (expected, got)) in
                batch.schema().fields().iter().zip(batch.columns().iter().zip(half.columns()))
            {
                assert_eq!(got, &in_file(field, expected), "{}, {rows} rows", field.name());
            }
        }
    }
}

#[test]
fn types_are_those_that_readers_expect() {
    let file = written(&[&every_type(5)]);
    let metadata = metadata(&file);
    let schema = metadata.file_metadata().schema_descr();
    let seen: Vec<_> = schema
        .columns()
        .iter()
        .map(|leaf| (leaf.path().string(), leaf.physical_type(), leaf.logical_type_ref().cloned()))
        .collect();
    let micros = |is_adjusted| Some(LogicalType::timestamp(is_adjusted, parquet::basic::TimeUnit::MICROS));
    let expected = [
        ("uuid", PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ("fixed", PhysicalType::FIXED_LEN_BYTE_ARRAY, None),
        ("json", PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ("text", PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ("decimal", PhysicalType::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::decimal(12, 38))),
        ("instant", PhysicalType::INT64, micros(true)),
        ("wall", PhysicalType::INT64, micros(false)),
        ("int", PhysicalType::INT32, None),
        ("long", PhysicalType::INT64, None),
        ("flag", PhysicalType::BOOLEAN, None),
        ("image", PhysicalType::BYTE_ARRAY, None),
        ("choices.list.element", PhysicalType::INT32, None),
        ("parties.list.element.type", PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ("parties.list.element.id", PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
    ];
    assert_eq!(seen.len(), expected.len());
    for (got, (path, physical, logical)) in seen.into_iter().zip(expected) {
        assert_eq!(got, (path.to_owned(), physical, logical));
    }
}

#[test]
fn list_items_are_named_element() {
    let mut choices = ListBuilder::new(Int32Builder::new());
    choices.append_value([Some(1), None]);
    let array: ArrayRef = Arc::new(choices.finish());
    let file = written(&[&RecordBatch::try_from_iter([("choices", array)]).unwrap()]);
    let leaf = metadata(&file).file_metadata().schema_descr().column(0);
    assert_eq!(leaf.path().string(), "choices.list.element");
}

#[test]
fn footer_holds_only_our_facts() {
    let file = written(&[&integers(4, &["a"])]);
    let metadata = metadata(&file);
    let entries = metadata.file_metadata().key_value_metadata().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].key, FACTS_KEY);
    let expected = concat!(
        r#"{"lake":"7d9f","table":"Account \"ü\"","date":"2026-11-22","source":"hub-1763800000000-p0007","#,
        r#""continues_at":0,"first":3,"last":9223372036854775807,"rows":4,"routing_version":1,"#,
        r#""writer":"one","contract":2,"checksum":""#
    );
    let value = entries[0].value.as_deref().unwrap();
    assert_eq!(value.split_at(expected.len()).0, expected);
}

#[test]
fn equal_rows_give_equal_bytes() {
    let batch = every_type(3000);
    assert_eq!(written(&[&batch, &batch.slice(5, 100)]), written(&[&batch, &batch.slice(5, 100)]));
}

#[test]
fn new_columns_follow_their_predecessor() {
    let cases: [(&[&[&str]], &[&str]); 6] = [
        (&[&["a", "b"]], &["a", "b"]),
        (&[&["a", "b"], &["a", "x", "b"]], &["a", "x", "b"]),
        (&[&["a", "b"], &["x", "a"]], &["x", "a", "b"]),
        (&[&["a", "z"], &["a", "b", "z"], &["a", "b", "c", "z"]], &["a", "b", "c", "z"]),
        (&[&["a"], &["b"], &["c", "a"]], &["c", "b", "a"]),
        (&[&["a", "b", "c"], &["c", "x"], &["c", "y", "x"]], &["a", "b", "c", "y", "x"]),
    ];
    for (given, expected) in cases {
        let batches: Vec<RecordBatch> = given.iter().map(|columns| integers(3, columns)).collect();
        let file = written(&batches.iter().collect::<Vec<_>>());
        let back = read_back(&file);
        assert_eq!(column_names(&back), *expected, "{given:?}");
        assert_eq!(metadata(&file).num_row_groups(), given.len());
        for (group, batch) in batches.iter().enumerate() {
            for name in expected {
                let got = back.column_by_name(name).unwrap().slice(group * 3, 3);
                let null = new_null_array(&DataType::Int64, 3);
                let wanted = batch.column_by_name(name).unwrap_or(&null);
                assert_eq!(&got, wanted, "{name} in row group {group} of {given:?}");
            }
        }
    }
}

/// Each row group has columns of its own, as from a sender whose attribute names vary.
#[test]
fn time_is_linear_in_columns() {
    let names: Vec<String> = (0..12_000).map(|number| format!("column{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let began = Instant::now();
    let groups: Vec<RowGroup> = names
        .chunks(4_000)
        .map(|own| encode_row_group(&integers(1, own), ChunkWriter::default()).unwrap())
        .collect();
    assert!(encode_row_group(&integers(1, &names), ChunkWriter::default()).unwrap().joins(&groups));
    let file = complete(groups, &facts());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let backwards = |name: &&str| name.trim_start_matches("column").parse::<usize>().unwrap() / 4_000;
    let groups: Vec<usize> =
        column_names(&read_back(&file)).iter().map(|name| backwards(&name.as_str())).collect();
    assert!(
        groups.len() == 12_000 && groups.is_sorted_by(|one, next| one >= next),
        "new columns go to the front"
    );
}

#[test]
fn missing_columns_of_every_type_are_null() {
    let (few, all) = (integers(4, &["long"]), every_type(6));
    let back = read_back(&written(&[&few, &all]));
    assert_eq!(column_names(&back), column_names(&all));
    for (n, column) in back.columns().iter().enumerate() {
        let name = all.schema().field(n).name().clone();
        let nulls = if name == "long" { 0 } else { 4 };
        assert_eq!(column.slice(0, 4).null_count(), nulls, "{name}");
        assert_eq!(&column.slice(4, 6), &in_file(all.schema().field(n), all.column(n)), "{name}");
    }
}

#[test]
fn row_groups_with_two_types_of_a_column_do_not_join() {
    let of = |array: ArrayRef| {
        encode_row_group(&RecordBatch::try_from_iter([("a", array)]).unwrap(), ChunkWriter::default())
            .unwrap()
    };
    let int = || of(Arc::new(Int32Array::from(vec![1])));
    let long = || of(Arc::new(Int64Array::from(vec![1])));
    let other = || encode_row_group(&integers(1, &["b"]), ChunkWriter::default()).unwrap();
    assert!(long().joins(&[]) && long().joins(&[other(), long()]) && other().joins(&[int()]));
    assert!(!long().joins(&[other(), int()]) && !int().joins(&[long()]));
    let error = assemble(vec![int(), other(), long()]).unwrap_err();
    assert!(matches!(error, Error::Types { ref column } if column == "a"), "{error}");
}

#[test]
fn row_groups_join_despite_different_nullability() {
    let never = |field: FieldRef| Arc::new(field.as_ref().clone().with_nullable(false));
    let batch = integers(3, &["a"]);
    let fields: Vec<FieldRef> = batch.schema().fields().iter().cloned().map(never).collect();
    let strict = RecordBatch::try_new(Arc::new(Schema::new(fields)), batch.columns().to_vec()).unwrap();
    assert!(encode_row_group(&strict, ChunkWriter::default()).unwrap().joins(&groups(&[&batch])));
    assert_eq!(read_back(&written(&[&strict, &batch, &integers(1, &["b"])])).num_rows(), 7);
}

#[test]
fn byte_size_estimates_the_file() {
    let batch = every_type(20_000);
    let group = encode_row_group(&batch, ChunkWriter::default()).unwrap();
    assert_eq!(group.rows(), 20_000);
    let estimate = group.byte_size();
    let file = complete(vec![group], &facts());
    assert!(
        file.len() <= estimate + 4096 && estimate < file.len() + 14 * 2048,
        "{estimate} for {}",
        file.len()
    );
}

#[test]
fn encodings_follow_the_values() {
    let rows = 5000;
    let strings = |distinct: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            (0..rows).map(|row| format!("value {}", row * 7919 % distinct)),
        ))
    };
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values((0..rows as i32).map(|row| row % 3)));
    let single: ArrayRef = Arc::new(StringArray::from_iter((0..rows).map(|row| (row == 9).then_some("x"))));
    let mut names = ListBuilder::new(StringBuilder::new());
    for row in 0..rows {
        names.append_value([Some("name"), (row % 2 == 0).then_some("statecode")]);
    }
    let columns: [(&str, ArrayRef); 6] = [
        ("few", strings(20)),
        ("a quarter", strings(rows / 4)),
        ("all", strings(rows)),
        ("numbers", numbers),
        ("single", single),
        ("names", Arc::new(names.finish())),
    ];
    let mut batch = RecordBatch::try_from_iter(columns).unwrap();
    let encodings = |batch: &RecordBatch| -> Vec<(String, bool, bool, bool)> {
        let metadata = metadata(&written(&[batch]));
        let chunks = metadata.row_group(0).columns().iter();
        let facts = chunks.map(|chunk| {
            let zstd = matches!(chunk.compression(), Compression::ZSTD(_));
            let dictionary = chunk.dictionary_page_offset().is_some();
            (chunk.column_path().string(), dictionary, zstd, chunk.statistics().is_some())
        });
        facts.collect()
    };
    let row = |name: &str, dictionary, zstd, statistics| (name.to_owned(), dictionary, zstd, statistics);
    assert_eq!(
        encodings(&batch),
        [
            row("few", true, true, false),
            row("a quarter", true, true, false),
            row("all", false, true, false),
            row("numbers", false, true, true),
            row("single", false, true, true),
            row("names.list.element", true, true, false),
        ]
    );
    // Without the lists, whose slice keeps all their values and so its size.
    batch = batch.project(&[0, 1, 2, 3, 4]).unwrap().slice(0, 10);
    assert!(encodings(&batch).iter().all(|(_, dictionary, zstd, _)| !dictionary && !zstd));
}

#[test]
fn guids_have_bloom_filters_and_no_statistics() {
    let metadata = metadata(&written(&[&every_type(100)]));
    for chunk in metadata.row_group(0).columns() {
        let path = chunk.column_path().string();
        let (is_guid, is_string) = (path == "uuid", path == "json" || path == "text" || path == "fixed");
        assert_eq!(chunk.bloom_filter_offset().is_some(), is_guid, "{path}");
        assert_eq!(chunk.statistics().is_none(), is_guid || is_string, "{path}");
    }
}

#[tokio::test]
async fn facts_are_read_from_the_end_of_a_file() {
    let store = Store::in_memory();
    let path = Key::from("account/x.parquet");
    assert!(read_facts(&store, &path).await.unwrap().is_none());

    // The first request fetches all of a small file, and less than the footer of a wide one.
    let names: Vec<String> = (0..900).map(|n| format!("column_with_a_long_name_{n}")).collect();
    let wide = integers(2, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for batch in [integers(1, &["a"]), wide] {
        store.put(&path, written(&[&batch])).await.unwrap();
        assert_eq!(read_facts(&store, &path).await.unwrap(), Some(facts()));
    }
}

#[tokio::test]
async fn foreign_file_is_an_error_with_its_path() {
    let store = Store::in_memory();
    let path = Key::from("account/x.parquet");
    let whole = written(&[&integers(1, &["a"])]);
    let mut foreign = Vec::new();
    let batch = integers(1, &["a"]);
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut foreign, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let cases = [
        ("empty", Bytes::new()),
        ("short", Bytes::from_static(b"PAR1")),
        ("not Parquet", Bytes::from_static(b"{\"not\": \"Parquet\"}")),
        ("cut", whole.slice(..whole.len() - 3)),
        ("without its start", whole.slice(whole.len() - 20..)),
        ("without facts", foreign.into()),
    ];
    for (case, bytes) in cases {
        store.put(&path, bytes).await.unwrap();
        let error = read_facts(&store, &path).await.unwrap_err();
        assert!(error.to_string().contains("account/x.parquet"), "{case}: {error}");
    }
}

#[test]
fn lists_of_structs_read_back() {
    // Items of several rows one after the other, and one row without a list.
    let fields = vec![Field::new("name", DataType::Utf8, true), Field::new("effort", DataType::Int32, true)];
    let item = Arc::new(Field::new("element", DataType::Struct(fields.clone().into()), true));
    let mut parties = ListBuilder::new(StructBuilder::from_fields(fields, 0)).with_field(item);
    for row in 0..6_i32 {
        for item in 0..row % 3 {
            let party = parties.values();
            party.field_builder::<StringBuilder>(0).unwrap().append_value(format!("{row}.{item}"));
            party.field_builder::<Int32Builder>(1).unwrap().append_option((item > 0).then_some(row));
            party.append(true);
        }
        parties.append(row != 4);
    }
    let array: ArrayRef = Arc::new(parties.finish());
    let batch = RecordBatch::try_from_iter_with_nullable([("parties", array, true)]).unwrap();
    let back = read_back(&written(&[&integers(2, &["a"]), &batch]));
    assert_eq!(back.column_by_name("parties").unwrap().slice(2, 6).to_data(), batch.column(0).to_data());
}

async fn stored(file: Bytes) -> (Store, Key) {
    let (store, path) = (Store::in_memory(), Key::from("file.parquet"));
    store.put(&path, file).await.unwrap();
    (store, path)
}

#[tokio::test]
async fn facts_read_back_and_the_checksum_detects_any_changed_bit() {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["\"checksum\":\"00000000\""]));
    let batch = RecordBatch::try_from_iter([("text", column)]).unwrap();
    // Text like the checksum's is also among the values, the statistics and the names.
    let mut facts = facts();
    facts.destination.table = "\"checksum\":\"00000000\"".into();
    let removed = Removed { rows: 4, reason: "}}".to_owned() };
    let replaced = Replaced { file: "account/x.cw.parquet".to_owned(), rows: 7 };
    for facts in [
        facts.clone(),
        FooterFacts { durable: Some(Ordinal::new(i64::MAX)), ..facts.clone() },
        FooterFacts { removed: Some(removed), replaces: vec![replaced], ..facts.clone() },
    ] {
        let (store, path) = stored(complete(groups(&[&batch]), &facts)).await;
        assert_eq!(read_facts(&store, &path).await.unwrap(), Some(facts));
    }
    let file = complete(groups(&[&batch]), &facts);
    let footer = footer_checksum::footer_start(&file).unwrap();
    assert_eq!(footer_checksum::is_intact(&file[footer..]), Some(true));
    for at in footer..file.len() - 8 {
        let mut changed = file.to_vec();
        changed[at] ^= 1 << (at % 8);
        assert_ne!(footer_checksum::is_intact(&changed[footer..]), Some(true), "{at}");
    }
}

#[test]
fn unknown_facts_are_ignored() {
    let later = serde_json::to_string(&facts()).unwrap().replacen('{', r#"{"later":{"a":[1]},"#, 1);
    assert_eq!(serde_json::from_str::<FooterFacts>(&later).unwrap(), facts());
}

#[tokio::test]
async fn columns_have_the_given_field_ids() {
    let body = assemble(groups(&[&every_type(9)])).unwrap();
    let counts = body.field_id_counts();
    assert_eq!((counts["text"], counts["choices"], counts["parties"]), (1, 2, 4), "list, element, members");
    let given: HashMap<String, Vec<i32>> = counts
        .iter()
        .zip((0..).step_by(10))
        .map(|((name, count), first)| (name.clone(), (first..).take(*count).collect()))
        .collect();
    let file = body.complete(&facts(), |name| given.get(name).map(Vec::as_slice)).unwrap();
    let schema = metadata(&file).file_metadata().schema().clone();
    let parties = schema.get_fields().iter().find(|field| field.name() == "parties").unwrap();
    let list = &parties.get_fields()[0];
    let element = &list.get_fields()[0];
    let numbered = |field: &parquet::schema::types::Type| {
        let info = field.get_basic_info();
        info.has_id().then(|| info.id() - given["parties"][0])
    };
    assert_eq!((numbered(parties), numbered(list), numbered(element)), (Some(0), None, Some(1)));
    assert_eq!(
        element.get_fields().iter().map(|field| numbered(field)).collect::<Vec<_>>(),
        [Some(2), Some(3)]
    );
    assert_eq!(read_back(&file).num_rows(), 9);
    let (store, path) = stored(file).await;
    let file = DataFile::open(&store, &path).await.unwrap().unwrap();
    for column in file.columns().unwrap() {
        assert_eq!(column.field_ids.as_ref(), given.get(column.field.name()), "{column:?}");
    }
}

#[test]
fn column_order_of_doubles_is_type_defined() {
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![Some(-0.0), None, Some(1.5)]));
    let strings: ArrayRef = Arc::new(StringArray::from(vec!["a", ",\0\0", "b"]));
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("a", Arc::clone(&doubles), true),
        ("b", strings, true),
        ("c", doubles, true),
    ]);
    let file = written(&[&batch.unwrap()]);
    let metadata = metadata(&file);
    let orders = metadata.file_metadata().column_orders().unwrap();
    assert!(orders.iter().all(|order| matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_))), "{orders:?}");
    assert!(
        metadata
            .row_group(0)
            .column(0)
            .statistics()
            .is_none_or(|statistics| statistics.min_bytes_opt().is_none())
    );
    assert_eq!(read_back(&file).num_rows(), 3);
}

#[test]
fn rejects_a_column_without_its_field_ids() {
    for ids in [None, Some(&[][..]), Some(&[2, 3])] {
        let body = assemble(groups(&[&integers(2, &["size"])])).unwrap();
        let error = body.complete(&facts(), |_| ids).unwrap_err();
        assert!(error.to_string().contains("\"size\""), "{error}");
    }
}
