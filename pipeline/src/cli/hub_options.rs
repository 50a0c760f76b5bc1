//! Options that select the event hub and its credential.
//!
//! Owns: the three ways to name a hub, of which one is given. Does not own: the identities of Entra
//! (`eventhubs::Identity`), or the way to the hub.
//!
//! A secret comes from the environment or a file. Only the connection string may also be an argument, as for other
//! tools of Event Hubs.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use tracing::info;

use super::exit::Usage;
use super::options::name;
use super::transport_options::TransportArgs;
use crate::eventhubs::{
    Address, ConnectionString, ConnectionStringError, Credential, HubAccess, Identity, IdentityKind,
    TransportOptions,
};

/// Options that select the event hub.
#[derive(Clone, Debug, Args)]
pub(super) struct HubOptions {
    /// Connection string of the event hub or its namespace, as the portal shows it
    #[arg(long, env = "CATCHWATER_CONNECTION_STRING", hide_env_values = true, value_parser = connection_string, value_name = "TEXT")]
    connection_string: Option<ParsedConnectionString>,
    /// File with the connection string
    #[arg(long, env = "CATCHWATER_CONNECTION_STRING_FILE", hide_env_values = true, value_name = "FILE")]
    connection_string_file: Option<PathBuf>,
    /// Namespace to open with an identity of Microsoft Entra, such as NAME.servicebus.windows.net or NAME
    #[arg(long, env = "CATCHWATER_NAMESPACE", hide_env_values = true, value_name = "HOST")]
    namespace: Option<String>,
    /// Name of the event hub, if the connection string has no EntityPath
    #[arg(long, env = "CATCHWATER_EVENT_HUB", value_parser = name, value_name = "NAME")]
    event_hub: Option<String>,
    /// With --namespace: the identity [default: auto, by the variables `AZURE_CLIENT_SECRET`,
    /// `AZURE_FEDERATED_TOKEN_FILE` and `IDENTITY_ENDPOINT`, else the Azure CLI]. A virtual machine needs managed-identity
    #[arg(long, env = "CATCHWATER_CREDENTIAL", value_enum, value_name = "KIND")]
    credential: Option<CredentialKind>,
    /// File with the client secret, instead of `AZURE_CLIENT_SECRET`. It is read again for each token
    #[arg(long, env = "CATCHWATER_CLIENT_SECRET_FILE", hide_env_values = true, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    #[command(flatten)]
    transport: TransportArgs,
}

/// The identities to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CredentialKind {
    Auto,
    ClientSecret,
    WorkloadIdentity,
    ManagedIdentity,
    AzureCli,
}

/// An invalid value is kept and reported later: an error of clap would repeat it, and it holds a key.
type ParsedConnectionString = Result<ConnectionString, ConnectionStringError>;

#[expect(clippy::unnecessary_wraps, reason = "clap takes a result, and would report the error itself")]
fn connection_string(text: &str) -> Result<ParsedConnectionString, Infallible> {
    Ok(ConnectionString::parse(text))
}

impl HubOptions {
    /// Access to the hub, whose name is known.
    pub(super) fn access(&self) -> anyhow::Result<HubAccess> {
        let transport = self.transport.options()?;
        match (&self.connection_string, &self.connection_string_file, &self.namespace) {
            (Some(text), None, None) => self.by_connection_string(text.clone()?, transport),
            (None, Some(file), None) => self.by_connection_string(read(file)?, transport),
            (None, None, Some(namespace)) => self.by_identity(namespace, transport),
            (None, None, None) => Err(usage(
                "no event hub: give --connection-string TEXT, --connection-string-file FILE, or --namespace HOST with \
                 --event-hub NAME (or their variables CATCHWATER_…)",
            )),
            _ => Err(usage(
                "more than one way to the hub: give one of --connection-string, --connection-string-file and \
                 --namespace; variables CATCHWATER_CONNECTION_STRING, …_FILE and CATCHWATER_NAMESPACE count too",
            )),
        }
    }

    fn by_connection_string(
        &self,
        connection: ConnectionString,
        transport: TransportOptions,
    ) -> anyhow::Result<HubAccess> {
        if self.credential.is_some_and(|kind| kind != CredentialKind::Auto)
            || self.client_secret_file.is_some()
        {
            return Err(usage(
                "--credential and --client-secret-file are for --namespace: a connection string is a credential itself",
            ));
        }
        let connection = connection.with_event_hub(self.event_hub.as_deref())?;
        if connection.event_hub().is_none() {
            return Err(usage(
                "no event hub: the connection string has no EntityPath; name the hub with --event-hub NAME",
            ));
        }
        Ok(HubAccess::from(connection).with_transport(transport))
    }

    fn by_identity(&self, namespace: &str, transport: TransportOptions) -> anyhow::Result<HubAccess> {
        let Some(event_hub) = &self.event_hub else {
            return Err(usage("no event hub: --namespace needs --event-hub NAME"));
        };
        let address = Address::of_namespace(namespace, event_hub)?;
        let kind = self.credential.and_then(CredentialKind::identity);
        if self.client_secret_file.is_some() && !matches!(kind, None | Some(IdentityKind::ClientSecret)) {
            return Err(usage("--client-secret-file is for --credential client-secret"));
        }
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let identity = Identity::choose(kind, self.client_secret_file.clone(), variable)?;
        let credential = identity.credential(&transport.extra_roots())?;
        info!(%credential, hub = %address, "tokens of Microsoft Entra");
        Ok(HubAccess { address, credential: Credential::Entra(credential), transport })
    }
}

impl CredentialKind {
    fn identity(self) -> Option<IdentityKind> {
        match self {
            Self::Auto => None,
            Self::ClientSecret => Some(IdentityKind::ClientSecret),
            Self::WorkloadIdentity => Some(IdentityKind::WorkloadIdentity),
            Self::ManagedIdentity => Some(IdentityKind::ManagedIdentity),
            Self::AzureCli => Some(IdentityKind::AzureCli),
        }
    }
}

/// Reads a connection string from a file. The path is not shown: a connection string may have been given in its place.
fn read(file: &Path) -> anyhow::Result<ConnectionString> {
    let text = fs::read_to_string(file)
        .map_err(|error| usage(&format!("the file of --connection-string-file can't be read: {error}")))?;
    // Editors of Windows begin a file with a byte order mark.
    Ok(ConnectionString::parse(text.trim_start_matches('\u{feff}').trim())?)
}

fn usage(text: &str) -> anyhow::Error {
    Usage(text.to_owned()).into()
}
