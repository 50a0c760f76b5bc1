//! fe2o3-amqp unchanged: one link, pre-settled events, automatic credit; sections are decoded, bodies are not.
//!
//! TLS is that of the product: tokio-rustls with the same provider.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::link::receiver::CreditMode;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp::{Connection, Receiver, Session};
use fe2o3_amqp_types::definitions::SenderSettleMode;
use fe2o3_amqp_types::messaging::annotations::OwnedKey;
use fe2o3_amqp_types::messaging::{Body, Message};
use fe2o3_amqp_types::primitives::{LazyValue, Symbol, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{Failure, Hub};
use crate::end_to_end::tls::{HOST, TlsFront};

pub(super) struct Rival {
    runtime: Runtime,
    connection: ConnectionHandle<()>,
    rounds: usize,
}

/// Sequence number, offset, body.
pub(super) type Event = (i64, String, Vec<u8>);

impl Rival {
    pub(super) fn connect(hub: &Hub) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(async { open(connected(hub.address()).await?).await })?;
        Ok(Self { runtime, connection, rounds: 0 })
    }

    pub(super) fn connect_over_tls(front: &TlsFront) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let connector = connector(front)?;
        let connection = runtime.block_on(async {
            let stream = connected(front.address()).await?;
            open(connector.connect(ServerName::try_from(HOST)?, stream).await?).await
        })?;
        Ok(Self { runtime, connection, rounds: 0 })
    }

    pub(super) fn read(&mut self, count: usize, mut take: impl FnMut(Event)) -> Result<(), Failure> {
        self.rounds += 1;
        let name = format!("rival-{}", self.rounds);
        self.runtime.block_on(async {
            let mut session = Session::builder().incoming_window(65_535).begin(&mut self.connection).await?;
            let mut receiver = Receiver::builder()
                .name(name)
                .source("events/ConsumerGroups/$Default/Partitions/0")
                .target("rival")
                .sender_settle_mode(SenderSettleMode::Settled)
                .credit_mode(CreditMode::Auto(4_000))
                .auto_accept(true)
                .set_desired_capabilities(vec![Symbol::from("com.microsoft:enable-receiver-runtime-metric")])
                .attach(&mut session)
                .await?;
            for _ in 0..count {
                let delivery = receiver.recv::<Body<LazyValue>>().await?;
                take(event(delivery.into_message())?);
            }
            receiver.close().await?;
            session.end().await?;
            Ok(())
        })
    }
}

async fn connected(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn open<S>(stream: S) -> Result<ConnectionHandle<()>, Failure>
where
    S: AsyncRead + AsyncWrite + Debug + Send + Unpin + 'static,
{
    let key = emulator_key();
    let builder = Connection::builder()
        .container_id("rival")
        .hostname("localhost")
        .max_frame_size(65_536)
        .sasl_profile(SaslProfile::Plain { username: key.0, password: key.1 });
    Ok(builder.open_with_stream(stream).await?)
}

fn connector(front: &TlsFront) -> Result<TlsConnector, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(front.ca_file())?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Name and key of the emulator, for SASL PLAIN.
fn emulator_key() -> (String, String) {
    let config = catchwater::internals::emulator::Config::default();
    (config.key_name, config.key)
}

/// Extracts the event. Cheap compared with decoding: it moves the body and looks up two annotations.
fn event(message: Message<Body<LazyValue>>) -> Result<Event, Failure> {
    let annotations = message.message_annotations.ok_or("an event without annotations")?.0;
    let get = |name: &str| {
        let named =
            annotations.iter().find(|(key, _)| matches!(key, OwnedKey::Symbol(Symbol(key)) if key == name));
        named.map(|(_, value)| value)
    };
    let (Some(Value::Long(number)), Some(Value::String(offset))) =
        (get("x-opt-sequence-number"), get("x-opt-offset"))
    else {
        return Err("an event without sequence number and offset".into());
    };
    let Body::Data(mut data) = message.body else { return Err("an event without a data section".into()) };
    let body = if data.len() == 1 {
        data.remove(0).0.into_vec()
    } else {
        return Err("an event with several data sections".into());
    };
    Ok((*number, offset.clone(), body))
}
