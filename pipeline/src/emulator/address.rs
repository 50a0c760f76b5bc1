//! Addresses of nodes, in every spelling that an SDK uses.
//!
//! Owns the lookup of the node of an address. Does not own: authorization (`access`).
//!
//! # Source
//! Protocol reference 4.1, 5.3.

use percent_encoding::percent_decode_str;

use crate::amqp::condition;

use super::refusal::Refusal;

/// Node of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// `$cbs`, which takes tokens.
    Cbs,
    /// `$management`, which describes the hub.
    Management,
    /// The hub, for senders: an event goes to the partition of its key, or to the next in turn.
    Hub,
    /// One partition, for senders.
    Partition(u32),
    /// One partition as a consumer group sees it, for receivers.
    Reader {
        /// Name of the group, in lower case.
        group: String,
        /// The partition.
        partition: u32,
    },
}

impl Node {
    /// Finds the node of an address in a hub with this name and number of partitions.
    ///
    /// # Errors
    /// A refusal if the node does not exist.
    pub(super) fn find(address: &str, event_hub: &str, partitions: u32) -> Result<Self, Refusal> {
        let path = path_of(address);
        let not_found = || {
            let text = format!("The messaging entity '{path}' could not be found.");
            Refusal::new(condition::NOT_FOUND, text)
        };
        let parts: Vec<&str> = path.split('/').collect();
        let event_hub = event_hub.to_lowercase();
        match parts.as_slice() {
            ["$cbs"] => Ok(Node::Cbs),
            ["$management"] => Ok(Node::Management),
            [hub, "$management"] if *hub == event_hub => Ok(Node::Management),
            [hub] if *hub == event_hub => Ok(Node::Hub),
            [hub, "partitions", id] if *hub == event_hub => Ok(Node::Partition(partition(id, partitions)?)),
            [hub, "consumergroups", group, "partitions", id] if *hub == event_hub && !group.is_empty() => {
                Ok(Node::Reader { group: (*group).to_owned(), partition: partition(id, partitions)? })
            }
            _ => Err(not_found()),
        }
    }
}

/// Returns the path of an address or audience in lower case, without scheme, authority and outer slashes.
pub(super) fn path_of(address: &str) -> String {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
        None => address,
    };
    percent_decode_str(path.trim_matches('/')).decode_utf8_lossy().to_lowercase()
}

fn partition(id: &str, partitions: u32) -> Result<u32, Refusal> {
    id.parse().ok().filter(|id| *id < partitions).ok_or_else(|| {
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
    use super::*;

    #[track_caller]
    fn check(address: &str, expected: Result<Node, &str>) {
        let found = Node::find(address, "Events", 4);
        assert_eq!((address, found.map_err(|refusal| refusal.condition)), (address, expected));
    }

    #[test]
    fn finds_the_nodes_in_every_sdk_spelling() {
        let reader = || Ok(Node::Reader { group: "$default".into(), partition: 2 });
        check("events/ConsumerGroups/$Default/Partitions/2", reader());
        check("/Events/consumergroups/$default/partitions/2", reader());
        check("amqps://127.0.0.1:5672/events/ConsumerGroups/%24Default/Partitions/2", reader());
        check("sb://localhost/events/Partitions/0", Ok(Node::Partition(0)));
        check("amqps://localhost/events", Ok(Node::Hub));
        check("events/", Ok(Node::Hub));
        check("$cbs", Ok(Node::Cbs));
        check("$management", Ok(Node::Management));
        check("amqps://localhost/events/$management", Ok(Node::Management));
    }

    #[test]
    fn refuses_unknown_nodes() {
        check("events/Partitions/4", Err(condition::ARGUMENT_OUT_OF_RANGE));
        check("events/Partitions/x", Err(condition::ARGUMENT_OUT_OF_RANGE));
        check("other", Err(condition::NOT_FOUND));
        check("", Err(condition::NOT_FOUND));
        check("events/ConsumerGroups//Partitions/0", Err(condition::NOT_FOUND));
        check("amqps://localhost", Err(condition::NOT_FOUND));
    }
}
