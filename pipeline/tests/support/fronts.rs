//! Fronts for a hub without TLS: each listens on loopback and forwards connections to the hub.
//!
//! Owns: TLS with certificates of its own authority, WebSocket, and an HTTP proxy that maps every host to the hub. Unit
//! tests and tests of the binary use it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use futures::{SinkExt as _, StreamExt as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional_with_sizes,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};

/// A certificate authority that no machine trusts.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        // OpenSSL takes a certificate whose issuer has its own name for a self-signed one.
        params.distinguished_name.push(DnType::CommonName, "authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// The file for `--ca-file`.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// TLS with a certificate for these names and addresses.
    pub(crate) fn tls(&self, names: &[&str]) -> TlsAcceptor {
        self.tls_of(
            &CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap(),
        )
    }

    /// A certificate for these names and its key, as PEM.
    pub(crate) fn certificate(&self, names: &[&str]) -> (String, String) {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// TLS with a certificate that was valid in the year 2000.
    pub(crate) fn expired_tls(&self, name: &str) -> TlsAcceptor {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2000, 12, 31);
        self.tls_of(&params)
    }

    fn tls_of(&self, params: &CertificateParams) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A front, until it is dropped. It has a thread of its own, so that tests with and without a runtime can use it.
pub(crate) struct Front {
    /// The address to connect to.
    pub(crate) address: SocketAddr,
    requests: Requests,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The first lines of HTTP requests, and an empty text for each connection without HTTP.
type Requests = Arc<Mutex<Vec<String>>>;

impl Front {
    /// Starts a front that forwards to `hub`.
    pub(crate) fn start(kind: Kind, hub: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Requests::default();
        let (stop, stopped) = oneshot::channel();
        let seen = Arc::clone(&requests);
        let serving = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let kind = Arc::new(kind);
            loop {
                let (client, _) = listener.accept().await.unwrap();
                client.set_nodelay(true).unwrap();
                let (kind, seen) = (Arc::clone(&kind), Arc::clone(&seen));
                // A client that gives up is a part of many tests.
                tokio::spawn(async move { kind.serve(client, hub, &seen).await.unwrap_or_default() });
            }
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, requests, stop: Some(stop), thread: Some(thread) }
    }

    /// The connections so far: the first line of an HTTP request, or an empty text.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The protocol that a front speaks with its clients.
pub(crate) enum Kind {
    /// TLS at once.
    Tls(TlsAcceptor),
    /// WebSocket that answers with this subprotocol.
    WebSocket { tls: Option<TlsAcceptor>, subprotocol: Option<&'static str> },
    /// An HTTP proxy; with the value of `Proxy-Authorization` that it requires.
    Proxy(Option<&'static str>),
    /// HTTP that refuses every request with this status.
    Refusing(&'static str),
}

impl Kind {
    async fn serve(&self, mut client: TcpStream, hub: SocketAddr, seen: &Requests) -> io::Result<()> {
        match self {
            Self::Tls(acceptor) => {
                seen.lock().unwrap().push(String::new());
                forward(acceptor.accept(client).await?, hub).await
            }
            Self::WebSocket { tls: Some(acceptor), subprotocol } => {
                web_socket(acceptor.accept(client).await?, hub, *subprotocol, seen).await
            }
            Self::WebSocket { tls: None, subprotocol } => web_socket(client, hub, *subprotocol, seen).await,
            Self::Proxy(required) => {
                let head = read_head(&mut client, seen).await?;
                let given = head.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
                if required.is_some() && given != *required {
                    return refuse(client, "407 Proxy Authentication Required").await;
                }
                client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
                forward(client, hub).await
            }
            Self::Refusing(status) => {
                read_head(&mut client, seen).await?;
                refuse(client, status).await
            }
        }
    }
}

/// Reads a request without a body.
async fn read_head(client: &mut TcpStream, seen: &Requests) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    seen.lock().unwrap().push(head.lines().next().unwrap().to_owned());
    Ok(head)
}

async fn refuse(mut client: TcpStream, status: &str) -> io::Result<()> {
    let response = format!("HTTP/1.1 {status}\r\nContent-Length: 7\r\n\r\nrefused");
    client.write_all(response.as_bytes()).await
}

async fn forward(mut client: impl AsyncRead + AsyncWrite + Unpin, hub: SocketAddr) -> io::Result<()> {
    let mut hub = TcpStream::connect(hub).await?;
    hub.set_nodelay(true)?;
    // From the hub, more than a TLS record holds: a service fills its records.
    copy_bidirectional_with_sizes(&mut client, &mut hub, 8 * 1024, 64 * 1024).await?;
    Ok(())
}

/// Forwards binary messages. Those to the client begin and end anywhere, with pings and empty ones among them.
async fn web_socket(
    client: impl AsyncRead + AsyncWrite + Unpin,
    hub: SocketAddr,
    subprotocol: Option<&'static str>,
    seen: &Requests,
) -> io::Result<()> {
    let check = |request: &Request, mut response: Response| {
        let requested = request.headers().get("Sec-WebSocket-Protocol").unwrap();
        seen.lock().unwrap().push(format!("GET {} {}", request.uri(), requested.to_str().unwrap()));
        if let Some(subprotocol) = subprotocol {
            response.headers_mut().insert("Sec-WebSocket-Protocol", subprotocol.parse().unwrap());
        }
        Ok(response)
    };
    let socket = accept_hdr_async(client, check).await.map_err(io::Error::other)?;
    let (mut sink, mut messages) = socket.split();
    let hub = TcpStream::connect(hub).await?;
    hub.set_nodelay(true)?;
    let (mut from_hub, mut to_hub) = hub.into_split();
    let up = async {
        while let Some(message) = messages.next().await {
            if let Message::Binary(bytes) = message.map_err(io::Error::other)? {
                to_hub.write_all(&bytes).await?;
            }
        }
        to_hub.shutdown().await
    };
    let down = async {
        let mut buffer = vec![0; 256 * 1024];
        for round in 0_usize.. {
            let size = [1, 7, 1_000, 256 * 1024][round % 4];
            let count = from_hub.read(&mut buffer[..size]).await?;
            if count == 0 {
                break;
            }
            if round % 100 == 50 {
                sink.feed(Message::Ping(vec![1].into())).await.map_err(io::Error::other)?;
                sink.feed(Message::Binary(Vec::new().into())).await.map_err(io::Error::other)?;
            }
            sink.send(Message::binary(buffer[..count].to_vec())).await.map_err(io::Error::other)?;
        }
        sink.close().await.map_err(io::Error::other)
    };
    tokio::try_join!(up, down)?;
    Ok(())
}
