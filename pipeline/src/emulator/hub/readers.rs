//! The readers of a partition: the limit of five, and owner levels that displace one another.
//!
//! Owns the rules and their texts. Does not own: links (`session`), which check for displacement when they are woken.
//!
//! # Source
//! Protocol reference 4.6.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::amqp::condition;

use super::super::limits::MAX_NAME_CHARS;
use super::super::refusal::Refusal;

/// Maximum number of readers without owner level, per partition and consumer group.
const MAX_READERS: usize = 5;

/// The readers of one partition, by consumer group.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Readers {
    groups: Mutex<HashMap<String, Vec<Arc<Reader>>>>,
}

/// One attached reader.
#[derive(Debug)]
pub(in crate::emulator) struct Reader {
    /// Name in its link properties, for error texts.
    name: Option<String>,
    /// Owner level; a reader with one is exclusive.
    level: Option<i64>,
    /// Reason for its end, once it has to detach.
    ended: OnceLock<Refusal>,
    waker: Arc<Notify>,
    /// A reader without a link leaves at this time.
    leaves_at: Option<Instant>,
}

impl Reader {
    /// Returns a reader that `waker` wakes.
    pub(in crate::emulator) fn new(name: Option<&str>, level: Option<i64>, waker: Arc<Notify>) -> Self {
        let name = name.map(|name| name.chars().take(MAX_NAME_CHARS).collect());
        Self { name, level, ended: OnceLock::new(), waker, leaves_at: None }
    }

    /// Returns the reason if the reader has to detach.
    pub(in crate::emulator) fn ended(&self) -> Option<&Refusal> {
        self.ended.get()
    }

    fn end(&self, refusal: Refusal) {
        if self.ended.set(refusal).is_ok() {
            self.waker.notify_one();
        }
    }

    fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or("nil")
    }
}

impl Readers {
    /// Adds a reader and ends those that it displaces.
    ///
    /// # Errors
    /// The service's refusal when other readers exclude it.
    pub(in crate::emulator) fn enter(&self, group: &str, reader: Reader) -> Result<Arc<Reader>, Refusal> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let present = groups.entry(group.to_owned()).or_default();
        present.retain(|reader| reader.leaves_at.is_none_or(|time| time > Instant::now()));
        match reader.level {
            Some(level) => displace(present, &reader, level)?,
            None => check_room(present)?,
        }
        let reader = Arc::new(reader);
        present.push(Arc::clone(&reader));
        Ok(reader)
    }

    /// Removes a reader.
    pub(in crate::emulator) fn leave(&self, group: &str, reader: &Arc<Reader>) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = groups.get_mut(group) {
            present.retain(|other| !Arc::ptr_eq(other, reader));
            if present.is_empty() {
                groups.remove(group);
            }
        }
    }

    /// Displaces the readers of a group by one with a higher level, which leaves after this time.
    pub(in crate::emulator) fn steal(&self, group: &str, held: Duration) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let present = groups.entry(group.to_owned()).or_default();
        let level = present.iter().filter_map(|reader| reader.level).max().map_or(0, |level| level + 1);
        let thief = Reader {
            leaves_at: Some(Instant::now() + held),
            ..Reader::new(Some("thief"), Some(level), Arc::default())
        };
        // No reader has a higher level.
        if displace(present, &thief, level).is_ok() && !held.is_zero() {
            present.push(Arc::new(thief));
        }
    }

    /// Ends every reader for the same reason.
    pub(in crate::emulator) fn end_all(&self, refusal: &Refusal) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, present) in groups.drain() {
            for reader in present {
                reader.end(refusal.clone());
            }
        }
    }
}

fn check_room(present: &[Arc<Reader>]) -> Result<(), Refusal> {
    if let Some(level) = present.iter().find_map(|reader| reader.level) {
        return Err(exclusive_refusal(level));
    }
    if present.len() < MAX_READERS {
        return Ok(());
    }
    let names: Vec<&str> = present.iter().map(|reader| reader.display_name()).collect();
    Err(Refusal::new(
        condition::RESOURCE_LIMIT,
        format!(
            "Exceeded the maximum number of allowed receivers per partition in a consumer group which is \
             {MAX_READERS}. List of connected receivers - {}.",
            names.join(", ")
        ),
    ))
}

fn displace(present: &mut Vec<Arc<Reader>>, reader: &Reader, level: i64) -> Result<(), Refusal> {
    let name = reader.display_name();
    let higher = present.iter().find_map(|other| Some((other, other.level.filter(|held| *held > level)?)));
    if let Some((other, held)) = higher {
        let other = other.display_name();
        return Err(Refusal::new(
            condition::STOLEN,
            format!(
                "Receiver '{other}' with a higher epoch '{held}' already exists. Receiver '{name}' with epoch \
                 {level} cannot be created. Make sure you are creating receiver with increasing epoch value to \
                 ensure connectivity, or ensure all old epoch receivers are closed or disconnected."
            ),
        ));
    }
    for other in present.drain(..) {
        let refusal = match other.level {
            None => exclusive_refusal(level),
            Some(held) => stolen_refusal(name, level, other.display_name(), held),
        };
        other.end(refusal);
    }
    Ok(())
}

fn exclusive_refusal(level: i64) -> Refusal {
    Refusal::new(
        condition::STOLEN,
        format!(
            "At least one receiver for the endpoint is created with epoch of '{level}', and so non-epoch receiver \
             is not allowed. Either reconnect with a higher epoch, or make sure all epoch receivers are closed or \
             disconnected."
        ),
    )
}

fn stolen_refusal(new: &str, level: i64, old: &str, held: i64) -> Refusal {
    Refusal::new(
        condition::STOLEN,
        format!(
            "New receiver '{new}' with higher epoch of '{level}' is created hence current receiver '{old}' with \
             epoch '{held}' is getting disconnected. If you are recreating the receiver, make sure a higher epoch \
             is used."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(readers: &Readers, name: &str, level: Option<i64>) -> Result<Arc<Reader>, Refusal> {
        readers.enter("$default", Reader::new(Some(name), level, Arc::default()))
    }

    #[track_caller]
    fn check(refusal: Option<&Refusal>, condition: &str, words: &[&str]) {
        let refusal = refusal.unwrap();
        assert_eq!(refusal.condition, condition);
        for word in words {
            assert!(refusal.text.contains(word), "{word} in {}", refusal.text);
        }
    }

    #[test]
    fn sixth_reader_is_refused_until_one_leaves() {
        let readers = Readers::default();
        let held: Vec<_> = (0..5).map(|n| enter(&readers, &format!("r{n}"), None).unwrap()).collect();
        let sixth = enter(&readers, "r5", None);
        check(sixth.as_ref().err(), condition::RESOURCE_LIMIT, &["which is 5", "r0, r1, r2, r3, r4"]);
        assert!(readers.enter("other", Reader::new(None, None, Arc::default())).is_ok());
        readers.leave("$default", &held[0]);
        assert!(enter(&readers, "r5", None).is_ok());
    }

    #[test]
    fn equal_or_higher_level_displaces_and_lower_level_is_refused() {
        let readers = Readers::default();
        let first = enter(&readers, "first", Some(0)).unwrap();
        let second = enter(&readers, "second", Some(0)).unwrap();
        let words =
            ["New receiver 'second' with higher epoch of '0'", "current receiver 'first' with epoch '0'"];
        check(first.ended(), condition::STOLEN, &words);
        let third = enter(&readers, "third", Some(7)).unwrap();
        assert!(second.ended().is_some());
        let lower = enter(&readers, "late", Some(6));
        let words = ["Receiver 'third' with a higher epoch '7' already exists", "'late' with epoch 6 cannot"];
        check(lower.as_ref().err(), condition::STOLEN, &words);
        assert_eq!(third.ended(), None);
    }

    #[test]
    fn readers_with_and_without_level_exclude_each_other() {
        let readers = Readers::default();
        let plain = enter(&readers, "plain", None).unwrap();
        let owner = enter(&readers, "owner", Some(3)).unwrap();
        check(plain.ended(), condition::STOLEN, &["At least one receiver", "epoch of '3'"]);
        let late = enter(&readers, "late", None);
        check(late.as_ref().err(), condition::STOLEN, &["At least one receiver", "epoch of '3'"]);
        readers.leave("$default", &owner);
        assert!(enter(&readers, "late", None).is_ok());
    }
}
