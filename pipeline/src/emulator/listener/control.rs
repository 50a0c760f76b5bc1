//! The control interface: `POST /faults` injects the faults of its body.
//!
//! Owns the checks of a request. Does not own: the text form of a fault, and its effect (`injector`).

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use catchwater_sinks::error_chain::error_chain;
use hyper::body::{Body as _, Incoming};
use hyper::header::ORIGIN;
use hyper::{Method, Request, StatusCode};
use tokio::time::timeout;

use crate::emulator::injector::Injector;

/// Upper bound on the body of a request, bytes: thousands of faults.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Upper bound on the time until the body is there: it is sent with its headers.
const BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns status and text of the response to a request to `/faults`; there is an injector only where faults may be
/// injected.
pub(super) async fn respond(request: Request<Incoming>, injector: Option<&Injector>) -> (StatusCode, String) {
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, "Faults are injected with POST.\n".to_owned());
    }
    let Some(injector) = injector else {
        let text = "Faults are injected only through a loopback address; listen with --health 127.0.0.1:5300, or \
                    permit other addresses with --remote-faults.\n";
        return (StatusCode::FORBIDDEN, text.to_owned());
    };
    // A browser states the page that sends the request; a page must not change the hub of its reader.
    if request.headers().contains_key(ORIGIN) {
        return (StatusCode::FORBIDDEN, "Faults are not injected for web pages; use curl.\n".to_owned());
    }
    let text = match timeout(BODY_TIMEOUT, read(request.into_body())).await {
        Ok(Some(text)) => text,
        Ok(None) => {
            let text = format!("The body is not a text of at most {MAX_BODY_BYTES} bytes.\n");
            return (StatusCode::BAD_REQUEST, text);
        }
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "The body did not come in time.\n".to_owned()),
    };
    match injector.post_lines(&text) {
        Ok(sentences) => (StatusCode::OK, sentences),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{}\n", error_chain(&error))),
    }
}

/// Reads a body; `None` if it is too large, cut short, or not UTF-8.
async fn read(mut body: Incoming) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.ok()?.into_data() else { continue };
        if bytes.len() + data.len() > MAX_BODY_BYTES {
            return None;
        }
        bytes.extend_from_slice(&data);
    }
    String::from_utf8(bytes).ok()
}
