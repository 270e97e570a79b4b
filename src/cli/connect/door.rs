//! Where Google's page leads the browser back to: a listener on the loopback address, for one answer.
//! <https://datatracker.ietf.org/doc/html/rfc8252#section-7.3>
//!
//! Invariant: one answer, and only one that comes with the state, is acted upon. Whatever else knocks gets a page.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::bail;
use http::{Method, Request, header};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use super::page::Page;
use crate::{
    domain::{
        callback::{Answer, Callback, Mistake},
        redact::Redactor,
        secret::Secret,
    },
    web,
};

/// A listener at the redirect URI.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    pub(super) redirect: Url,
}

impl Door {
    /// At this URI; without a port, at a free one of this machine's.
    ///
    /// # Errors
    /// It cannot be listened there, and what would be right.
    pub(super) async fn open(mut redirect: Url, port: Option<u16>) -> anyhow::Result<Self> {
        let ip = match redirect.host() {
            Some(Host::Ipv4(ip)) => IpAddr::from(ip),
            Some(Host::Ipv6(ip)) => IpAddr::from(ip),
            _ => Ipv4Addr::LOCALHOST.into(),
        };
        let address = SocketAddr::from((ip, port.unwrap_or(0)));
        let listener = match TcpListener::bind(address).await {
            Ok(listener) => listener,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "port {} of {ip} is taken, perhaps by another `connect`; leave out --port for a free one, or name one that the client has registered, or use --paste",
                address.port()
            ),
            Err(error) => {
                bail!("cannot listen on {address}: {error}; name another --port, or use --paste")
            }
        };
        if port.is_none() {
            // A URL with a host can have a port.
            let _ = redirect.set_port(Some(listener.local_addr()?.port()));
        }
        Ok(Self { listener, redirect })
    }

    /// Waits for the answer to the attempt with this state, has `act` do what follows from it, and shows the browser the
    /// page that comes of it. None where nobody answered in time. Dropped half-way, it leaves nothing behind.
    pub(super) async fn answered<T>(
        self,
        state: &Secret,
        patience: Duration,
        act: impl AsyncFnOnce(Answer) -> (Page, T),
    ) -> Option<T> {
        let (tell, mut told) = mpsc::channel(1);
        let desk = Arc::new(Desk {
            redirect: self.redirect,
            state: state.clone(),
            taken: AtomicBool::new(false),
            warned: AtomicBool::new(false),
            tell,
        });
        let stop = CancellationToken::new();
        let mut visits = JoinSet::new();
        let mut acted = pin!(async {
            let (answer, show) = timeout(patience, told.recv()).await.ok()??;
            let (page, outcome) = act(answer).await;
            // The window may be closed by now.
            let _ = oneshot::Sender::send(show, page);
            Some(outcome)
        });
        let outcome = loop {
            tokio::select! {
                outcome = &mut acted => break outcome,
                Some(_) = visits.join_next() => {}
                accepted = self.listener.accept(), if visits.len() < AT_ONCE => match accepted {
                    Ok((stream, _)) => {
                        visits.spawn(receive(stream, desk.clone(), stop.clone()));
                    }
                    // Out of file descriptors, mostly: those who are here will leave some.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                },
            }
        };
        stop.cancel();
        // Who has not read the page by then is cut off, when the set is dropped.
        let _ = timeout(DRAIN, async { while visits.join_next().await.is_some() {} }).await;
        outcome
    }
}

async fn receive(stream: TcpStream, desk: Arc<Desk>, stop: CancellationToken) {
    let service = service_fn(|request: Request<_>| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(desk.answer(&request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .keep_alive(false)
        .max_headers(64)
        .max_buf_size(64 * 1024);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // A faulty connection concerns its other end only.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Who looks at what comes in.
struct Desk {
    redirect: Url,
    state: Secret,
    taken: AtomicBool,
    warned: AtomicBool,
    tell: mpsc::Sender<(Answer, oneshot::Sender<Page>)>,
}

impl Desk {
    async fn answer<B>(&self, request: &Request<B>) -> web::Answer {
        self.page(request).await.answer()
    }

    async fn page<B>(&self, request: &Request<B>) -> Page {
        if !self.is_for_us(request) {
            return Page::foreign();
        }
        let uri = request.uri();
        if uri.path() != self.redirect.path() {
            return Page::not_here();
        }
        match (request.method(), uri.path_and_query().filter(|_| uri.query().is_some())) {
            // Whoever only looks at the head, a preview for example, has not come back from Google.
            (&Method::HEAD, _) | (&Method::GET, None) => Page::waiting(),
            (&Method::GET, Some(target)) => self.callback(target.as_str()).await,
            _ => Page::wrong_method(),
        }
    }

    async fn callback(&self, target: &str) -> Page {
        let answer = Callback::parse(target, &Redactor::default())
            .and_then(|callback| callback.answer_to(&self.state));
        let answer = match answer {
            Ok(answer) => answer,
            Err(mistake) => {
                self.warn(&mistake);
                return Page::mistake(&mistake);
            }
        };
        if self.taken.swap(true, Ordering::Relaxed) {
            return Page::again();
        }
        let (show, page) = oneshot::channel();
        match self.tell.send((answer, show)).await {
            Ok(()) => page.await.unwrap_or_else(|_| Page::again()),
            Err(_) => Page::again(),
        }
    }

    /// Against names that lead here since somebody else's name server says so.
    fn is_for_us<B>(&self, request: &Request<B>) -> bool {
        let port = self.redirect.port_or_known_default().unwrap_or_default();
        let own = self.redirect.host_str().unwrap_or_default();
        let is_ours = |named: &str| {
            ["127.0.0.1", "localhost", own].into_iter().any(|host| {
                named.eq_ignore_ascii_case(&format!("{host}:{port}"))
                    || (port == 80 && named.eq_ignore_ascii_case(host))
            })
        };
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        host.is_some_and(is_ours)
            && hosts.next().is_none()
            && request.uri().authority().is_none_or(|named| is_ours(named.as_str()))
    }

    /// Once is enough: somebody may do it for fun.
    fn warn(&self, mistake: &Mistake) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            super::say(&format!("A page came back that is no answer to this attempt: {mistake}\n"));
        }
    }
}

/// Connections at once; a browser opens some to no purpose.
const AT_ONCE: usize = 32;

/// For a request's head.
const HEADERS: Duration = Duration::from_secs(10);

/// For the last page to be read.
const DRAIN: Duration = Duration::from_secs(3);
