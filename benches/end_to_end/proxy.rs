//! Passes bytes on between a client and a hub, and notes when the hub begins to send events.
//!
//! A hub sends events only for credit, so the first event is the first sign of it from outside. Everything that goes
//! before, opening and authorising, is a few kilobytes; events are made far larger than that.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Instant;

/// Bytes above which a hub is sending events: it sends less before.
///
/// # Units
/// Bytes.
const TALK: usize = 24 << 10;

/// See the module.
pub(super) struct Proxy {
    address: SocketAddr,
    first_event: Arc<OnceLock<Instant>>,
}

impl Proxy {
    /// Listens until the process ends; what it passes on ends with its connections.
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

    /// When the hub began to send events.
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
            if passed > TALK {
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
