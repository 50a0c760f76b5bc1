//! `$cbs` and `$management`.

use std::time::Duration;

use super::client::{Client, NOW_MS, append, deliveries, hub, hub_with_clock, refusal};
use crate::amqp::codec::Value;
use crate::amqp::condition;
use crate::amqp::encode::Encoder;
use crate::amqp::performatives::{Attach, Role, Source, Target, Transfer};
use crate::amqp::sections::{Message, Sections, code, lookup};

/// Audience of the tokens here.
const AUDIENCE: &str = "sb://demo.servicebus.windows.net/events";

/// Attaches both links of a node and gives credit for replies.
pub(super) fn connect(client: &mut Client, node: &str) {
    client.attach_sender(0, node);
    let attach = Attach {
        name: "replies",
        handle: 1,
        role: Role::Receiver,
        source: Some(Source { address: Some(node), filter: None }),
        target: Some(Target { address: Some("reply-here") }),
        ..Attach::default()
    };
    client.send(0, |out| attach.encode(out));
    client.credit(1, 0, 100);
}

/// Sends a request with these parameters and returns the reply.
pub(super) fn ask(client: &mut Client, parameters: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut request = Vec::new();
    let mut out = Encoder::new(&mut request);
    out.described(code::PROPERTIES, |out| {
        out.list(|list| {
            list.ulong(42);
            list.nulls(3);
            list.string("reply-here");
        });
    });
    out.described(code::APPLICATION_PROPERTIES, |out| {
        out.map(|map| {
            for (name, value) in parameters {
                map.string(name);
                map.string(value);
            }
        });
    });
    out.described(code::VALUE, |out| out.string(body));
    client.frames();
    let transfer = Transfer { delivery_id: Some(0), delivery_tag: Some(b"t"), ..Transfer::default() };
    client.transfer(&transfer, &request);
    let mut replies = deliveries(&client.frames());
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}

#[track_caller]
pub(super) fn status(reply: &[u8]) -> i64 {
    let message = Message::scan(reply).unwrap();
    let mut properties = Value::read(message.properties).unwrap().items().unwrap();
    assert_eq!(properties.nth(5), Some(Ok(Value::Ulong(42))), "the reply names its request");
    let status = lookup(message.application_properties, "status-code").unwrap().unwrap();
    assert!(matches!(status, Value::Int(_)));
    let text = lookup(message.application_properties, "status-description").unwrap().unwrap();
    assert!(!text.text().unwrap().is_empty());
    status.integer().unwrap()
}

/// Signs a token for `audience` that is valid for a second after [`NOW_MS`].
pub(super) fn sign(audience: &str) -> String {
    use base64::Engine;
    use hmac::{KeyInit, Mac};
    let escaped = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let audience = escaped(audience);
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"SAS_KEY_VALUE").unwrap();
    mac.update(format!("{audience}\n1700000001").as_bytes());
    let signature = escaped(&base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()));
    format!("SharedAccessSignature sr={audience}&sig={signature}&se=1700000001&skn=RootManageSharedAccessKey")
}

fn put_token(client: &mut Client, kind: &str, token: &str) -> i64 {
    let audience = "amqps://127.0.0.1/Events/ConsumerGroups/$Default/Partitions/0";
    let parameters = [("operation", "put-token"), ("type", kind), ("name", audience)];
    status(&ask(client, &parameters, token))
}

/// Puts a token that is valid for this time after [`NOW_MS`].
pub(super) fn put_entra_token(client: &mut Client, seconds: i64) {
    let claims = format!(r#"{{"aud":"https://eventhubs.azure.net","exp":{}}}"#, NOW_MS / 1000 + seconds);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims);
    assert_eq!(put_token(client, "jwt", &format!("e30.{encoded}.c2ln")), 202);
}

#[test]
fn valid_token_permits_its_audience_only() {
    let hub = hub();
    append(&hub, &[b"one"]);
    let mut client = Client::connect_with(&hub, b"", 65_536);
    client.attach_reader(5, |_| ());
    assert_eq!(refusal(&client.frames()).0, condition::UNAUTHORIZED);
    connect(&mut client, "$cbs");
    assert_eq!(put_token(&mut client, "servicebus.windows.net:sastoken", &sign(AUDIENCE)), 202);
    client.attach_reader(6, |_| ());
    client.credit(6, 0, 1);
    assert_eq!(deliveries(&client.frames()).len(), 1);
    client.attach_sender(7, "events/Partitions/0");
    assert_eq!(
        refusal(&client.frames()).0,
        condition::UNAUTHORIZED,
        "the token covers the reader's address only"
    );
}

#[test]
fn links_are_detached_when_their_token_expires() {
    let (hub, clock) = hub_with_clock();
    let mut client = Client::connect_with(&hub, b"", 65_536);
    connect(&mut client, "$cbs");
    put_entra_token(&mut client, 10);
    client.attach_reader(5, |_| ());
    client.credit(5, 0, 10);
    client.frames();
    // A renewal in time keeps the link.
    clock.advance(Duration::from_secs(9));
    put_entra_token(&mut client, 20);
    clock.advance(Duration::from_secs(10));
    append(&hub, &[b"one"]);
    assert_eq!(deliveries(&client.frames()).len(), 1);
    clock.advance(Duration::from_secs(1));
    let frames = client.frames();
    assert_eq!(refusal(&frames).0, condition::UNAUTHORIZED);
    append(&hub, &[b"two"]);
    assert_eq!(deliveries(&client.frames()).len(), 0);
    // The node for tokens is still attached, and a new token opens the hub again.
    put_entra_token(&mut client, 40);
    client.attach_reader(6, |_| ());
    client.credit(6, 0, 10);
    assert_eq!(deliveries(&client.frames()).len(), 2);
}

#[test]
fn invalid_tokens_are_refused() {
    let hub = hub();
    let mut client = Client::connect_with(&hub, b"", 65_536);
    connect(&mut client, "$cbs");
    let token = sign(AUDIENCE);
    assert_eq!(
        put_token(&mut client, "servicebus.windows.net:sastoken", &token.replace("17000", "18000")),
        401
    );
    assert_eq!(put_token(&mut client, "jwt", &token), 401);
    let parameters = [("operation", "steal-token")];
    assert_eq!(status(&ask(&mut client, &parameters, "")), 400);
    client.attach_reader(6, |_| ());
    assert_eq!(refusal(&client.frames()).0, condition::UNAUTHORIZED);
}

/// Reads an entity and returns the reply's status and the encoded map in its body.
fn read(parameters: &[(&str, &str)]) -> (i64, Vec<u8>) {
    let hub = hub();
    append(&hub, &[b"one", b"two"]);
    let mut client = Client::connect(&hub);
    connect(&mut client, "$management");
    let reply = ask(&mut client, parameters, "");
    let body = Message::scan(&reply).unwrap().body;
    let section = Sections::new(body).next().unwrap().unwrap();
    (status(&reply), section.value.to_vec())
}

#[track_caller]
fn check(map: &[u8], expected: &[(&str, Value<'_>)]) {
    let Value::Map(entries) = Value::read(map).unwrap() else { panic!("not a map") };
    assert_eq!(entries.len(), expected.len() * 2, "exactly these keys");
    for (name, value) in expected {
        assert_eq!(lookup(map, name).unwrap().as_ref(), Some(value), "{name}");
    }
}

#[test]
fn hub_description_has_every_key_that_an_sdk_needs() {
    let (status, map) =
        read(&[("operation", "READ"), ("name", "events"), ("type", "com.microsoft:eventhub")]);
    assert_eq!(status, 200);
    let ids = lookup(&map, "partition_ids").unwrap().unwrap();
    let Value::Array(items) = ids.clone() else { panic!("{ids:?} is not an array") };
    let ids_read: Vec<_> = items.map(Result::unwrap).collect();
    assert_eq!(ids_read, ["0", "1", "2", "3"].map(Value::String));
    check(
        &map,
        &[
            ("name", Value::String("events")),
            ("type", Value::String("com.microsoft:eventhub")),
            ("created_at", Value::Timestamp(7)),
            ("partition_count", Value::Int(4)),
            ("partition_ids", ids),
            ("georeplication_factor", Value::Int(1)),
        ],
    );
}

#[test]
fn partition_description_covers_full_and_empty_partitions() {
    let of = |id| {
        let parameters = [
            ("operation", "READ"),
            ("name", "Events"),
            ("type", "com.microsoft:partition"),
            ("partition", id),
        ];
        let (status, map) = read(&parameters);
        assert_eq!(status, 200);
        map
    };
    let expected = |id, begin, last, offset, time, empty| {
        [
            ("name", Value::String("events")),
            ("type", Value::String("com.microsoft:partition")),
            ("partition", Value::String(id)),
            ("begin_sequence_number", Value::Long(begin)),
            ("begin_sequence_number_epoch", Value::Int(-1)),
            ("last_enqueued_sequence_number", Value::Long(last)),
            ("last_enqueued_sequence_number_epoch", Value::Int(-1)),
            ("last_enqueued_offset", Value::String(offset)),
            ("last_enqueued_time_utc", Value::Timestamp(time)),
            ("is_partition_empty", Value::Bool(empty)),
            ("runtime_info_retrieval_time_utc", Value::Timestamp(NOW_MS)),
        ]
    };
    let full = of("0");
    let offset = lookup(&full, "last_enqueued_offset").unwrap().unwrap();
    check(&full, &expected("0", 0, 1, offset.text().unwrap(), NOW_MS, false));
    check(&of("3"), &expected("3", -1, -1, "-1", 0, true));
}

#[test]
fn invalid_requests_get_an_error_status() {
    for (parameters, expected) in [
        (vec![("operation", "READ"), ("name", "other"), ("type", "com.microsoft:eventhub")], 404),
        (vec![("operation", "WRITE"), ("name", "events"), ("type", "com.microsoft:eventhub")], 400),
        (vec![("operation", "READ"), ("name", "events"), ("type", "com.microsoft:unknown")], 400),
        (
            vec![
                ("operation", "READ"),
                ("name", "events"),
                ("type", "com.microsoft:partition"),
                ("partition", "4"),
            ],
            400,
        ),
        (vec![("operation", "READ"), ("name", "events"), ("type", "com.microsoft:partition")], 400),
    ] {
        assert_eq!(read(&parameters).0, expected, "{parameters:?}");
    }
}

#[test]
fn management_requires_a_token() {
    let hub = hub();
    let mut client = Client::connect_with(&hub, b"", 65_536);
    client.attach_sender(0, "$management");
    assert_eq!(refusal(&client.frames()).0, condition::UNAUTHORIZED);
}
