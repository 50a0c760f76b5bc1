//! A token for one audience.
//!
//! Does not own: its source (`source`), or the time of its renewal (`renewal`).

use super::renewal::Validity;
use crate::clock::UnixMillis;
use crate::eventhubs::names::{JWT, SAS_TOKEN};

/// A token. No `Debug`: it is a secret.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) kind: TokenKind,
    /// Unix seconds.
    pub(crate) expiry: Option<i64>,
    /// Time at which it was obtained.
    pub(super) obtained: UnixMillis,
}

/// The kinds of tokens that a hub takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A shared access signature.
    Sas,
    /// A token of Microsoft Entra.
    Jwt,
}

impl TokenKind {
    /// Its name in a request to `$cbs`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sas => SAS_TOKEN,
            Self::Jwt => JWT,
        }
    }
}

impl Token {
    /// Its validity, if it has an end.
    pub(super) fn validity(&self) -> Option<Validity> {
        let until = UnixMillis::new(self.expiry?.saturating_mul(1000));
        Some(Validity { from: self.obtained, until })
    }
}
