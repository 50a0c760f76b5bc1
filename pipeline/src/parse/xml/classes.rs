//! Rare classes of the SDK, from `classes.txt`.
//!
//! Owns: reading that table, once. Does not own: the classes of usual events (`contract`).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::enums;
use super::form::{Class, Form};

/// The class of a contract name. A request or a response that is not in the table has the members of its base class.
pub(super) fn class_of(name: &str) -> Option<&'static Class> {
    let base = || {
        let bases = ["OrganizationRequest", "OrganizationResponse"];
        let base = bases.into_iter().find(|base| name.ends_with(&base["Organization".len()..]))?;
        CLASSES.get(base)
    };
    CLASSES.get(name).or_else(base)
}

static CLASSES: LazyLock<HashMap<&'static str, Class>> = LazyLock::new(|| read(include_str!("classes.txt")));

fn read(table: &'static str) -> HashMap<&'static str, Class> {
    let mut classes: HashMap<&'static str, Vec<(&'static str, Form)>> = HashMap::new();
    let mut name = "";
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let members = match line.split_once(':') {
            Some((class, members)) => {
                name = class;
                members
            }
            None => line,
        };
        classes.entry(name).or_default().extend(members.split(',').filter_map(member));
    }
    // Leaked once: the table lives as long as the process.
    let class = |(name, members): (&'static str, Vec<_>)| (name, Class { name, members: members.leak() });
    classes.into_iter().map(class).collect()
}

/// A member and its form; `None` for the empty rest of a line.
fn member(text: &'static str) -> Option<(&'static str, Form)> {
    let mut words = text.split_whitespace();
    let (name, kind) = (words.next()?, words.next()?);
    let form = match kind {
        "text" => Form::Text,
        "boolean" => Form::Boolean,
        "number" => Form::Number,
        "date" => Form::Date,
        "bytes" => Form::Bytes,
        "list" => Form::List,
        "enum" => Form::Enum(enums::enumeration(words.next()?)?),
        "class" => Form::Named(words.next()?),
        _ => Form::Any,
    };
    Some((name, form))
}

/// Members of the table that are classes: class, member, and the name of the member's class.
#[cfg(test)]
pub(super) fn named_classes() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    CLASSES.values().flat_map(|class| {
        class.members.iter().filter_map(|(member, form)| match form {
            Form::Named(name) => Some((class.name, *member, *name)),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_member_has_a_form() {
        let table = include_str!("classes.txt");
        let stated: usize = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit(':').next().unwrap_or_default())
            .map(|members| members.split(',').filter(|member| !member.trim().is_empty()).count())
            .sum();
        let read: usize = CLASSES.values().map(|class| class.members.len()).sum();
        assert_eq!((CLASSES.len(), read), (263, stated));
    }

    #[test]
    fn unlisted_request_has_the_members_of_its_base_class() {
        assert_eq!(class_of("UpsertRequest").map(|class| class.name), Some("OrganizationRequest"));
        assert_eq!(class_of("AppointmentRequest").map(|class| class.name), Some("AppointmentRequest"));
        assert!(class_of("NotThere").is_none());
    }
}
