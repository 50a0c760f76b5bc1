//! Parsing an event and writing its row allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use catchwater::internals::clock::UnixMillis;
use catchwater::internals::columns::{Catalog, Context, TableBuffer};
use catchwater::internals::event::RawEvent;
use catchwater::internals::parse::{ParentContext, Parser};
use catchwater::internals::position::{PartitionId, SequenceNumber};

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[expect(unsafe_code, reason = "only an allocator sees all allocations")]
// SAFETY: every call goes unchanged to the system's allocator; counting only changes a cell of the thread.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Number of allocations for the second thousand events of a body.
fn allocations_of(body: &[u8]) -> u64 {
    let mut parser = Parser::new(ParentContext::Drop);
    let mut context = Context::new("hub".into(), Catalog::new());
    let mut buffer = TableBuffer::open(&mut context, "account");
    let mut push = |count: i64| {
        for number in 0..count {
            let Ok(event) = parser.parse(body) else { continue };
            let raw = RawEvent {
                body,
                sequence_number: SequenceNumber::new(number),
                offset: "4711",
                enqueued_time: UnixMillis::new(0),
                content_type: "",
                encoded_properties: &[],
                size_exceeded: false,
                undecodable: None,
            };
            assert_eq!(buffer.push(&mut context, &event, &raw, PartitionId::new(0)), Ok(()));
        }
    };
    push(1000);
    let before = ALLOCATIONS.get();
    push(1000);
    let allocations = ALLOCATIONS.get() - before;
    assert_eq!(buffer.rows(), 2000);
    allocations
}

#[test]
fn events_do_not_allocate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle/json");
    for name in [
        "m_create.json",
        "m_update.json",
        "m_delete.json",
        "m_associate.json",
        "m_updatemultiple.json",
        "t_double_third.json",
    ] {
        let allocations = allocations_of(&std::fs::read(folder.join(name)).unwrap());
        // Only buffers grow, by doubling: two or three for each of some sixty columns, once or twice.
        assert!(allocations < 250, "{name}: {allocations} allocations for 1,000 events");
    }
}
