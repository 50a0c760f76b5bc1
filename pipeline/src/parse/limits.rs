//! Limits of one body: length, depth and memory, with the reason for each number.
//!
//! Owns: the limits of both formats and the relations between them. Does not own: counting against them (`json` for
//! tokens, `xml/reading` for elements, namespaces and long names).
//!
//! A limit depends only on the length of the text. It decides whether a body is quarantined, so it must not depend on
//! buffers that earlier bodies left behind, on the path a body takes, or on the treatment of `ParentContext`.

use crate::event::{Reason, Reject};

/// Bytes of memory per byte of a body, at most, for parsing it and for its row.
pub const GROWTH_FACTOR: usize = 32;

/// Bytes of memory beyond [`GROWTH_FACTOR`], for a body of any length: buffers of a fixed size, and the allowance
/// that keeps the limits on tokens and elements away from bodies below 256 KiB.
pub const GROWTH_BASE_BYTES: usize = 8 << 20;

/// Length of the largest body that is read, in bytes. Hubs accept 1 MiB, dedicated clusters 20 MiB.
pub(super) const MAX_BODY: usize = 64 << 20;

/// Length in bytes from which a body is outsized: Dataverse posts up to 192 KB and removes properties beyond that.
/// Memory of outsized bodies is not kept for the next one.
pub(super) const OUTSIZED_BODY: usize = 256 << 10;

/// Nesting depth of objects and lists, or of XML elements. An event takes up to 12 levels, and one more for each parent
/// context. Functions that walk a tree may recurse.
pub(super) const MAX_DEPTH: usize = 128;

/// Nesting depth that the fast path follows: deeper than any event. It counts a list of pairs as one level where the
/// slow path counts the list and its items.
pub(super) const FAST_PATH_MAX_DEPTH: usize = 60;

/// Namespace declarations that may be open at once in XML. Each level of an event declares three at most.
pub(super) const MAX_BINDINGS: usize = 4 * MAX_DEPTH;

/// Distinct URIs of namespaces that are neither the SDK's nor the serializer's: as many as may be declared at once.
/// Events have those of a few contracts.
pub(super) const URIS_MAX: usize = MAX_BINDINGS;

/// Upper bound on the tokens of a JSON text.
///
/// On the slow path a token takes 40 bytes: 24 of the tape, 8 of the index, and 8 of the tree, which has half as many
/// nodes. That is 20 for each byte of the text; copies of the text, the JSON columns and marks take the rest.
/// A list of three-digit numbers has one token in two bytes, an event one in seven.
pub(super) const fn tokens_max(text_bytes: usize) -> usize {
    text_bytes / 2 + 128 * 1024
}

/// Upper bound on the elements of an XML text.
///
/// An element takes 190 bytes: 96 in the list (capacity doubles), 32 as two nodes, the rest when its name is sorted and
/// written into a JSON column. A byte of text takes up to 27 (Base64 becomes a list of numbers), so an element of four
/// bytes takes 82 more than four bytes of text. The shortest element in an event has 16 bytes.
pub(super) const fn elements_max(text_bytes: usize) -> usize {
    text_bytes / 24 + 64 * 1024
}

/// Upper bound on the bytes of names that carry their namespace, `{uri}name`.
///
/// A byte takes six: of the tree and of a JSON column, capacities doubled. No event has such a name.
pub(super) fn qualified_names_max(text_bytes: usize) -> usize {
    text_bytes / 4 + 128 * 1024
}

/// The reject for a text that has more than `max` of something.
pub(super) fn too_large(of: &'static str, max: usize) -> Reject {
    Reject::new(Reason::TooLarge { of, max })
}

/// Offsets in a tree and in decoded text are `u32`: none of them can wrap.
const _: () = assert!(MAX_BODY * GROWTH_FACTOR + GROWTH_BASE_BYTES <= u32::MAX as usize);

/// A body that the fast path accepts is never too deep for the slow path.
const _: () = assert!(2 * FAST_PATH_MAX_DEPTH < MAX_DEPTH);

/// The number of a URI is `u16`.
const _: () = assert!(URIS_MAX <= u16::MAX as usize);

/// Only outsized bodies can have too many tokens (of at least one byte) or elements (of at least four).
const _: () =
    assert!(tokens_max(OUTSIZED_BODY) >= OUTSIZED_BODY && elements_max(OUTSIZED_BODY) >= OUTSIZED_BODY / 4);
