//! HTTP proxies: which connection uses one, and the tunnel through it (CONNECT).
//!
//! Owns: `--proxy`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. Does not own: the syntax of the variables (hyper-util).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::{HOST, PROXY_AUTHORIZATION};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::endpoint::Endpoint;
use super::error::{TransportError, TransportOptionsError};
use super::http::upgrade;
use super::tcp::{self, TcpFailure, no_answer};

/// The choice of a proxy. Shown without user name and password.
#[derive(Clone, Debug, Default)]
pub enum Proxy {
    /// Connects to every host directly.
    #[default]
    None,
    /// One proxy for every host.
    Url(ProxyUrl),
    /// The variables of the environment.
    Environment(Arc<Environment>),
}

/// The address of a proxy, with the user name and the password for it.
#[derive(Clone, Debug)]
pub struct ProxyUrl(Intercept);

/// The proxy that the environment names, and the hosts without it.
#[derive(Debug)]
pub struct Environment {
    proxy: Result<ProxyUrl, TransportOptionsError>,
    /// Intercepts the hosts that `NO_PROXY` does not name.
    exceptions: Matcher,
}

impl Proxy {
    /// Parses the value of `--proxy`: a URL, or `none`.
    pub fn parse(text: &str) -> Result<Self, TransportOptionsError> {
        if text.trim().eq_ignore_ascii_case("none") {
            return Ok(Self::None);
        }
        ProxyUrl::parse(text, "--proxy").map(Self::Url)
    }

    /// Takes the proxy from the environment of this process.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Like the variables of curl, except that an empty one counts as unset. `HTTP_PROXY` is for plain HTTP, and does not
    /// count.
    fn from_variables(value: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| Some((*name, value(name).filter(|text| !text.trim().is_empty())?)))
        };
        let Some((name, url)) = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) else {
            return Self::None;
        };
        let no_proxy = first(&["NO_PROXY", "no_proxy"]).map(|(_, hosts)| hosts).unwrap_or_default();
        let exceptions = Matcher::builder().https("http://proxy.invalid").no(no_proxy).build();
        Self::Environment(Arc::new(Environment { proxy: ProxyUrl::parse(&url, name), exceptions }))
    }

    /// The proxy for a connection.
    ///
    /// # Errors
    /// The environment names one that can't be used.
    pub(super) fn of(&self, end: Endpoint<'_>) -> Result<Option<&ProxyUrl>, TransportOptionsError> {
        match self {
            Self::None => Ok(None),
            Self::Url(url) => Ok(Some(url)),
            Self::Environment(environment) if environment.is_excepted(end) => Ok(None),
            Self::Environment(environment) => environment.proxy.as_ref().map(Some).map_err(Clone::clone),
        }
    }
}

impl Environment {
    /// Returns whether a host is reached directly: this machine, and those of `NO_PROXY`.
    fn is_excepted(&self, end: Endpoint<'_>) -> bool {
        is_loopback(end.host)
            || format!("https://{end}/")
                .parse::<Uri>()
                .is_ok_and(|uri| self.exceptions.intercept(&uri).is_none())
    }
}

impl ProxyUrl {
    /// `option` is the place of the text, for the error: the text itself may hold a password.
    fn parse(text: &str, option: &'static str) -> Result<Self, TransportOptionsError> {
        let parsed = Matcher::builder().all(text.trim()).build().intercept(&Uri::from_static("https://a/"));
        // The library takes any text for a port, and a password up to its first @.
        let has_host = |uri: &Uri| {
            let host = uri.host().unwrap_or_default();
            let plain = uri.authority().is_some_and(|all| !all.as_str().contains('@'));
            plain
                && !host.is_empty()
                && (uri.port_u16().is_some() || uri.authority().is_some_and(|all| all == host))
        };
        match parsed.filter(|url| has_host(url.uri())) {
            Some(url) if url.uri().scheme_str() == Some("http") => Ok(Self(url)),
            Some(url) => {
                let scheme = url.uri().scheme_str().unwrap_or_default().to_owned();
                Err(TransportOptionsError::ProxyScheme { option, scheme })
            }
            None => Err(TransportOptionsError::ProxyUrl { option }),
        }
    }

    fn endpoint(&self) -> Endpoint<'_> {
        let host = self.0.uri().host().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        Endpoint { host, port: self.0.uri().port_u16().unwrap_or(HTTP_PORT) }
    }
}

/// Shows host and port, and no secret.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint().fmt(out)
    }
}

/// Connects to the proxy and lets it connect to `end`.
pub(super) async fn tunnel(proxy: &ProxyUrl, end: Endpoint<'_>) -> Result<TcpStream, TransportError> {
    let tcp = tcp::connect(proxy.endpoint()).await.map_err(|failure| match failure {
        TcpFailure::Resolve(cause) => {
            TransportError::Resolve { host: format!("{} of the proxy", proxy.endpoint().host), cause }
        }
        TcpFailure::Connect(cause) => {
            TransportError::Connect { to: format!("the proxy {proxy}"), cause, remedy: CHECK_PROXY }
        }
    })?;
    let broken = |cause: String| TransportError::ProxyBroken { proxy: proxy.to_string(), cause };
    let request = connect_request(proxy, end).map_err(|error| broken(error.to_string()))?;
    let answer = timeout(PROXY_TIMEOUT, upgrade(tcp, request))
        .await
        .map_err(|_| broken(no_answer(PROXY_TIMEOUT)))?
        .map_err(|error| broken(error.to_string()))?;
    if !answer.status.is_success() {
        return Err(refused(proxy, end, answer.status));
    }
    if !answer.rest.is_empty() {
        // The client is the first to send in TLS, in AMQP and in WebSocket.
        return Err(broken("it sent more than a response".to_owned()));
    }
    Ok(answer.stream)
}

fn connect_request(proxy: &ProxyUrl, end: Endpoint<'_>) -> Result<Request<String>, hyper::http::Error> {
    let target = end.to_string();
    let mut request = Request::builder().method(Method::CONNECT).uri(&target).header(HOST, &target);
    if let Some(authorization) = proxy.0.basic_auth() {
        request = request.header(PROXY_AUTHORIZATION, authorization);
    }
    request.body(String::new())
}

fn refused(proxy: &ProxyUrl, end: Endpoint<'_>, status: StatusCode) -> TransportError {
    let remedy = match status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "give user name and password of the proxy: CATCHWATER_PROXY=http://USER:PASSWORD@HOST:PORT"
        }
        _ if status.is_server_error() => "can the proxy reach the hub?",
        _ if end.port != HTTPS_PORT => {
            "many proxies allow port 443 only: try --transport websocket, or have the port allowed"
        }
        _ => "have the host allowed by the proxy",
    };
    TransportError::ProxyRefused {
        proxy: proxy.to_string(),
        to: end.to_string(),
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default(),
        remedy,
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Remedy for a proxy that can't be reached.
const CHECK_PROXY: &str = "is the proxy right (--proxy, HTTPS_PROXY), and may this host be reached without one \
                           (--proxy none, NO_PROXY)?";
/// The port of a proxy URL without one.
const HTTP_PORT: u16 = 80;
/// The port that proxies allow.
const HTTPS_PORT: u16 = 443;
/// Limit on the response to CONNECT: the proxy resolves a name and connects before it responds.
const PROXY_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    type Variables<'a> = &'a [(&'a str, &'a str)];

    /// The proxy of a host, or the error.
    fn chosen(variables: Variables<'_>, host: &str) -> String {
        let value = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        };
        match Proxy::from_variables(value).of(Endpoint { host, port: 5671 }) {
            Ok(proxy) => proxy.map_or_else(|| "-".to_owned(), ToString::to_string),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn environment_chooses_the_proxy_of_each_host() {
        let proxy = ("HTTPS_PROXY", "http://p:8080");
        let cases: [(Variables<'_>, &str, &str); 17] = [
            (&[], "hub.example", "-"),
            (&[proxy], "hub.example", "p:8080"),
            (&[("https_proxy", "p:8080")], "hub.example", "p:8080"),
            (&[("ALL_PROXY", "p")], "hub.example", "p:80"),
            (&[("all_proxy", "http://[::2]:1/")], "hub.example", "[::2]:1"),
            (&[("HTTP_PROXY", "http://p:8080")], "hub.example", "-"),
            (&[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://q:1")], "hub.example", "q:1"),
            (&[proxy, ("ALL_PROXY", "http://q:1")], "hub.example", "p:8080"),
            (&[proxy, ("NO_PROXY", "a, example")], "hub.example", "-"),
            (&[proxy, ("NO_PROXY", ".EXAMPLE")], "hub.example", "-"),
            (&[proxy, ("NO_PROXY", ""), ("no_proxy", "*")], "hub.example", "-"),
            (&[proxy, ("NO_PROXY", "10.0.0.0/8")], "10.1.2.3", "-"),
            (&[proxy, ("NO_PROXY", "ample")], "hub.example", "p:8080"),
            (&[proxy], "localhost", "-"),
            (&[proxy], "127.0.0.9", "-"),
            (&[proxy], "::1", "-"),
            (&[("HTTPS_PROXY", "socks5://p:1")], "localhost", "-"),
        ];
        for (variables, host, expected) in cases {
            assert_eq!(chosen(variables, host), expected, "{variables:?} {host}");
        }
    }

    #[test]
    fn explicit_proxy_is_for_every_host() {
        let end = Endpoint { host: "localhost", port: 5672 };
        let url = Proxy::parse("http://user:secret@p:3128").unwrap();
        assert_eq!(url.of(end).unwrap().unwrap().to_string(), "p:3128");
        assert!(!format!("{url:?}").contains("secret"));
        assert!(matches!(Proxy::parse("none"), Ok(Proxy::None)));
    }

    #[test]
    fn errors_name_the_option_and_no_password() {
        let schemes = ["https://u:secret@p", "socks5://u:secret@p:1"];
        for text in ["", "http://", "u:secret", "http://u:sec@ret@p:1", "ftp://u:secret@p", "p:port"]
            .into_iter()
            .chain(schemes)
        {
            let explicit = Proxy::parse(text).unwrap_err().to_string();
            let variable = chosen(&[("HTTPS_PROXY", text)], "hub.example");
            assert!(explicit.contains("--proxy") && !explicit.contains("ret"), "{text}: {explicit}");
            assert!(text.is_empty() || variable.contains("HTTPS_PROXY"), "{text}: {variable}");
            assert!(!variable.contains("ret"), "{text}: {variable}");
        }
    }

    #[test]
    fn user_names_and_passwords_are_sent_decoded() {
        let Proxy::Url(url) = Proxy::parse("http://u%40x:p%3Aw@p:1").unwrap() else { panic!() };
        let request = connect_request(&url, Endpoint { host: "::2", port: 443 }).unwrap();
        assert_eq!(request.uri(), "[::2]:443");
        assert_eq!(request.headers()[PROXY_AUTHORIZATION], "Basic dUB4OnA6dw==");
    }
}
