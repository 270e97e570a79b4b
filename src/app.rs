//! Wires the parts together; the only file that knows them all. It decides nothing.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use arc_swap::ArcSwap;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    cli::{Form, Level, Serve, USAGE},
    config::{self, Loaded},
    domain::clock::Clock,
    engine::{Engine, storage::Storage},
    metrics::{Build, Deliveries, Standing},
    notify::{self, Notifier},
    source::{Links, Shard, Sources},
    web::{self, Applied, Guard, Lifecycle, Site},
    wire::{Wire, dial::Dialer, https::Https},
};

/// Serves until SIGTERM or SIGINT: exit code 0; 64 where the command line or the configuration is wrong.
pub async fn serve(file: &Path, flags: Serve) -> ExitCode {
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let served = async {
        let (mut term, mut int) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let asked = async {
            tokio::select! { _ = term.recv() => {} _ = int.recv() => {} }
            tracing::info!("stopping");
            stopping.cancel();
        };
        let serving = serve_until(file, flags, stop.clone());
        tokio::pin!(serving);
        tokio::select! {
            served = &mut serving => served,
            () = asked => serving.await,
        }
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(USAGE)
        }
    }
}

/// Serves until `stop`.
///
/// # Errors
/// Where it cannot even begin: the configuration is wrong, or an address is taken.
async fn serve_until(file: &Path, flags: Serve, stop: CancellationToken) -> anyhow::Result<()> {
    let (loaded, wire) = load(file)?;
    let guard = match &flags.web_config {
        Some(path) => Guard::read(path)?,
        None => Guard::open(),
    };
    let listeners = listen(&flags.listen).await?;
    let (links, found) = watch::channel(Links::default());
    let wire = Arc::new(ArcSwap::from_pointee(wire));
    let deliveries = Arc::new(Deliveries::default());
    let told = Arc::new(ArcSwap::from_pointee(told(&loaded)));
    let applied = Arc::new(ArcSwap::from_pointee(applied(&loaded, &deliveries, CLOCK)));
    let storage = match &flags.storage {
        Some(directory) => Storage::open(directory, CLOCK),
        None => Storage::in_memory(),
    };
    let (handle, engine) = Engine::new(wire.clone(), CLOCK, found, storage);
    let (listener, transitions) = mpsc::unbounded_channel();
    let notifier = Notifier {
        transitions,
        engine: handle.clone(),
        clock: CLOCK,
        wire: wire.clone(),
        applied: told.clone(),
        external_url: flags.external_url.clone(),
        deliveries: deliveries.clone(),
    };
    let (reload, asked) = mpsc::channel(1);
    let site = Site {
        engine: handle,
        clock: CLOCK,
        settings: web::Settings {
            telemetry_path: flags.telemetry_path,
            external_url: flags.external_url,
            lifecycle: match flags.enable_lifecycle {
                true => Lifecycle::Enabled,
                false => Lifecycle::Disabled,
            },
        },
        guard: Arc::new(guard),
        applied: applied.clone(),
        reload,
    };
    let reloader = Reloader {
        file: file.to_owned(),
        shard: flags.shard.unwrap_or_default(),
        guard: site.guard.clone(),
        wire,
        applied,
        told,
        deliveries,
        links,
    };
    let mut parts = JoinSet::new();
    parts.spawn(engine.telling(listener).run(stop.clone()));
    parts.spawn(notifier.run(stop.clone()));
    parts.spawn(web::serve(listeners, site, stop.clone()));
    parts.spawn(reloader.run(loaded.sources, asked, stop));
    while let Some(ended) = parts.join_next().await {
        if let Err(error) = ended {
            std::panic::resume_unwind(error.into_panic());
        }
    }
    Ok(())
}

/// What a reload puts another in the place of.
struct Reloader {
    file: PathBuf,
    shard: Shard,
    guard: Arc<Guard>,
    wire: Arc<ArcSwap<Wire>>,
    applied: Arc<ArcSwap<Applied>>,
    told: Arc<ArcSwap<notify::Applied>>,
    deliveries: Arc<Deliveries>,
    links: watch::Sender<Links>,
}

impl Reloader {
    /// Watches the sources, and takes new ones when somebody asks for a reload, by HTTP or by SIGHUP.
    async fn run(
        self,
        sources: Sources,
        mut asked: mpsc::Receiver<web::Reload>,
        stop: CancellationToken,
    ) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
        let mut sources = sources.only(self.shard);
        loop {
            let enough = stop.child_token();
            let remembered = sources.remembered();
            let watching = sources.watch(self.wire.clone(), self.links.clone(), enough.clone());
            tokio::pin!(watching);
            let next = loop {
                let answer = tokio::select! {
                    () = &mut watching => return,
                    _ = hangup.recv() => None,
                    Some(answer) = asked.recv() => Some(answer),
                };
                // It reads files.
                let reloaded = tokio::task::block_in_place(|| self.reload());
                if let Some(answer) = answer {
                    let said = reloaded.as_ref().map(|_| ()).map_err(|error| format!("{error:#}"));
                    // Whoever asked may have left.
                    let _ = answer.send(said);
                }
                if let Ok(next) = reloaded {
                    break next;
                }
            };
            enough.cancel();
            watching.await;
            sources = next.only(self.shard);
            sources.succeed(&remembered);
        }
    }

    /// Everything or nothing: a faulty file changes nothing but what is said about it.
    fn reload(&self) -> anyhow::Result<Sources> {
        let reloaded = load(&self.file).and_then(|loaded| {
            self.guard.reload()?;
            Ok(loaded)
        });
        match reloaded {
            Ok((loaded, wire)) => {
                tracing::info!("configuration reloaded");
                self.wire.store(Arc::new(wire));
                self.applied.store(Arc::new(applied(&loaded, &self.deliveries, CLOCK)));
                self.told.store(Arc::new(told(&loaded)));
                Ok(loaded.sources)
            }
            Err(error) => {
                tracing::error!("the configuration stays as it was: {error:#}");
                let mut applied = Applied::clone(&self.applied.load());
                applied.standing.reload_successful = false;
                self.applied.store(Arc::new(applied));
                Err(error)
            }
        }
    }
}

fn load(file: &Path) -> anyhow::Result<(Loaded, Wire)> {
    let loaded = config::load(file)?;
    let wire = wire(&loaded)?;
    Ok((loaded, wire))
}

fn applied(loaded: &Loaded, deliveries: &Arc<Deliveries>, clock: Clock) -> Applied {
    Applied {
        standing: Standing {
            build: BUILD,
            reload_successful: true,
            reload_success: Some(clock.now()),
            deliveries: deliveries.clone(),
        },
        privacy: loaded.privacy.clone(),
        masked: config::masked(loaded),
    }
}

fn told(loaded: &Loaded) -> notify::Applied {
    notify::Applied { channels: loaded.on_change.clone(), privacy: loaded.privacy.clone() }
}

async fn listen(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        tracing::info!(address = %listener.local_addr()?, "listening");
        listeners.push(listener);
    }
    Ok(listeners)
}

const CLOCK: Clock = Clock::System;

/// What this binary was made of.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: env!("MAILBOX_EXPORTER_REVISION"),
    rust: env!("MAILBOX_EXPORTER_RUST"),
};

/// What probes are made with, by this configuration.
///
/// # Errors
/// Where no certificate authority can be trusted.
pub fn wire(loaded: &Loaded) -> anyhow::Result<Wire> {
    let dialer = Dialer::new(loaded.ca_file.as_deref())?;
    let https = Arc::new(Https::new(&dialer));
    Ok(Wire { dialer, https, clock: CLOCK })
}

/// Logs of our own at `level`, of libraries from warnings on: nothing that they say about bytes belongs in a log.
pub fn log_to_stderr(level: Level, form: Form) {
    let level = match level {
        Level::Debug => LevelFilter::DEBUG,
        Level::Info => LevelFilter::INFO,
        Level::Warn => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    };
    let others = level.min(LevelFilter::WARN);
    let filter = Targets::new().with_default(others).with_target("mailbox_exporter", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    // A panic's words may quote what a server said; its place is all that a report needs.
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(at, "panicked: this is a bug");
    }));
    match form {
        Form::Json => registry.with(lines.json()).init(),
        Form::Text => registry.with(lines.with_ansi(false).with_target(false)).init(),
    }
}
