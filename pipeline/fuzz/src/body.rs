//! Any bytes as a body: parsed or rejected, and a row either way. Checks that nothing panics, that a parser gives the
//! same answer a second time, that the general path gives it too, and that `ParentContext` does not decide the table.

use catchwater::columns::{Catalog, Context, TableBuffer};
use catchwater::event::tree::NodeId;
use catchwater::event::{ChangeEvent, QUARANTINE, RawEvent, Reject};
use catchwater::parse::{ParentContext, Parser};
use catchwater::position::{PartitionId, SequenceNumber};

/// Takes one body all the way into a record batch, with `ParentContext` and without it.
pub fn check(body: &[u8]) {
    let kept = read(ParentContext::Keep, body);
    let dropped = read(ParentContext::Drop, body);
    assert_eq!(kept, dropped, "with ParentContext, and without it");
}

/// The table the body goes to.
fn read(parent_context: ParentContext, body: &[u8]) -> String {
    let mut parser = Parser::new(parent_context);
    let first = parser.parse(body).map(|event| digest(&event));
    let second = parser.parse(body);
    assert_eq!(first, second.as_ref().map(digest).map_err(Reject::clone), "the second time");
    same_as_general(parent_context, &second, body);
    write(&second, body)
}

/// What tells two readings of one body apart in a moment: how it goes on, and the text of all nodes.
fn digest(event: &ChangeEvent<'_>) -> (String, usize, bool, usize) {
    let text = nodes(event).map(|node| event.tree.text(node).len() + event.tree.kind(node) as usize).sum();
    (event.table.name().to_owned(), event.tree.len(), event.repaired, text)
}

/// What the scanner reads is what the general path reads, node by node.
fn same_as_general(parent_context: ParentContext, read: &Result<ChangeEvent<'_>, Reject>, body: &[u8]) {
    let mut parser = Parser::general(parent_context);
    let general = parser.parse(body);
    let (Ok(read), Ok(general)) = (read, &general) else {
        return assert_eq!(read.as_ref().err(), general.as_ref().err(), "the general path");
    };
    let facts = |event: &ChangeEvent<'_>| {
        (event.tree.len(), event.target, event.members.clone(), event.parent_context_dropped, event.repaired)
    };
    assert_eq!((facts(read), read.table, read.message), (facts(general), general.table, general.message));
    for node in nodes(read) {
        let of = |event: &ChangeEvent<'_>| (event.tree.kind(node), event.tree.end(node));
        assert_eq!((of(read), read.tree.text(node)), (of(general), general.tree.text(node)), "{node:?}");
    }
}

fn nodes(event: &ChangeEvent<'_>) -> impl Iterator<Item = NodeId> + use<> {
    (0..event.tree.len() as u32).map(NodeId)
}

/// Two rows, as the second finds the columns of the first.
fn write(read: &Result<ChangeEvent<'_>, Reject>, body: &[u8]) -> String {
    let table = read.as_ref().map_or(QUARANTINE, |event| event.table.name());
    let mut context = Context::new("hub".into(), Catalog::new());
    let mut buffer = TableBuffer::open(&mut context, table);
    for number in 0..2 {
        let raw = raw(body, number);
        match read {
            Ok(event) => buffer.push(&mut context, event, &raw, PartitionId(0)),
            Err(reject) => buffer.push_reject(&mut context, reject, &raw, r#"{"a":1}"#, PartitionId(0)),
        }
    }
    let rows = buffer.rows();
    let batch = buffer.take(&mut context);
    assert_eq!((batch.num_rows(), buffer.rows()), (rows, 0), "rows of the batch, and of the buffer it left");
    table.to_owned()
}

fn raw(body: &[u8], number: i64) -> RawEvent<'_> {
    RawEvent {
        body,
        sequence_number: SequenceNumber(number),
        offset: "4711",
        enqueued_time_ms: 1_767_600_000_000,
        content_type: "application/json",
        encoded_properties: &[],
        size_exceeded: false,
    }
}
