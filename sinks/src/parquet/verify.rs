//! Verification of the pages of a file.
//!
//! Owns: comparing each page and the footer with their checksums, and page headers with the footer. Does not own: bloom
//! filters, which have no checksum.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::file::metadata::ColumnChunkMetaData;

use super::data_file::DataFile;
use super::encodings::CREATED_BY;
use super::error::Error;
use super::footer_checksum;
use super::page_header::{PageHeader, PageKind};

/// Damage of a file: differences from the bytes that this program wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Description of the first difference.
    pub reason: String,
    /// Damaged columns. Their values are unreliable, and decoding them may panic.
    pub columns: BTreeSet<String>,
}

impl DataFile<'_> {
    /// Reads every page and compares it with its checksum; `None` if this program wrote the file and it is unchanged.
    /// Memory is bounded by `FETCH_BYTES` or the largest column chunk.
    pub async fn verify(&self) -> Result<Option<Damage>, Error> {
        let metadata = &self.footer.metadata;
        let writer = metadata.file_metadata().created_by().unwrap_or("an unnamed program");
        if !writer.starts_with(CREATED_BY) {
            let reason = format!("it was written by {writer}, not by {CREATED_BY}");
            return Ok(Some(Damage { reason, columns: BTreeSet::new() }));
        }
        if !self.footer_is_intact().await? {
            let columns = metadata.file_metadata().schema_descr().root_schema().get_fields();
            let columns = columns.iter().map(|column| column.name().to_owned()).collect();
            let reason = "its footer does not match its checksum".to_owned();
            return Ok(Some(Damage { reason, columns }));
        }
        let mut damage = None;
        for (group, row_group) in metadata.row_groups().iter().enumerate() {
            let mut chunks = Vec::with_capacity(row_group.num_columns());
            for column in row_group.columns() {
                match range_of(column).filter(|range| range.end <= self.footer.file_bytes()) {
                    Some(range) => chunks.push((column, range)),
                    None => add_damage(&mut damage, column, || {
                        "its offsets in the footer are outside the file".to_owned()
                    }),
                }
            }
            for batch in fetch_batches(&chunks) {
                let ranges: Vec<Range<u64>> = batch.iter().map(|(_, range)| range.clone()).collect();
                let fetched = self.fetch(&ranges).await?;
                for ((column, _), bytes) in batch.iter().zip(&fetched) {
                    if let Err(fault) = check_pages(column, bytes) {
                        add_damage(&mut damage, column, || format!("row group {group}: {fault}"));
                    }
                }
            }
        }
        Ok(damage)
    }

    /// True if the footer matches its checksum. Fetches the whole file if the footer is longer than the tail that was
    /// read on opening.
    async fn footer_is_intact(&self) -> Result<bool, Error> {
        if let Some(intact) = footer_checksum::is_intact(&self.footer.tail) {
            return Ok(intact);
        }
        let whole = self.store.get(self.path).await?;
        Ok(whole.is_some_and(|whole| footer_checksum::is_intact(&whole) == Some(true)))
    }
}

/// Adds damage of a column. The first call gives the reason.
fn add_damage(damage: &mut Option<Damage>, column: &ColumnChunkMetaData, fault: impl FnOnce() -> String) {
    let path = column.column_path();
    let first = || format!("column {:?}: {}", path.string(), fault());
    let damage = damage.get_or_insert_with(|| Damage { reason: first(), columns: BTreeSet::new() });
    damage.columns.extend(path.parts().first().cloned());
}

/// Bytes fetched at once: a compromise between requests for each file and memory when many files are verified in
/// parallel.
const FETCH_BYTES: u64 = 1 << 20;

type Chunk<'a> = (&'a ColumnChunkMetaData, Range<u64>);

/// Splits chunks into batches of at most `FETCH_BYTES`, or one larger chunk.
fn fetch_batches<'a, 'b>(mut chunks: &'b [Chunk<'a>]) -> Vec<&'b [Chunk<'a>]> {
    let mut batches = Vec::new();
    while !chunks.is_empty() {
        let mut bytes = 0;
        let fits = |(_, range): &&Chunk<'_>| {
            bytes += range.end - range.start;
            bytes <= FETCH_BYTES
        };
        let count = chunks.iter().take_while(fits).count().max(1);
        let (batch, rest) = chunks.split_at(count);
        batches.push(batch);
        chunks = rest;
    }
    batches
}

/// Byte range of a chunk in its file; `None` if its offsets are invalid.
fn range_of(column: &ColumnChunkMetaData) -> Option<Range<u64>> {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let start = u64::try_from(start).ok()?;
    Some(start..start.checked_add(u64::try_from(column.compressed_size()).ok()?)?)
}

/// Compares the pages of a chunk with their checksums, and their headers with the footer.
fn check_pages(column: &ColumnChunkMetaData, chunk: &Bytes) -> Result<(), &'static str> {
    let has_dictionary = column.dictionary_page_offset().is_some();
    let (mut at, mut values, mut uncompressed_bytes) = (0, 0, 0);
    while at < chunk.len() {
        let (header, header_bytes) =
            PageHeader::read(&chunk[at..]).ok_or("a page has a header that this program does not write")?;
        let start = at + header_bytes;
        let end = start + header.compressed_bytes as usize;
        let page = chunk.get(start..end).ok_or("a page extends beyond the end of its column")?;
        match header.crc {
            None => return Err("a page has no checksum: another program wrote it"),
            Some(crc) if crc != crc32fast::hash(page) => return Err("a page does not match its checksum"),
            Some(_) => {}
        }
        let is_dictionary = header.kind == PageKind::Dictionary;
        if is_dictionary != (at == 0 && has_dictionary) || !has_encoding(column, &header) {
            return Err("a page's header does not match the footer");
        }
        values += if is_dictionary { 0 } else { i64::from(header.values) };
        uncompressed_bytes += header_bytes as i64 + i64::from(header.uncompressed_bytes);
        at = end;
    }
    if (values, uncompressed_bytes) != (column.num_values(), column.uncompressed_size()) {
        return Err("the sizes of its pages do not match the footer");
    }
    Ok(())
}

/// True if the footer lists pages of this encoding.
fn has_encoding(column: &ColumnChunkMetaData, header: &PageHeader) -> bool {
    if header.kind == PageKind::Dictionary {
        return header.encoding == Encoding::PLAIN;
    }
    match (column.page_encoding_stats_mask(), column.page_encoding_stats()) {
        (Some(mask), _) => mask.is_set(header.encoding),
        (None, Some(stats)) => stats
            .iter()
            .any(|pages| (pages.page_type, pages.encoding) == (header.kind.page_type(), header.encoding)),
        (None, None) => false,
    }
}
