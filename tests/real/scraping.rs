//! A real Prometheus on the files of `deploy/prometheus`: what it finds at the exporter, and what it sends on.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    ADDRESS, Google, Home, Program, Sink, are_there, changed, holds_in_time, query, run_prometheus,
};

const NEEDED: &[(&str, &str)] = &[("prometheus", "Prometheus")];
const PROMETHEUS: &str = "deploy/prometheus/prometheus.yml";
const HTTP_SD: &str = "deploy/prometheus/http_sd.yml";

#[test]
fn the_exporter_and_each_of_its_links_is_a_target() {
    if !are_there(NEEDED) {
        return;
    }
    let google = Google::start();
    google.link();
    let exporter = google.serve(&[]);
    exporter.until_says("mailbox_link_up 1");
    let home = Home::new();
    let folder = home.folder("prometheus");
    let at = format!("127.0.0.1:{}", exporter.port);
    let target = ("mailbox-exporter:10048", at.as_str());
    let scrapes = [target, ("scrape_interval: 30s", "scrape_interval: 1s")];
    fs::write(folder.join("prometheus.yml"), changed(PROMETHEUS, &scrapes)).unwrap();
    let hourly = ("scrape_interval: 1h", "scrape_interval: 1s");
    let probes = [target, hourly, ("scrape_timeout: 1m", "scrape_timeout: 1s")];
    fs::write(folder.join("http_sd.yml"), changed(HTTP_SD, &probes)).unwrap();
    let (_first, port) = prometheus(&home, &folder, "prometheus.yml");
    until(port, "up", &json!({"job": "mailbox_exporter", "instance": at}));
    let link = json!({"link": ADDRESS, "mailbox": ADDRESS});
    let with = |more: Value| {
        let mut all = link.clone();
        all.as_object_mut().expect("labels").extend(more.as_object().expect("labels").clone());
        all
    };
    let own = json!({"job": "mailbox_exporter", "instance": at});
    until(port, "mailbox_link_up", &with(own));

    let (_second, port) = prometheus(&home, &folder, "http_sd.yml");
    until(port, "probe_success", &with(json!({"job": "mailbox_probe", "instance": ADDRESS})));
    // Nothing but the cheapest question is asked.
    let checks = query(port, "probe_check_success");
    assert_eq!(checks.len(), 1, "{checks:?}");
    assert_eq!(checks[0]["metric"]["check"], "token");
}

/// Where Grafana and the pages are is known to the alerts' texts, and is no label of any alert.
#[test]
fn addresses_that_texts_link_to_are_not_sent_as_labels() {
    if !are_there(NEEDED) {
        return;
    }
    let (home, sink) = (Home::new(), Sink::start());
    let folder = home.folder("prometheus");
    fs::create_dir(folder.join("alerts")).unwrap();
    let at = format!("127.0.0.1:{}", sink.port);
    let changes = [
        ("alertmanager:9093", at.as_str()),
        ("evaluation_interval: 30s", "evaluation_interval: 1s"),
        ("mailbox-exporter:10048", "127.0.0.1:9"),
    ];
    fs::write(folder.join("prometheus.yml"), changed(PROMETHEUS, &changes)).unwrap();
    fs::write(folder.join("alerts/links.yaml"), ALWAYS).unwrap();
    let _prometheus = prometheus(&home, &folder, "prometheus.yml");
    let told = sink.next();
    assert_eq!(told.path, "/api/v2/alerts");
    let alert = &told.body[0];
    assert_eq!(alert["labels"], json!({"alertname": "Always"}));
    let texts =
        json!({"board": "http://localhost:3000/d/x", "page": "http://localhost:10048/docs"});
    assert_eq!(alert["annotations"], texts);
}

const ALWAYS: &str = "
groups:
  - name: links
    rules:
      - alert: Always
        expr: vector(1)
        annotations:
          board: '{{ $externalLabels.grafana }}/d/x'
          page: '{{ $externalLabels.mailbox_exporter }}/docs'
";

fn prometheus(home: &Home, folder: &Path, config: &str) -> (Program, u16) {
    let samples = folder.join(format!("{config}.data"));
    // What is evaluated before it knows where to send goes out with the next evaluation.
    run_prometheus(home, &folder.join(config), &samples, "--rules.alert.resend-delay=1s")
}

/// Waits until the metric has one series, with these labels, and is 1.
fn until(port: u16, metric: &str, labels: &Value) {
    let mut seen = Vec::new();
    let found = holds_in_time(|| {
        seen = query(port, metric);
        seen.len() == 1 && seen[0]["value"][1] == "1"
    });
    assert!(found, "{metric}: {seen:?}");
    let mut got = seen[0]["metric"].clone();
    got.as_object_mut().expect("labels").remove("__name__");
    assert_eq!(&got, labels, "{metric}");
}
