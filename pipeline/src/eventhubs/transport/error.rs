//! Errors of the transport: the step that failed, its cause, and a remedy.

use std::path::PathBuf;

use crate::eventhubs::condition::ErrorKind;

/// An error on the way to a hub. Its text contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The name of the hub, or of the proxy, has no address.
    #[error(
        "could not resolve the name {host}: {cause}; is it spelled right, and does this machine have DNS?"
    )]
    Resolve {
        /// The name.
        host: String,
        /// The error of the resolver.
        cause: String,
    },
    /// The host can't be an address or a name in a certificate.
    #[error("{host} is not a valid host name; write the Endpoint as the portal shows it")]
    InvalidHost {
        /// The host as written.
        host: String,
    },
    /// No TCP connection.
    #[error("could not connect to {to}: {cause}; {remedy}")]
    Connect {
        /// Host and port.
        to: String,
        /// The error of the last address.
        cause: String,
        /// The thing to try.
        remedy: &'static str,
    },
    /// The certificate of the peer is not accepted.
    #[error("the certificate of {to} is not accepted: {what}")]
    Certificate {
        /// Host and port.
        to: String,
        /// The fault, with its remedy.
        what: String,
    },
    /// The peer answers without TLS.
    #[error(
        "{to} does not speak TLS; is this a port without TLS? An emulator needs UseDevelopmentEmulator=true in the \
         connection string"
    )]
    NotTls {
        /// Host and port.
        to: String,
    },
    /// The TLS handshake was not completed.
    #[error("the TLS handshake with {to} failed: {cause}; is this a port with TLS?")]
    TlsBroken {
        /// Host and port.
        to: String,
        /// The cause.
        cause: String,
    },
    /// This machine trusts no certificate at all.
    #[error(
        "no trusted certificates: {0}; install the system's CA certificates (package ca-certificates), or give \
         --ca-file FILE"
    )]
    NoRoots(String),
}

impl TransportError {
    /// Its classification, for the caller's next step.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Resolve { .. } | Self::Connect { .. } | Self::TlsBroken { .. } => ErrorKind::Transient,
            Self::InvalidHost { .. } | Self::Certificate { .. } | Self::NotTls { .. } | Self::NoRoots(_) => {
                ErrorKind::Fatal
            }
        }
    }

    /// Returns whether the options or this machine have to change, and not the hub or the network.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::InvalidHost { .. } | Self::NoRoots(_))
    }
}

/// An option that can't be used. Its text contains no secret.
#[derive(Debug, thiserror::Error)]
pub enum TransportOptionsError {
    /// The file of trusted certificates.
    #[error("--ca-file {}: {what}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The fault.
        what: String,
    },
}
