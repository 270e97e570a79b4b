//! Debian's Alertmanager on the configuration that we ship, its receivers replaced by one of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::{Value, json};

use super::{Home, Program, Sink, are_there, free_port, get, post_json};

pub(crate) struct Alertmanager {
    port: u16,
    /// Whoever is told.
    pub(crate) sink: Sink,
    _program: Program,
    _home: Home,
}

impl Alertmanager {
    /// None, said aloud, where it is not installed. The first notification of a group waits so long.
    pub(crate) fn start(group_wait: &str) -> Option<Self> {
        if !are_there(NEEDED) {
            return None;
        }
        let (home, sink, port) = (Home::new(), Sink::start(), free_port());
        let folder = home.folder("alertmanager");
        let receiver = Regex::new(r"https://[a-z]+\.example\.com/").expect("a pattern");
        let ours = format!("http://127.0.0.1:{}/", sink.port);
        let config =
            fs::read_to_string(format!("{FOLDER}/alertmanager.yml")).expect("a file of ours");
        let config = receiver.replace_all(&config, ours).into_owned();
        assert!(config.contains("group_wait: 1m\n"));
        let config = config.replace("group_wait: 1m\n", &format!("group_wait: {group_wait}\n"));
        fs::write(folder.join("alertmanager.yml"), config).expect("a file of ours");
        let template = "mailbox_exporter.tmpl";
        fs::copy(format!("{FOLDER}/{template}"), folder.join(template)).expect("a file of ours");
        let program = run(&home, &folder, port);
        Some(Self { port, sink, _program: program, _home: home })
    }

    pub(crate) fn post(&self, alerts: &[Value]) {
        post_json(self.port, "/api/v2/alerts", &json!(alerts)).expect("it takes alerts");
    }

    /// Every alert, and whether another keeps it silent.
    pub(crate) fn inhibited(&self) -> BTreeMap<String, bool> {
        let answer = get(self.port, "/api/v2/alerts").expect("it answers");
        let alerts: Vec<Value> = serde_json::from_str(&answer).expect("a list");
        let by =
            |alert: &Value| !alert["status"]["inhibitedBy"].as_array().expect("a list").is_empty();
        alerts.iter().map(|alert| (labels(alert), by(alert))).collect()
    }
}

/// One that reads `alertmanager.yml` in this folder, and keeps there what it remembers.
pub(crate) fn run(home: &Home, folder: &Path, port: u16) -> Program {
    let program = home.start(&[
        "prometheus-alertmanager",
        &format!("--config.file={}", folder.join("alertmanager.yml").display()),
        &format!("--storage.path={}", folder.join("data").display()),
        &format!("--web.listen-address=127.0.0.1:{port}"),
        // There is one of them.
        "--cluster.listen-address=",
    ]);
    program.ready(|| get(port, "/-/ready").is_ok())
}

/// An alert as it is posted: `NAME SEVERITY label=value …`.
pub(crate) fn alert(job: &str, written: &str) -> Value {
    let (name, rest) = written.split_once(' ').expect("a name and a severity");
    let mut labels = json!({"alertname": name, "job": job});
    let rest = format!("severity={rest}");
    for label in rest.split(' ') {
        let (name, value) = label.split_once('=').expect("label=value");
        labels[name] = value.into();
    }
    json!({"labels": labels, "annotations": {"summary": written}})
}

pub(crate) fn labels(alert: &Value) -> String {
    let labels = alert["labels"].as_object().expect("labels").iter();
    let labels: BTreeSet<_> =
        labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or(""))).collect();
    Vec::from_iter(labels).join(" ")
}

const NEEDED: &[(&str, &str)] = &[("prometheus-alertmanager", "Alertmanager")];
const FOLDER: &str = "deploy/alertmanager";
