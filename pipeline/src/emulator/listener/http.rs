//! The HTTP server beside the hub: its health, for programs that wait until it is there.
//!
//! Owns: connections, routes and responses. Does not own: the upgrade to WebSocket (`websocket`).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::control;
use super::error::Error;
use crate::emulator::injector::Injector;

/// Limit on the headers of a request, and on the time between two requests: those who ask are on this machine.
const HTTP_TIMEOUT: Duration = Duration::from_secs(20);

/// The official emulator's answer.
const HEALTHY: &str = r#"{"status":"healthy","message":"Service is healthy."}"#;

/// Answers the requests of a connection.
pub(super) async fn serve(stream: TcpStream, faults: Option<Arc<Injector>>) -> Result<(), Error> {
    let service = service_fn(|request| {
        let faults = faults.clone();
        async move { Ok::<_, Infallible>(respond(request, faults.as_deref()).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HTTP_TIMEOUT);
    server.serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

/// The response to a request.
async fn respond(request: Request<Incoming>, faults: Option<&Injector>) -> Response<String> {
    if request.uri().path() == "/faults" {
        let (status, text) = control::respond(request, faults).await;
        return answer(status, text);
    }
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/health") => {
            let mut response = answer(StatusCode::OK, HEALTHY);
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        (_, "/health") => answer(StatusCode::METHOD_NOT_ALLOWED, "The health of the hub is read with GET."),
        _ => {
            answer(StatusCode::NOT_FOUND, "The hub's health is at /health, and faults are posted to /faults.")
        }
    }
}

/// A response with a text for people.
pub(super) fn answer(status: StatusCode, text: impl Into<String>) -> Response<String> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
