//! Addresses of nodes, in every spelling that an SDK uses.
//!
//! Owns the lookup of the node of an address. Does not own: authorization (`access`).
//!
//! # Source
//! Protocol reference 4.1, 5.3.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::amqp::condition;

use super::super::hub::Hub;
use super::super::refusal::Refusal;

/// Node of an address.
#[derive(Clone, Debug)]
pub(in crate::emulator) enum Node {
    /// `$cbs`, which takes tokens.
    Cbs,
    /// `$management`, which describes hubs.
    Management,
    /// A hub, for senders: an event goes to the partition of its key, or to the next in turn.
    Hub(Arc<Hub>),
    /// One partition, for senders.
    Partition(Arc<Hub>, u32),
    /// One partition as a consumer group sees it, for receivers.
    Reader {
        /// The hub.
        hub: Arc<Hub>,
        /// Name of the group, in lower case.
        group: String,
        /// The partition.
        partition: u32,
    },
}

impl Node {
    /// Finds the node of an address; `find_hub` finds a hub by its name.
    ///
    /// # Errors
    /// A refusal if the node does not exist.
    pub(in crate::emulator) fn find(
        address: &str,
        find_hub: impl FnOnce(&str) -> Option<Arc<Hub>>,
    ) -> Result<Self, Refusal> {
        let path = path_of(address);
        let parts: Vec<&str> = path.split('/').collect();
        let not_found = || {
            let text = format!("The messaging entity '{}' could not be found.", entity(address));
            Refusal::new(condition::NOT_FOUND, text)
        };
        match parts.as_slice() {
            ["$cbs"] => return Ok(Node::Cbs),
            ["$management"] => return Ok(Node::Management),
            _ => {}
        }
        let hub = find_hub(parts[0]).ok_or_else(not_found)?;
        match &parts[1..] {
            [] => Ok(Node::Hub(hub)),
            ["$management"] => Ok(Node::Management),
            ["partitions", id] => {
                let id = partition(id, hub.partition_count())?;
                Ok(Node::Partition(hub, id))
            }
            ["consumergroups", group, "partitions", id]
                if !group.is_empty() && hub.has_consumer_group(group) =>
            {
                let partition = partition(id, hub.partition_count())?;
                Ok(Node::Reader { hub, group: (*group).to_owned(), partition })
            }
            _ => Err(not_found()),
        }
    }
}

/// Returns the path of an address or audience in lower case, without scheme, authority and outer slashes.
pub(in crate::emulator) fn path_of(address: &str) -> String {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address,
    };
    percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().to_lowercase()
}

/// Returns an address as the service writes it in its texts.
fn entity(address: &str) -> String {
    match address.split_once("://") {
        Some((_, rest)) => format!("sb://{rest}"),
        None => format!("sb://localhost/{}", address.trim_start_matches('/')),
    }
}

/// Returns the number of a partition id; `None` for another spelling, such as `00`.
pub(in crate::emulator) fn partition_number(id: &str) -> Option<u32> {
    id.parse().ok().filter(|number: &u32| number.to_string() == id)
}

fn partition(id: &str, partitions: u32) -> Result<u32, Refusal> {
    partition_number(id).filter(|id| *id < partitions).ok_or_else(|| {
        let last = partitions - 1;
        let text = format!(
            "The specified partition is invalid for an EventHub partition sender or receiver. \
             It should be between 0 and {last}."
        );
        Refusal::new(condition::ARGUMENT_OUT_OF_RANGE, text)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::config::{Config, HubConfig};
    use super::*;

    /// Returns a text for the node of an address.
    fn find(address: &str) -> Result<String, &'static str> {
        let hub = |name: &str, groups| HubConfig {
            name: name.into(),
            partitions: Some(4),
            consumer_groups: groups,
        };
        let config = Config {
            hubs: vec![hub("Events", None), hub("other", Some(vec!["One".into()]))],
            ..Config::default()
        };
        let open = |hub| Arc::new(Hub::open(hub, &config, Arc::default(), None).unwrap());
        let hubs: Vec<_> = config.hubs.iter().map(open).collect();
        let found = Node::find(address, |name| hubs.iter().find(|hub| hub.is_named(name)).cloned());
        found.map_err(|refusal| refusal.condition).map(|node| match node {
            Node::Cbs => "cbs".into(),
            Node::Management => "management".into(),
            Node::Hub(hub) => hub.name.clone(),
            Node::Partition(hub, id) => format!("{} {id}", hub.name),
            Node::Reader { hub, group, partition } => format!("{} {group} {partition}", hub.name),
        })
    }

    #[track_caller]
    fn check(address: &str, expected: Result<&str, &str>) {
        assert_eq!((address, find(address).as_deref().map_err(|condition| *condition)), (address, expected));
    }

    #[test]
    fn finds_the_nodes_in_every_sdk_spelling() {
        check("events/ConsumerGroups/$Default/Partitions/2", Ok("Events $default 2"));
        check("/Events/consumergroups/$default/partitions/2", Ok("Events $default 2"));
        check(
            "amqps://127.0.0.1:5672/events/ConsumerGroups/%24Default/Partitions/2",
            Ok("Events $default 2"),
        );
        check("sb://localhost/events/Partitions/0", Ok("Events 0"));
        check("amqps://localhost/events", Ok("Events"));
        check("events/", Ok("Events"));
        check("OTHER/Partitions/3", Ok("other 3"));
        check("$cbs", Ok("cbs"));
        check("$management", Ok("management"));
        check("amqps://localhost/events/$management", Ok("management"));
    }

    #[test]
    fn refuses_unknown_nodes() {
        check("events/Partitions/4", Err(condition::ARGUMENT_OUT_OF_RANGE));
        check("events/Partitions/x", Err(condition::ARGUMENT_OUT_OF_RANGE));
        check("events/Partitions/00", Err(condition::ARGUMENT_OUT_OF_RANGE));
        check("events/Partitions/+1", Err(condition::ARGUMENT_OUT_OF_RANGE));
        check("third", Err(condition::NOT_FOUND));
        check("", Err(condition::NOT_FOUND));
        check("events/ConsumerGroups//Partitions/0", Err(condition::NOT_FOUND));
        check("amqps://localhost", Err(condition::NOT_FOUND));
    }

    #[test]
    fn a_list_of_consumer_groups_excludes_all_others_but_the_default() {
        check("other/ConsumerGroups/one/Partitions/0", Ok("other one 0"));
        check("other/ConsumerGroups/$Default/Partitions/0", Ok("other $default 0"));
        check("other/ConsumerGroups/two/Partitions/0", Err(condition::NOT_FOUND));
        check("events/ConsumerGroups/two/Partitions/0", Ok("Events two 0"));
    }
}
