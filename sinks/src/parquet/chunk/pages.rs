//! Pages, put one behind the other, and what a footer says about them.

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

/// A column chunk that is written.
#[derive(Debug)]
pub(in crate::parquet) struct EncodedChunk {
    pages: Bytes,
    close: ColumnCloseResult,
}

impl EncodedChunk {
    /// Pages that somebody else has written and described.
    pub(in crate::parquet) fn new(pages: Bytes, close: ColumnCloseResult) -> Self {
        Self { pages, close }
    }

    /// What a footer says about it.
    pub(in crate::parquet) fn close(&self) -> &ColumnCloseResult {
        &self.close
    }

    /// Puts it into a file.
    pub(in crate::parquet) fn append(
        self,
        to: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    ) -> ParquetResult<()> {
        to.append_column(&self.pages, self.close)
    }
}

/// What serves one chunk after the other.
pub(super) struct Tools {
    compressor: Compressor<'static>,
    /// The page that is being made, not compressed yet.
    page: Vec<u8>,
    /// The same, compressed.
    compressed: Vec<u8>,
}

impl Tools {
    pub(super) fn new() -> ParquetResult<Self> {
        let compressor = Compressor::new(ZstdLevel::default().compression_level())?;
        Ok(Self { compressor, page: Vec::new(), compressed: Vec::new() })
    }
}

/// The pages of a chunk so far.
pub(super) struct Pages<'a> {
    tools: &'a mut Tools,
    compression: Compression,
    out: Vec<u8>,
    encodings: Vec<PageEncodingStats>,
    dictionary_bytes: Option<u64>,
    uncompressed_bytes: usize,
    /// Levels of all data pages.
    slots: usize,
}

impl<'a> Pages<'a> {
    pub(super) fn new(tools: &'a mut Tools, compression: Compression) -> Self {
        tools.page.clear();
        Self {
            tools,
            compression,
            out: Vec::new(),
            encodings: Vec::new(),
            dictionary_bytes: None,
            uncompressed_bytes: 0,
            slots: 0,
        }
    }

    /// Where the next page is made.
    pub(super) fn page(&mut self) -> &mut Vec<u8> {
        &mut self.tools.page
    }

    /// Puts what was made as the dictionary, before any other page.
    pub(super) fn put_dictionary(&mut self, values: usize) -> ParquetResult<()> {
        self.put(PageKind::Dictionary, values, Encoding::PLAIN)?;
        self.dictionary_bytes = Some(self.out.len() as u64);
        Ok(())
    }

    /// Puts what was made as the next page of values.
    pub(super) fn put_data(&mut self, slots: usize, encoding: Encoding) -> ParquetResult<()> {
        self.put(PageKind::Data, slots, encoding)?;
        self.slots += slots;
        Ok(())
    }

    fn put(&mut self, kind: PageKind, values: usize, encoding: Encoding) -> ParquetResult<()> {
        let page_type = kind.page_type();
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        let Self { tools: Tools { compressor, page, compressed }, out, .. } = self;
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
        let begin = out.len();
        out.reserve(MAX_HEADER_BYTES + stored.len());
        header.write(out);
        self.uncompressed_bytes += out.len() - begin + page.len();
        out.extend_from_slice(stored);
        page.clear();
        Ok(())
    }

    /// Closes the chunk.
    pub(super) fn finish(
        self,
        column: ColumnDescPtr,
        rows: usize,
        statistics: Option<Statistics>,
        filter: Option<Sbbf>,
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
            .set_num_values(self.slots as i64)
            .set_data_page_offset(self.dictionary_bytes.unwrap_or(0) as i64)
            .set_dictionary_page_offset(self.dictionary_bytes.map(|_| 0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: pages.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: filter,
            column_index: None,
            offset_index: None,
        };
        Ok(EncodedChunk { pages: pages.into(), close })
    }
}
