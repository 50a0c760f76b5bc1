//! The encode stage: `RecordBatch` → row groups of a lane's size, and files.
//!
//! XML bodies give the same rows as JSON bodies, so only the JSON shapes are measured.

use std::hint::black_box;
use std::io;

use arrow::array::RecordBatch;
use catchwater::internals::generator::Format;
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater_benches::bodies::SHAPES;
use catchwater_benches::report::{Measurement, Unit};
use catchwater_benches::spread::Spread;
use catchwater_benches::turns::Contender;
use catchwater_benches::yardstick;
use catchwater_sinks::parquet::{ChunkWriter, encode_row_group};

use super::rows::{Rows, file_of};
use crate::bench::Bench;

/// Factor on a shape's number of bodies: enough for full row groups in the larger shapes.
const TIMES: usize = 4;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for shape in SHAPES.into_iter().filter(|shape| shape.format == Format::Json) {
        let group = format!("encode/{}", shape.name);
        if !bench.wants(&group) {
            continue;
        }
        let Some(bodies) = shape.bodies(bench.effort, TIMES)? else {
            bench.add_absent("real bodies: ../shared/corpus is not beside the project")?;
            continue;
        };
        let batches = Rows::new().batches(&mut Parser::new(ParentContext::Drop), &bodies)?;
        let bytes = check(&batches)?;
        let groups = |writer| {
            let batches = &batches;
            move || {
                for batch in batches {
                    _ = black_box(encode_row_group(batch, writer));
                }
            }
        };
        let own = Contender::new("row groups", groups(ChunkWriter::Own));
        // Decision 0015 has an exit criterion on this comparison.
        let library = Contender::new("row groups by the library", groups(ChunkWriter::Library));
        let files = Contender::new("row groups and files", || {
            for batch in &batches {
                _ = black_box(file_of(batch));
            }
        });
        bench.group(&group, bodies.load(), &mut [yardstick::tape(&bodies), own, library, files])?;
        let size = Spread::exactly(bytes as f64 / bodies.count() as f64);
        bench.add(vec![Measurement::new(format!("{group}/size"), Unit::BytesPerEvent, size, 1)])?;
    }
    Ok(())
}

/// Checks that every batch becomes a file; returns the total size in bytes.
fn check(batches: &[RecordBatch]) -> io::Result<usize> {
    let mut bytes = 0;
    for batch in batches {
        bytes += file_of(batch).map_err(io::Error::other)?.len();
    }
    Ok(bytes)
}
