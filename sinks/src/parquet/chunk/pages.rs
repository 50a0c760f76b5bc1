//! The pages of a chunk, one after the other, and the chunk's metadata.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::SerializedRowGroupWriter;
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use crate::parquet::page_header::{MAX_HEADER_BYTES, PageHeader, PageKind};

/// An encoded column chunk: its pages, and its metadata for the footer.
#[derive(Debug)]
pub(in crate::parquet) struct EncodedChunk {
    pages: Bytes,
    close: ColumnCloseResult,
}

impl EncodedChunk {
    pub(in crate::parquet) fn new(pages: Bytes, close: ColumnCloseResult) -> Self {
        Self { pages, close }
    }

    /// Metadata for the footer.
    pub(in crate::parquet) fn close(&self) -> &ColumnCloseResult {
        &self.close
    }

    /// Appends the chunk to a file.
    pub(in crate::parquet) fn append(
        self,
        to: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    ) -> ParquetResult<()> {
        to.append_column(&self.pages, self.close)
    }
}

/// Compressor and buffers that serve one chunk after the other.
pub(super) struct Scratch {
    compressor: Compressor<'static>,
    /// The current page before compression.
    page: Vec<u8>,
    compressed: Vec<u8>,
}

impl Scratch {
    pub(super) fn new() -> ParquetResult<Self> {
        let compressor = Compressor::new(ZstdLevel::default().compression_level())?;
        Ok(Self { compressor, page: Vec::new(), compressed: Vec::new() })
    }
}

/// Builder of a chunk's pages. A page is made in [`PagesBuilder::page`] and then finished.
pub(super) struct PagesBuilder<'a> {
    scratch: &'a mut Scratch,
    compression: Compression,
    out: Vec<u8>,
    encodings: Vec<PageEncodingStats>,
    dictionary_bytes: Option<u64>,
    uncompressed_bytes: usize,
    /// Levels of all data pages.
    levels: usize,
}

impl<'a> PagesBuilder<'a> {
    pub(super) fn new(scratch: &'a mut Scratch, compression: Compression) -> Self {
        scratch.page.clear();
        Self {
            scratch,
            compression,
            out: Vec::new(),
            encodings: Vec::new(),
            dictionary_bytes: None,
            uncompressed_bytes: 0,
            levels: 0,
        }
    }

    /// The buffer of the current page.
    pub(super) fn page(&mut self) -> &mut Vec<u8> {
        &mut self.scratch.page
    }

    /// Finishes the current page as the dictionary, which comes before all data pages.
    pub(super) fn finish_dictionary(&mut self, values: usize) -> ParquetResult<()> {
        self.finish_page(PageKind::Dictionary, values, Encoding::PLAIN)?;
        self.dictionary_bytes = Some(self.out.len() as u64);
        Ok(())
    }

    /// Finishes the current page as a data page.
    pub(super) fn finish_data(&mut self, levels: usize, encoding: Encoding) -> ParquetResult<()> {
        self.finish_page(PageKind::Data, levels, encoding)?;
        self.levels += levels;
        Ok(())
    }

    fn finish_page(&mut self, kind: PageKind, values: usize, encoding: Encoding) -> ParquetResult<()> {
        let page_type = kind.page_type();
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        let Self { scratch: Scratch { compressor, page, compressed }, out, .. } = self;
        let stored = if self.compression == Compression::UNCOMPRESSED {
            &*page
        } else {
            compressed.clear();
            compressed.reserve(compress_bound(page.len()));
            compressor.compress_to_buffer(page, compressed)?;
            &*compressed
        };
        let header = PageHeader {
            kind,
            uncompressed_bytes: page.len() as i32,
            compressed_bytes: stored.len() as i32,
            crc: Some(crc32fast::hash(stored)),
            values: values as i32,
            encoding,
        };
        let start = out.len();
        out.reserve(MAX_HEADER_BYTES + stored.len());
        header.write(out);
        self.uncompressed_bytes += out.len() - start + page.len();
        out.extend_from_slice(stored);
        page.clear();
        Ok(())
    }

    /// Finishes the chunk.
    pub(super) fn finish(
        self,
        column: ColumnDescPtr,
        rows: usize,
        statistics: Option<Statistics>,
        bloom_filter: Option<Sbbf>,
    ) -> ParquetResult<EncodedChunk> {
        let mut pages = self.out;
        pages.shrink_to_fit();
        let encodings = self.encodings.iter().map(|pages| &pages.encoding).chain([&Encoding::RLE]);
        let mut metadata = ColumnChunkMetaData::builder(column)
            .set_compression(self.compression)
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings))
            .set_page_encoding_stats(self.encodings.clone())
            .set_total_compressed_size(pages.len() as i64)
            .set_total_uncompressed_size(self.uncompressed_bytes as i64)
            .set_num_values(self.levels as i64)
            .set_data_page_offset(self.dictionary_bytes.unwrap_or(0) as i64)
            .set_dictionary_page_offset(self.dictionary_bytes.map(|_| 0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: pages.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter,
            column_index: None,
            offset_index: None,
        };
        Ok(EncodedChunk { pages: pages.into(), close })
    }
}
