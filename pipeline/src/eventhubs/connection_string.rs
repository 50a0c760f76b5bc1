//! The connection string: where the namespace is and what opens it.

use std::fmt;

/// Where a namespace is, which event hub is meant, and what opens it.
#[derive(Clone)]
pub struct ConnectionString {
    entity_path: Option<String>,
}

impl ConnectionString {
    /// Reads a connection string.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let _ = text;
        todo!()
    }

    /// The namespace: the host in lower case without port; every name of this machine is `localhost`.
    pub fn namespace(&self) -> &str {
        todo!()
    }

    /// The event hub that is meant, if one is named.
    pub fn event_hub(&self) -> Option<&str> {
        self.entity_path.as_deref()
    }

    /// Names the event hub; `None` leaves it as it is.
    ///
    /// # Errors
    /// The connection string names another one.
    pub fn with_event_hub(self, event_hub: Option<&str>) -> Result<Self, ConnectionStringError> {
        let _ = event_hub;
        todo!()
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ConnectionString")
    }
}

/// What is wrong with a connection string; never shows its secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part that is needed is not there.
    #[error("the connection string has no {0}")]
    Missing(&'static str),
}
