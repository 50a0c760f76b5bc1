//! Classes of the SDK that events carry seldom, read from `classes.txt`.
//!
//! Owns: reading that table, once. Does not own: classes that every event has (`contract`).

use std::collections::HashMap;
use std::sync::LazyLock;

use super::contract::{Class, Form};
use super::enums;

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
    let class = |(name, members): (&'static str, Vec<_>)| (name, Class::new(name, members.leak()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::xml::contract::class_of;

    #[test]
    fn every_member_of_the_table_has_a_form() {
        let table = include_str!("classes.txt");
        let stated: usize = table
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit(':').next().unwrap_or_default())
            .map(|members| members.split(',').filter(|member| !member.trim().is_empty()).count())
            .sum();
        let read: usize = CLASSES.values().map(|class| class.members().len()).sum();
        assert_eq!((CLASSES.len(), read), (263, stated));
        for class in CLASSES.values() {
            for (member, form) in class.members() {
                let Form::Named(name) = form else { continue };
                assert!(
                    class_of(name).is_some(),
                    "{}.{member} is of a class {name} that is not there",
                    class.name
                );
            }
        }
    }

    #[test]
    fn requests_that_are_not_in_the_table_have_the_members_of_their_base() {
        assert_eq!(of("UpsertRequest").map(|class| class.name), Some("OrganizationRequest"));
        assert_eq!(of("AppointmentRequest").map(|class| class.name), Some("AppointmentRequest"));
        assert!(of("NotThere").is_none());
    }
}
