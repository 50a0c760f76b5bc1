//! Types that serde's libraries fill: the facts and attributes of a change event, with strings borrowed where possible.
//!
//! Numbers become integers and floats, while our parser keeps their digits.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::checksum::{Checksum, FACTS};

/// The part of a change event that rivals read.
#[derive(Debug, Default)]
pub(super) struct Typed<'a> {
    facts: [Leaf<'a>; FACTS.len()],
    attributes: Vec<(Cow<'a, str>, Leaf<'a>)>,
}

/// A value of any kind.
#[derive(Debug, Default)]
pub(super) enum Leaf<'a> {
    #[default]
    Null,
    Flag(bool),
    Number(f64),
    Text(Cow<'a, str>),
    Many(Vec<Leaf<'a>>),
}

impl Typed<'_> {
    pub(super) fn checksum(&self, checksum: &mut Checksum) {
        for (fact, leaf) in FACTS.iter().zip(&self.facts) {
            leaf.checksum(fact.name(), checksum);
        }
        for (name, leaf) in &self.attributes {
            leaf.checksum(name, checksum);
        }
    }
}

impl Leaf<'_> {
    fn checksum(&self, name: &str, checksum: &mut Checksum) {
        match self {
            Self::Null => {}
            Self::Flag(flag) => checksum.flag(name, *flag),
            Self::Number(number) => checksum.number(name, *number),
            Self::Text(text) => checksum.text(name, text),
            Self::Many(leaves) => leaves.iter().for_each(|leaf| leaf.checksum(name, checksum)),
        }
    }
}

/// A string, borrowed unless it was escaped.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Leaf::deserialize(from)? {
            Leaf::Text(text) => Ok(Self(text)),
            _ => Err(serde::de::Error::custom("not a string")),
        }
    }
}

impl<'de> Deserialize<'de> for Leaf<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(LeafVisitor)
    }
}

struct LeafVisitor;

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Leaf::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Leaf::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Leaf::Number(number as f64))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Leaf::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Leaf::Number(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Leaf::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Leaf::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut leaves = Vec::new();
        while let Some(leaf) = items.next_element()? {
            leaves.push(leaf);
        }
        Ok(Leaf::Many(leaves))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut leaves = Vec::new();
        while let Some(Text(name)) = members.next_key()? {
            if name == "__type" {
                members.next_value::<IgnoredAny>()?;
            } else {
                leaves.push(members.next_value()?);
            }
        }
        Ok(Leaf::Many(leaves))
    }
}

/// Visitor that fills a default value from the members of an object.
struct Members<T>(PhantomData<T>);

/// Type that takes the values of some members and ignores the others.
trait Fill<'de>: Default {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error>;
}

impl<'de, T: Fill<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<T, A::Error> {
        let mut filled = T::default();
        while let Some(Text(name)) = members.next_key()? {
            filled.member(&name, &mut members)?;
        }
        Ok(filled)
    }
}

macro_rules! from_members {
    ($($type:ident),*) => {$(
        impl<'de> Deserialize<'de> for $type<'de> {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_map(Members(PhantomData))
            }
        }
    )*};
}

from_members!(Typed, Input, Entity, Pair);

impl<'de> Fill<'de> for Typed<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        if name == "InputParameters" {
            let inputs: Vec<Input<'de>> = members.next_value()?;
            self.attributes = inputs.into_iter().flat_map(|input| input.target.attributes).collect();
        } else if let Ok(at) = FACTS.binary_search_by(|fact| fact.name().cmp(name)) {
            self.facts[at] = members.next_value()?;
        } else {
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// An input parameter; only the target's attributes are read.
#[derive(Default)]
struct Input<'a> {
    is_target: bool,
    target: Entity<'a>,
}

impl<'de> Fill<'de> for Input<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "key" => self.is_target = members.next_value::<Text<'de>>()?.0 == "Target",
            "value" if self.is_target => self.target = members.next_value()?,
            _ => _ = members.next_value::<IgnoredAny>()?,
        }
        Ok(())
    }
}

#[derive(Default)]
struct Entity<'a> {
    attributes: Vec<(Cow<'a, str>, Leaf<'a>)>,
}

impl<'de> Fill<'de> for Entity<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        if name == "Attributes" {
            let pairs: Vec<Pair<'de>> = members.next_value()?;
            self.attributes = pairs.into_iter().map(|pair| (pair.key, pair.value)).collect();
        } else {
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Pair<'a> {
    key: Cow<'a, str>,
    value: Leaf<'a>,
}

impl<'de> Fill<'de> for Pair<'de> {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        match name {
            "key" => self.key = members.next_value::<Text<'de>>()?.0,
            "value" => self.value = members.next_value()?,
            _ => _ = members.next_value::<IgnoredAny>()?,
        }
        Ok(())
    }
}
