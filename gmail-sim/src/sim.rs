//! A running simulator: its listeners, where they are, and how they stop.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use serde::Serialize;
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    control,
    dialogue::Dialogue,
    door::{Door, Entrance},
    fault::Service,
    http, imap,
    pipe::Pipe,
    smtp,
    tls::{self, Tls},
    world::World,
};

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// More names that the certificate is good for.
    pub names: Vec<String>,
    /// The host in the URLs of [`Endpoints`].
    pub host: String,
    /// The address to listen on.
    pub ip: IpAddr,
    /// The first of seven ports in a row, in the order of [`Endpoints`]' fields: token,
    /// authorization, API, SMTP with STARTTLS, SMTP with TLS, IMAP, control. Free ones where absent.
    pub first_port: Option<u16>,
    /// How much of what was asked is remembered.
    pub remembered: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            host: "localhost".to_owned(),
            ip: Ipv4Addr::LOCALHOST.into(),
            first_port: None,
            remembered: 100_000,
        }
    }
}

/// Where everything is.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoints {
    /// `https://localhost:port/token`
    pub token_url: String,
    /// `https://localhost:port/tokeninfo`, at the token endpoint's port
    pub tokeninfo_url: String,
    /// `https://localhost:port/revoke`, at the token endpoint's port
    pub revoke_url: String,
    /// `https://localhost:port/o/oauth2/v2/auth`
    pub authorization_url: String,
    /// `https://localhost:port`, to which `/gmail/v1/users/me/profile` is added
    pub gmail_api_url: String,
    /// SMTP that begins in plain text, as port 587 does.
    pub smtp_starttls: SocketAddr,
    /// SMTP that begins with TLS, as port 465 does.
    pub smtp_tls: SocketAddr,
    /// IMAP with TLS, as port 993.
    pub imap: SocketAddr,
    /// `http://127.0.0.1:port`
    pub control_url: String,
    /// The certificate of the authority that signed the good certificate.
    #[serde(skip)]
    pub ca_pem: String,
}

/// A running simulator. Everything stops when it is dropped.
#[derive(Debug)]
pub struct Sim {
    endpoints: Endpoints,
    /// The listeners; each owns its connections.
    tasks: JoinSet<()>,
    world: World,
}

impl Sim {
    /// Starts every listener; the world is empty.
    ///
    /// # Errors
    /// A port is taken, or no certificates could be made.
    pub async fn start(options: Options) -> Result<Self, tls::Error> {
        let world = World::with_log_of(options.remembered);
        let names = [std::slice::from_ref(&options.host), &options.names].concat();
        let tls = Arc::new(Tls::new(&names)?);
        let mut tasks = JoinSet::new();
        let mut next_port = options.first_port;
        let mut listen = |kind: Kind| -> io::Result<SocketAddr> {
            let port = next_port.unwrap_or(0);
            next_port = next_port.map(|port| port + 1);
            let (door, entrance) = Door::at((options.ip, port).into(), kind.service())?;
            let address = door.address();
            world.add_door(door);
            tasks.spawn(take_in(entrance, kind, world.clone(), Arc::clone(&tls)));
            Ok(address)
        };
        let token = listen(Kind::Https(Service::Token))?.port();
        let authorization = listen(Kind::Https(Service::Authorization))?.port();
        let api = listen(Kind::Https(Service::Api))?.port();
        let smtp_starttls = listen(Kind::SmtpStarttls)?;
        let smtp_tls = listen(Kind::SmtpTls)?;
        let imap = listen(Kind::Imap)?;
        let control = listen(Kind::Control)?;
        let host = &options.host;
        let endpoints = Endpoints {
            token_url: format!("https://{host}:{token}/token"),
            tokeninfo_url: format!("https://{host}:{token}/tokeninfo"),
            revoke_url: format!("https://{host}:{token}/revoke"),
            authorization_url: format!("https://{host}:{authorization}/o/oauth2/v2/auth"),
            gmail_api_url: format!("https://{host}:{api}"),
            smtp_starttls,
            smtp_tls,
            imap,
            control_url: format!("http://{control}"),
            ca_pem: tls.ca_pem.clone(),
        };
        Ok(Self { endpoints, tasks, world })
    }

    /// Where everything is.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// A handle on the simulated world.
    pub fn world(&self) -> World {
        self.world.clone()
    }

    /// Stops every listener and every connection, and waits until they are gone.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        // Somebody may keep a handle on the world, which holds the listeners.
        self.world.shut_doors();
    }
}

/// What listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Control,
    Https(Service),
    Imap,
    SmtpStarttls,
    SmtpTls,
}

impl Kind {
    fn service(self) -> Service {
        match self {
            Self::Control => Service::Control,
            Self::Https(service) => service,
            Self::Imap => Service::Imap,
            Self::SmtpStarttls | Self::SmtpTls => Service::Smtp,
        }
    }
}

/// Takes connections in until the simulator stops.
async fn take_in(mut entrance: Entrance, kind: Kind, world: World, tls: Arc<Tls>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            stream = entrance.next() => {
                connections.spawn(talk(kind, stream, world.clone(), Arc::clone(&tls)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn talk(kind: Kind, stream: TcpStream, world: World, tls: Arc<Tls>) {
    let pipe = Pipe::plain(stream);
    let service = kind.service();
    if kind == Kind::Control {
        control::serve(pipe, world).await;
        return;
    }
    let on_connect = (kind != Kind::SmtpStarttls).then_some(&*tls);
    let Some(dialogue) = Dialogue::begin(world, service, pipe, on_connect).await else { return };
    // An error here is a client that went away in the middle, which the dialogue has noted.
    let _ = match kind {
        Kind::Control => Ok(()),
        Kind::Https(_) => http::serve(dialogue, http::google::look, http::google::answer).await,
        Kind::Imap => imap::serve(dialogue).await,
        Kind::SmtpStarttls | Kind::SmtpTls => {
            smtp::serve(dialogue, &tls, kind == Kind::SmtpTls).await
        }
    };
}
