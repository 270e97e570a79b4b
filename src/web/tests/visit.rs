//! A site on a port of its own, and how a test visits it.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    domain::clock::Clock,
    engine::{sample, state::Snapshot},
    metrics::{Build, Privacy, Standing},
    web::{Applied, Guard, Lifecycle, Reload, Settings, Site, serve},
};

/// A site on a port of its own, and everything that has to live for it.
pub(in crate::web) struct House {
    pub(in crate::web) address: SocketAddr,
    pub(in crate::web) applied: Arc<ArcSwap<Applied>>,
    pub(in crate::web) stop: CancellationToken,
    pub(in crate::web) tasks: JoinSet<()>,
}

/// What a test wants to be otherwise.
pub(in crate::web) struct Plan {
    pub(in crate::web) snapshot: Snapshot,
    pub(in crate::web) guard: Guard,
    pub(in crate::web) settings: Settings,
    pub(in crate::web) privacy: Privacy,
    pub(in crate::web) reloads: Result<(), &'static str>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            snapshot: sample::snapshot(),
            guard: Guard::open(),
            settings: Settings {
                telemetry_path: "/metrics".to_owned(),
                external_url: None,
                lifecycle: Lifecycle::Disabled,
            },
            privacy: Privacy::default(),
            reloads: Ok(()),
        }
    }
}

impl House {
    pub(in crate::web) async fn new(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (engine, answering) = sample::engine(plan.snapshot);
        let (reload, mut reloads) = mpsc::channel::<Reload>(1);
        let build = Build { version: "0.1.0", revision: "2dc50eb", rust: "1.95.0" };
        let applied = Arc::new(ArcSwap::from_pointee(Applied {
            standing: Standing {
                build,
                reload_successful: true,
                reload_success: Some(sample::NOW),
                deliveries: Arc::default(),
            },
            privacy: plan.privacy,
            masked: "clients: {odoo: {client_secret: \"****\"}}\n".to_owned(),
        }));
        let site = Site {
            engine,
            clock: Clock::starting(sample::NOW),
            settings: plan.settings,
            guard: Arc::new(plan.guard),
            applied: applied.clone(),
            reload,
        };
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(vec![listener], site, stop.clone()));
        tasks.spawn(answering);
        tasks.spawn(async move {
            while let Some(order) = reloads.recv().await {
                let _ = order.send(plan.reloads.map_err(ToOwned::to_owned));
            }
        });
        Self { address, applied, stop, tasks }
    }

    /// What comes back for a request.
    pub(in crate::web) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Said {
        let stream = TcpStream::connect(self.address).await.unwrap();
        said(stream, method, path, headers).await
    }

    pub(in crate::web) async fn get(&self, path: &str) -> Said {
        self.ask("GET", path, &[]).await
    }

    pub(in crate::web) async fn page(&self, path: &str) -> String {
        let said = self.get(path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text());
        said.text().to_owned()
    }
}

pub(in crate::web) struct Said {
    pub(in crate::web) status: u16,
    pub(in crate::web) headers: BTreeMap<String, String>,
    pub(in crate::web) body: Vec<u8>,
}

impl Said {
    pub(in crate::web) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(in crate::web) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(in crate::web) async fn said<S>(
    stream: S,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Said
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if headers.iter().all(|(name, _)| *name != "host") {
        request = request.header("host", "exporter.example:10048");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
    let asked = async {
        let answer = sender.send_request(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let headers = head.headers.iter();
        let headers = headers
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        Said { status: head.status.as_u16(), headers, body }
    };
    tokio::select! {
        said = asked => said,
        ended = connection => panic!("the connection ended first: {ended:?}"),
    }
}
