//! Errors of credentials, each with its remedy and without a secret.
//!
//! Does not own: refusals of the hub (`eventhubs::error`).

/// A credential gives no usable token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// A ready-made signature has expired.
    #[error(
        "the shared access signature expired at {expiry}; make a new one; shared access keys and Microsoft \
         Entra are renewed"
    )]
    Expired {
        /// Its expiry.
        expiry: String,
    },
    /// A ready-made signature is for another event hub.
    #[error(
        "the shared access signature is for {resource}, not for {audience}; make one for this event hub or its \
         namespace"
    )]
    OtherAudience {
        /// The resource that it is for.
        resource: String,
        /// The resource that is read.
        audience: String,
    },
    /// A ready-made signature lacks a part.
    #[error(
        "the shared access signature has no usable {part}; it is like SharedAccessSignature \
         sr=…&sig=…&se=…&skn=…"
    )]
    Malformed {
        /// Name of the part.
        part: &'static str,
    },
    /// A variable of an identity is missing.
    #[error(
        "{kind} needs {variable}, which is not set; set it, or choose another credential with --credential"
    )]
    Missing {
        /// The kind of the identity.
        kind: &'static str,
        /// Name of the variable.
        variable: &'static str,
    },
    /// This machine can't make HTTPS requests.
    #[error("no HTTPS client for tokens: {cause}; check the certificates of this machine and --ca-file")]
    Http {
        /// The cause.
        cause: String,
    },
    /// An identity can't be used as it is configured.
    #[error("{credential}: {cause}; {remedy}")]
    Refused {
        /// The credential, with its ids.
        credential: String,
        /// The refusal.
        cause: String,
        /// The next step of the reader.
        remedy: &'static str,
    },
    /// No token was given out, and a later request may succeed.
    #[error("{credential}: {cause}; {remedy}")]
    Unavailable {
        /// The credential, with its ids.
        credential: String,
        /// The failure.
        cause: String,
        /// The next step of the reader.
        remedy: &'static str,
    },
}

impl CredentialError {
    /// Returns whether a later request may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
