//! Errors of `azure_identity` as sentences: the cause in the words of Entra, and the next step of the operator.
//!
//! Does not own: asking for a token (`entra`).
//!
//! # Source
//! Codes: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.

use std::error::Error;

use azure_core::error::ErrorKind as AzureKind;
use azure_core::http::StatusCode;

use super::error::CredentialError;

/// The ways in which an identity proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    /// An application with a secret.
    ClientSecret,
    /// An application that trusts the token in a file.
    WorkloadIdentity,
    /// The identity of an Azure resource.
    ManagedIdentity,
    /// The account that is logged in to the Azure CLI.
    AzureCli,
}

impl IdentityKind {
    /// Remedy if no answer comes.
    pub(super) fn unreachable(self) -> &'static str {
        match self {
            Self::ClientSecret | Self::WorkloadIdentity => {
                "check that this machine reaches the login endpoint (login.microsoftonline.com, port 443, or \
                 AZURE_AUTHORITY_HOST), if need be through HTTPS_PROXY"
            }
            Self::ManagedIdentity => {
                "a managed identity works on an Azure resource that has one; elsewhere choose another with --credential"
            }
            Self::AzureCli => "run `az account get-access-token` by hand to see what it waits for",
        }
    }

    /// Remedy if the identity is refused.
    fn refused(self, code: Option<&str>) -> &'static str {
        match (code, self) {
            (Some("7000215" | "7000222"), _) => {
                "the client secret is wrong or has expired: make a new one for this application and give its value, \
                 not its id, in AZURE_CLIENT_SECRET or --client-secret-file"
            }
            (Some("700016" | "90002" | "900021" | "900023" | "700038"), _) => {
                "check AZURE_TENANT_ID and AZURE_CLIENT_ID: the application has to exist in this tenant"
            }
            (Some("70021" | "700211" | "700212" | "700213" | "7002138"), _) => {
                "add a federated credential to the application whose issuer, subject and audience are those of the \
                 token file"
            }
            (Some("700024"), _) => {
                "the token in the federated token file has expired, or the clock of this machine is wrong"
            }
            (Some("500011"), _) => "check AZURE_TENANT_ID: it has to be the tenant of the namespace",
            (_, Self::ClientSecret) => "check AZURE_TENANT_ID, AZURE_CLIENT_ID and the client secret",
            (_, Self::WorkloadIdentity) => {
                "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE"
            }
            (_, Self::ManagedIdentity) => {
                "assign the identity to this resource; AZURE_CLIENT_ID has to be the client id of a user-assigned \
                 identity, or unset for the system-assigned one"
            }
            (_, Self::AzureCli) => {
                "run `az login`, or set the variables of another credential (--credential has the list)"
            }
        }
    }
}

/// The error of a request for a token.
pub(super) fn explain(name: &str, kind: IdentityKind, error: &azure_core::Error) -> CredentialError {
    // The outer error names the credential and a web page; the inner one has the answer.
    let inner = error.downcast_ref::<azure_core::Error>().unwrap_or(error);
    let cause = in_one_line(&with_causes(inner));
    let credential = name.to_owned();
    let (is_transient, code) = match inner.kind() {
        AzureKind::HttpResponse { status, error_code, .. } => (is_temporary(*status), error_code.as_deref()),
        // The answer is not from Entra: a proxy, or a captive portal.
        AzureKind::Connection | AzureKind::Io | AzureKind::DataConversion => (true, None),
        _ => (kind == IdentityKind::AzureCli && is_about_the_network(&cause), None),
    };
    if is_transient {
        return CredentialError::Unavailable { credential, cause, remedy: kind.unreachable() };
    }
    CredentialError::Refused { credential, cause, remedy: kind.refused(code) }
}

fn is_temporary(status: StatusCode) -> bool {
    let status = u16::from(status);
    // 404 and 410 come from a metadata service that restarts.
    matches!(status, 404 | 408 | 410 | 429) || status >= 500
}

/// The Azure CLI reports a lost network as text only.
fn is_about_the_network(text: &str) -> bool {
    [
        "Max retries exceeded",
        "Connection refused",
        "Connection reset",
        "timed out",
        "Name or service not known",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// An error and its causes. Some texts repeat their cause.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = cause.source();
    }
    text
}

/// Texts of Entra have several lines, with the ids that its support asks for.
fn in_one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CAUSE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Upper bound on the characters of a cause: an answer may be a web page.
const MAX_CAUSE: usize = 600;

#[cfg(test)]
mod tests {
    use azure_core::Error as AzureError;
    use azure_core::error::ErrorKind;

    use super::*;

    fn answer(status: u16, code: Option<&str>, text: &str) -> AzureError {
        let (status, error_code) = (StatusCode::from(status), code.map(str::to_owned));
        let inner = AzureError::with_message(
            ErrorKind::HttpResponse { status, error_code, raw_response: None },
            text.to_owned(),
        );
        let outer =
            format!("ClientSecretCredential authentication failed. {text}\nTo troubleshoot, visit https://x");
        AzureError::with_error(ErrorKind::Credential, inner, outer)
    }

    #[test]
    fn refusals_have_the_words_of_entra_and_a_remedy() {
        let text = "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1\r\n Correlation ID: 2";
        let error =
            explain("client secret of app", IdentityKind::ClientSecret, &answer(401, Some("7000215"), text));
        assert!(!error.is_transient());
        let shown = error.to_string();
        assert!(shown.starts_with(
            "client secret of app: AADSTS7000215: Invalid client secret provided. Trace ID: 1 C"
        ));
        assert!(shown.contains("--client-secret-file") && !shown.contains("troubleshoot"), "{shown}");
    }

    #[test]
    fn answers_are_temporary_or_final() {
        use IdentityKind::{AzureCli, ClientSecret, ManagedIdentity};
        let cli = |text: &'static str| {
            let inner = AzureError::with_message(ErrorKind::Credential, text);
            AzureError::with_error(ErrorKind::Credential, inner, "AzureCliCredential authentication failed.")
        };
        for (kind, error, is_transient) in [
            (ClientSecret, answer(400, Some("90002"), "AADSTS90002"), false),
            (ClientSecret, answer(503, Some("90033"), "AADSTS90033"), true),
            (ClientSecret, answer(429, None, "slow down"), true),
            (ManagedIdentity, answer(400, None, "no identity"), false),
            (ManagedIdentity, answer(410, None, "restarts"), true),
            (ClientSecret, AzureError::with_message(ErrorKind::Connection, "refused"), true),
            (AzureCli, cli("az not found on PATH"), false),
            (AzureCli, cli("ERROR: Please run 'az login' to setup account."), false),
            (AzureCli, cli("HTTPSConnectionPool(…): Max retries exceeded with url"), true),
        ] {
            assert_eq!(explain("x", kind, &error).is_transient(), is_transient, "{kind:?} {error}");
        }
    }
}
