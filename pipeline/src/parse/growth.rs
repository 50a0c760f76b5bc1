//! Upper bounds on the memory that one body may take: the limits of both formats and the reason for each number.
//!
//! Owns: the limits. Does not own: counting against them (`json` for tokens, `xml/reading` for elements, namespaces
//! and long names).
//!
//! A limit depends on the length of the text and on nothing else. It decides whether a body is quarantined, so it may
//! depend neither on buffers that earlier bodies left behind, nor on the path a body takes, nor on what becomes of
//! `ParentContext`.

use crate::event::{Reason, Reject};

/// Bytes of memory per byte of a body, at most, for parsing it and for its row.
pub const GROWTH_FACTOR: usize = 32;

/// Bytes of memory beyond [`GROWTH_FACTOR`], whatever the length of a body: buffers of a fixed size, and the allowance
/// that keeps every limit away from bodies below 256 KiB.
pub const GROWTH_BASE_BYTES: usize = 8 << 20;

/// Length of the largest body that is read, in bytes. Hubs take 1 MiB, dedicated clusters 20 MiB.
pub(super) const MAX_BODY: usize = 64 << 20;

/// Places in a tree and in decoded text are `u32`: none of them can wrap.
const _: () = assert!(MAX_BODY * GROWTH_FACTOR + GROWTH_BASE_BYTES <= u32::MAX as usize);

/// Length in bytes from which a body is outsized: Dataverse posts up to 192 KB and removes properties beyond that.
/// Memory of outsized bodies is not kept for the next one.
pub(super) const OUTSIZED_BODY: usize = 256 << 10;

/// Upper bound on the tokens of a JSON text.
///
/// On the slow path a token takes 40 bytes: 24 of the tape, 8 of the index, and 8 of the tree, which has half as many
/// nodes. That is 20 for each byte of the text; copies of the text, the JSON columns and marks take the rest.
/// A list of three-digit numbers has one token in two bytes, an event one in seven.
pub(super) fn tokens_max(text_bytes: usize) -> usize {
    text_bytes / 2 + 128 * 1024
}

/// Upper bound on the elements of an XML text.
///
/// An element takes 190 bytes: 96 in the list (capacity doubles), 32 as two nodes, the rest when its name is sorted and
/// written into a JSON column. A byte of text takes up to 27 (Base64 becomes a list of numbers), so an element of four
/// bytes takes 82 more than four bytes of text. The shortest element in an event has 16 bytes.
pub(super) fn elements_max(text_bytes: usize) -> usize {
    text_bytes / 24 + 64 * 1024
}

/// Upper bound on the bytes of names that carry their namespace, `{uri}name`.
///
/// A byte takes six: of the tree and of a JSON column, capacities doubled. No event has such a name.
pub(super) fn qualified_names_max(text_bytes: usize) -> usize {
    text_bytes / 4 + 128 * 1024
}

/// Upper bound on the distinct URIs of namespaces that are not the SDK's or the serializer's: as many as may be
/// declared at once. Events have those of a few contracts.
pub(super) const URIS_MAX: usize = super::xml::MAX_BINDINGS;

/// The reject for a text that has more than `max` of something.
pub(super) fn too_large(of: &'static str, max: usize) -> Reject {
    Reject::new(Reason::TooLarge { of, max })
}
