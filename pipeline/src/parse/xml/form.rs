//! Forms of an element's content, and classes as lists of members with a form each.
//!
//! Owns: the vocabulary of the data contract. Does not own: the classes themselves (`contract`, `classes`).

use super::enums::Enumeration;

/// Form of an element's content.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Text,
    Boolean,
    Number,
    Date,
    /// A UTF-16 code unit as a number.
    Char,
    /// Base64.
    Bytes,
    /// A name in XML, a number in JSON.
    Enum(&'static Enumeration),
    Class(&'static Class),
    /// A class of `classes.txt`, by its name.
    Named(&'static str),
    /// A list of items or of key/value pairs, depending on its items.
    List,
    /// Read by the type the element states, or by its shape.
    Any,
}

/// A class whose members are known.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: &'static str,
    /// Names and forms, in the order of the serializer.
    pub(super) members: &'static [(&'static str, Form)],
}

impl Class {
    /// The form of a member. `expected` is its likely index; it becomes the index of the next member.
    pub(super) fn member(&self, name: &str, expected: &mut usize) -> Form {
        let at = match self.members.get(*expected) {
            Some((member, _)) if *member == name => *expected,
            _ => match self.members.iter().position(|(member, _)| *member == name) {
                Some(at) => at,
                None => return Form::Any,
            },
        };
        *expected = at + 1;
        self.members[at].1
    }
}
