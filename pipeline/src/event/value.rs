//! The value of an attribute, by its form.
//!
//! Owns: the value forms of the serializer, read from the tree. Does not own: the forms that fit a column (`columns`).
//! `docs/VALUE_TYPES.md` has the steps to add one.
//!
//! # Source
//! Schema reference, section 2.3.

use super::names::is_same;
use super::scalars::{Guid, Number, NumberLiteral, guid, number};
use super::tree::{Kind, NodeId, Tree};

/// An attribute's value, by its form. Every form has a column type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(NumberLiteral<'a>),
    /// `Money` whose digits all fit a decimal column.
    Money(Number),
    /// `OptionSetValue`.
    Choice(i32),
    /// A list of `OptionSetValue`: see [`choices`].
    Choices,
    /// A string: text, a GUID or a date. UTF-8, as the body is.
    Text(&'a [u8]),
    /// A date finer than a millisecond, as ISO 8601.
    IsoDate(&'a [u8]),
    /// `EntityReference`.
    Reference(Reference),
    /// `EntityCollection` or `Entity[]` of `activityparty`: see [`parties`].
    Parties,
    /// A list of numbers from 0 to 255: see [`bytes()`].
    Bytes,
}

/// The nodes of the parts of a record or reference; of parts with one name the first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts {
    /// `Id`.
    pub id: Option<NodeId>,
    /// `LogicalName`.
    pub logical_name: Option<NodeId>,
    /// `Attributes`.
    pub attributes: Option<NodeId>,
    /// `FormattedValues`.
    pub formatted_values: Option<NodeId>,
}

/// The nodes of the parts of an `EntityReference`; null and absent parts are `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `Id`, if it is a GUID.
    pub id: Option<(NodeId, Guid)>,
    /// `LogicalName`.
    pub logical_name: Option<NodeId>,
    /// `Name`.
    pub name: Option<NodeId>,
}

impl<'a> Value<'a> {
    /// Reads a node; `None` if no column could hold its form.
    pub fn read(tree: Tree<'a>, node: NodeId) -> Option<Self> {
        match tree.kind(node) {
            Kind::False => Some(Self::Boolean(false)),
            Kind::True => Some(Self::Boolean(true)),
            Kind::Number => Some(Self::Number(NumberLiteral::read(tree.bytes(node)))),
            Kind::Text => Some(Self::Text(tree.bytes(node))),
            Kind::IsoDate => Some(Self::IsoDate(tree.bytes(node))),
            Kind::Object => match tree.bytes(node) {
                b"OptionSetValue" => option(tree, node).map(Self::Choice),
                b"Money" => inner_number(tree, node).map(Self::Money),
                b"EntityReference" => Some(Self::Reference(Reference::read(tree, node))),
                b"EntityCollection" => parties(tree, node).map(|_| Self::Parties),
                _ => None,
            },
            Kind::List => Self::list(tree, node),
            Kind::Null | Kind::Name | Kind::Pairs => None,
        }
    }

    fn list(tree: Tree<'a>, node: NodeId) -> Option<Self> {
        let first = tree.items(node).next()?;
        match (tree.kind(first), tree.text(first)) {
            (Kind::Number, _) => bytes(tree, node).all(|byte| byte.is_some()).then_some(Self::Bytes),
            (Kind::Object, "OptionSetValue") => {
                choices(tree, node).all(|choice| choice.is_some()).then_some(Self::Choices)
            }
            (Kind::Object, "Entity") => parties(tree, node).map(|_| Self::Parties),
            _ => None,
        }
    }
}

impl Parts {
    /// Finds the parts of an object in one pass; none in another node.
    pub fn of(tree: Tree<'_>, node: NodeId) -> Self {
        let mut parts = Self::default();
        for (name, value) in tree.members(node) {
            let part = match tree.bytes(name) {
                b"Id" => &mut parts.id,
                b"LogicalName" => &mut parts.logical_name,
                b"Attributes" => &mut parts.attributes,
                b"FormattedValues" => &mut parts.formatted_values,
                _ => continue,
            };
            part.get_or_insert(value);
        }
        parts
    }
}

impl Reference {
    /// The parts of an object that is a reference.
    pub fn read(tree: Tree<'_>, node: NodeId) -> Self {
        let mut reference = Self { id: None, logical_name: None, name: None };
        for (key, value) in tree.members(node).filter(|(_, value)| tree.kind(*value) == Kind::Text) {
            match tree.bytes(key) {
                b"Id" if reference.id.is_none() => {
                    reference.id = guid(tree.bytes(value)).map(|guid| (value, guid));
                }
                b"LogicalName" if reference.logical_name.is_none() => reference.logical_name = Some(value),
                b"Name" if reference.name.is_none() => reference.name = Some(value),
                _ => {}
            }
        }
        reference
    }
}

/// True if a node is null, an empty list or an empty object.
pub fn is_empty(tree: Tree<'_>, node: NodeId) -> bool {
    match tree.kind(node) {
        Kind::Null => true,
        Kind::List | Kind::Pairs | Kind::Object => tree.end(node).index() == node.index() + 1,
        _ => false,
    }
}

/// True if an object is a record: an `Entity`, stated or by its shape.
pub fn is_record(tree: Tree<'_>, node: NodeId) -> bool {
    tree.kind(node) == Kind::Object
        && match tree.bytes(node) {
            b"Entity" => true,
            b"" => tree.member(node, "Attributes").is_some(),
            _ => false,
        }
}

/// True if an object is an `EntityReference`, stated or by its shape.
pub fn is_reference(tree: Tree<'_>, node: NodeId) -> bool {
    tree.kind(node) == Kind::Object
        && match tree.bytes(node) {
            b"EntityReference" => true,
            b"" => tree.member(node, "LogicalName").is_some() && !is_record(tree, node),
            _ => false,
        }
}

/// The items of a list as choices; `None` for an item that is something else or has further members.
pub fn choices(tree: Tree<'_>, list: NodeId) -> impl Iterator<Item = Option<i32>> {
    tree.items(list).map(move |item| {
        let stated = tree.kind(item) == Kind::Object && tree.text(item) == "OptionSetValue";
        let alone = tree.members(item).filter(|(_, value)| tree.has_leaf(*value)).count() == 1;
        if stated && alone { option(tree, item) } else { None }
    })
}

/// The items of a list as bytes; `None` for an item that is something else.
pub fn bytes(tree: Tree<'_>, list: NodeId) -> impl Iterator<Item = Option<u8>> {
    tree.items(list).map(move |item| match (tree.kind(item), tree.text(item)) {
        (Kind::Number, text) if text.len() <= 3 && !text.starts_with('+') => text.parse().ok(),
        _ => None,
    })
}

/// The list whose items are the parties of an `EntityCollection` or `Entity[]`; `None` if it is empty or any of
/// them is not an `activityparty`.
pub fn parties(tree: Tree<'_>, node: NodeId) -> Option<NodeId> {
    let (list, stated) = match tree.kind(node) {
        Kind::List => (node, ""),
        _ => (tree.member(node, "Entities")?, member_text(tree, node, "EntityName")),
    };
    let is_party = |item: NodeId| {
        let name = tree.member(item, "LogicalName").filter(|name| !is_empty(tree, *name));
        let name = name.map_or(stated, |name| tree.text(name));
        tree.kind(item) == Kind::Object && name == PARTY
    };
    let filled = tree.items(list).next().is_some();
    (filled && tree.items(list).all(is_party)).then_some(list)
}

/// The table whose rows are the parties of an activity.
pub const PARTY: &str = "activityparty";

/// True if two nodes are equal: numbers by value, members in any order, null and empty members left out.
pub fn same(tree: Tree<'_>, one: NodeId, other: NodeId) -> bool {
    match (tree.kind(one), tree.kind(other)) {
        (Kind::Number, Kind::Number) => {
            let (one, other) = (tree.bytes(one), tree.bytes(other));
            one == other || number(one).is_some_and(|value| number(other) == Some(value))
        }
        (Kind::Text, Kind::Text) | (Kind::IsoDate, Kind::IsoDate) => {
            is_same(tree.bytes(one), tree.bytes(other))
        }
        (Kind::List, Kind::List) => {
            tree.items(one).count() == tree.items(other).count()
                && tree.items(one).zip(tree.items(other)).all(|(one, other)| same(tree, one, other))
        }
        (Kind::Object | Kind::Pairs, Kind::Object | Kind::Pairs) => same_members(tree, one, other),
        (one_kind, other_kind) => one_kind == other_kind || is_empty(tree, one) && is_empty(tree, other),
    }
}

fn same_members(tree: Tree<'_>, one: NodeId, other: NodeId) -> bool {
    /// Upper bound on members in another order. Events repeat one order; looking up each member takes quadratic time.
    const MAX_IN_DISORDER: usize = 256;
    let filled = |node| tree.members(node).filter(move |(_, value)| !is_empty(tree, *value));
    let same_name = |one: NodeId, other: NodeId| is_same(tree.bytes(one), tree.bytes(other));
    let count = filled(one).count();
    if filled(other).count() != count {
        return false;
    }
    let mut side_by_side = filled(one).zip(filled(other));
    if side_by_side.all(|((one, value), (other, there))| same_name(one, other) && same(tree, value, there)) {
        return true;
    }
    // A duplicate name has no single value to compare with.
    let alone = |node, name| filled(node).filter(|(other, _)| same_name(name, *other)).count() == 1;
    count <= MAX_IN_DISORDER
        && filled(one).all(|(name, value)| {
            let there = filled(other).find(|(other, _)| same_name(name, *other));
            alone(one, name) && there.is_some_and(|(_, there)| same(tree, value, there))
        })
}

fn option(tree: Tree<'_>, node: NodeId) -> Option<i32> {
    inner_number(tree, node)?.int32()
}

fn inner_number(tree: Tree<'_>, node: NodeId) -> Option<Number> {
    let value = tree.member(node, "Value").filter(|value| tree.kind(*value) == Kind::Number)?;
    number(tree.bytes(value))
}

fn member_text<'a>(tree: Tree<'a>, node: NodeId, name: &str) -> &'a str {
    let value = tree.member(node, name).filter(|value| tree.kind(*value) == Kind::Text);
    value.map_or("", |value| tree.text(value))
}
