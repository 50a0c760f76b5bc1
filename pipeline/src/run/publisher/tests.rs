//! Tests of the publisher with a store that answers late.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use catchwater_sinks::backoff::Backoff;
use catchwater_sinks::lake::records::Records;
use catchwater_sinks::lake::schema::FileColumn;
use catchwater_sinks::parquet::{ChunkWriter, FooterFacts, assemble, encode_row_group};
use catchwater_sinks::paths::{Date, SourceId};
use catchwater_sinks::store::Store;
use catchwater_sinks::store::faults::{Faults, PutFault};
use tokio::sync::{Mutex, watch};

use super::*;
use crate::budget::Budget;
use crate::columns::Catalog;
use crate::partitions::Scope;
use crate::position::Generation;
use crate::run::Drain;
use crate::run::ledger::Before;
use crate::run::messages::PartitionStatus;

/// A store that does not answer costs the files in flight to it, and their bytes stay charged: the reader gets no credit
/// for them.
#[tokio::test]
async fn slow_store_has_four_files_in_flight_and_the_rest_stays_charged() {
    let (store, faults, budget) = (Store::in_memory(), Faults::new(), Budget::new(1 << 20));
    for _ in 0..FILES {
        faults.next_put("enqueued_date", PutFault::Held);
    }
    let publisher = publisher(&store.with_faults(&faults)).await;
    let (inputs, receiver) = mpsc::channel(2 * FILES);
    let running = tokio::spawn(publisher.run(receiver, Deadline::of(&Drain::default())));
    let start = StartId { partition: PartitionId::new(0), attempt: 1 };
    let (status, _reader) = watch::channel(PartitionStatus::default());
    let first = SequenceNumber::new(0);
    inputs
        .send(PublisherInput::Begin { start, first, proven: None, checkpoint: None, status })
        .await
        .unwrap();
    for n in 0..FILES {
        let file = closed_file(start, n, &budget);
        inputs.send(PublisherInput::Lane(LaneOutput::Closed(Box::new(file)))).await.unwrap();
    }
    for released in 0..FILES {
        let (left, charged) = (FILES - released, ((FILES - released) * FILE_BYTES) as i64);
        wait_until(|| faults.held() == left.min(4) && budget.charged() == charged).await;
        faults.release_one();
    }
    drop(inputs);
    running.await.unwrap().unwrap();
    assert_eq!(budget.charged(), 0);
}

const FILES: usize = 10;

/// Charge for one file.
const FILE_BYTES: usize = 1000;

async fn publisher(store: &Store) -> Publisher {
    let backoff = Backoff::for_store(1);
    let records = Records::new(store.clone(), backoff.clone());
    let schemas = schemas::LakeSchemas::open(records, Catalog::new(), None).await.unwrap();
    let deps = PutDeps { store: store.clone(), schemas: Mutex::new(schemas), backoff };
    let scope = Scope {
        lake: "lake".to_owned(),
        namespace: "namespace".to_owned(),
        event_hub: "events".to_owned(),
        generation: Generation::new(crate::clock::UnixMillis::new(1)),
        consumer_group: "$Default".to_owned(),
    };
    Publisher::new(
        Arc::new(deps),
        Checkpoints::new(Store::in_memory(), scope, "namespace"),
        1,
        Arc::default(),
    )
}

/// The only file of a table of its own, with one row.
fn closed_file(start: StartId, n: usize, budget: &Arc<Budget>) -> ClosedFile {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![n as i64]));
    let batch = RecordBatch::try_from_iter([("_sequence_number", numbers)]).unwrap();
    let group = encode_row_group(&batch, ChunkWriter::default()).unwrap();
    let destination = Destination {
        table: format!("table{n}").into(),
        date: Date::from_unix_days(0),
        source: SourceId::new("events", 1, 0),
    };
    let column = FileColumn { type_name: "integer".to_owned(), ids: 1 };
    ClosedFile {
        start,
        facts: FooterFacts::sample(destination, 0, n as i64, n as i64),
        events: 1,
        before: Before::Start,
        columns: BTreeMap::from([("_sequence_number".to_owned(), column)]),
        body: assemble(vec![group]).unwrap(),
        permit: budget.charge(FILE_BYTES),
    }
}

async fn wait_until(holds: impl Fn() -> bool) {
    let held = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), held).await.unwrap();
}
