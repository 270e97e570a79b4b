//! A running simulator: its listeners, where they are, and how they stop.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    fault::Fault,
    http,
    tls::{self, Tls},
    version::Version,
    world::{Asked, Database, World},
};

/// A running Odoo. Everything stops when it is dropped.
#[derive(Debug)]
pub struct OdooSim {
    ca_pem: String,
    http: SocketAddr,
    https: SocketAddr,
    stranger: SocketAddr,
    /// The listeners; each owns its connections.
    tasks: JoinSet<()>,
    world: World,
}

impl OdooSim {
    /// Starts one without a database, on free ports of the loopback address.
    ///
    /// # Errors
    /// No port is free, or no certificates could be made.
    pub async fn start(version: Version) -> Result<Self, tls::Error> {
        let world = World::new(version);
        let known = Tls::new("odoo-sim authority")?;
        let stranger = Tls::new("an authority that nobody knows")?;
        let mut sim = Self {
            ca_pem: known.ca_pem,
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            https: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            stranger: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tasks: JoinSet::new(),
            world,
        };
        sim.http = sim.listen(None).await?;
        sim.https = sim.listen(Some(known.config.into())).await?;
        sim.stranger = sim.listen(Some(stranger.config.into())).await?;
        Ok(sim)
    }

    async fn listen(&mut self, tls: Option<TlsAcceptor>) -> Result<SocketAddr, tls::Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        self.tasks.spawn(take_in(listener, tls, self.world.clone()));
        Ok(address)
    }

    /// `http://127.0.0.1:port`
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// `https://localhost:port`; its authority is [`Self::ca_pem`].
    pub fn https_url(&self) -> String {
        format!("https://localhost:{}", self.https.port())
    }

    /// `https://localhost:port`, with a certificate of an authority that nobody knows.
    pub fn stranger_url(&self) -> String {
        format!("https://localhost:{}", self.stranger.port())
    }

    /// The certificate of the authority.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Which Odoo it is.
    pub fn version(&self) -> Version {
        self.world.version
    }

    /// A database as Odoo ships it, with `mail` and what installs itself; no mail server yet.
    pub fn add_database(&self, name: &str) -> Database {
        self.world.add_database(name)
    }

    /// The database is gone.
    pub fn drop_database(&self, name: &str) {
        self.world.drop_database(name);
    }

    /// Something goes wrong from now on. The first fault that fits a request counts.
    pub fn misbehave(&self, fault: Fault) {
        self.world.misbehave(fault);
    }

    /// Nothing goes wrong any more, but what hangs already.
    pub fn behave(&self) {
        self.world.behave();
    }

    /// Every request so far, without credentials.
    pub fn asked(&self) -> Vec<Asked> {
        self.world.asked()
    }

    /// Every call that was no read. All were refused; a client that only reads makes none.
    pub fn writes(&self) -> Vec<Asked> {
        self.world.writes()
    }

    /// Forgets what was asked.
    pub fn forget(&self) {
        self.world.forget();
    }

    /// Stops every listener and every connection, and waits until they are gone.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Takes connections in until the simulator stops.
async fn take_in(listener: TcpListener, tls: Option<TlsAcceptor>, world: World) {
    let tls = tls.map(Arc::new);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // An error is a client that left before it was taken in.
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(talk(stream, tls.clone(), world.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn talk(stream: TcpStream, tls: Option<Arc<TlsAcceptor>>, world: World) {
    match tls {
        None => http::serve(stream, world).await,
        Some(tls) => {
            // A client that refuses the certificate has said so by now.
            if let Ok(stream) = tls.accept(stream).await {
                http::serve(stream, world).await;
            }
        }
    }
}
