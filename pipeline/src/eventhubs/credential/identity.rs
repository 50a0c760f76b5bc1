//! The identities of Microsoft Entra: the choice among them, and a credential of `azure_identity` for each.
//!
//! Owns: the variables of each kind. Does not own: the requests (`entra`), or the HTTP client (`http`).
//!
//! A secret comes from the environment or a file, never from an argument.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::ErrorKind as AzureKind;
use azure_core::http::{ClientOptions, ExponentialRetryOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::command::ShortCommands;
use super::entra::EntraCredential;
use super::error::CredentialError;
use super::http::EntraClient;
use super::remedy::IdentityKind;

/// An identity, as an operator configures it.
#[derive(Clone, Debug)]
pub struct Identity {
    proof: Proof,
    /// True if the kind was not asked for.
    is_guessed: bool,
}

/// The parameters of a kind.
#[derive(Clone, Debug)]
enum Proof {
    ClientSecret { tenant: String, client: String, secret: ClientSecret },
    WorkloadIdentity { tenant: String, client: String, file: PathBuf },
    ManagedIdentity { client: Option<String> },
    AzureCli { tenant: Option<String> },
}

/// A client secret. Its `Debug` shows neither.
#[derive(Clone, Debug)]
enum ClientSecret {
    Text(Secret),
    /// Read at each request, so that a new secret needs no restart.
    File(PathBuf),
}

impl Identity {
    /// Chooses an identity by what is set. `variable` returns a variable of the environment that is not empty.
    ///
    /// # Errors
    /// A variable of the kind is missing.
    pub fn choose(
        asked: Option<IdentityKind>,
        secret_file: Option<PathBuf>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialError> {
        let is_set = |name| variable(name).is_some();
        let kind = asked.unwrap_or_else(|| {
            if secret_file.is_some() || is_set(CLIENT_SECRET) {
                IdentityKind::ClientSecret
            } else if is_set(FEDERATED_TOKEN_FILE) {
                IdentityKind::WorkloadIdentity
            } else if is_set("IDENTITY_ENDPOINT") {
                IdentityKind::ManagedIdentity
            } else {
                IdentityKind::AzureCli
            }
        });
        let needed = |name: &'static str| {
            variable(name).ok_or_else(|| CredentialError::Missing { kind: kind.title(), variable: name })
        };
        let proof = match kind {
            IdentityKind::ClientSecret => Proof::ClientSecret {
                tenant: needed(TENANT_ID)?,
                client: needed(CLIENT_ID)?,
                secret: match secret_file {
                    Some(file) => ClientSecret::File(file),
                    None => ClientSecret::Text(Secret::new(needed(CLIENT_SECRET)?)),
                },
            },
            IdentityKind::WorkloadIdentity => Proof::WorkloadIdentity {
                tenant: needed(TENANT_ID)?,
                client: needed(CLIENT_ID)?,
                file: needed(FEDERATED_TOKEN_FILE)?.into(),
            },
            IdentityKind::ManagedIdentity => Proof::ManagedIdentity { client: variable(CLIENT_ID) },
            IdentityKind::AzureCli => Proof::AzureCli { tenant: variable(TENANT_ID) },
        };
        Ok(Self { proof, is_guessed: asked.is_none() })
    }

    /// The credential of this identity. `roots` are trusted beside the certificates of this machine, in DER.
    pub fn credential(self, roots: &[Vec<u8>]) -> Result<EntraCredential, CredentialError> {
        let (name, kind) = (self.to_string(), self.kind());
        let failed = |error: reqwest::Error| CredentialError::Http { cause: error.to_string() };
        let client = EntraClient::new(roots, self.is_local()).map_err(failed)?;
        let options = ClientOptions {
            cloud: Some(Arc::new(cloud())),
            transport: Some(Transport::new(Arc::new(client))),
            retry: RetryOptions::exponential(ExponentialRetryOptions {
                max_retries: MAX_RETRIES,
                ..ExponentialRetryOptions::default()
            }),
            ..ClientOptions::default()
        };
        let proof = self.proof;
        Ok(EntraCredential::new(&name, kind, move || proof.open(&options)))
    }

    fn kind(&self) -> IdentityKind {
        match self.proof {
            Proof::ClientSecret { .. } => IdentityKind::ClientSecret,
            Proof::WorkloadIdentity { .. } => IdentityKind::WorkloadIdentity,
            Proof::ManagedIdentity { .. } => IdentityKind::ManagedIdentity,
            Proof::AzureCli { .. } => IdentityKind::AzureCli,
        }
    }

    /// Returns whether its endpoint is on this machine: a proxy can't reach the metadata service or the loopback
    /// interface.
    fn is_local(&self) -> bool {
        self.kind() == IdentityKind::ManagedIdentity || is_loopback(&authority())
    }
}

/// Names the identity, with its ids, which are not secrets.
impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.proof {
            Proof::ClientSecret { tenant, client, .. } => {
                write!(out, "client secret of application {client} in tenant {tenant}")
            }
            Proof::WorkloadIdentity { tenant, client, .. } => {
                write!(out, "workload identity of application {client} in tenant {tenant}")
            }
            Proof::ManagedIdentity { client: Some(client) } => {
                write!(out, "user-assigned managed identity {client}")
            }
            Proof::ManagedIdentity { client: None } => write!(out, "system-assigned managed identity"),
            Proof::AzureCli { .. } => {
                write!(out, "Azure CLI")?;
                if self.is_guessed {
                    write!(
                        out,
                        " (chosen because {CLIENT_SECRET}, {FEDERATED_TOKEN_FILE} and IDENTITY_ENDPOINT are not set)"
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl Proof {
    fn open(&self, options: &ClientOptions) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let client_options = options.clone();
        Ok(match self {
            Self::ClientSecret { tenant, client, secret } => {
                let options = ClientSecretCredentialOptions { client_options };
                ClientSecretCredential::new(tenant, client.clone(), secret.read()?, Some(options))?
            }
            Self::WorkloadIdentity { tenant, client, file } => {
                WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    client_id: Some(client.clone()),
                    tenant_id: Some(tenant.clone()),
                    token_file_path: Some(file.clone()),
                }))?
            }
            Self::ManagedIdentity { client } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client.clone().map(UserAssignedId::ClientId),
                    client_options,
                }))?
            }
            Self::AzureCli { tenant } => AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: tenant.clone(),
                executor: Some(Arc::new(ShortCommands)),
                ..AzureCliCredentialOptions::default()
            }))?,
        })
    }
}

impl ClientSecret {
    fn read(&self) -> azure_core::Result<Secret> {
        match self {
            Self::Text(secret) => Ok(secret.clone()),
            // The path is not shown: the secret may have been given in its place.
            Self::File(path) => match fs::read_to_string(path) {
                Ok(text) => Ok(Secret::new(text.trim_start_matches('\u{feff}').trim_end().to_owned())),
                Err(error) => {
                    let text = "the file of --client-secret-file can't be read";
                    Err(azure_core::Error::with_error(AzureKind::Credential, error, text))
                }
            },
        }
    }
}

impl IdentityKind {
    fn title(self) -> &'static str {
        match self {
            Self::ClientSecret => "a client secret",
            Self::WorkloadIdentity => "a workload identity",
            Self::ManagedIdentity => "a managed identity",
            Self::AzureCli => "the Azure CLI",
        }
    }
}

/// The URL of the host that gives out tokens: that of the public cloud, unless a variable names another one, with or
/// without its scheme.
fn authority() -> String {
    let host = std::env::var("AZURE_AUTHORITY_HOST").unwrap_or_default();
    match host.trim() {
        "" => "https://login.microsoftonline.com".to_owned(),
        host if host.contains("://") => host.to_owned(),
        host => format!("https://{host}"),
    }
}

/// The cloud of that host. Given to `azure_identity`, which takes an empty variable for a host.
fn cloud() -> CloudConfiguration {
    let mut custom = CustomConfiguration::default();
    custom.authority_host = authority();
    custom.into()
}

fn is_loopback(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    })
}

const TENANT_ID: &str = "AZURE_TENANT_ID";
const CLIENT_ID: &str = "AZURE_CLIENT_ID";
const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";
const FEDERATED_TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
/// Retries of one request for a token. The token source asks again later.
const MAX_RETRIES: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(asked: Option<IdentityKind>, set: &[&str]) -> Result<String, String> {
        let variable = |name: &str| set.contains(&name).then(|| format!("<{name}>"));
        Identity::choose(asked, None, variable).map(|it| it.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_identity_follows_from_what_is_set() {
        let ids = [TENANT_ID, CLIENT_ID];
        let with = |more: &[&'static str]| [&ids[..], more].concat();
        for (set, expected) in [
            (
                with(&[CLIENT_SECRET, FEDERATED_TOKEN_FILE, "IDENTITY_ENDPOINT"]),
                "client secret of application <AZURE_CLIENT_ID>",
            ),
            (
                with(&[FEDERATED_TOKEN_FILE, "IDENTITY_ENDPOINT"]),
                "workload identity of application <AZURE_CLIENT_ID>",
            ),
            (with(&["IDENTITY_ENDPOINT"]), "user-assigned managed identity <AZURE_CLIENT_ID>"),
            (vec![], "Azure CLI (chosen because"),
        ] {
            let chosen = choose(None, &set).unwrap();
            assert!(chosen.starts_with(expected), "{set:?}: {chosen}");
        }
        assert_eq!(choose(Some(IdentityKind::AzureCli), &[CLIENT_SECRET]).unwrap(), "Azure CLI");
    }

    #[test]
    fn errors_name_the_variable_and_debug_shows_no_secret() {
        let error = choose(None, &[CLIENT_SECRET, CLIENT_ID]).unwrap_err();
        assert!(error.contains("a client secret") && error.contains("AZURE_TENANT_ID"), "{error}");
        let error = choose(Some(IdentityKind::WorkloadIdentity), &[TENANT_ID, CLIENT_ID]).unwrap_err();
        assert!(error.contains("AZURE_FEDERATED_TOKEN_FILE"), "{error}");
        let set = |name: &str| Some(if name == CLIENT_SECRET { "CANARY" } else { "x" }.to_owned());
        let identity = Identity::choose(None, None, set).unwrap();
        let shown = format!("{identity:?} {identity} {:?}", identity.clone().credential(&[]).unwrap());
        assert!(!shown.contains("CANARY"), "{shown}");
    }

    #[test]
    fn loopback_is_recognized() {
        for (url, expected) in [
            ("https://127.0.0.1:8443", true),
            ("https://localhost/", true),
            ("https://[::1]:1", true),
            ("https://login.microsoftonline.com", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(url), expected, "{url}");
        }
    }
}
