//! Parsing JSON of any size allocates nothing once the buffers have grown, as counted by the allocator of the test. XML
//! may allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use catchwater::internals::generator::{Generator, Size};
use catchwater::internals::parse::{ParentContext, Parser};

#[global_allocator]
static COUNTING: Counting = Counting(AtomicUsize::new(0));

struct Counting(AtomicUsize);

#[expect(unsafe_code, reason = "only an allocator sees all allocations")]
// SAFETY: every call goes unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[test]
fn parser_with_grown_buffers_allocates_nothing() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/oracle/json");
    let mut bodies: Vec<Vec<u8>> =
        fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    for size in [Size::Small, Size::Typical, Size::Large] {
        let mut generator = Generator::new(7, size);
        for _ in 0..100 {
            let mut body = Vec::new();
            generator.next(&mut body);
            bodies.push(body);
        }
    }
    let pairs: Vec<_> = (0..500).map(|number| format!(r#"{{"key":"a\/{number}","value":1.5}}"#)).collect();
    bodies.push(format!(r#"{{"MessageName":"x","p":[{}]}}"#, pairs.join(",")).into_bytes());
    bodies.push(br#""{\"MessageName\":\"quoted\"}""#.to_vec());
    bodies.retain(|body| Parser::new(ParentContext::Keep).parse(body).is_ok());
    let mut parser = Parser::new(ParentContext::Keep);
    let mut round = || {
        let before = COUNTING.0.load(Ordering::Relaxed);
        let nodes: usize =
            bodies.iter().map(|body| parser.parse(body).map_or(0, |event| event.tree.len())).sum();
        assert!(nodes > 60_000, "{nodes}");
        COUNTING.0.load(Ordering::Relaxed) - before
    };
    assert!(round() > 0, "buffers grow in the first round");
    assert_eq!(round(), 0, "allocations in the second round");
}
