//! A proxy between client and hub that detects when the hub begins to send events.
//!
//! A hub sends events only for credit, so its first event shows that the client is ready. Opening and authorization
//! take a few kilobytes; the events of this bench are far larger.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

/// Upper bound on the bytes that a hub sends before its first event.
const HANDSHAKE_BYTES: usize = 24 << 10;

/// A listening proxy.
pub(super) struct Proxy {
    address: SocketAddr,
    first_event: Arc<OnceLock<Instant>>,
}

impl Proxy {
    /// Starts to listen, until the process ends.
    pub(super) fn start(hub: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let first_event = Arc::new(OnceLock::new());
        let seen = Arc::clone(&first_event);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let _ = connect(client, hub, &seen);
            }
        });
        Ok(Self { address, first_event })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Time at which the hub began to send events.
    pub(super) fn first_event(&self) -> Option<Instant> {
        self.first_event.get().copied()
    }
}

fn connect(client: TcpStream, hub: SocketAddr, seen: &Arc<OnceLock<Instant>>) -> io::Result<()> {
    let hub = TcpStream::connect(hub)?;
    client.set_nodelay(true)?;
    hub.set_nodelay(true)?;
    let (to_hub, to_client) = ((client.try_clone()?, hub.try_clone()?), (hub, client));
    let seen = Arc::clone(seen);
    thread::spawn(move || pass(to_hub, |_| {}));
    thread::spawn(move || {
        pass(to_client, |passed| {
            if passed > HANDSHAKE_BYTES {
                seen.get_or_init(Instant::now);
            }
        });
    });
    Ok(())
}

/// Forwards bytes until one side ends; calls `note` with the bytes received so far before forwarding them.
fn pass((mut from, mut to): (TcpStream, TcpStream), mut note: impl FnMut(usize)) {
    let mut buffer = vec![0; 64 << 10];
    let mut passed = 0;
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        passed += read;
        note(passed);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
