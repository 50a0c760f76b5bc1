//! Connections of a client: how many there are, and that a failed attempt is shared.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use tokio::net::{TcpListener, TcpStream};

use super::{FIRST, MIB, hub, options};
use crate::budget::Budget;
use crate::clock::SystemClock;
use crate::eventhubs::{Client, ConnectionString, ErrorKind, Start};
use crate::position::PartitionId;

/// Listens, counts connections, and forwards them; without a target it closes them at once.
async fn counting(target: Option<SocketAddr>) -> (SocketAddr, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, accepted) = (listener.local_addr().unwrap(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            if let Some(target) = target {
                tokio::spawn(async move {
                    let mut hub = TcpStream::connect(target).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut hub).await;
                });
            }
        }
    });
    (address, accepted)
}

fn client(address: SocketAddr) -> Client {
    let text = format!(
        "Endpoint=sb://{address};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;EntityPath=events;UseDevelopmentEmulator=true"
    );
    Client::new(ConnectionString::parse(&text).unwrap(), "test", Arc::new(SystemClock)).unwrap()
}

#[tokio::test]
async fn partitions_and_requests_share_a_connection_up_to_its_limit() {
    let hub = hub(40).await;
    let (address, accepted) = counting(Some(hub.address())).await;
    let client = client(address);
    let mut receivers = Vec::new();
    for partition in 0..32 {
        let id = PartitionId::new(partition);
        let start = options(Start::Earliest, Some(0));
        receivers.push(client.receive(id, start, Budget::new(MIB as u64), 1_000).await.unwrap());
        client.partition(id).await.unwrap();
    }
    client.hub().await.unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    client.partition(PartitionId::new(32)).await.unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 2, "the next partitions have another connection");
    client.partition(PartitionId::new(39)).await.unwrap();
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn partitions_that_wait_for_one_attempt_share_its_failure() {
    let (address, accepted) = counting(None).await;
    let client = client(address);
    let requests = join_all((0..32).map(|id| client.partition(PartitionId::new(id)))).await;
    for error in requests.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Transient, "{error}");
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    client.partition(FIRST).await.unwrap_err();
    assert_eq!(accepted.load(Ordering::SeqCst), 2, "a later call is another attempt");
}

#[tokio::test]
async fn lost_link_gives_its_credit_back() {
    let hub = hub(1).await;
    let client = client(hub.address());
    let budget = Budget::new(MIB as u64);
    let start = options(Start::Earliest, Some(0));
    let mut receiver = client.receive(FIRST, start, Arc::clone(&budget), MIB / 2).await.unwrap();
    hub.detach_readers(FIRST);
    assert_eq!(receiver.next_batch().await.unwrap_err().kind(), ErrorKind::Transient);
    drop(receiver);
    assert_eq!(budget.charged(), 0);
}
