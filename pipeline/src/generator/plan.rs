//! The size of a body, and the parts of a body of that size.

use super::rng::Rng;
use super::value::Lengths;

/// Average size of the bodies of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// About 1.6 KB: the envelope and a few attributes, no `ParentContext`.
    Small,
    /// About 3 KB: 60 % with `ParentContext`, the others with images.
    Typical,
    /// About 20 KB: all columns, long text, images before and after, `ParentContext`.
    Large,
    /// 70 % small, 27 % typical, 3 % large.
    Mixed,
}

impl Size {
    /// Draws the size of one body; only `Mixed` takes a number from `rng`.
    pub(super) fn draw(self, rng: &mut Rng) -> Self {
        match self {
            Self::Mixed => match rng.below(100) {
                0..70 => Self::Small,
                70..97 => Self::Typical,
                _ => Self::Large,
            },
            size => size,
        }
    }
}

/// The parts of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Length of the attributes in `Target` as JSON, in bytes, from which on no attribute is added.
    pub(super) attribute_bytes: usize,
    /// Columns of the registered image before the event; 0 when no image is registered.
    pub(super) columns_before: usize,
    /// Columns of the registered image after the event; 0 when no image is registered.
    pub(super) columns_after: usize,
    pub(super) with_parent: bool,
    /// Includes the optional parts of the platform: the modifying user, the automatic image, shared variables.
    pub(super) full: bool,
    pub(super) lengths: Lengths,
}

impl Plan {
    /// Draws the plan of a body of `size`, which is not `Mixed`.
    pub(super) fn draw(size: Size, rng: &mut Rng) -> Self {
        let lean = Self {
            attribute_bytes: 0,
            columns_before: 0,
            columns_after: 0,
            with_parent: false,
            full: false,
            lengths: Lengths { memo_words: 3 + rng.below(12), image_bytes: 0 },
        };
        match size {
            Size::Small => Self { attribute_bytes: rng.below(50), ..lean },
            Size::Typical if rng.percent(60) => Self { with_parent: true, ..lean },
            Size::Typical => {
                let (columns_before, columns_after) = if rng.percent(50) { (3, 0) } else { (0, 4) };
                let attribute_bytes = rng.below(150);
                Self { attribute_bytes, columns_before, columns_after, full: true, ..lean }
            }
            Size::Large | Size::Mixed => {
                let image_bytes = if rng.percent(10) { 300 + rng.below(900) } else { 0 };
                Self {
                    attribute_bytes: 7_600,
                    columns_before: usize::MAX,
                    columns_after: usize::MAX,
                    with_parent: true,
                    full: true,
                    lengths: Lengths { memo_words: 420 + rng.below(500), image_bytes },
                }
            }
        }
    }
}
