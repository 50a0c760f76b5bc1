//! A token endpoint of Microsoft Entra, and one of a managed identity, over HTTP on loopback.
//!
//! Owns: the answers, and the tokens given out so far. Does not own: TLS in front of it (`fronts`).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The only secret of the application, the only token that it trusts, and the header of the managed identity. Real
/// secrets have a tilde too.
pub(crate) const SECRET: &str = "cAnArY~s3cr3t.of-entra";

/// A running endpoint. It ends with the process.
#[derive(Clone)]
pub(crate) struct Entra {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Life of a token, seconds.
    life: u64,
    /// Tokens given out.
    tokens: Vec<String>,
    /// The requests so far: first line and form.
    requests: Vec<String>,
}

impl Entra {
    /// Starts an endpoint whose tokens live this number of seconds.
    pub(crate) fn start(life: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { life, tokens: Vec::new(), requests: Vec::new() }));
        let entra = Self { address, state };
        let served = entra.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = served.clone();
                // A client that gives up is not the subject of a test.
                std::thread::spawn(move || served.serve(stream.unwrap()).unwrap_or_default());
            }
        });
        entra
    }

    /// The tokens given out so far.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.state.lock().unwrap().tokens.clone()
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// Makes a token for Event Hubs; returns it with its expiry in unix seconds.
    pub(crate) fn token(&self) -> (String, u64) {
        let mut state = self.state.lock().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let expiry = now + state.life;
        let number = state.tokens.len();
        let claims = format!(r#"{{"aud":"https://eventhubs.azure.net","exp":{expiry},"jti":"{number}"}}"#);
        let token = format!("{}.{}.{}", encode(r#"{"alg":"none"}"#), encode(&claims), encode("cAnArYs1gned"));
        state.tokens.push(token.clone());
        (token, expiry)
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let header = |name: &str| {
            head.iter().skip(1).find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
        reader.read_exact(&mut body)?;
        let form = String::from_utf8(body).unwrap().replace("%7E", "~");
        let request = head.first().cloned().unwrap_or_default();
        self.state.lock().unwrap().requests.push(format!("{request} {form}"));
        let is_allowed = form.contains(SECRET) || header("x-identity-header").as_deref() == Some(SECRET);
        let (status, answer) = self.answer(&request, is_allowed);
        let mut stream = reader.into_inner();
        write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
            answer.len()
        )
    }

    fn answer(&self, request: &str, is_allowed: bool) -> (u16, String) {
        if !is_allowed {
            let text = "AADSTS7000215: Invalid client secret provided for app \\u0027app\\u0027.\\r\\nTrace ID: 00000000";
            let answer = format!(
                r#"{{"error":"invalid_client","error_description":"{text}","error_codes":[7000215]}}"#
            );
            return (401, answer);
        }
        let (token, expiry) = self.token();
        let life = self.state.lock().unwrap().life;
        let answer = match request.split(' ').nth(1).unwrap_or_default() {
            path if path.starts_with("/msi?") => format!(
                r#"{{"access_token":"{token}","expires_on":"{expiry}","resource":"x","token_type":"Bearer"}}"#
            ),
            "/tenant/oauth2/v2.0/token" => format!(
                r#"{{"access_token":"{token}","expires_in":{life},"ext_expires_in":{life},"token_type":"Bearer"}}"#
            ),
            _ => return (404, "{}".to_owned()),
        };
        (200, answer)
    }
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}
