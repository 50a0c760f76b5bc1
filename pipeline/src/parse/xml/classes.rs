//! Classes of the SDK that events carry seldom, read from `classes.txt`.
//!
//! Owns: reading that table, once. Does not own: classes that every event has (`contract`).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::enums;
use super::form::{Class, Form};

/// The class of this contract name. A request or a response that the table does not have has the members of its base.
pub(super) fn of(name: &str) -> Option<&'static Class> {
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
    // They are there as long as the program.
    let class = |(name, members): (&'static str, Vec<_>)| (name, Class { name, members: members.leak() });
    classes.into_iter().map(class).collect()
}

/// A member and its form; none for the end of a line.
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
        "enum" => Form::Enum(enums::of(words.next()?)?),
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
    fn every_member_of_the_table_has_a_form() {
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
    fn requests_that_are_not_in_the_table_have_the_members_of_their_base() {
        assert_eq!(of("UpsertRequest").map(|class| class.name), Some("OrganizationRequest"));
        assert_eq!(of("AppointmentRequest").map(|class| class.name), Some("AppointmentRequest"));
        assert!(of("NotThere").is_none());
    }
}
