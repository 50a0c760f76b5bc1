//! TLS: the certificates that are trusted, and the handshake.
//!
//! Owns: one configuration for all connections of a process, so that sessions are resumed. Does not own: the check of a
//! certificate (rustls), and the certificates of this machine (rustls-platform-verifier).

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::endpoint::Endpoint;
use super::error::{TransportError, TransportOptionsError};
use super::tcp::no_answer;

/// Trusted certificates: those of this machine, and more. Clones share one configuration.
#[derive(Clone, Default)]
pub(super) struct Tls {
    extra_roots: Vec<CertificateDer<'static>>,
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    /// Also trusts the certificates of a PEM file.
    pub(super) fn with_ca_file(path: &Path) -> Result<Self, TransportOptionsError> {
        let failed = |what: String| TransportOptionsError::CaFile { path: path.to_owned(), what };
        let pem = fs::read(path).map_err(|error| failed(format!("it can't be read: {error}")))?;
        let extra_roots: Vec<_> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| failed(format!("it is not valid PEM: {error}")))?;
        if extra_roots.is_empty() {
            return Err(failed(
                "it holds no certificate; a PEM file with BEGIN CERTIFICATE is expected".to_owned(),
            ));
        }
        let mut store = RootCertStore::empty();
        for root in &extra_roots {
            store
                .add(root.clone())
                .map_err(|error| failed(format!("it holds an invalid certificate: {error}")))?;
        }
        Ok(Self { extra_roots, config: Arc::default() })
    }

    /// The certificates of the PEM file.
    pub(super) fn extra_roots(&self) -> &[CertificateDer<'static>] {
        &self.extra_roots
    }

    /// The configuration, made for the first connection: it reads the certificates of this machine.
    fn config(&self) -> Result<Arc<ClientConfig>, TransportError> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let no_roots = |error: rustls::Error| TransportError::NoRoots(error.to_string());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            Verifier::new_with_extra_roots(self.extra_roots.iter().cloned(), Arc::clone(&provider))
                .map_err(no_roots)?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(no_roots)?
            .dangerous() // the name of the method; the verifier does check certificates
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Arc::clone(self.config.get_or_init(|| Arc::new(config))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Tls({} extra roots)", self.extra_roots.len())
    }
}

/// Starts TLS on a stream to the hub.
pub(super) async fn handshake<S>(
    stream: S,
    end: Endpoint<'_>,
    tls: &Tls,
) -> Result<TlsStream<S>, TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(end.host.to_owned())
        .map_err(|_| TransportError::InvalidHost { host: end.host.to_owned() })?;
    let connector = TlsConnector::from(tls.config()?);
    match timeout(TLS_TIMEOUT, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failed(end, &error)),
        Err(_) => Err(TransportError::TlsBroken { to: end.to_string(), cause: no_answer(TLS_TIMEOUT) }),
    }
}

/// The error of a handshake, for an operator.
fn failed(end: Endpoint<'_>, error: &io::Error) -> TransportError {
    let to = end.to_string();
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(fault)) => {
            TransportError::Certificate { to, what: fault_of(end.host, fault) }
        }
        // The first bytes are not a TLS record.
        Some(rustls::Error::InvalidMessage(_)) => TransportError::NotTls { to },
        Some(rustls::Error::AlertReceived(alert)) => {
            TransportError::TlsBroken { to, cause: format!("the peer refused it ({alert:?})") }
        }
        Some(other) => TransportError::TlsBroken { to, cause: other.to_string() },
        None => TransportError::TlsBroken { to, cause: error.to_string() },
    }
}

/// A fault of a certificate, with the remedy.
fn fault_of(host: &str, fault: &CertificateError) -> String {
    match fault {
        // A bad signature: an authority of the same name is trusted, with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its issuer is not trusted here; if the hub, or a proxy that inspects TLS, has a certificate authority of \
             its own, give the authority's certificate with --ca-file FILE"
                .to_owned()
        }
        CertificateError::NotValidForName => {
            format!("it is not for {host}; is the Endpoint of the connection string right?")
        }
        CertificateError::NotValidForNameContext { presented, .. } => format!(
            "it is for {}, not for {host}; is the Endpoint of the connection string right?",
            names(presented)
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; is the clock of this machine right?".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet; is the clock of this machine right?".to_owned()
        }
        other => other.to_string(),
    }
}

/// Names in a certificate, which rustls spells `DnsName("a")` and `IpAddress(1.2.3.4)`.
fn names(presented: &[String]) -> String {
    let name = |name: &str| {
        let inner = name.split_once('(').map_or(name, |(_, rest)| rest.strip_suffix(')').unwrap_or(rest));
        inner.trim_matches('"').to_owned()
    };
    let names: Vec<String> = presented.iter().map(|text| name(text)).collect();
    if names.is_empty() { "no host name".to_owned() } else { names.join(", ") }
}

/// Limit on a TLS handshake: two round trips, and a few hundred milliseconds of a busy peer.
const TLS_TIMEOUT: Duration = Duration::from_secs(20);
