//! Debian's Alertmanager on the routes and inhibitions that we ship, and what each of its receivers was told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::support::{Home, Program, Sink, free_port, holds_in_time, read, run_alertmanager};

pub(super) struct Alertmanager {
    pub(super) port: u16,
    sink: Sink,
    told: Vec<Told>,
    // They go in this order.
    _program: Program,
    _home: Home,
}

/// One alert of one notification.
pub(super) struct Told {
    /// The receiver.
    pub(super) to: String,
    pub(super) fires: bool,
    pub(super) labels: Texts,
    pub(super) annotations: Texts,
    /// The notification.
    pub(super) whole: Value,
}

pub(super) type Texts = BTreeMap<String, String>;

impl Alertmanager {
    pub(super) fn start() -> Self {
        let (home, sink, port) = (Home::new(), Sink::start(), free_port());
        let folder = home.folder("alertmanager");
        let shipped = read(CONFIG);
        let mut config: Value = serde_saphyr::from_str(&shipped).expect("YAML");
        hasten(&mut config["route"]);
        for receiver in config["receivers"].as_array_mut().expect("a list") {
            // A webhook is told everything, and when it is over.
            let name = receiver["name"].as_str().expect("a name");
            let url = format!("http://127.0.0.1:{}/{name}", sink.port);
            *receiver =
                json!({"name": name, "webhook_configs": [{"url": url, "send_resolved": true}]});
        }
        config.as_object_mut().expect("keys").remove("templates");
        // JSON is YAML.
        fs::write(folder.join("alertmanager.yml"), config.to_string()).expect("a folder of ours");
        let program = run_alertmanager(&home, &folder, port);
        Self { port, sink, told: Vec::new(), _program: program, _home: home }
    }

    /// All that was told so far, in order.
    pub(super) fn told(&mut self) -> &[Told] {
        for post in self.sink.arrived() {
            let alerts = post.body["alerts"].as_array().expect("alerts").clone();
            self.told.extend(alerts.into_iter().map(|alert| Told {
                to: post.path.trim_start_matches('/').to_owned(),
                fires: alert["status"] == "firing",
                labels: texts(&alert["labels"]),
                annotations: texts(&alert["annotations"]),
                whole: post.body.clone(),
            }));
        }
        &self.told
    }

    /// Waits until the names of all alerts that fire, by the last word on each, are these.
    pub(super) fn until_fire(&mut self, expected: &[&str]) {
        let expected = BTreeSet::from_iter(expected.iter().map(ToString::to_string));
        let mut firing = BTreeSet::new();
        let waited = holds_in_time(|| {
            let last: BTreeMap<_, _> =
                self.told().iter().map(|told| ((&told.to, &told.labels), told.fires)).collect();
            let fires = last.into_iter().filter(|(_, fires)| *fires);
            firing = fires.map(|((_, labels), _)| labels["alertname"].clone()).collect();
            firing == expected
        });
        let labels: Vec<_> =
            self.told.iter().map(|told| (&told.to, told.fires, &told.labels)).collect();
        assert!(waited, "{firing:?} fire, not {expected:?}: {labels:?}");
    }

    /// What was told since this was asked last.
    pub(super) fn take(&mut self) -> Vec<Told> {
        self.told();
        std::mem::take(&mut self.told)
    }
}

fn texts(of: &Value) -> Texts {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    of.as_object().expect("texts").iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Groups wait for a moment only. Nothing is repeated in the time of a test.
fn hasten(route: &mut Value) {
    for wait in ["group_wait", "group_interval"] {
        if let Some(wait) = route.get_mut(wait) {
            *wait = "1s".into();
        }
    }
    for below in route.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten() {
        hasten(below);
    }
}

const CONFIG: &str = "deploy/alertmanager/alertmanager.yml";
