//! The handoff stage: batches of events through the channel of a lane.
//!
//! A round fills batches as the receiver does and sends them; the yardstick drops them in place.

use std::hint::black_box;
use std::io;
use std::thread;

use catchwater::internals::budget::Budget;
use catchwater::internals::clock::UnixMillis;
use catchwater::internals::event::{EventHead, RawBatch, RawBatchBuilder};
use catchwater::internals::position::{PartitionId, SequenceNumber};
use catchwater_benches::bodies::{Bodies, Shape};
use catchwater_benches::turns::Contender;
use crossbeam_channel::unbounded;

use crate::bench::Bench;

/// Numbers of events in a batch.
const BATCHES: [usize; 3] = [1, 64, 1024];

pub(crate) fn bench(bench: &mut Bench) -> io::Result<()> {
    for name in ["small/json", "typical/json", "large/json"] {
        for batch in BATCHES {
            let group = format!("handoff/{name}/batches of {batch}");
            let Some(shape) = Shape::named(name).filter(|_| bench.wants(&group)) else { continue };
            let Some(bodies) = shape.bodies(bench.effort, 1)? else { continue };
            bench.group(&group, bodies.load(), &mut contenders(&bodies, batch))?;
        }
    }
    Ok(())
}

fn contenders(bodies: &Bodies, events: usize) -> [Contender<'_>; 3] {
    [
        Contender::new("no channel", move || batches(bodies, events, |batch| _ = black_box(batch))),
        Contender::new("channel in one thread", move || {
            let (sender, receiver) = unbounded();
            batches(bodies, events, |batch| {
                let _ = sender.send(batch);
                black_box(receiver.recv().is_ok());
            });
        }),
        Contender::new("channel between two threads", move || {
            let (sender, receiver) = unbounded();
            thread::scope(|scope| {
                scope.spawn(move || receiver.iter().for_each(|batch: RawBatch| _ = black_box(batch)));
                batches(bodies, events, |batch| _ = sender.send(batch));
                drop(sender);
            });
        }),
    ]
}

/// Fills batches, as the receiver of a partition does.
fn batches(bodies: &Bodies, events: usize, mut each: impl FnMut(RawBatch)) {
    let budget = Budget::new(1 << 30);
    let mut batch = RawBatchBuilder::new(PartitionId::new(0), budget.charge(0));
    for (number, body) in bodies.iter().enumerate() {
        batch.push_event(&head(number), [body]);
        if batch.len() == events {
            each(batch.take_batch(budget.charge(0)));
        }
    }
    each(batch.build());
}

fn head(number: usize) -> EventHead<'static> {
    EventHead {
        sequence_number: SequenceNumber::new(number as i64),
        offset: "4294967296",
        enqueued_time: UnixMillis::new(1_767_600_000_000),
        content_type: "application/json",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: None,
        last_enqueued: None,
    }
}
