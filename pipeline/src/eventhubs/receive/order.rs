//! The order of the sections from a message's body on.
//!
//! Owns: the deviations of the official SDKs from the standard, which are read all the same. JavaScript (rhea) writes a
//! footer before the body. Python writes delivery annotations behind all other sections. Does not own: the sections
//! before (`sections`).

use crate::amqp::sections::code;

/// Sections seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BodyOrder {
    /// Kind of the body; `None` before it.
    body: Option<u8>,
    /// Another section has followed the body.
    ended: bool,
    footer: bool,
    delivery_annotations: bool,
}

impl BodyOrder {
    /// The order after a first Data section.
    pub(super) const AFTER_DATA: Self =
        Self { body: Some(code::DATA), ended: false, footer: false, delivery_annotations: false };

    /// Adds a section; returns whether it may follow the ones before.
    pub(super) fn add(&mut self, section: u8) -> bool {
        let is_new = match section {
            // A body has several Data or `AmqpSequence` sections, or one `AmqpValue` section.
            code::DATA | code::SEQUENCE => {
                let fits = !self.ended && self.body.is_none_or(|body| body == section);
                self.body = Some(section);
                return fits;
            }
            code::VALUE => return self.body.replace(section).is_none(),
            code::FOOTER => !std::mem::replace(&mut self.footer, true),
            code::DELIVERY_ANNOTATIONS => !std::mem::replace(&mut self.delivery_annotations, true),
            _ => false,
        };
        self.ended |= self.body.is_some();
        is_new
    }
}
