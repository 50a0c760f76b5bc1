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
    /// The proxy does not connect to the hub.
    #[error("the proxy {proxy} refused to connect to {to}: status {status} {reason}; {remedy}")]
    ProxyRefused {
        /// Host and port of the proxy.
        proxy: String,
        /// Host and port of the hub.
        to: String,
        /// The HTTP status.
        status: u16,
        /// Its usual words.
        reason: &'static str,
        /// The thing to try.
        remedy: &'static str,
    },
    /// The proxy gives no response of HTTP.
    #[error("the proxy {proxy} did not connect to the hub: {cause}; is it an HTTP proxy?")]
    ProxyBroken {
        /// Host and port of the proxy.
        proxy: String,
        /// The cause.
        cause: String,
    },
    /// The peer refuses WebSocket.
    #[error(
        "{to} refused AMQP over WebSocket: HTTP status {status} {reason}; is it the address of an Event Hubs namespace?"
    )]
    WebSocketRefused {
        /// Host and port.
        to: String,
        /// The HTTP status.
        status: u16,
        /// Its usual words.
        reason: &'static str,
    },
    /// The WebSocket handshake was not completed.
    #[error("the WebSocket handshake with {to} failed: {cause}; does this port speak WebSocket?")]
    WebSocketBroken {
        /// Host and port.
        to: String,
        /// The cause.
        cause: String,
    },
    /// An option or variable can't be used for this hub.
    #[error(transparent)]
    Options(#[from] TransportOptionsError),
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
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::TlsBroken { .. }
            | Self::ProxyBroken { .. }
            | Self::WebSocketBroken { .. } => ErrorKind::Transient,
            Self::ProxyRefused { status, .. } | Self::WebSocketRefused { status, .. }
                if is_temporary(*status) =>
            {
                ErrorKind::Transient
            }
            Self::ProxyRefused { .. }
            | Self::WebSocketRefused { .. }
            | Self::InvalidHost { .. }
            | Self::Certificate { .. }
            | Self::NotTls { .. }
            | Self::Options(_)
            | Self::NoRoots(_) => ErrorKind::Fatal,
        }
    }

    /// Returns whether the options or this machine have to change, and not the hub or the network.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::InvalidHost { .. } | Self::NoRoots(_) | Self::Options(_))
    }
}

/// An option that can't be used. Its text contains no secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TransportOptionsError {
    /// The file of trusted certificates.
    #[error("--ca-file {}: {what}", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The fault.
        what: String,
    },
    /// The text of a proxy.
    #[error(
        "{option} is not the URL of a proxy; write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with %XX for \
         special characters of the password"
    )]
    ProxyUrl {
        /// The option or the variable.
        option: &'static str,
    },
    /// A proxy of another protocol.
    #[error(
        "{option} names a proxy of the protocol {scheme}, and only http:// is supported; name another one with \
         --proxy URL, or connect without one with --proxy none"
    )]
    ProxyScheme {
        /// The option or the variable.
        option: &'static str,
        /// The protocol.
        scheme: String,
    },
}

/// Returns whether an HTTP status is about the moment: too many requests, or a failure behind the server.
fn is_temporary(status: u16) -> bool {
    status == 429 || status >= 500
}
