//! What a round costs, beside the bare connections that it cannot do without. The simulator runs in another process.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use mailbox_exporter::{
    app,
    check::{Check, Watched},
    config,
    domain::outcome::Verdict,
    engine::round::Round,
    wire::{Wire, oauth::AccessToken},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/simulator.rs"]
mod simulator;
#[path = "support/table.rs"]
mod table;

use simulator::{Role, Simulator};

fn main() -> Result<()> {
    match simulator::role()? {
        (Role::Simulator { links, home }, _) => simulator::play(links, &home),
        (Role::Idle, _) => Ok(()),
        (Role::Bench, _) => bench(),
    }
}

fn bench() -> Result<()> {
    let simulator = Simulator::start(LINKS)?;
    let bare = Bare::new(&simulator)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let loaded = config::load(&simulator.config("")?)?;
    let mut fleet = Fleet { wire: app::wire(&loaded)?, links: Vec::new() };
    let mut sources = loaded.sources;
    fleet.links = sources.read_now().watched.into_iter().map(|watched| (watched, None)).collect();
    runtime.block_on(fleet.round(&[Check::Token]))?;

    let mut turns = Vec::new();
    for _ in 0..=TURNS {
        let mut spent = [Duration::ZERO; CASES.len()];
        for (case, spent) in CASES.iter().zip(&mut spent) {
            *spent = case.spend(&runtime, &bare, &mut fleet)? / LINKS as u32;
        }
        turns.push(spent);
    }
    // The first turn warms up.
    turns.remove(0);
    let mut rows = vec![["CPU of one", "median", "bare connections", "target"].map(String::from)];
    for (place, case) in CASES.iter().enumerate() {
        let spent = cpu::median(turns.iter().map(|turn| turn[place]));
        // Whatever else the machine does is in both numbers of one turn.
        let times = cpu::median(turns.iter().map(|turn| {
            let bases: Duration = case.bases.iter().map(|base| turn[*base]).sum();
            turn[place].as_secs_f64() / bases.as_secs_f64()
        }));
        let cells = [case.name, &cpu::micros(spent), &format!("{times:.2} ×"), case.target];
        rows.push(cells.map(String::from));
    }
    table::print("round: token in hand, against gmail-sim in another process", &rows);
    Ok(())
}

/// Sessions at one server resume from one to the next, whoever's mailbox it is.
const LINKS: usize = 100;

const TURNS: usize = 15;

/// Something that is done once for every link.
struct Case {
    name: &'static str,
    what: What,
    /// The cases with the bare connections that it needs.
    bases: &'static [usize],
    target: &'static str,
}

enum What {
    Bare(Server),
    Checks(&'static [Check]),
}

#[derive(Clone, Copy)]
enum Server {
    Imap,
    Smtp,
}

const CASES: [Case; 6] = [
    case("bare connection, SMTP", What::Bare(Server::Smtp), &[0], ""),
    case("bare connection, IMAP", What::Bare(Server::Imap), &[1], ""),
    case("smtp", What::Checks(&[Check::Smtp]), &[0], ""),
    case("imap", What::Checks(&[Check::Imap]), &[1], ""),
    case("round", What::Checks(&[Check::Smtp, Check::Imap]), &[0, 1], "≤ 2.5 ×"),
    case("round with refresh", What::Checks(&WITH_TOKEN), &[0, 1], ""),
];

const WITH_TOKEN: [Check; 3] = [Check::Token, Check::Smtp, Check::Imap];

const fn case(
    name: &'static str,
    what: What,
    bases: &'static [usize],
    target: &'static str,
) -> Case {
    Case { name, what, bases, target }
}

impl Case {
    /// The CPU that it takes for all links.
    fn spend(&self, runtime: &Runtime, bare: &Bare, fleet: &mut Fleet) -> Result<Duration> {
        let before = cpu::spent();
        match &self.what {
            What::Bare(server) => runtime.block_on(async {
                for _ in 0..LINKS {
                    bare.connection(*server).await?;
                }
                Ok::<_, anyhow::Error>(())
            })?,
            What::Checks(due) => runtime.block_on(fleet.round(due))?,
        }
        Ok(cpu::spent() - before)
    }
}

/// The links, each with its access token, and what they are probed with.
struct Fleet {
    wire: Wire,
    links: Vec<(Watched, Option<AccessToken>)>,
}

impl Fleet {
    /// One round for every link, one after the other.
    async fn round(&mut self, due: &[Check]) -> Result<()> {
        for (watched, token) in &mut self.links {
            let mut round =
                Round::new(watched.clone(), self.wire.clone(), CancellationToken::new());
            round.token = token.take();
            let ended = round.run(due).await;
            *token = round.token;
            let passes = |verdict: &Verdict| matches!(verdict, Verdict::Pass(_));
            let passed = ended.iter().all(|(_, outcome)| passes(&outcome.verdict));
            ensure!(passed && ended.len() == due.len(), "a round did not pass: {ended:?}");
        }
        Ok(())
    }
}

/// What no client can do without: TCP, TLS, one read, one write, the end.
struct Bare {
    tls: TlsConnector,
    simulator: simulator::Endpoints,
}

impl Bare {
    /// With the exporter's own TLS settings: one for all connections, so that sessions resume.
    fn new(simulator: &Simulator) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(simulator.ca_file())? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let simulator = simulator.endpoints().clone();
        Ok(Self { tls: TlsConnector::from(Arc::new(tls)), simulator })
    }

    async fn connection(&self, server: Server) -> Result<()> {
        let (address, goodbye): (_, &[u8]) = match server {
            Server::Imap => (self.simulator.imap, b"A1 LOGOUT\r\n"),
            Server::Smtp => (self.simulator.smtp_tls, b"QUIT\r\n"),
        };
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let mut tls = self.tls.connect(name, tcp).await.context("no TLS")?;
        let mut greeting = [0; 512];
        ensure!(tls.read(&mut greeting).await? > 0, "no greeting");
        tls.write_all(goodbye).await?;
        tls.shutdown().await?;
        Ok(())
    }
}
