//! Both receivers and the sender over each transport: fronts for the emulator, in this process.

use std::fs;
use std::sync::Arc;

use super::either::{Kind, Receiver, both};
use super::fronts::{self, Authority, Front};
use super::{FIRST, MIB, hub, options, read};
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::emulator::Emulator;
use crate::event::RawBatch;
use crate::eventhubs::{
    Client, ConnectionString, ErrorKind, HubAccess, Proxy, Start, TransportKind, TransportOptions,
};

both!(
    events_arrive_unchanged_over_tls,
    events_arrive_unchanged_over_web_socket,
    events_arrive_unchanged_over_web_socket_without_tls,
    events_arrive_unchanged_through_a_proxy,
);

/// Access to a hub behind a front.
fn access(host: &str, front: &Front, transport: TransportOptions) -> HubAccess {
    let text = format!(
        "Endpoint=sb://{host}:{};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;EntityPath=events",
        front.address.port()
    );
    HubAccess::from(ConnectionString::parse(&text).unwrap()).with_transport(transport)
}

/// Options that trust an authority.
fn trusting(authority: &Authority) -> TransportOptions {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    fs::write(&file, authority.pem()).unwrap();
    TransportOptions::default().with_ca_file(&file).unwrap()
}

/// Sends events of all sizes over one transport and reads them back.
async fn events_arrive_unchanged(kind: Kind, hub: &Emulator, access: HubAccess) {
    let client = Client::connect(access, "test", Arc::new(SystemClock)).await.unwrap();
    let bodies: Vec<Vec<u8>> = (0..20_000_usize)
        .map(|index| vec![index as u8; if index % 2_000 == 7 { 1000 * 1024 } else { index % 300 }])
        .collect();
    let mut sender = client.sender(Some(FIRST)).await.unwrap();
    sender.send_batch(bodies.iter().map(|body| (body.as_slice(), "application/json"))).await.unwrap();
    sender.close().await.unwrap();
    assert_eq!(hub.partition(FIRST).unwrap().last.get(), 19_999);

    let options = options(Start::Earliest, None);
    let budget = Budget::new(64 * MIB as u64);
    let mut receiver = Receiver::attach(kind, &client, FIRST, options, budget, 4 * MIB).await.unwrap();
    let batches = read(&mut receiver, bodies.len()).await;
    assert!(batches.iter().flat_map(RawBatch::iter).map(|event| event.body).eq(&bodies));
    receiver.close().await.unwrap();
    client.close().await;
}

async fn events_arrive_unchanged_over_tls(kind: Kind) {
    let hub = hub(1).await;
    let authority = Authority::new();
    let front = Front::start(fronts::Kind::Tls(authority.tls(&["localhost"])), hub.address());
    let access = access("localhost", &front, trusting(&authority));
    events_arrive_unchanged(kind, &hub, access).await;
    assert!(!front.requests().is_empty());
}

async fn events_arrive_unchanged_over_web_socket(kind: Kind) {
    let hub = hub(1).await;
    let authority = Authority::new();
    let tls = Some(authority.tls(&["127.0.0.1"]));
    let front = Front::start(fronts::Kind::WebSocket { tls, subprotocol: Some("AMQPWSB10") }, hub.address());
    let options = trusting(&authority).with_kind(TransportKind::WebSocket);
    events_arrive_unchanged(kind, &hub, access("127.0.0.1", &front, options)).await;
    assert_eq!(front.requests()[0], "GET /$servicebus/websocket AMQPWSB10");
}

async fn events_arrive_unchanged_over_web_socket_without_tls(kind: Kind) {
    let hub = hub(1).await;
    let front = Front::start(fronts::Kind::WebSocket { tls: None, subprotocol: None }, hub.address());
    let text = hub.connection_string().replace(&hub.address().to_string(), &front.address.to_string());
    let options = TransportOptions::default().with_kind(TransportKind::WebSocket);
    let access = HubAccess::from(ConnectionString::parse(&text).unwrap()).with_transport(options);
    events_arrive_unchanged(kind, &hub, access).await;
}

async fn events_arrive_unchanged_through_a_proxy(kind: Kind) {
    let hub = hub(1).await;
    let authority = Authority::new();
    // Only the proxy knows the address of this host.
    let tls = Front::start(fronts::Kind::Tls(authority.tls(&["hub.invalid"])), hub.address());
    let proxy = Front::start(fronts::Kind::Proxy(Some("Basic dTpwJTo=")), tls.address);
    let url = Proxy::parse(&format!("http://u:p%25%3A@{}", proxy.address)).unwrap();
    events_arrive_unchanged(kind, &hub, access("hub.invalid", &tls, trusting(&authority).with_proxy(url)))
        .await;
    let target = format!("CONNECT hub.invalid:{} HTTP/1.1", tls.address.port());
    assert!(proxy.requests().iter().all(|request| *request == target), "{:?}", proxy.requests());
}

#[tokio::test]
async fn web_socket_takes_the_registered_subprotocol_and_refuses_others() {
    let hub = hub(1).await;
    let options = TransportOptions::default().with_kind(TransportKind::WebSocket);
    let connect = async |subprotocol| {
        let front = Front::start(
            fronts::Kind::WebSocket { tls: None, subprotocol: Some(subprotocol) },
            hub.address(),
        );
        let text = hub.connection_string().replace(&hub.address().to_string(), &front.address.to_string());
        let access = HubAccess::from(ConnectionString::parse(&text).unwrap()).with_transport(options.clone());
        Client::connect(access, "test", Arc::new(SystemClock)).await.map(|_| ())
    };
    connect("amqp").await.unwrap();
    let error = connect("mqtt").await.unwrap_err().to_string();
    assert!(error.contains("subprotocol"), "{error}");
}

#[tokio::test]
async fn only_failures_that_may_pass_are_transient() {
    let hub = hub(1).await;
    let connect = async |status| {
        let front = Front::start(fronts::Kind::Refusing(status), hub.address());
        let options = TransportOptions::default().with_kind(TransportKind::WebSocket);
        let text = hub.connection_string().replace(&hub.address().to_string(), &front.address.to_string());
        let access = HubAccess::from(ConnectionString::parse(&text).unwrap()).with_transport(options);
        let error = Client::connect(access, "test", Arc::new(SystemClock)).await.unwrap_err();
        assert!(error.to_string().contains(status), "{error}");
        error.kind()
    };
    assert_eq!(connect("404 Not Found").await, ErrorKind::Fatal);
    assert_eq!(connect("503 Service Unavailable").await, ErrorKind::Transient);
}

#[test]
fn addresses_show_the_port_that_is_dialed() {
    use TransportKind::{Amqp, WebSocket};
    let show = |text: &str, kind| {
        let text = format!("{text};SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e");
        let options = TransportOptions::default().with_kind(kind);
        let access = HubAccess::from(ConnectionString::parse(&text).unwrap()).with_transport(options);
        access.address.to_string()
    };
    assert_eq!(show("Endpoint=sb://h", Amqp), "sb://h:5671/e");
    assert_eq!(show("Endpoint=sb://h;UseDevelopmentEmulator=true", Amqp), "sb://h:5672/e");
    assert_eq!(show("Endpoint=sb://h", WebSocket), "sb://h:443/e");
    assert_eq!(show("Endpoint=sb://h:5671", WebSocket), "sb://h:5671/e");
}
