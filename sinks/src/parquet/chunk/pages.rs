//! Pages, put one behind the other, and what a footer says about them.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

/// A column chunk that is written.
#[derive(Debug)]
pub(in crate::parquet) struct EncodedChunk {
    pages: Bytes,
    close: ColumnCloseResult,
}

impl EncodedChunk {
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
}

impl Tools {
    pub(super) fn new() -> ParquetResult<Self> {
        let compressor = Compressor::new(ZstdLevel::default().compression_level())?;
        Ok(Self { compressor, page: Vec::new() })
    }
}

/// The pages of a chunk so far.
pub(super) struct Pages<'a> {
    tools: &'a mut Tools,
    compression: Compression,
    out: TrackedWrite<Vec<u8>>,
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
            out: TrackedWrite::new(Vec::new()),
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
        let (buf, num_values) = (self.compressed()?, values as u32);
        let page = Page::DictionaryPage { buf, num_values, encoding: Encoding::PLAIN, is_sorted: false };
        self.dictionary_bytes = Some(self.put(page, Encoding::PLAIN)?);
        Ok(())
    }

    /// Puts what was made as the next page of values.
    pub(super) fn put_data(&mut self, slots: usize, encoding: Encoding) -> ParquetResult<()> {
        let page = Page::DataPage {
            buf: self.compressed()?,
            num_values: slots as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        self.put(page, encoding)?;
        self.slots += slots;
        Ok(())
    }

    fn compressed(&mut self) -> ParquetResult<Bytes> {
        if self.compression == Compression::UNCOMPRESSED {
            return Ok(Bytes::copy_from_slice(&self.tools.page));
        }
        let mut out = Vec::with_capacity(compress_bound(self.tools.page.len()));
        self.tools.compressor.compress_to_buffer(&self.tools.page, &mut out)?;
        Ok(out.into())
    }

    fn put(&mut self, page: Page, encoding: Encoding) -> ParquetResult<u64> {
        let page_type = page.page_type();
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        let page = CompressedPage::new(page, self.tools.page.len());
        let written = SerializedPageWriter::new(&mut self.out).write_page(page)?;
        self.uncompressed_bytes += written.uncompressed_size;
        self.tools.page.clear();
        Ok(written.bytes_written)
    }

    /// Closes the chunk.
    pub(super) fn finish(
        self,
        column: ColumnDescPtr,
        rows: usize,
        statistics: Option<Statistics>,
        filter: Option<Sbbf>,
    ) -> ParquetResult<EncodedChunk> {
        let mut pages = self.out.into_inner()?;
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
