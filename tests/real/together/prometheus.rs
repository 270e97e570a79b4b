//! Debian's Prometheus on the configuration and the rules that we ship, at a faster pace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::support::{
    Home, Program, changed, files, free_port, get, holds_in_time, query, read, value,
};

pub(super) struct Prometheus {
    port: u16,
    folder: PathBuf,
    // They go in this order.
    program: Option<Program>,
    home: Home,
}

impl Prometheus {
    /// It scrapes and evaluates every second.
    pub(super) fn start(exporter: u16, alertmanager: u16) -> Self {
        let home = Home::new();
        let folder = home.folder("prometheus");
        let ours = |port| format!("127.0.0.1:{port}");
        let config = [
            ("scrape_interval: 30s", "scrape_interval: 1s".to_owned()),
            ("evaluation_interval: 30s", "evaluation_interval: 1s".to_owned()),
            ("[alertmanager:9093]", format!("['{}']", ours(alertmanager))),
            ("[mailbox-exporter:10048]", format!("['{}']", ours(exporter))),
            (
                "mailbox_exporter: http://localhost:10048",
                format!("mailbox_exporter: http://{}", ours(exporter)),
            ),
            ("grafana: http://localhost:3000", format!("grafana: {GRAFANA}")),
        ];
        let config = changed(CONFIG, &config.each_ref().map(|(from, to)| (*from, to.as_str())));
        fs::write(folder.join("prometheus.yml"), config).expect("a folder of ours");
        fs::create_dir(folder.join("alerts")).expect("a folder of ours");
        copy_rules(&folder.join("alerts"));
        let mut prometheus = Self { port: free_port(), folder, program: None, home };
        prometheus.serve();
        prometheus
    }

    fn serve(&mut self) {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let program = self.home.start(&[
            "sh",
            "-c",
            "echo $$ >\"$0\"; exec \"$@\"",
            &at("process"),
            "prometheus",
            &format!("--config.file={}", at("prometheus.yml")),
            &format!("--storage.tsdb.path={}", at("data")),
            &format!("--web.listen-address=127.0.0.1:{}", self.port),
        ]);
        // What it remembers is of no use: it has to have scraped.
        let scraped = |targets: String| targets.contains("\"health\":\"up\"");
        let ready = || get(self.port, "/api/v1/targets?state=active").is_ok_and(scraped);
        self.program = Some(program.ready(ready));
    }

    /// kill -9, and a start with what it had written.
    pub(super) fn restart(&mut self) {
        let mut program = self.program.take().expect("it was started");
        program.signal("KILL");
        assert_eq!(program.ended(), Some(128 + 9));
        self.serve();
    }

    /// Does what it sees all of at its next scrape, or nothing: meanwhile it is stopped.
    pub(super) fn unseen(&self, what: impl FnOnce()) {
        let process = fs::read_to_string(self.folder.join("process")).expect("its number");
        let process = process.trim();
        signal(process, "STOP");
        let is_stopped = || {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        };
        assert!(holds_in_time(is_stopped), "it did not stop");
        what();
        signal(process, "CONT");
    }

    /// What a query finds now.
    pub(super) fn query(&self, asked: &str) -> Vec<Sample> {
        let samples = query(self.port, asked);
        let sample = |sample: &Value| Sample {
            labels: sample["metric"].clone(),
            value: sample["value"][1]
                .as_str()
                .and_then(|value| value.parse().ok())
                .expect("a value"),
        };
        samples.iter().map(sample).collect()
    }

    /// Waits until a query finds what is wanted.
    pub(super) fn until(&self, query: &str, wanted: impl Fn(&[Sample]) -> bool) {
        let mut found = Vec::new();
        let waited = holds_in_time(|| {
            found = self.query(query);
            wanted(&found)
        });
        assert!(waited, "{query}: {found:#?}");
    }

    /// Waits until the rules on links have seen all that is there now. Of two evaluations the second began after this.
    pub(super) fn evaluates(&self) {
        let page = || get(self.port, "/metrics").expect("its own metrics");
        let group = format!("{}/alerts/links.yaml;mailbox_exporter_links", self.folder.display());
        let series = format!("prometheus_rule_group_iterations_total{{rule_group=\"{group}\"}}");
        let evaluations = || value(&page(), &series);
        assert!(holds_in_time(|| evaluations().is_some()), "no {series}:\n{}", page());
        let before = evaluations().expect("it is there");
        assert!(holds_in_time(|| evaluations() >= Some(before + 2.0)), "it evaluates no more");
    }

    /// The names of the alerts that fire, sorted.
    pub(super) fn firing(&self) -> Vec<String> {
        let firing = self.query("count by (alertname) (ALERTS{alertstate=\"firing\"})");
        let mut names: Vec<_> = firing.iter().map(|sample| sample.label("alertname")).collect();
        names.sort();
        names
    }
}

#[derive(Debug)]
pub(super) struct Sample {
    labels: Value,
    pub(super) value: f64,
}

impl Sample {
    pub(super) fn label(&self, name: &str) -> String {
        self.labels[name].as_str().unwrap_or_default().to_owned()
    }
}

fn signal(process: &str, name: &str) {
    let status = Command::new("kill").args(["-s", name, process]).status();
    assert!(status.is_ok_and(|status| status.success()), "no process {process}");
}

/// Nothing is changed but how long a rule waits.
fn copy_rules(to: &Path) {
    let waits = Regex::new(r"(?m)^( +(?:for|keep_firing_for)): (\d+)([smhd])$").expect("a pattern");
    let mut changed = 0;
    for path in files("alerts", "yaml") {
        let text = read(&path);
        let text = waits.replace_all(&text, |found: &Captures<'_>| {
            changed += 1;
            let number: u64 = found[2].parse().expect("digits");
            let unit = UNITS.iter().find(|(unit, _)| found[3] == **unit).expect("one of them").1;
            format!("{}: {}ms", &found[1], number * unit * 1000 / FASTER)
        });
        fs::write(to.join(path.file_name().expect("a file")), &*text).expect("a folder of ours");
    }
    assert!(changed > 30, "{changed}: are they found?");
}

/// Where the alerts' texts say that the boards are.
pub(super) const GRAFANA: &str = "https://grafana.example.com";

/// How many times. Three minutes still are more than the five seconds after which a Prometheus begins to scrape, or
/// MailboxExporterDown would fire before.
const FASTER: u64 = 15;

const CONFIG: &str = "deploy/prometheus/prometheus.yml";
const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
