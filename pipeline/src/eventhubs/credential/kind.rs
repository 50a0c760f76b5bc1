//! The kinds of credentials.
//!
//! Does not own: tokens (`source`).

use std::fmt;

use super::entra::EntraCredential;

/// A secret that opens a namespace, or an identity that is allowed to.
#[derive(Clone)]
pub enum Credential {
    /// A key, of which tokens are made.
    Key {
        /// The name of its rule.
        name: String,
        /// The key.
        key: String,
    },
    /// A ready-made token that can't be renewed.
    Signature(String),
    /// An identity of Microsoft Entra, which gives out tokens.
    Entra(EntraCredential),
}

/// Shows the kind, and no secret.
impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { .. } => out.write_str("Key"),
            Self::Signature(_) => out.write_str("Signature"),
            Self::Entra(credential) => credential.fmt(out),
        }
    }
}

impl Credential {
    /// Returns whether new tokens can be made of it.
    pub(super) fn is_renewable(&self) -> bool {
        !matches!(self, Self::Signature(_))
    }
}
