//! An HTTP proxy between catchwater and an object store that fails on demand.
//!
//! Owns: rules by method and part of the address, which are counted, and what each fault does to a request. Does not own:
//! the store behind it (`stores`).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper::{Request, Response, client, server};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

/// Fault of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The proxy answers with this status; the store gets no request.
    Status(u16),
    /// The client gets no answer, the store no request.
    Hang,
    /// The store gets the request, and the client's connection is reset at once.
    Reset,
    /// The store executes the request, and the client gets no answer.
    AnswerLost,
    /// The answer is late, but within the client's timeout.
    Slow,
    /// Request and answer pass at [`BANDWIDTH`].
    Throttled,
}

/// A fault for some requests.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) methods: &'static [&'static str],
    /// Part of path and query.
    pub(crate) part: &'static str,
    pub(crate) fault: Fault,
    /// Requests that get the fault; later ones pass.
    pub(crate) times: u32,
}

/// A request that the proxy took.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) method: String,
    /// Path, without the query.
    pub(crate) path: String,
    pub(crate) fault: Option<Fault>,
}

/// A proxy, until it is dropped. It has a thread of its own.
#[derive(Debug)]
pub(crate) struct FaultProxy {
    /// The address to connect to.
    pub(crate) address: SocketAddr,
    script: Arc<Script>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Script {
    store: SocketAddr,
    rules: Mutex<Vec<Rule>>,
    taken: Mutex<Vec<Taken>>,
}

impl FaultProxy {
    /// Starts a proxy in front of a store. A request gets the fault of the first rule that matches and is not used up.
    pub(crate) fn start(store: SocketAddr, rules: Vec<Rule>) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script { store, rules: Mutex::new(rules), taken: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let serving = accept(listener, Arc::clone(&script));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! { () = serving => (), _ = stopped => () }
            });
        });
        Self { address, script, stop: Some(stop), thread: Some(thread) }
    }

    /// The requests so far, in the order of their arrival.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.script.taken.lock().unwrap().clone()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        drop(self.thread.take().map(JoinHandle::join));
    }
}

async fn accept(listener: std::net::TcpListener, script: Arc<Script>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        client.set_nodelay(true).unwrap();
        // A connection that ends with an error of the service is reset.
        client.set_zero_linger().unwrap();
        let script = Arc::clone(&script);
        tokio::spawn(async move {
            let service = service_fn(|request| script.serve(request));
            // Lost connections are a part of the tests.
            drop(server::conn::http1::Builder::new().serve_connection(TokioIo::new(client), service).await);
        });
    }
}

impl Script {
    async fn serve(&self, request: Request<Incoming>) -> io::Result<Response<Relay>> {
        let fault = self.take(&request);
        let bandwidth = (fault == Some(Fault::Throttled)).then_some(BANDWIDTH);
        match fault {
            Some(Fault::Status(status)) => {
                let refused = Response::builder().status(status).body(Relay::EMPTY);
                return refused.map_err(io::Error::other);
            }
            Some(Fault::Hang) => std::future::pending::<()>().await,
            _ => {}
        }
        let answer = self.forward(request.map(|body| Relay::new(body, bandwidth)));
        match fault {
            Some(Fault::Reset) => {
                // The store still gets the request.
                tokio::spawn(answer);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Some(Fault::AnswerLost) => {
                drop(answer.await);
                std::future::pending::<()>().await;
                unreachable!("the client gives up")
            }
            Some(Fault::Slow) => sleep(DELAY).await,
            _ => {}
        }
        Ok(answer.await?.map(|body| Relay::new(body, bandwidth)))
    }

    fn take(&self, request: &Request<Incoming>) -> Option<Fault> {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let address = request.uri().path_and_query().map_or(path, |whole| whole.as_str());
        let mut rules = self.rules.lock().unwrap();
        let matching = rules
            .iter_mut()
            .find(|rule| rule.times > 0 && rule.methods.contains(&method) && address.contains(rule.part));
        let fault = matching.map(|rule| {
            rule.times -= 1;
            rule.fault
        });
        self.taken.lock().unwrap().push(Taken { method: method.into(), path: path.into(), fault });
        fault
    }

    /// Sends a request to the store on a connection of its own.
    fn forward(
        &self,
        request: Request<Relay>,
    ) -> impl Future<Output = io::Result<Response<Incoming>>> + use<> {
        let store = self.store;
        async move {
            let stream = TcpStream::connect(store).await?;
            stream.set_nodelay(true)?;
            let handshake = client::conn::http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = handshake.map_err(io::Error::other)?;
            tokio::spawn(connection);
            sender.send_request(request).await.map_err(io::Error::other)
        }
    }
}

/// The body of a request or of an answer, on its way through the proxy.
struct Relay {
    body: Option<Incoming>,
    /// Bytes per second, if bounded.
    bandwidth: Option<u32>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Relay {
    const EMPTY: Self = Self { body: None, bandwidth: None, pause: None };

    fn new(body: Incoming, bandwidth: Option<u32>) -> Self {
        Self { body: Some(body), bandwidth, pause: None }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if let (Some(bandwidth), Some(Ok(frame))) = (self.bandwidth, &frame) {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.pause = Some(Box::pin(sleep(Duration::from_secs_f64(bytes as f64 / f64::from(bandwidth)))));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| self.pause.is_none() && body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Bytes per second of a throttled request.
const BANDWIDTH: u32 = 128 * 1024;

/// Delay of a slow answer.
const DELAY: Duration = Duration::from_millis(500);
