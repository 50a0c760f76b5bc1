//! Fronts for a hub without TLS: each listens on loopback and forwards connections to the hub.
//!
//! Owns: TLS with certificates of its own authority. Unit tests and tests of the binary use it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A certificate authority that no machine trusts.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
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
    connections: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Starts a front that forwards to `hub`.
    pub(crate) fn start(kind: Kind, hub: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        let count = Arc::clone(&connections);
        let serving = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let kind = Arc::new(kind);
            loop {
                let (client, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                client.set_nodelay(true).unwrap();
                let kind = Arc::clone(&kind);
                // A client that gives up is a part of many tests.
                tokio::spawn(async move { kind.serve(client, hub).await.unwrap_or_default() });
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
        Self { address, connections, stop: Some(stop), thread: Some(thread) }
    }

    /// The number of connections that were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
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
}

impl Kind {
    async fn serve(&self, client: TcpStream, hub: SocketAddr) -> std::io::Result<()> {
        match self {
            Self::Tls(acceptor) => forward(acceptor.accept(client).await?, hub).await,
        }
    }
}

async fn forward(mut client: impl AsyncRead + AsyncWrite + Unpin, hub: SocketAddr) -> std::io::Result<()> {
    let mut hub = TcpStream::connect(hub).await?;
    hub.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut hub).await?;
    Ok(())
}
