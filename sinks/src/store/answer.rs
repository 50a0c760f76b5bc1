//! The answer of a cloud store that refuses a request.
//!
//! Owns: its status and code, its class, and the remedy of each mistake that it shows. Does not own: a request without an
//! answer (`error`).

use std::error::Error as StdError;
use std::fmt;

/// An answer that is not a success.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServiceAnswer {
    /// The HTTP status.
    status: u16,
    /// The error code of the service; empty if it sent none.
    code: String,
    /// The first line of its message. The following ones may repeat the signed request.
    message: String,
}

impl ServiceAnswer {
    /// Finds an answer in a chain of causes. `object_store` does not export the type of this error, only its text.
    pub(super) fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(answer) = Self::parse(&error.to_string()) {
                return Some(answer);
            }
            cause = error.source();
        }
        None
    }

    /// Parses the text of `object_store::client::retry::RequestError`.
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with(BARE_REDIRECT) {
            return Some(Self { status: 301, code: "redirect".to_owned(), message: String::new() });
        }
        if let Some(body) = text.strip_prefix("Server returned error response: ") {
            return Some(Self::new(200, body));
        }
        let rest = text.strip_prefix("Server returned non-2xx status code: ")?;
        let (status, body) = rest.split_once(": ").unwrap_or((rest, ""));
        Some(Self::new(status.get(..3)?.parse().ok()?, body))
    }

    fn new(status: u16, body: &str) -> Self {
        // XML of all three services; JSON of the token endpoints and of Google.
        let code = between(body, "<Code>", "</Code>").or_else(|| between(body, "\"error\":\"", "\""));
        let message =
            between(body, "<Message>", "</Message>").or_else(|| between(body, "\"message\": \"", "\""));
        let first_line = message.unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned();
        Self { status, code: code.unwrap_or_default().trim().to_owned(), message: first_line }
    }

    /// True if the request may succeed later, unchanged. A busy store can answer 409 as for a name that is taken.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.status, 200 | 408 | 429 | 500 | 502..=504) || BUSY_CODES.contains(&self.code.as_str())
    }

    /// True if not the object but its container or bucket does not exist.
    pub(super) fn lacks_container(&self) -> bool {
        self.status == 404 && MISSING_CONTAINER_CODES.contains(&self.code.as_str())
    }

    /// True if the object has no byte of the requested range.
    pub(super) fn is_outside_object(&self) -> bool {
        self.status == 416
    }

    /// The remedy of the mistake that the answer shows, if it is known.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        if self.lacks_container() {
            return Some(
                "create the container or bucket, which catchwater never does, or mend its name in the address",
            );
        }
        if self.message.starts_with(NOT_AUTHENTICATED) {
            return Some(WRONG_CREDENTIAL);
        }
        let by_code = REMEDIES.iter().find(|(codes, _)| codes.contains(&self.code.as_str()));
        by_code.map(|(_, remedy)| *remedy).or(match self.status {
            301 | 307 => Some("set aws_region (AWS_REGION) to the region of the bucket"),
            401 => Some(WRONG_CREDENTIAL),
            403 => Some(NO_RIGHT),
            _ => None,
        })
    }
}

/// `403 AuthorizationFailure: This request is not authorized …: remedy`.
impl fmt::Display for ServiceAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the store answered {}", self.status)?;
        if !self.code.is_empty() {
            write!(out, " {}", self.code)?;
        }
        if !self.message.is_empty() {
            write!(out, " ({})", self.message.trim_end_matches('.'))?;
        }
        match self.remedy() {
            Some(remedy) => write!(out, ": {remedy}"),
            None => Ok(()),
        }
    }
}

/// A redirect of S3 without an address.
const BARE_REDIRECT: &str = "Received redirect without LOCATION";

/// Codes with the status of another class, such as 409 for a put that lost a race and wrote nothing.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
/// <https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes>
const BUSY_CODES: [&str; 6] = [
    "ConditionalRequestConflict",
    "OperationAborted",
    "RequestTimeout",
    "ContainerBeingDeleted",
    "AccountBeingCreated",
    "ServerBusy",
];

const MISSING_CONTAINER_CODES: [&str; 4] =
    ["ContainerNotFound", "FilesystemNotFound", "NoSuchBucket", "ResourceNotFoundContainer"];

const WRONG_CREDENTIAL: &str =
    "mend the credential of the store: key, signature or token are wrong or have expired";

/// Azure's message for a wrong key or signature. Azurite has it under the code of a missing right.
const NOT_AUTHENTICATED: &str = "Server failed to authenticate the request";

const NO_RIGHT: &str = "give the identity the right to list, read and write in this container or bucket";

const REMEDIES: [(&[&str], &str); 4] = [
    (
        &[
            "AuthenticationFailed",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidAuthenticationInfo",
            "InvalidToken",
            "NoAuthenticationInformation",
            "SignatureDoesNotMatch",
        ],
        WRONG_CREDENTIAL,
    ),
    (
        &[
            "AccessDenied",
            "AuthorizationFailure",
            "AuthorizationPermissionMismatch",
            "AuthorizationProtocolMismatch",
            "AuthorizationResourceTypeMismatch",
            "InsufficientAccountPermissions",
        ],
        "give the identity the right to list, read and write in this container or bucket; on Azure: the role Storage \
         Blob Data Contributor, or a signature with the permissions r, a, c, w and l; also check the firewall of the \
         account",
    ),
    (&["RequestTimeTooSkewed"], "set the clock of this machine"),
    (&["QuotaExceeded", "InsufficientStorage", "ServerFull"], "free space, or raise the quota"),
];

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(start)?;
    after.split_once(end).map(|(found, _)| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: &str, body: &str) -> ServiceAnswer {
        ServiceAnswer::parse(&format!("Server returned non-2xx status code: {status}: {body}")).unwrap()
    }

    fn xml(code: &str, message: &str) -> String {
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
    }

    #[test]
    fn busy_answers_are_not_final() {
        for (status, code, busy) in [
            ("429 Too Many Requests", "TooManyRequests", true),
            ("503 Service Unavailable", "SlowDown", true),
            ("500 Internal Server Error", "", true),
            ("409 Conflict", "ConditionalRequestConflict", true),
            ("409 Conflict", "ContainerBeingDeleted", true),
            ("409 Conflict", "BlobAlreadyExists", false),
            ("412 Precondition Failed", "ConditionNotMet", false),
            ("400 Bad Request", "InvalidHeaderValue", false),
            ("400 Bad Request", "RequestTimeout", true),
            ("403 Forbidden", "AccessDenied", false),
            ("501 Not Implemented", "NotImplemented", false),
        ] {
            assert_eq!(answer(status, &xml(code, "")).is_busy(), busy, "{status} {code}");
        }
        let in_success = "Server returned error response: <Error><Code>SlowDown</Code></Error>";
        assert!(ServiceAnswer::parse(in_success).unwrap().is_busy());
    }

    #[test]
    fn text_has_code_first_line_and_remedy_only() {
        let body =
            xml("AuthenticationFailed", "Server failed to authenticate the request.\nString to sign: SECRET");
        let shown = answer("403 Forbidden", &body).to_string();
        assert!(
            shown.starts_with("the store answered 403 AuthenticationFailed (Server failed to authenticate"),
            "{shown}"
        );
        assert!(shown.ends_with("or have expired") && !shown.contains("SECRET"), "{shown}");
        assert_eq!(answer("418 I'm a teapot", "").to_string(), "the store answered 418");
    }

    #[test]
    fn wrong_key_differs_from_a_missing_right() {
        for (message, remedy) in
            [(NOT_AUTHENTICATED, "the credential"), ("This request is not authorized", "the right")]
        {
            let answer = answer("403 Forbidden", &xml("AuthorizationFailure", message));
            assert!(answer.remedy().unwrap().contains(remedy), "{message}");
        }
    }

    #[test]
    fn missing_container_differs_from_a_missing_object() {
        assert!(answer("404 Not Found", &xml("ContainerNotFound", "")).lacks_container());
        assert!(answer("404 Not Found", &xml("NoSuchBucket", "")).lacks_container());
        assert!(!answer("404 Not Found", &xml("BlobNotFound", "")).lacks_container());
        assert!(!answer("404 Not Found", "").lacks_container());
    }

    #[test]
    fn other_errors_are_not_answers() {
        assert_eq!(ServiceAnswer::find(&std::io::Error::other("Server returned nothing")), None);
        assert!(
            ServiceAnswer::parse(&format!("{BARE_REDIRECT}, this normally …")).unwrap().remedy().is_some()
        );
    }
}
