//! The connection string: address of the namespace, name of the event hub, credential.
//!
//! # Source
//! `Endpoint=sb://HOST[:PORT]/;SharedAccessKeyName=…;SharedAccessKey=…[;EntityPath=HUB]`, or a ready-made
//! `SharedAccessSignature=SharedAccessSignature sr=…` instead of name and key, as the official SDKs read it.

use std::fmt;

use super::address::{Address, host_and_port};
use super::credential::Credential;

/// The address of a namespace, the name of an event hub, and the credential for both.
#[derive(Clone)]
pub struct ConnectionString {
    address: Address,
    credential: Credential,
}

impl ConnectionString {
    /// Parses a connection string.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        if text.trim().starts_with(QUOTATION_MARKS) || text.trim().ends_with(QUOTATION_MARKS) {
            return Err(ConnectionStringError::Quoted);
        }
        let parts = Parts::split(text)?;
        if let (Some(service), None) = (parts.other_service, parts.endpoint) {
            return Err(ConnectionStringError::OtherService(service));
        }
        let endpoint = parts.endpoint.ok_or(ConnectionStringError::Missing("Endpoint"))?;
        // A scheme is required and ignored.
        let (_, authority) = endpoint
            .split_once("://")
            .filter(|(scheme, _)| !scheme.is_empty())
            .ok_or(ConnectionStringError::Endpoint)?;
        let (host, port) = host_and_port(authority).ok_or(ConnectionStringError::Endpoint)?;
        let credential = match (parts.key_name, parts.key, parts.signature) {
            (None, None, Some(signature)) => Credential::Signature(signature.to_owned()),
            (Some(name), Some(key), None) => Credential::Key { name: name.to_owned(), key: key.to_owned() },
            (_, _, Some(_)) => return Err(ConnectionStringError::KeyAndSignature),
            (None, Some(_), None) => return Err(ConnectionStringError::Missing("SharedAccessKeyName")),
            (_, None, None) => return Err(ConnectionStringError::Missing("SharedAccessKey")),
        };
        let event_hub = parts.entity_path.map(str::to_owned);
        Ok(Self { address: Address::new(host, port, parts.development, event_hub), credential })
    }

    /// The namespace: the host in lower case without port. Loopback addresses are `localhost`.
    pub fn namespace(&self) -> &str {
        self.address.namespace()
    }

    /// The name of the event hub, if it has one.
    pub fn event_hub(&self) -> Option<&str> {
        self.address.event_hub()
    }

    /// Names the event hub; `None` leaves it as it is.
    ///
    /// # Errors
    /// The connection string names another one.
    pub fn with_event_hub(mut self, event_hub: Option<&str>) -> Result<Self, ConnectionStringError> {
        let Some(event_hub) = event_hub else { return Ok(self) };
        match self.address.event_hub() {
            Some(named) if !named.eq_ignore_ascii_case(event_hub) => {
                Err(ConnectionStringError::OtherEventHub {
                    named: named.to_owned(),
                    event_hub: event_hub.to_owned(),
                })
            }
            _ => {
                self.address.set_event_hub(event_hub);
                Ok(self)
            }
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) fn credential(&self) -> &Credential {
        &self.credential
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ConnectionString({self})")
    }
}

/// Shows the address, and no secret.
impl fmt::Display for ConnectionString {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(out)
    }
}

/// Straight quotation marks, which some env files keep literally, and those of word processors and chats.
const QUOTATION_MARKS: [char; 9] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '«'];

/// A fault in a connection string. Its text contains no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part is not `name=value`.
    #[error("part {0} of the connection string is not name=value")]
    NotAPair(usize),
    /// It is in quotation marks: some env files keep them literally.
    #[error("the connection string is in quotation marks; leave them out")]
    Quoted,
    /// It belongs to another service.
    #[error("this is the connection string of {0}, not of an event hub")]
    OtherService(&'static str),
    /// A required part is missing.
    #[error("the connection string has no {0}")]
    Missing(&'static str),
    /// The endpoint is not an address with a scheme.
    #[error("the Endpoint of the connection string is not like sb://HOST/")]
    Endpoint,
    /// It has two credentials.
    #[error("the connection string has both a SharedAccessKey and a SharedAccessSignature")]
    KeyAndSignature,
    /// Another event hub was named outside of it.
    #[error("the connection string is for event hub {named}, not for {event_hub}")]
    OtherEventHub {
        /// The name in the connection string.
        named: String,
        /// The other name.
        event_hub: String,
    },
}

/// The known parts of a connection string.
#[derive(Default)]
struct Parts<'a> {
    endpoint: Option<&'a str>,
    key_name: Option<&'a str>,
    key: Option<&'a str>,
    signature: Option<&'a str>,
    entity_path: Option<&'a str>,
    development: bool,
    /// The service whose connection strings have one of the parts.
    other_service: Option<&'static str>,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, ConnectionStringError> {
        let mut parts = Self::default();
        for (index, pair) in text.split(';').enumerate() {
            if pair.trim().is_empty() {
                continue;
            }
            // Keys are base64 and may end in `=`: only the first `=` separates.
            let (name, value) = pair.split_once('=').ok_or(ConnectionStringError::NotAPair(index + 1))?;
            let value = Some(value.trim()).filter(|value| !value.is_empty());
            match name.trim().to_ascii_lowercase().as_str() {
                "endpoint" => parts.endpoint = value,
                "sharedaccesskeyname" => parts.key_name = value,
                "sharedaccesskey" => parts.key = value,
                "sharedaccesssignature" => parts.signature = value,
                "entitypath" => parts.entity_path = value,
                "usedevelopmentemulator" => {
                    parts.development = value.is_some_and(|value| value.eq_ignore_ascii_case("true"));
                }
                "accountname" | "accountkey" | "defaultendpointsprotocol" | "blobendpoint" => {
                    parts.other_service = Some("a storage account");
                }
                "hostname" | "deviceid" => {
                    parts.other_service =
                        Some("an IoT hub (its event hub is under \"Built-in endpoints\" in the portal)");
                }
                _ => {}
            }
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a connection string, as text.
    fn read(text: &str) -> Result<String, ConnectionStringError> {
        let read = ConnectionString::parse(text)?;
        let credential = match read.credential() {
            Credential::Key { name, key } => format!("{name}={key}"),
            Credential::Signature(signature) => signature.clone(),
            Credential::Entra(_) => unreachable!("a connection string has no identity"),
        };
        let hub = read.event_hub().unwrap_or("-");
        Ok(format!(
            "{} {} {} {hub} {credential} {}",
            read.namespace(),
            read.address().host(),
            read.address().port(),
            read.address().is_development()
        ))
    }

    #[test]
    fn parses_connection_strings_like_the_sdks() {
        let cases = [
            (
                "Endpoint=sb://A.Servicebus.Windows.Net/;SharedAccessKeyName=n;SharedAccessKey=k=/+==;EntityPath=Hub",
                "a.servicebus.windows.net A.Servicebus.Windows.Net 5671 Hub n=k=/+== false",
            ),
            (
                " endpoint = amqps://h:1234 ;; SHAREDACCESSKEY= k ;sharedaccesskeyname=n; Unknown=x ;",
                "h h 1234 - n=k false",
            ),
            (
                "Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
                "localhost localhost 5672 - n=SAS_KEY_VALUE true",
            ),
            (
                "Endpoint=sb://127.0.0.1:40001;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=True",
                "localhost 127.0.0.1 40001 - n=k true",
            ),
            (
                "Endpoint=sb://[::1]:5/;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=yes",
                "localhost ::1 5 - n=k false",
            ),
            (
                "EntityPath=e;SharedAccessSignature=SharedAccessSignature sr=a&sig=b%3D&se=1&skn=n;Endpoint=sb://h",
                "h h 5671 e SharedAccessSignature sr=a&sig=b%3D&se=1&skn=n false",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn errors_name_the_part() {
        let key = "SharedAccessKeyName=n;SharedAccessKey=secret";
        let cases = [
            (key.to_owned(), ConnectionStringError::Missing("Endpoint")),
            (format!("Endpoint=h;{key}"), ConnectionStringError::Endpoint),
            (format!("Endpoint=sb:///;{key}"), ConnectionStringError::Endpoint),
            (format!("Endpoint=sb://h:port;{key}"), ConnectionStringError::Endpoint),
            (format!("Endpoint=sb://u:secret@h/;{key}"), ConnectionStringError::Endpoint),
            (format!("Endpoint=sb://secret@h/;{key}"), ConnectionStringError::Endpoint),
            (format!("Endpoint=sb://h?sig=secret;{key}"), ConnectionStringError::Endpoint),
            (format!("\"Endpoint=sb://h;{key}\""), ConnectionStringError::Quoted),
            (format!(" 'Endpoint=sb://h;{key}"), ConnectionStringError::Quoted),
            (format!("“Endpoint=sb://h;{key}”"), ConnectionStringError::Quoted),
            (format!("Endpoint=sb://h;{key}`"), ConnectionStringError::Quoted),
            (
                "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=secret".to_owned(),
                ConnectionStringError::OtherService("a storage account"),
            ),
            (
                format!("HostName=a.azure-devices.net;{key}"),
                ConnectionStringError::OtherService(
                    "an IoT hub (its event hub is under \"Built-in endpoints\" in the portal)",
                ),
            ),
            (format!("Endpoint=sb://h;{key};secret"), ConnectionStringError::NotAPair(4)),
            ("Endpoint=sb://h".to_owned(), ConnectionStringError::Missing("SharedAccessKey")),
            (
                "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=".to_owned(),
                ConnectionStringError::Missing("SharedAccessKey"),
            ),
            (
                "Endpoint=sb://h;SharedAccessKey=secret".to_owned(),
                ConnectionStringError::Missing("SharedAccessKeyName"),
            ),
            (
                format!("Endpoint=sb://h;{key};SharedAccessSignature=secret"),
                ConnectionStringError::KeyAndSignature,
            ),
        ];
        for (text, expected) in cases {
            let error = ConnectionString::parse(&text).unwrap_err();
            assert!(!error.to_string().contains("secret") && !format!("{error:?}").contains("secret"));
            assert_eq!(error, expected, "{text}");
        }
    }

    #[test]
    fn debug_and_display_show_no_secret() {
        for text in [
            "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=secret;EntityPath=e",
            "Endpoint=sb://h;SharedAccessSignature=secret;EntityPath=e",
        ] {
            let read = ConnectionString::parse(text).unwrap();
            assert_eq!(format!("{read} {read:?}"), "sb://h:5671/e ConnectionString(sb://h:5671/e)");
        }
    }

    #[test]
    fn event_hub_names_must_agree() {
        let of = |path: &str| {
            ConnectionString::parse(&format!("Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=k{path}"))
                .unwrap()
        };
        let hub = |read: Result<ConnectionString, _>| read.map(|read| read.event_hub().map(str::to_owned));
        assert_eq!(hub(of("").with_event_hub(None)), Ok(None));
        assert_eq!(hub(of("").with_event_hub(Some("a"))), Ok(Some("a".to_owned())));
        assert_eq!(hub(of(";EntityPath=A").with_event_hub(None)), Ok(Some("A".to_owned())));
        assert_eq!(hub(of(";EntityPath=A").with_event_hub(Some("a"))), Ok(Some("a".to_owned())));
        let error = of(";EntityPath=A").with_event_hub(Some("b")).unwrap_err();
        assert!(matches!(error, ConnectionStringError::OtherEventHub { .. }));
    }
}
