//! The handshakes before AMQP, by hand: versions of TLS, subprotocols of WebSocket, and peers of another protocol.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};

use crate::amqp::SASL_HEADER;
use crate::emulator::{Config, Emulator, TlsConfig};

/// Longer than any test here takes, so that a hanging one fails.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

async fn hub(tls: bool) -> Emulator {
    let tls = tls.then(|| TlsConfig { names: vec!["hub.example".to_owned()], ca_out: None });
    let websocket = Some(([127, 0, 0, 1], 0).into());
    Emulator::start(Config { tls, websocket, ..Config::default() }).await.unwrap()
}

/// Starts TLS of one version with a hub, under one of its names.
async fn tls(
    hub: &Emulator,
    name: &str,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(hub.ca().unwrap().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(hub.address()).await.unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Sends bytes and returns all that the hub sends until it closes the connection.
async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let exchange = async {
        stream.write_all(bytes).await.unwrap();
        // A reset is an end too.
        drop(stream.read_to_end(&mut answer).await);
    };
    timeout(TEST_TIMEOUT, exchange).await.unwrap();
    answer
}

/// Requests WebSocket and returns the response's status line and chosen subprotocol.
async fn request(hub: &Emulator, path: &str, subprotocol: Option<&str>) -> (String, Option<String>) {
    let mut stream = TcpStream::connect(hub.websocket_address().unwrap()).await.unwrap();
    let subprotocol =
        subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{subprotocol}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(timeout(TEST_TIMEOUT, stream.read_u8()).await.unwrap().unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let chosen = head.lines().find_map(|line| line.strip_prefix("sec-websocket-protocol: "));
    (head.lines().next().unwrap().to_owned(), chosen.map(str::to_owned))
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_under_all_names() {
    let hub = hub(true).await;
    for (version, expected) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        for name in ["localhost", "127.0.0.1", "::1", "hub.example"] {
            let mut stream = tls(&hub, name, version).await.unwrap();
            assert_eq!(stream.get_ref().1.protocol_version(), Some(expected), "{name}");
            stream.write_all(&SASL_HEADER).await.unwrap();
            let mut header = [0; 8];
            timeout(TEST_TIMEOUT, stream.read_exact(&mut header)).await.unwrap().unwrap();
            assert_eq!(header, SASL_HEADER, "{name}");
        }
    }
    assert!(tls(&hub, "other.example", &TLS13).await.is_err());
    hub.shutdown().await;
}

#[tokio::test]
async fn clients_without_tls_get_an_answer_of_their_protocol() {
    let hub = hub(true).await;
    let connect = || async { TcpStream::connect(hub.address()).await.unwrap() };
    assert_eq!(answer(connect().await, &SASL_HEADER).await, b"AMQP\x02\x01\x00\x00");
    let http = answer(connect().await, b"GET / HTTP/1.1\r\n\r\n").await;
    let http = String::from_utf8(http).unwrap();
    let (head, body) = http.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    assert_eq!(answer(connect().await, b"\0garbage").await, b"");
    hub.shutdown().await;
}

#[tokio::test]
async fn a_client_with_tls_at_a_plain_port_gets_an_amqp_header() {
    let hub = hub(false).await;
    let stream = TcpStream::connect(hub.address()).await.unwrap();
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    assert_eq!(answer(stream, &hello).await, SASL_HEADER);
    hub.shutdown().await;
}

#[tokio::test]
async fn web_socket_takes_both_subprotocols_at_its_path_only() {
    let hub = hub(false).await;
    let path = "/$servicebus/websocket";
    let accepted = |name: &str| ("HTTP/1.1 101 Switching Protocols".to_owned(), Some(name.to_owned()));
    for (path, asked, chosen) in [
        (path, "AMQPWSB10", "AMQPWSB10"),
        (path, "amqp", "amqp"),
        ("/$servicebus/websocket/", "amqp", "amqp"),
        ("/%24servicebus/websocket", "mqtt, amqp, AMQPWSB10", "amqp"),
    ] {
        assert_eq!(request(&hub, path, Some(asked)).await, accepted(chosen), "{path} {asked}");
    }
    let refused = |status: &str| (format!("HTTP/1.1 {status}"), None);
    assert_eq!(request(&hub, path, None).await, refused("400 Bad Request"));
    assert_eq!(request(&hub, path, Some("mqtt")).await, refused("400 Bad Request"));
    assert_eq!(request(&hub, "/other", Some("amqp")).await, refused("404 Not Found"));
    let stream = TcpStream::connect(hub.websocket_address().unwrap()).await.unwrap();
    let plain = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let plain = String::from_utf8(answer(stream, plain.as_bytes()).await).unwrap();
    assert!(plain.starts_with("HTTP/1.1 426 Upgrade Required"), "{plain}");
    hub.shutdown().await;
}

#[tokio::test]
async fn the_connection_string_names_the_hub_as_its_certificate_does() {
    let hub = hub(true).await;
    let port = hub.address().port();
    assert_eq!(
        hub.connection_string(),
        format!(
            "Endpoint=sb://localhost:{port}/;SharedAccessKeyName=RootManageSharedAccessKey;\
             SharedAccessKey=SAS_KEY_VALUE;EntityPath=events"
        )
    );
    let port = hub.websocket_address().unwrap().port();
    assert_eq!(hub.websocket_url().unwrap(), format!("wss://localhost:{port}/$servicebus/websocket"));
    hub.shutdown().await;
}
