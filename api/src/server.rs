//! The accept loop: HTTP/1 and HTTP/2 with deadlines, a cap on connections, and an orderly end.
//!
//! axum's own `serve` installs no timer, so that hyper's header time-out would do nothing; hence this loop.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::config::Limits;
use crate::guard::Guarded;

/// Streams that one HTTP/2 connection may have open.
const STREAMS_MAX: u32 = 128;
/// HTTP/2 streams that a client may reset while they are pending (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// Bytes of a request's head: 16 KiB of headers and an address of up to 16 KiB more.
const HEAD_BYTES_MAX: usize = 32 << 10;
/// Header fields of a request.
const HEADERS_MAX: usize = 100;
/// Pings on idle HTTP/2 connections find those whose client is gone.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Pause when the process is out of descriptors; accepting at once again would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Deadlines and caps of a listener.
#[derive(Clone, Copy, Debug)]
pub struct ServerOptions {
    /// Time in which a request's head must have come.
    pub header_read_timeout: Duration,
    /// Time a client may take no bytes of an answer.
    pub write_stall: Duration,
    /// Open connections; more wait in the system's queue.
    pub connections_max: usize,
    /// Time that running requests get at the end.
    pub grace: Duration,
}

impl From<&Limits> for ServerOptions {
    fn from(limits: &Limits) -> Self {
        Self {
            header_read_timeout: Duration::from_secs(limits.header_read_timeout_s),
            write_stall: Duration::from_secs(limits.body_idle_timeout_s),
            connections_max: limits.connections_max,
            grace: Duration::from_secs(limits.shutdown_grace_s),
        }
    }
}

/// Serves until `shutdown` is ready, then stops accepting and lets running requests end within the grace period.
///
/// Returns whether all of them ended.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    options: ServerOptions,
    shutdown: impl Future<Output = ()>,
) -> bool {
    let builder = Arc::new(builder(&options));
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(options.connections_max));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot.expect("the semaphore is never closed"),
            () = &mut shutdown => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut shutdown => break,
        };
        let (builder, watcher, router) = (Arc::clone(&builder), graceful.watcher(), router.clone());
        tokio::spawn(async move {
            let io = TokioIo::new(Guarded::new(stream, options.header_read_timeout, options.write_stall));
            let service = hyper::service::service_fn(move |request| answer(router.clone(), peer, request));
            let connection = builder.serve_connection(io, service).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    tokio::time::timeout(options.grace, graceful.shutdown()).await.is_ok()
}

fn builder(options: &ServerOptions) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_read_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).expect("a small constant"))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(options.header_read_timeout);
    builder
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers go out at once; without it small ones could wait for the client's acknowledgement.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was not set");
                }
                return (stream, peer);
            }
            Err(error) => {
                let ours = !matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
                );
                if ours {
                    tracing::error!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request.map(Body::new)).await
}

/// Ready when the process is told to end: SIGTERM or SIGINT.
///
/// # Errors
/// If the signals cannot be listened to.
pub fn termination() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    /// Far above every deadline in these tests; reached only when something hangs.
    const PATIENCE: Duration = Duration::from_secs(60);

    struct Running {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        ended: tokio::task::JoinHandle<bool>,
    }

    async fn start(router: Router, options: ServerOptions) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            let _ = stopped.await;
        };
        let ended = tokio::spawn(serve(listener, router, options, shutdown));
        Running { address, stop, ended }
    }

    fn options() -> ServerOptions {
        ServerOptions {
            header_read_timeout: Duration::from_millis(200),
            write_stall: Duration::from_millis(200),
            connections_max: 100,
            grace: Duration::from_secs(30),
        }
    }

    async fn read_to_end(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text)).await;
        // A reset is an end as well.
        let _ = read.expect("the server closes the connection");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn a_client_that_does_not_finish_its_head_is_closed() {
        let running = start(Router::new().route("/", get(|| async { "hello" })), options()).await;
        for begin in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            let mut stream = TcpStream::connect(running.address).await.expect("connected");
            stream.write_all(begin.as_bytes()).await.expect("sent");
            let answer = read_to_end(&mut stream).await;
            assert!(!answer.contains("hello"), "{begin:?} was answered");
        }
        let mut stream = TcpStream::connect(running.address).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("sent");
        assert!(read_to_end(&mut stream).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn an_answer_that_nobody_takes_is_given_up() {
        let large = || async { vec![b'x'; 64 << 20] };
        let running = start(Router::new().route("/", get(large)), options()).await;
        let mut stream = TcpStream::connect(running.address).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        // The connection task ends by itself: at shutdown nothing is left to wait for.
        running.stop.send(()).expect("still running");
        let ended = tokio::time::timeout(PATIENCE, running.ended).await.expect("it ends").expect("no panic");
        assert!(ended);
    }

    #[tokio::test]
    async fn at_the_end_running_requests_are_answered_and_new_connections_refused() {
        let (entered, mut entering) = tokio::sync::mpsc::channel::<()>(1);
        let release = Arc::new(tokio::sync::Notify::new());
        let gate = Arc::clone(&release);
        let slow = move || {
            let (entered, gate) = (entered.clone(), Arc::clone(&gate));
            async move {
                entered.send(()).await.expect("the test listens");
                gate.notified().await;
                "done"
            }
        };
        let running = start(Router::new().route("/", get(slow)), options()).await;
        let mut stream = TcpStream::connect(running.address).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        entering.recv().await.expect("the request is running");
        running.stop.send(()).expect("still running");
        while TcpStream::connect(running.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        release.notify_one();
        assert!(read_to_end(&mut stream).await.ends_with("done"));
        assert!(running.ended.await.expect("no panic"), "all requests ended within the grace period");
    }

    #[tokio::test]
    async fn a_request_that_outlasts_the_grace_period_is_abandoned() {
        let (entered, mut entering) = tokio::sync::mpsc::channel::<()>(1);
        let hanging = move || {
            let entered = entered.clone();
            async move {
                entered.send(()).await.expect("the test listens");
                std::future::pending::<()>().await;
            }
        };
        let grace = Duration::from_millis(50);
        let running = start(Router::new().route("/", get(hanging)), ServerOptions { grace, ..options() }).await;
        let mut stream = TcpStream::connect(running.address).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        entering.recv().await.expect("the request is running");
        running.stop.send(()).expect("still running");
        let ended = tokio::time::timeout(PATIENCE, running.ended).await.expect("it ends");
        assert!(!ended.expect("no panic"));
    }

    #[tokio::test]
    async fn connections_above_the_cap_wait_until_one_is_free() {
        let router = Router::new().route("/", get(|| async { "hello" }));
        let running = start(router, ServerOptions { connections_max: 1, ..options() }).await;
        let idle = TcpStream::connect(running.address).await.expect("connected");
        let mut waiting = TcpStream::connect(running.address).await.expect("queued");
        waiting.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("sent");
        // The idle one is closed by the header time-out and frees its slot.
        assert!(read_to_end(&mut waiting).await.ends_with("hello"));
        drop(idle);
    }
}
