//! Checks of the chunk writer: the library's reader decodes the same values from drawn types, values, nulls and sizes.
//!
//! Owns: drawing columns, and the comparison. Does not own: the encodings, which the chunk writer chooses by the values
//! (`catchwater_sinks::parquet`).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Int32Array, Int32Builder,
    Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema};
use catchwater_sinks::CONTRACT;
use catchwater_sinks::ordinals::Ordinal;
use catchwater_sinks::parquet::{ChunkWriter, FooterFacts, assemble, encode_row_group};
use catchwater_sinks::paths::{Destination, SourceId};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::dice::Dice;

/// Encodes a drawn row group as a file, decodes it and compares every value.
pub fn check(bytes: &[u8]) {
    let mut dice = Dice(bytes);
    let rows = rows(&mut dice);
    let skipped = dice.below(9).min(rows - 1);
    let mut columns = Vec::new();
    for number in 0..=dice.below(4) {
        let column = Column::draw(&mut dice, format!("column{number}"), rows);
        columns.push(column.slice(skipped, rows - skipped));
    }
    let fields: Vec<Field> = columns.iter().map(|column| column.field.clone()).collect();
    let arrays = columns.iter().map(|column| Arc::clone(&column.array)).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("columns of one length");
    let decoded = decode(file_of(&batch), &columns);
    for (column, decoded) in columns.iter().zip(decoded.columns()) {
        assert!(&column.decoded == decoded, "{:?} of {} rows", column.field, rows - skipped);
    }
}

/// Draws a number of rows: mostly small, sometimes near the end of a page, which has at most 20,000 rows.
fn rows(dice: &mut Dice<'_>) -> usize {
    match dice.below(16) {
        0..12 => 1 + dice.below(256),
        12..15 => 1 + dice.below(256) * 16,
        _ => 19_990 + dice.below(16) * 1601 + dice.below(16),
    }
}

/// A column before encoding and after decoding.
struct Column {
    field: Field,
    array: ArrayRef,
    /// Values as in files, where GUIDs are strings.
    decoded: ArrayRef,
}

impl Column {
    fn draw(dice: &mut Dice<'_>, name: String, rows: usize) -> Self {
        let kind = dice.below(10);
        let values = Values::draw(dice);
        let (array, decoded) = array(kind, &values, rows);
        let field = Field::new(name, array.data_type().clone(), true);
        if kind == GUID {
            let metadata = HashMap::from([("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned())]);
            return Self { field: field.with_metadata(metadata), array, decoded };
        }
        Self { field, decoded, array }
    }

    fn slice(self, from: usize, rows: usize) -> Self {
        let Self { field, array, decoded } = self;
        Self { field, array: array.slice(from, rows), decoded: decoded.slice(from, rows) }
    }
}

const GUID: usize = 0;

/// Makes a column of a kind; returns its array before encoding and after decoding.
fn array(kind: usize, values: &Values, rows: usize) -> (ArrayRef, ArrayRef) {
    let number = |row| values.is_some(row).then(|| values.number(row));
    let array: ArrayRef = match kind {
        GUID => {
            let guid = |number: i64| u128::from(number as u64).wrapping_mul(GUID_FACTOR).to_be_bytes();
            let guids = || (0..rows).map(|row| number(row).map(guid));
            let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(guids(), 16);
            let strings: StringArray = guids().map(|guid| guid.map(guid_text)).collect();
            return (Arc::new(array.expect("GUIDs have 16 bytes")), Arc::new(strings));
        }
        1 => Arc::new((0..rows).map(|row| number(row).map(|value| value as i32)).collect::<Int32Array>()),
        2 => Arc::new((0..rows).map(number).collect::<Int64Array>()),
        3 => Arc::new((0..rows).map(|row| number(row).map(|value| value as i32)).collect::<Date32Array>()),
        4 => Arc::new((0..rows).map(number).collect::<TimestampMicrosecondArray>()),
        5 => {
            let wide = |value: i64| i128::from(value) * i128::from(value | 1);
            let array: Decimal128Array = (0..rows).map(|row| number(row).map(wide)).collect();
            Arc::new(array.with_precision_and_scale(38, 12).expect("a decimal's precision"))
        }
        6 => Arc::new((0..rows).map(|row| number(row).map(|value| value & 1 == 1)).collect::<BooleanArray>()),
        7 => strings_in_lists(values, rows),
        8 => numbers_in_lists(values, rows),
        _ => {
            let string = |row| values.is_some(row).then(|| values.string(row));
            Arc::new((0..rows).map(string).collect::<StringArray>())
        }
    };
    (Arc::clone(&array), array)
}

/// Spreads a number over the bytes of a GUID.
const GUID_FACTOR: u128 = 0x9E37_79B9_7F4A_7C15_F39D;

fn guid_text(guid: [u8; 16]) -> String {
    let digits: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn strings_in_lists(values: &Values, rows: usize) -> ArrayRef {
    let element = Arc::new(Field::new("element", DataType::Utf8, true));
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(element);
    for row in 0..rows {
        for item in 0..values.items(row) {
            lists.values().append_option(values.is_some(row + item).then(|| values.string(row + item)));
        }
        lists.append(values.is_some(row));
    }
    Arc::new(lists.finish())
}

fn numbers_in_lists(values: &Values, rows: usize) -> ArrayRef {
    let element = Arc::new(Field::new("element", DataType::Int32, true));
    let mut lists = ListBuilder::new(Int32Builder::new()).with_field(element);
    for row in 0..rows {
        for item in 0..values.items(row) {
            lists.values().append_option((item != 2).then(|| values.number(row + item) as i32));
        }
        lists.append(values.is_some(row));
    }
    Arc::new(lists.finish())
}

/// Values by row: a repeated pattern of indexes into a pool of values.
struct Values {
    pattern: Vec<u8>,
    /// Number of consecutive rows with the same index.
    run: usize,
    /// Rule for null rows: see [`Values::is_some`].
    nulls: usize,
    /// Every row has a distinct value, so that a dictionary saves no space.
    distinct: bool,
    numbers: Vec<i64>,
    strings: Vec<String>,
}

impl Values {
    fn draw(dice: &mut Dice<'_>) -> Self {
        let pattern = (0..=dice.below(32)).map(|_| dice.byte()).collect();
        let run = [1, 1, 2, 7, 8, 9, 300, 5000][dice.below(8)];
        let (nulls, distinct) = (dice.below(5), dice.below(2) == 1);
        let pool = 1 + dice.below(12);
        let numbers =
            (0..pool).map(|_| [i64::MIN, i64::MAX, dice.long(), dice.below(3) as i64][dice.below(4)]);
        let numbers = numbers.collect();
        let strings = (0..pool).map(|_| dice.text(12).repeat([1, 1, 1, 40][dice.below(4)])).collect();
        Self { pattern, run, nulls, distinct, numbers, strings }
    }

    fn choice(&self, row: usize) -> usize {
        usize::from(self.pattern[row / self.run % self.pattern.len()])
    }

    /// True if the row has a value.
    fn is_some(&self, row: usize) -> bool {
        match self.nulls {
            0 | 1 => true,
            2 => self.pattern[row % self.pattern.len()] & 1 == 0,
            3 => row / 100 % 2 == 0,
            _ => row % 97 == 5,
        }
    }

    fn number(&self, row: usize) -> i64 {
        let number = self.numbers[self.choice(row) % self.numbers.len()];
        if self.distinct { number.wrapping_add(row as i64) } else { number }
    }

    fn string(&self, row: usize) -> String {
        let string = &self.strings[self.choice(row) % self.strings.len()];
        if self.distinct { format!("{string}{row}") } else { string.clone() }
    }

    /// Number of items in the list of a row; 0 if the row is null.
    fn items(&self, row: usize) -> usize {
        if self.is_some(row) { self.choice(row) % 4 } else { 0 }
    }
}

/// Encodes a batch as a file of one row group.
fn file_of(batch: &RecordBatch) -> bytes::Bytes {
    let group = encode_row_group(batch, ChunkWriter::Own).expect("a row group");
    let facts = FooterFacts {
        lake: String::new(),
        destination: Destination {
            table: "account".into(),
            date: "2026-11-22".parse().expect("a date"),
            source: SourceId::new("hub", 0, 0),
        },
        continues_at: Ordinal::new(0),
        first: Ordinal::new(0),
        last: Ordinal::new(0),
        rows: batch.num_rows() as u64,
        routing_version: 1,
        writer: String::new(),
        contract: CONTRACT,
        replaces: Vec::new(),
        removed: None,
        durable: None,
    };
    let body = assemble(vec![group]).expect("a file");
    let counts = body.field_id_counts();
    let ids: HashMap<&str, Vec<i32>> =
        counts.iter().map(|(name, count)| (name.as_str(), (1..).take(*count).collect())).collect();
    body.complete(&facts, |name| ids.get(name).map(Vec::as_slice)).expect("a footer")
}

fn decode(file: bytes::Bytes, columns: &[Column]) -> RecordBatch {
    // The schema is given, since the reader would add field ids to the types.
    let field = |column: &Column| Field::new(column.field.name(), column.decoded.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(&schema));
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).expect("a footer");
    let batches: Result<Vec<_>, _> = reader.build().expect("a reader").collect();
    concat_batches(&schema, &batches.expect("pages")).expect("batches of one schema")
}
