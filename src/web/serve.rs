//! Connections: taken in, bounded in number and time, and seen out at the end.
//!
//! Invariant: every connection is in a `JoinSet` that is awaited, and ends. (The requests of one HTTP/2 connection are
//! tasks of hyper's, and end with it.)

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Front, Site};

/// Answers on every listener until `stop`, and then for a few seconds those who asked before.
pub async fn serve(listeners: Vec<TcpListener>, site: Site, stop: CancellationToken) {
    let front = Arc::new(Front::new(site, stop));
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(keep_door(listener, front.clone(), room.clone()));
    }
    while doors.join_next().await.is_some() {}
}

async fn keep_door(listener: TcpListener, front: Arc<Front>, room: Arc<Semaphore>) {
    let mut visits = JoinSet::new();
    loop {
        while visits.try_join_next().is_some() {}
        let accepted = async {
            let permit = room.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = front.stop.cancelled() => break,
            accepted = accepted => accepted,
        };
        match (permit, accepted) {
            (Ok(permit), Ok((stream, _))) => {
                visits.spawn(receive(stream, front.clone(), permit));
            }
            // Out of file descriptors, mostly: those who are here will leave some.
            _ => sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    let all_left = async { while visits.join_next().await.is_some() {} };
    // Who has not left by then is cut off, when the set is dropped.
    let _ = timeout(DRAIN, all_left).await;
}

async fn receive(stream: TcpStream, front: Arc<Front>, _permit: OwnedSemaphorePermit) {
    // Small answers go out at once; where that cannot be had they still go out.
    let _ = stream.set_nodelay(true);
    let visit = async {
        let Some(tls) = front.site.guard.tls().await else {
            return talk(stream, Version::Http1, front.clone()).await;
        };
        if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
            let version = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Version::Http2,
                _ => Version::Http1,
            };
            talk(stream, version, front.clone()).await;
        }
    };
    let _ = timeout(LONGEST_VISIT, visit).await;
}

enum Version {
    Http1,
    Http2,
}

async fn talk<S>(stream: S, version: Version, front: Arc<Front>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut builder = match version {
        Version::Http1 => builder.http1_only(),
        Version::Http2 => builder.http2_only(),
    };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(64)
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(32)
        .keep_alive_interval(Some(Duration::from_secs(20)));
    let stop = front.stop.clone();
    let asked = CancellationToken::new();
    let service = service_fn(|request| {
        asked.cancel();
        let front = front.clone();
        async move { Ok::<_, Infallible>(front.answer(&request).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // HTTP/2 has no time limit of its own for the first request.
    let silent = async {
        if timeout(HEADERS, asked.cancelled()).await.is_ok() {
            std::future::pending().await
        }
    };
    // A faulty connection concerns its other end only.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = silent => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Connections at once, over all listeners.
const AT_ONCE: usize = 256;

/// For the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// For a request's head, and for the first request.
const HEADERS: Duration = Duration::from_secs(5);

/// However busy a connection is, it ends some time; whoever needs another makes one.
const LONGEST_VISIT: Duration = Duration::from_secs(10 * 60);

/// For those who asked before the stop.
const DRAIN: Duration = Duration::from_secs(5);
