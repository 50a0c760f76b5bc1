//! From XML elements to the tree that the same event has in JSON.
//!
//! Owns: objects, lists, pairs and simple values by their form, or by their shape without a known form. Does not own:
//! the form of each member, item and type (`contract`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::contract;
use super::elements::{Elements, Place};
use super::enums::Enumeration;
use super::form::{Class, Form};
use super::names::Namespace;
use super::values;
use crate::event::tree::{Kind, NodeId, TreeBuilder};
use crate::parse::keys::Keys;

/// Elements of one text, and the tree that is written from them.
pub(super) struct Walk<'w> {
    pub(super) elements: &'w Elements,
    pub(super) text: &'w str,
    pub(super) tree: &'w mut TreeBuilder,
    pub(super) keys: &'w mut Keys,
    pub(super) scratch: &'w mut Scratch,
    /// Lone surrogates were replaced.
    pub(super) repaired: bool,
}

/// Buffers for values that JSON writes in another form than XML.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    text: String,
    bytes: Vec<u8>,
}

/// Type name of an object.
#[derive(Clone, Copy)]
enum TypeName<'n> {
    None,
    At(Place),
    Named(&'n str),
}

/// Treatment of a list's items that are objects: they get type names where nothing else identifies their class.
#[derive(Clone, Copy, PartialEq)]
enum Items {
    Plain,
    Typed,
}

impl<'w> Walk<'w> {
    /// Opens the root object.
    pub(super) fn open_root(&mut self) -> NodeId {
        let stated = self.elements.at(0).stated;
        self.open_object(stated.map_or(TypeName::None, |(_, name)| TypeName::At(name)))
    }

    /// The name of a member of the root object in JSON; empty for one outside the SDK's namespaces.
    pub(super) fn name_in_root(&self, member: usize) -> &'w str {
        let element = self.elements.at(member);
        if element.namespace == Namespace::Sdk { self.name_of(member) } else { "" }
    }

    /// True for a null. An element with `nil` and content is read as its content.
    pub(super) fn is_null(&self, at: usize) -> bool {
        self.elements.at(at).nil && self.elements.is_leaf(at) && self.elements.at(at).text.len == 0
    }

    /// Writes a member of an object, name and value. Returns the value's node.
    pub(super) fn member(&mut self, at: usize, class: Option<&Class>, expected: &mut usize) -> NodeId {
        let element = self.elements.at(at);
        if element.namespace != Namespace::Sdk && class.is_some() {
            // Clark notation, so that it cannot be confused with a member of the class.
            let (uri, name) = (self.elements.uri(element), self.name_of(at));
            self.scratch.text.clear();
            self.scratch.text.extend(["{", uri, "}", name]);
            self.tree.push_copied(Kind::Name, &self.scratch.text);
            return self.value(at, Form::Any);
        }
        self.write(Kind::Name, element.name);
        let name = self.name_of(at);
        let form = match class {
            Some(class) => class.member(name, expected),
            None if element.namespace == Namespace::Sdk => contract::form_of_unknown(name),
            None => Form::Any,
        };
        self.value(at, form)
    }

    fn value(&mut self, at: usize, form: Form) -> NodeId {
        if self.is_null(at) {
            return self.tree.push_literal(Kind::Null);
        }
        match self.elements.at(at).stated {
            Some((namespace, name)) => self.stated(at, namespace, name),
            None => self.formed(at, form, TypeName::None, Items::Plain),
        }
    }

    /// Writes an element that states its type.
    fn stated(&mut self, at: usize, namespace: Namespace, name: Place) -> NodeId {
        let stated = self.elements.text(name, self.text);
        match contract::form_of_type(namespace, stated) {
            Some(form) => self.formed(at, form, TypeName::At(name), Items::Typed),
            None if self.is_text(at) => self.whole_text(at),
            None if self.is_list(at) => self.list(at, Items::Typed),
            None => self.object(at, TypeName::At(name), None),
        }
    }

    fn formed(&mut self, at: usize, form: Form, type_name: TypeName<'_>, items: Items) -> NodeId {
        match form {
            Form::Named(name) => match contract::class_of(name) {
                Some(class) => self.formed(at, Form::Class(class), type_name, items),
                None => self.shaped(at, items),
            },
            Form::Class(class) if !self.is_text(at) => self.object(at, type_name, Some(class)),
            Form::List if !self.is_text(at) => self.list(at, items),
            Form::Any | Form::Class(_) | Form::List => self.shaped(at, items),
            _ if !self.elements.is_leaf(at) => self.shaped(at, items),
            Form::Text => self.whole_text(at),
            Form::Number => self.number(at),
            Form::Boolean => self.boolean(at),
            Form::Date => self.date(at),
            Form::Char => self.character(at),
            Form::Bytes => self.bytes(at),
            Form::Enum(enumeration) => self.enum_number(at, enumeration),
        }
    }

    /// Writes an element of unknown form.
    fn shaped(&mut self, at: usize, items: Items) -> NodeId {
        if self.elements.is_leaf(at) {
            self.whole_text(at)
        } else if self.is_list(at) {
            self.list(at, items)
        } else {
            self.object(at, TypeName::None, None)
        }
    }

    fn object(&mut self, at: usize, type_name: TypeName<'_>, class: Option<&Class>) -> NodeId {
        let elements = self.elements;
        let object = self.open_object(type_name);
        let mut expected = 0;
        for member in elements.children(at) {
            self.member(member, class, &mut expected);
        }
        self.tree.close(object);
        object
    }

    fn open_object(&mut self, type_name: TypeName<'_>) -> NodeId {
        let object = self.tree.open(Kind::Object, "");
        match type_name {
            TypeName::None => {}
            TypeName::At(place) if !place.decoded => {
                self.tree.set_type_in_body(object, place.start as usize, place.len as usize);
            }
            TypeName::At(place) => self.tree.set_type_copied(object, self.elements.text(place, self.text)),
            TypeName::Named(name) => self.tree.set_type_copied(object, name),
        }
        object
    }

    fn list(&mut self, at: usize, items: Items) -> NodeId {
        if self.is_pairs(at) {
            return self.pairs(at);
        }
        let elements = self.elements;
        let list = self.tree.open(Kind::List, "");
        for item in elements.children(at) {
            if let Some(pair) = self.pair(item) {
                self.pair_object(pair, items);
            } else {
                self.item(item, items);
            }
        }
        self.tree.close(list);
        list
    }

    fn item(&mut self, at: usize, items: Items) {
        let element = self.elements.at(at);
        let form = contract::form_of_item(element.namespace, self.name_of(at));
        match form {
            Form::Class(class) if items == Items::Typed && element.stated.is_none() && !self.is_null(at) => {
                self.formed(at, form, TypeName::Named(class.name), Items::Plain);
            }
            _ => {
                self.value(at, form);
            }
        }
    }

    fn pairs(&mut self, at: usize) -> NodeId {
        let elements = self.elements;
        let pairs = self.tree.open(Kind::Pairs, "");
        for item in elements.children(at) {
            if let Some(pair) = self.pair(item) {
                self.write(Kind::Name, elements.at(pair.key).text);
                self.value(pair.value, pair.forms.1);
            }
        }
        self.tree.close(pairs);
        pairs
    }

    /// Writes a pair as an object, in a list whose keys are not distinct texts.
    fn pair_object(&mut self, pair: Pair, items: Items) {
        // JSON has one kind of pair.
        let types = contract::types_of_pair(self.name_of(pair.at));
        self.scratch.text.clear();
        self.scratch.text.extend(["KeyValuePairOf", types.unwrap_or_default()]);
        let object =
            self.tree.open(Kind::Object, if items == Items::Typed { &self.scratch.text } else { "" });
        self.tree.push_copied(Kind::Name, "key");
        self.value(pair.key, pair.forms.0);
        self.tree.push_copied(Kind::Name, "value");
        self.value(pair.value, pair.forms.1);
        self.tree.close(object);
    }

    /// True for a list of pairs with distinct texts as keys.
    fn is_pairs(&mut self, at: usize) -> bool {
        let (elements, text) = (self.elements, self.text);
        self.keys.clear();
        for item in elements.children(at) {
            let Some(pair) = self.pair(item) else { return false };
            if !elements.is_leaf(pair.key) || self.is_null(pair.key) {
                return false;
            }
            self.keys.push(pair.key);
        }
        !elements.is_leaf(at)
            && self.keys.are_distinct(|key| elements.text(elements.at(key).text, text).as_bytes())
    }

    fn pair(&self, at: usize) -> Option<Pair> {
        let forms = contract::forms_of_pair(self.name_of(at))?;
        let (mut key, mut value) = (None, None);
        for part in self.elements.children(at) {
            let part_of = match (self.elements.at(part).namespace, self.name_of(part)) {
                (Namespace::Generic, "key") | (Namespace::Arrays, "Key") => &mut key,
                (Namespace::Generic, "value") | (Namespace::Arrays, "Value") => &mut value,
                _ => return None,
            };
            if part_of.replace(part).is_some() {
                return None;
            }
        }
        Some(Pair { at, key: key?, value: value?, forms })
    }

    /// True if the children look like items: several of one name, pairs, items of an array, or, without a stated type,
    /// one object of a known class.
    fn is_list(&self, at: usize) -> bool {
        let mut children = self.elements.children(at);
        let Some(first) = children.next() else { return false };
        let (namespace, name) = (self.elements.at(first).namespace, self.name_of(first));
        if !children.all(|child| self.name_of(child) == name) {
            return false;
        }
        let is_only_child = self.elements.children(at).nth(1).is_none();
        !is_only_child
            || namespace == Namespace::Arrays
            || contract::forms_of_pair(name).is_some()
            || self.elements.at(at).stated.is_none()
                && matches!(contract::form_of_item(namespace, name), Form::Class(_))
    }

    /// True for a leaf with text: neither an object nor a list.
    fn is_text(&self, at: usize) -> bool {
        self.elements.is_leaf(at) && !self.trimmed(at).is_empty()
    }

    fn whole_text(&mut self, at: usize) -> NodeId {
        self.write(Kind::Text, self.elements.at(at).text)
    }

    /// Writes a number with its digits as they are. `INF` and `NaN` are numbers too.
    fn number(&mut self, at: usize) -> NodeId {
        match self.trimmed(at) {
            "" => self.whole_text(at),
            _ => self.write_trimmed(Kind::Number, at),
        }
    }

    fn boolean(&mut self, at: usize) -> NodeId {
        match self.trimmed(at) {
            "true" | "1" => self.tree.push_literal(Kind::True),
            "false" | "0" => self.tree.push_literal(Kind::False),
            _ => self.whole_text(at),
        }
    }

    fn date(&mut self, at: usize) -> NodeId {
        let date = self.trimmed(at);
        if date.is_empty() {
            return self.whole_text(at);
        }
        if values::json_date(date, &mut self.scratch.text) {
            return self.tree.push_copied(Kind::Text, &self.scratch.text);
        }
        self.write_trimmed(Kind::IsoDate, at)
    }

    fn character(&mut self, at: usize) -> NodeId {
        let Some(character) = values::character(self.trimmed(at)) else { return self.whole_text(at) };
        self.repaired |= character == char::REPLACEMENT_CHARACTER;
        self.tree.push_copied(Kind::Text, character.encode_utf8(&mut [0; 4]))
    }

    /// Writes Base64 as a list of numbers, as JSON has it.
    fn bytes(&mut self, at: usize) -> NodeId {
        let elements = self.elements;
        let Scratch { text, bytes } = &mut *self.scratch;
        text.clear();
        text.extend(elements.text(elements.at(at).text, self.text).split_ascii_whitespace());
        bytes.clear();
        if STANDARD.decode_vec(text.as_str(), bytes).is_err() {
            return self.whole_text(at);
        }
        let list = self.tree.open(Kind::List, "");
        let mut written: [Option<NodeId>; 256] = [None; 256];
        for byte in bytes {
            let earlier = &mut written[usize::from(*byte)];
            if let Some(earlier) = earlier {
                self.tree.push_repeated(Kind::Number, *earlier);
            } else {
                values::digits(usize::from(*byte), text);
                *earlier = Some(self.tree.push_copied(Kind::Number, text));
            }
        }
        self.tree.close(list);
        list
    }

    fn enum_number(&mut self, at: usize, enumeration: &Enumeration) -> NodeId {
        match enumeration.number(self.trimmed(at)) {
            Some(number) => {
                values::digits(number as usize, &mut self.scratch.text);
                self.tree.push_copied(Kind::Number, &self.scratch.text)
            }
            None => self.whole_text(at),
        }
    }

    fn trimmed(&self, at: usize) -> &'w str {
        self.elements.text(self.elements.at(at).text, self.text).trim_ascii()
    }

    fn name_of(&self, at: usize) -> &'w str {
        self.elements.text(self.elements.at(at).name, self.text)
    }

    fn write(&mut self, kind: Kind, place: Place) -> NodeId {
        if place.decoded {
            self.tree.push_copied(kind, self.elements.text(place, self.text))
        } else {
            self.tree.push_in_body(kind, place.start as usize, place.len as usize)
        }
    }

    /// Writes an element's text without surrounding white space.
    fn write_trimmed(&mut self, kind: Kind, at: usize) -> NodeId {
        let place = self.elements.at(at).text;
        let text = self.elements.text(place, self.text);
        let space_before = text.len() - text.trim_ascii_start().len();
        let len = text.trim_ascii().len() as u32;
        self.write(kind, Place { start: place.start + space_before as u32, len, ..place })
    }
}

/// An element with a key and a value.
#[derive(Clone, Copy)]
struct Pair {
    at: usize,
    key: usize,
    value: usize,
    forms: (Form, Form),
}
