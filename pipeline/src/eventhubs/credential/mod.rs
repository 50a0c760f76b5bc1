//! Credentials, and the tokens that are made of them.
//!
//! Owns: the kinds of credentials, one token source per hub, when a token is renewed, and the announcement of an expiry
//! that can't be renewed. Does not own: putting a token on a connection (`authorization`).

mod error; // errors, each with its remedy
mod renewal; // when a token is renewed, pure
mod notice; // announcement of the expiry of a ready-made signature, pure
mod token; // a token and its kind
mod signature; // shared access signatures: made of a key, or ready-made
mod remedy; // errors of Entra as sentences
mod command; // commands of the Azure CLI
mod http; // the HTTP client that asks for tokens
mod entra; // tokens of Microsoft Entra
mod identity; // the identities of Entra, and the choice among them
mod kind; // the kinds of credentials
mod source; // the token source of a hub

pub use entra::EntraCredential;
pub use error::CredentialError;
pub use identity::Identity;
pub use kind::Credential;
pub use remedy::IdentityKind;
pub(super) use source::{TokenLife, TokenSource};
pub(super) use token::Token;
