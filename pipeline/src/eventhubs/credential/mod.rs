//! Credentials, and the tokens that are made of them.
//!
//! Owns: the kinds of credentials, one token source per hub, when a token is renewed, and the announcement of an expiry
//! that can't be renewed. Does not own: putting a token on a connection (`authorization`).

mod error; // errors, each with its remedy
mod renewal; // when a token is renewed, pure
mod notice; // announcement of the expiry of a ready-made signature, pure
mod token; // a token and its kind
mod signature; // shared access signatures: made of a key, or ready-made
mod entra; // tokens of Microsoft Entra
mod source; // the token source of a hub

use std::fmt;

pub use entra::EntraCredential;
pub use error::CredentialError;
pub(super) use source::{TokenLife, TokenSource};
pub(super) use token::Token;

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
    fn is_renewable(&self) -> bool {
        !matches!(self, Self::Signature(_))
    }
}
