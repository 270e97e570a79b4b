//! Hours that pass for the exporter and for Google alike, and what `/metrics` said in them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, mpsc},
    time::{Duration, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use gmail_sim::{Options, Sim, World};
use mailbox_exporter::{
    app, config,
    domain::clock::{Clock, Timestamp},
    engine::{Engine, Handle, storage::Storage},
    metrics::{Privacy, Standing, render},
    source::{Links, Sources},
};
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    sync::watch,
    task::{spawn_blocking, yield_now},
    time,
};
use tokio_util::sync::CancellationToken;

use crate::support::{files, said, secret, section};

pub(super) struct Pass {
    // They go in this order: the exporter's runtime waits for whoever holds its clock.
    _hold: mpsc::Sender<()>,
    /// Where the exporter's engine runs, by a clock that stands still until it is moved.
    exporter: Runtime,
    sim: Sim,
    _google: Runtime,
    folder: TempDir,
    clock: Clock,
    handle: Handle,
    sources: Sources,
    links: watch::Sender<Links>,
    mailboxes: &'static [&'static str],
    /// When promtool's time begins.
    start: Timestamp,
    /// What was shown at every interval, by series.
    shown: BTreeMap<String, BTreeMap<usize, String>>,
    scrapes: usize,
    expected: Vec<Expected>,
}

/// What an expression is to give, so many seconds after the beginning: series, and their values.
struct Expected {
    at: u64,
    expr: String,
    samples: Vec<(String, usize)>,
}

impl Pass {
    pub(super) fn begin(sink: Option<&str>) -> Self {
        let mailboxes = sink.map_or(MAILBOXES, |_| FEWER);
        let google = Runtime::new().expect("threads");
        let sim = google.block_on(Sim::start(Options::default())).expect("free ports");
        sim.world().add_client(CLIENT_ID, CLIENT_SECRET);
        let folder = TempDir::new().expect("a temporary folder");
        let config = configure(folder.path(), &sim, sink, mailboxes);
        let exporter = Builder::new_current_thread().enable_all().start_paused(true).build();
        let exporter = exporter.expect("a runtime");
        let start = sim.world().now().duration_since(UNIX_EPOCH).expect("it is not 1970");
        let start = Timestamp::from_millis(i64::try_from(start.as_millis()).expect("milliseconds"));
        let (hold, held) = mpsc::channel::<()>();
        let (clock, handle, sources, links) = exporter.block_on(async {
            // While this waits, tokio leaves its clock alone.
            drop(spawn_blocking(move || held.recv()));
            let clock = Clock::starting(start);
            let mut loaded = config::load(&config).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            let mut wire = app::wire(&loaded).expect("an authority");
            wire.clock = clock;
            let (links, found) = watch::channel(loaded.sources.read_now());
            let wire = Arc::new(ArcSwap::from_pointee(wire));
            let (handle, engine) = Engine::new(wire, clock, found, Storage::in_memory());
            #[expect(clippy::disallowed_methods, reason = "it ends with its runtime")]
            drop(tokio::spawn(engine.run(CancellationToken::new())));
            (clock, handle, loaded.sources, links)
        });
        Self {
            _hold: hold,
            exporter,
            sim,
            _google: google,
            folder,
            clock,
            handle,
            sources,
            links,
            mailboxes,
            start,
            shown: BTreeMap::new(),
            scrapes: 0,
            expected: Vec::new(),
        }
    }

    pub(super) fn world(&self) -> World {
        self.sim.world()
    }

    pub(super) fn links(&self) -> usize {
        self.mailboxes.len()
    }

    pub(super) fn mailboxes(&self) -> &'static [&'static str] {
        self.mailboxes
    }

    pub(super) fn set_client(&self, change: impl FnOnce(&mut gmail_sim::Client)) {
        self.world().set_client(CLIENT_ID, change);
    }

    /// Seconds since it began, as promtool counts them.
    pub(super) fn now(&self) -> u64 {
        let _by_its_clock = self.exporter.enter();
        self.clock.now().since(self.start).as_secs()
    }

    /// The owners link all mailboxes again, and the exporter looks at its files.
    pub(super) fn link_again(&mut self) {
        for (number, mailbox) in self.mailboxes.iter().enumerate() {
            let token = self.world().link(mailbox, CLIENT_ID);
            secret(self.folder.path(), &format!("token-{number}"), &token);
        }
        let _by_its_clock = self.exporter.enter();
        self.links.send_replace(self.sources.read_now());
    }

    /// Lets so much time pass: as a whole where nothing is due, and little by little while something is asked of Google, which
    /// takes its own time to answer.
    pub(super) fn pass(&mut self, by: Duration) {
        let end = self.time() + by;
        while self.time() < end {
            let now = self.time();
            let scrape = self.start + EVERY * u32::try_from(self.scrapes).expect("days");
            let shown = self.handle.snapshot();
            let leap = if shown.vitals.probes_in_flight > 0 {
                TICK
            } else {
                let checks = shown.links.values().flat_map(|link| link.checks.values());
                let due = checks.filter_map(|check| check.next_run).filter(|due| *due > now);
                due.chain([scrape, end]).map(|next| next.since(now)).min().unwrap_or_default()
            };
            let leap = leap.max(TICK);
            self.moves(leap);
            if leap > TICK {
                // What has begun is published by now.
                self.moves(PUBLISHED);
            }
            if self.time() >= scrape {
                self.scrape();
            }
        }
    }

    fn moves(&self, by: Duration) {
        self.sim.world().advance(by);
        self.exporter.block_on(async {
            time::advance(by).await;
            for _ in 0..TURNS {
                yield_now().await;
            }
            // Google is real, and answers in real time.
            let pause = spawn_blocking(|| std::thread::sleep(Duration::from_millis(1)));
            pause.await.expect("it sleeps");
        });
    }

    fn time(&self) -> Timestamp {
        let _by_its_clock = self.exporter.enter();
        self.clock.now()
    }

    fn scrape(&mut self) {
        let standing = Standing {
            build: app::BUILD,
            reload_successful: true,
            reload_success: Some(self.start),
            deliveries: Arc::default(),
        };
        let page = render(&self.handle.snapshot(), &standing, &Privacy::default(), None);
        let samples = page.lines().filter(|line| !line.starts_with('#'));
        for (series, value) in samples.filter_map(|line| line.rsplit_once(' ')).chain([("up", "1")])
        {
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let comma = if labels == "}" { "" } else { "," };
            let series = format!("{name}{{{TARGET}{comma}{labels}");
            let value = match name.ends_with("_timestamp_seconds") {
                // promtool's time begins at 1970.
                true => {
                    (value.parse::<f64>().expect("a number") - self.start.as_secs_f64()).to_string()
                }
                false => value.to_owned(),
            };
            self.shown.entry(series).or_default().insert(self.scrapes, value);
        }
        self.scrapes += 1;
    }

    pub(super) fn expects(&mut self, at: u64, expr: &str, samples: &[(&str, usize)]) {
        let samples = samples.iter().map(|(labels, value)| ((*labels).to_owned(), *value));
        self.expected.push(Expected { at, expr: expr.to_owned(), samples: samples.collect() });
    }

    /// Asks promtool whether all that is so.
    pub(super) fn holds(&self) {
        let file = self.folder.path().join("test.yaml");
        fs::write(&file, self.test()).expect("a folder of ours");
        said(Command::new("promtool").args(["test", "rules"]).arg(&file));
    }

    fn test(&self) -> String {
        let rules = files("alerts", "yaml");
        let rules: Vec<_> = rules.iter().map(|path| path.display().to_string()).collect();
        let every = EVERY.as_secs();
        let mut text = format!(
            "rule_files: {}\nevaluation_interval: {every}s\ntests:\n- interval: {every}s\n  input_series:\n",
            serde_json::json!(rules)
        );
        for (series, values) in &self.shown {
            let (series, values) = (serde_json::json!(series), written(values, self.scrapes));
            let _ = writeln!(text, "  - {{series: {series}, values: \"{values}\"}}");
        }
        text += "  promql_expr_test:\n";
        for Expected { at, expr, samples } in &self.expected {
            let samples = samples.iter();
            let samples = samples
                .map(|(labels, value)| serde_json::json!({"labels": labels, "value": value}));
            let samples: Vec<_> = samples.collect();
            let (expr, samples) = (serde_json::json!(expr), serde_json::json!(samples));
            let _ =
                writeln!(text, "  - {{eval_time: {at}s, expr: {expr}, exp_samples: {samples}}}");
        }
        text
    }
}

/// As promtool reads a series: values, `+0x` so many more of the same, `_` for none, and `stale` where a scrape that succeeds
/// has it no more.
fn written(values: &BTreeMap<usize, String>, scrapes: usize) -> String {
    let all: Vec<_> = (0..scrapes).map(|at| values.get(&at)).collect();
    let runs = all.chunk_by(|one, next| one == next).map(|run| match run[0] {
        Some(value) => format!("{value}+0x{}", run.len() - 1),
        None if run.len() == 1 => "stale".to_owned(),
        None => format!("stale _x{}", run.len() - 1),
    });
    runs.collect::<Vec<_>>().join(" ")
}

fn configure(folder: &Path, sim: &Sim, sink: Option<&str>, mailboxes: &[&str]) -> PathBuf {
    fs::write(folder.join("ca.pem"), &sim.endpoints().ca_pem).expect("a folder of ours");
    secret(folder, "client-secret", CLIENT_SECRET);
    let checks =
        sink.map(|sink| format!("checks: {{round_trip: {{to: {sink}}}}}\n")).unwrap_or_default();
    let mut linked = String::new();
    for (number, mailbox) in mailboxes.iter().enumerate() {
        let token = format!("token-{number}");
        secret(folder, &token, &sim.world().add_account(mailbox, CLIENT_ID));
        let _ = writeln!(linked, "  - {{address: {mailbox}, refresh_token: {{file: {token}}}}}");
    }
    let text = format!(
        "{}clients:
  odoo: {{client_id: {CLIENT_ID}, client_secret: {{file: client-secret}}}}
mailboxes:
{linked}{checks}",
        section(sim),
    );
    let path = folder.join("exporter.yaml");
    fs::write(&path, text).expect("a folder of ours");
    path
}

/// Their names spread them over the quarter of an hour.
const MAILBOXES: &[&str] =
    &["sales@example.com", "support@example.com", "billing@example.com", "jobs@example.com"];
/// For a whole day.
const FEWER: &[&str] = &["sales@example.com", "support@example.com", "sink@example.com"];
const CLIENT_ID: &str = "1234-abc.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-the-clients-secret";
const TARGET: &str = "job=\"mailbox_exporter\",instance=\"exporter:10048\"";

/// How often Prometheus scrapes and evaluates.
const EVERY: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(50);
/// What others see is never older.
const PUBLISHED: Duration = Duration::from_secs(1);
/// More than any task needs to hand on what another waits for.
const TURNS: usize = 100;
