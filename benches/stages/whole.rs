//! The stages of a lane in sequence: body → Parquet bytes.

use std::hint::black_box;
use std::io;

use catchwater::internals::parse::{ParentContext, Parser};
use catchwater_benches::bodies::{Bodies, SHAPES};
use catchwater_benches::turns::Contender;
use catchwater_benches::yardstick;

use super::rows::{Rows, file_of};
use crate::bench::Bench;

/// Factor on a shape's number of bodies: the same as in the encode stage.
const TIMES: usize = 4;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for shape in SHAPES {
        let group = format!("whole/{}", shape.name);
        if !bench.wants(&group) {
            continue;
        }
        let (Some(bodies), Some(json)) =
            (shape.bodies(bench.effort, TIMES)?, shape.json(bench.effort, TIMES)?)
        else {
            bench.add_absent("real bodies: ../shared/corpus is not beside the project")?;
            continue;
        };
        bench.group(&group, bodies.load(), &mut [yardstick::tape(&json), contender(&bodies)])?;
    }
    Ok(())
}

/// Contender for all work between receiving and storing.
pub(crate) fn contender(bodies: &Bodies) -> Contender<'_> {
    let mut parser = Parser::new(ParentContext::Drop);
    let mut rows = Rows::new();
    Contender::new("ours", move || {
        for body in bodies.iter() {
            let Ok(event) = parser.parse(body) else { continue };
            if let Some(batch) = rows.push(&event, body) {
                _ = black_box(file_of(&batch));
            }
        }
        rows.take().iter().for_each(|batch| _ = black_box(file_of(batch)));
    })
}
