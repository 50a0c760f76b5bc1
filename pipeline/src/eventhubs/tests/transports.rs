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
use crate::eventhubs::{Client, ConnectionString, HubAccess, Start, TransportOptions};

both!(events_arrive_unchanged_over_tls);

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
    TransportOptions::with_ca_file(&file).unwrap()
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
    assert!(front.connections() > 0);
}
