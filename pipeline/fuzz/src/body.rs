//! Checks of any bytes as a body: they become a row, parsed or rejected, without a panic. Both parser paths agree, and
//! the table does not depend on `ParentContext`.

use std::cell::RefCell;

use catchwater::internals::clock::UnixMillis;
use catchwater::internals::columns::{Catalog, Context, TableBuffer};
use catchwater::internals::event::tree::NodeId;
use catchwater::internals::event::{ChangeEvent, QUARANTINE, RawEvent, Reject};
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater::internals::position::{PartitionId, SequenceNumber};

thread_local! {
    static READERS: RefCell<[Reader; 2]> = RefCell::new([
        Reader::new(ParentContext::Keep),
        Reader::new(ParentContext::Drop),
    ]);
}

/// Converts one body into a record batch, with `ParentContext` and without it.
pub fn check(body: &[u8]) {
    READERS.with_borrow_mut(|[keep, drop]| {
        assert_eq!(keep.check(body), drop.check(body), "with ParentContext, and without it");
    });
}

/// Parsers of both paths. They keep their state between bodies, as in a lane: state that leaks into the next body makes
/// them differ.
struct Reader {
    fast: Parser,
    slow: Parser,
}

impl Reader {
    fn new(parent_context: ParentContext) -> Self {
        Self { fast: Parser::new(parent_context), slow: Parser::slow_path_only(parent_context) }
    }

    /// Checks a body and returns its table.
    fn check(&mut self, body: &[u8]) -> String {
        let read = self.fast.parse(body);
        same_as_slow_path(&read, &self.slow.parse(body));
        write(&read, body)
    }
}

/// Checks that the fast path and the slow path give the same tree, node by node.
fn same_as_slow_path(read: &Result<ChangeEvent<'_>, Reject>, slow: &Result<ChangeEvent<'_>, Reject>) {
    let (Ok(read), Ok(slow)) = (read, slow) else {
        return assert_eq!(read.as_ref().err(), slow.as_ref().err(), "the slow path");
    };
    let facts = |event: &ChangeEvent<'_>| {
        (event.tree.len(), event.target, event.members.clone(), event.parent_context_dropped, event.repaired)
    };
    assert_eq!((facts(read), read.table, read.message), (facts(slow), slow.table, slow.message));
    for node in (0..read.tree.len() as u32).map(NodeId::new) {
        let of = |event: &ChangeEvent<'_>| (event.tree.kind(node), event.tree.end(node));
        assert_eq!((of(read), read.tree.text(node)), (of(slow), slow.tree.text(node)), "{node:?}");
    }
}

/// Writes two rows: the second uses the columns that the first created. Returns the table.
fn write(read: &Result<ChangeEvent<'_>, Reject>, body: &[u8]) -> String {
    let table = read.as_ref().map_or(QUARANTINE, |event| event.table.name());
    let mut context = Context::new("hub".into(), Catalog::new());
    let mut buffer = TableBuffer::open(&mut context, table);
    for number in 0..2 {
        let raw = raw(body, number);
        match read {
            // A full buffer rejects the event and keeps its rows.
            Ok(event) => drop(buffer.push(&mut context, event, &raw, PartitionId::new(0))),
            Err(reject) => buffer.push_reject(&mut context, reject, &raw, r#"{"a":1}"#, PartitionId::new(0)),
        }
    }
    let rows = buffer.rows();
    let batch = buffer.take(&mut context).batch;
    assert_eq!(
        (batch.num_rows(), buffer.rows()),
        (rows, 0),
        "rows of the batch, and of the buffer afterwards"
    );
    table.to_owned()
}

fn raw(body: &[u8], number: i64) -> RawEvent<'_> {
    RawEvent {
        body,
        sequence_number: SequenceNumber::new(number),
        offset: "4711",
        enqueued_time: UnixMillis::new(1_767_600_000_000),
        content_type: "application/json",
        encoded_properties: &[],
        size_exceeded: false,
        undecodable: None,
    }
}
