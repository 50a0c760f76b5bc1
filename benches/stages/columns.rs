//! The columns stage: `ChangeEvent` → `RecordBatch`, alone and after the parser.
//!
//! A few parsed events are appended repeatedly. Each has its own buffers, so more of them would fall out of the caches,
//! where a lane's single event is (256 of them made columns alone slower than parser and columns together).

use std::hint::black_box;
use std::io;

use arrow::array::RecordBatch;
use catchwater::internals::event::ChangeEvent;
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater_benches::bodies::{Bodies, SHAPES};
use catchwater_benches::turns::{Contender, Load};
use catchwater_benches::yardstick::PlainTape;

use super::rows::Rows;
use crate::bench::Bench;

/// Number of events kept parsed.
const HELD: usize = 24;
/// Repetitions of these events in a round.
const TIMES: usize = 400;

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for shape in SHAPES {
        let group = format!("columns/{}", shape.name);
        if !bench.wants(&group) {
            continue;
        }
        let (Some(bodies), Some(json)) = (shape.bodies(bench.effort, 1)?, shape.json(bench.effort, 1)?)
        else {
            bench.add_absent("real bodies: ../shared/corpus is not beside the project")?;
            continue;
        };
        let (bodies, json) = (bodies.first(HELD), json.first(HELD));
        let mut parsers: Vec<Parser> = bodies.iter().map(|_| Parser::new(ParentContext::Drop)).collect();
        let events = parsers
            .iter_mut()
            .zip(bodies.iter())
            .map(|(parser, body)| parser.parse(body).map(|event| (event, body)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|reject| io::Error::other(reject.reason.to_string()))?;
        let times = bench.effort.events(TIMES);
        check(&events)?;
        let load = Load { events: events.len() * times, bytes: bodies.bytes() * times };
        bench.group(&group, load, &mut contenders(&events, &bodies, &json, times))?;
    }
    Ok(())
}

type Held<'a> = [(ChangeEvent<'a>, &'a [u8])];

fn contenders<'a>(
    events: &'a Held<'a>,
    bodies: &'a Bodies,
    json: &'a Bodies,
    times: usize,
) -> [Contender<'a>; 3] {
    let mut tape = PlainTape::default();
    let mut rows = Rows::new();
    let mut parsed_rows = Rows::new();
    let mut parser = Parser::new(ParentContext::Drop);
    [
        Contender::new("tape", move || (0..times).for_each(|_| tape.fill_all(json))),
        Contender::new("columns", move || {
            for (event, body) in events.iter().cycle().take(events.len() * times) {
                black_box(rows.push(event, body));
            }
            black_box(rows.take());
        }),
        Contender::new("parse and columns", move || {
            for _ in 0..times {
                for body in bodies.iter() {
                    if let Ok(event) = parser.parse(body) {
                        black_box(parsed_rows.push(&event, body));
                    }
                }
            }
            black_box(parsed_rows.take());
        }),
    ]
}

/// Checks the timed work: as many rows as events.
fn check(events: &Held<'_>) -> io::Result<()> {
    let mut rows = Rows::new();
    let mut count = 0;
    for (event, body) in events {
        count += rows.push(event, body).map_or(0, |batch| batch.num_rows());
    }
    count += rows.take().iter().map(RecordBatch::num_rows).sum::<usize>();
    if count < events.len() {
        return Err(io::Error::other(format!("{count} rows of {} events", events.len())));
    }
    Ok(())
}
