//! The two nodes that answer requests: `$cbs` takes tokens, `$management` describes the hubs.
//!
//! Owns the messages of requests and replies. Does not own: their links (`session`).
//!
//! # Source
//! Protocol reference 2.2, 3.

use std::sync::atomic::Ordering;

use crate::amqp::codec::{self, Value};
use crate::amqp::condition;
use crate::amqp::encode::{Encoder, encode_to_vec};
use crate::amqp::sections::{Message, Sections, code, lookup};

use super::super::access::Grants;
use super::super::access::address::{partition_number, path_of};
use super::super::access::jwt;
use super::super::hub::Hub;
use super::super::limits::{MAX_ADDRESS_BYTES, MAX_TOKENS};
use super::super::namespace::Namespace;

/// Token type of shared access signatures.
const SAS_TOKEN: &str = "servicebus.windows.net:sastoken";
/// Token type of Microsoft Entra.
const JWT: &str = "jwt";

/// A node that answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestNode {
    Cbs,
    Management,
}

/// An encoded response and the link that the request named for it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) node: RequestNode,
    pub(super) address: String,
    pub(super) message: Vec<u8>,
}

/// Answers one request; a valid token in it is added to `grants`.
///
/// # Errors
/// A malformed request.
pub(super) fn answer(
    node: RequestNode,
    namespace: &Namespace,
    grants: &mut Grants,
    payload: &[u8],
) -> Result<Reply, codec::Error> {
    let request = Request::read(payload)?;
    let response = match node {
        RequestNode::Cbs => put_token(namespace, grants, &request),
        RequestNode::Management => read_entity(namespace, grants, &request),
    };
    let message = encode_reply(request.message_id, &response);
    Ok(Reply { node, address: request.reply_to.to_owned(), message })
}

/// The parts of a request that a node uses.
struct Request<'a> {
    message_id: &'a [u8],
    reply_to: &'a str,
    parameters: &'a [u8],
    body: Option<&'a str>,
}

impl<'a> Request<'a> {
    fn read(payload: &'a [u8]) -> Result<Self, codec::Error> {
        let message = Message::scan(payload)?;
        let properties = match message.properties {
            [] => Value::Null,
            properties => Value::read(properties)?,
        };
        let mut fields = properties.items().unwrap_or_default();
        let message_id = fields.next_raw()?;
        (0..3).try_for_each(|_| fields.next_raw().map(drop))?;
        let reply_to = Value::read(fields.next_raw()?)?.text().unwrap_or_default();
        let body = match Sections::new(message.body).next().transpose()? {
            Some(section) if section.code == code::VALUE => Value::read(section.value)?.text(),
            _ => None,
        };
        Ok(Self { message_id, reply_to, parameters: message.application_properties, body })
    }

    fn parameter(&self, name: &str) -> &'a str {
        lookup(self.parameters, name).ok().flatten().and_then(|value| value.text()).unwrap_or_default()
    }
}

/// Response to a request.
struct Response {
    status: i32,
    text: String,
    condition: Option<&'static str>,
    /// The encoded body.
    body: Vec<u8>,
}

impl Response {
    fn success(status: i32, text: &str, body: impl FnOnce(&mut Encoder<'_>)) -> Self {
        Self { status, text: text.into(), condition: None, body: encode_to_vec(body) }
    }

    fn failure(status: i32, condition: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            text: text.into(),
            condition: Some(condition),
            body: encode_to_vec(|out| out.nulls(1)),
        }
    }
}

fn put_token(namespace: &Namespace, grants: &mut Grants, request: &Request<'_>) -> Response {
    if request.parameter("operation") != "put-token" {
        return Response::failure(
            400,
            condition::INVALID_FIELD,
            "BadRequest: the operation is not put-token.",
        );
    }
    let (token, audience) = (request.body.unwrap_or_default(), request.parameter("name"));
    if audience.len() > MAX_ADDRESS_BYTES {
        let text = format!("BadRequest: an audience has at most {MAX_ADDRESS_BYTES} bytes.");
        return Response::failure(400, condition::INVALID_FIELD, text);
    }
    let checked = match request.parameter("type") {
        SAS_TOKEN => namespace.access.check_token(token, audience, namespace.now()),
        JWT if namespace.accepts_entra => jwt::check_token(token, audience, namespace.now()),
        _ => Err("InvalidToken: this hub does not know this type of token.".to_owned()),
    };
    match checked {
        // A valid token for an unknown entity gets a 404, as from the service.
        Ok(_) if !is_known_audience(namespace, audience) => {
            let text = format!("NotFound: The messaging entity '{audience}' could not be found.");
            Response::failure(404, condition::NOT_FOUND, text)
        }
        Ok(grant) => {
            if !grants.add(grant) {
                let text = format!("Forbidden: a connection has at most {MAX_TOKENS} tokens.");
                return Response::failure(403, condition::RESOURCE_LIMIT, text);
            }
            if let Some(life) = namespace.faults.token_life() {
                grants.shorten(namespace.now() + life);
            }
            namespace.tokens.fetch_add(1, Ordering::Relaxed);
            Response::success(202, "Accepted", |out| out.nulls(1))
        }
        Err(text) => Response::failure(401, condition::UNAUTHORIZED, text),
    }
}

/// Returns whether an audience is the namespace, a hub, or a path below a hub.
fn is_known_audience(namespace: &Namespace, audience: &str) -> bool {
    let path = path_of(audience);
    let name = path.split('/').next().unwrap_or_default();
    name.is_empty() || namespace.hub(name).is_some()
}

fn read_entity(namespace: &Namespace, grants: &Grants, request: &Request<'_>) -> Response {
    if request.parameter("operation") != "READ" {
        return Response::failure(400, condition::NOT_ALLOWED, "BadRequest: the operation is not READ.");
    }
    let name = request.parameter("name");
    let Some(hub) = namespace.hub(name) else {
        let text = format!("NotFound: The messaging entity '{name}' could not be found.");
        return Response::failure(404, condition::NOT_FOUND, text);
    };
    if !grants.allows(&format!("{name}/$management"), namespace.now()) {
        return Response::failure(401, condition::UNAUTHORIZED, "Unauthorized: the token has expired.");
    }
    match request.parameter("type") {
        "com.microsoft:eventhub" => describe_hub(&hub),
        "com.microsoft:partition" => describe_partition(&hub, request.parameter("partition")),
        other => {
            let text = format!("BadRequest: '{other}' is not a type of entity.");
            Response::failure(400, condition::ARGUMENT_ERROR, text)
        }
    }
}

fn describe_hub(hub: &Hub) -> Response {
    let ids: Vec<String> = (0..hub.partition_count()).map(|id| id.to_string()).collect();
    Response::success(200, "OK", |out| {
        out.map(|map| {
            map.string("name");
            map.string(&hub.name);
            map.string("type");
            map.string("com.microsoft:eventhub");
            map.string("created_at");
            map.timestamp(hub.created_at.get());
            map.string("partition_count");
            map.int(ids.len() as i32);
            map.string("partition_ids");
            map.strings(ids.iter().map(String::as_str));
            map.string("georeplication_factor");
            map.int(1);
        });
    })
}

fn describe_partition(hub: &Hub, id: &str) -> Response {
    let Some(partition) = partition_number(id).and_then(|number| hub.partition(number)) else {
        let text = format!("BadRequest: The specified partition '{id}' is not one of the hub.");
        return Response::failure(400, condition::ARGUMENT_OUT_OF_RANGE, text);
    };
    let log = partition.log();
    Response::success(200, "OK", |out| {
        out.map(|map| {
            map.string("name");
            map.string(&hub.name);
            map.string("type");
            map.string("com.microsoft:partition");
            map.string("partition");
            map.string(id);
            map.string("begin_sequence_number");
            map.long(log.begin());
            map.string("begin_sequence_number_epoch");
            map.int(-1);
            map.string("last_enqueued_sequence_number");
            map.long(log.last() + hub.faults.claimed());
            map.string("last_enqueued_sequence_number_epoch");
            map.int(-1);
            map.string("last_enqueued_offset");
            map.string(&log.last_offset());
            map.string("last_enqueued_time_utc");
            map.timestamp(log.last_enqueued_time().get());
            map.string("is_partition_empty");
            map.bool(log.is_empty());
            map.string("runtime_info_retrieval_time_utc");
            map.timestamp(hub.now().get());
        });
    })
}

fn encode_reply(message_id: &[u8], response: &Response) -> Vec<u8> {
    let mut message = Vec::new();
    let mut out = Encoder::new(&mut message);
    out.described(code::PROPERTIES, |out| {
        out.list(|list| {
            list.nulls(5);
            list.raw(message_id);
            list.nulls(7);
        });
    });
    out.described(code::APPLICATION_PROPERTIES, |out| {
        out.map(|map| {
            map.string("status-code");
            map.int(response.status);
            map.string("status-description");
            map.string(&response.text);
            if let Some(condition) = response.condition {
                map.string("error-condition");
                map.symbol(condition);
            }
        });
    });
    out.described(code::VALUE, |out| out.raw(&response.body));
    message
}
