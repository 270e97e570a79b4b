//! The history of sent mail as Prometheus takes it: promtool makes blocks of it, and a Prometheus that stands on them
//! answers with what was counted.

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use gmail_sim::{Options, Sent, Sim, World};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::{Home, Program, are_there, encoded, get, query, run_prometheus, secret};

#[test]
fn a_prometheus_on_the_history_answers_with_what_was_counted() {
    if !are_there(&[("prometheus", "Prometheus"), ("promtool", "promtool")]) {
        return;
    }
    let runtime = Runtime::new().expect("threads");
    let sim = runtime.block_on(Sim::start(Options::default())).expect("free ports");
    let home = Home::new();
    let folder = home.folder("exporter");
    let world = sim.world();
    world.add_client(CLIENT_ID, CLIENT_SECRET);
    write_config(&folder, &sim);
    furnish(&world);

    let history = folder.join("history.txt");
    let kept = folder.join("kept.json");
    let resume = ["--resume", &kept.display().to_string()];
    let output = ["--format", "openmetrics", "--output", &history.display().to_string()];
    capacity(&folder, &[&resume[..], &output].concat());
    let report = capacity(&folder, &[&resume[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&report).expect("JSON");

    let blocks = folder.join("blocks");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=168h"])
        .args([&history, &blocks])
        .output()
        .expect("promtool starts");
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{said}{}", String::from_utf8_lossy(&made.stdout));

    let history = fs::read_to_string(history).expect("what was written");
    let (_prometheus, port) = prometheus(&home, &folder, &blocks);
    let written = samples(&history);
    assert_eq!(written.len(), 2 * (5 + LIMITS), "series of two mailboxes");
    for (series, samples) in &written {
        assert!(samples.len() > 20 * 24, "{series}");
        assert_eq!(&stored(port, series, samples), samples, "{series}");
    }

    // As somebody who plans would ask.
    let range = format!("{}d", DAYS + 2);
    for mailbox in report["mailboxes"].as_array().expect("mailboxes") {
        for each in mailbox["each"].as_array().expect("what is counted") {
            let (of, address) =
                (each["of"].as_str().unwrap(), mailbox["mailbox"].as_str().unwrap());
            let asked =
                format!("max_over_time(mailbox_sent_{of}{{mailbox=\"{address}\"}}[{range}])");
            let peak: f64 = each["peak_24h"].as_f64().expect("a peak");
            assert!(peak > 0.0, "{of} {address}");
            assert_eq!(instant(port, &asked), Some(peak), "{asked}");
        }
    }
}

/// Two mailboxes: one that is busy every half an hour, one that wrote to many at once, with odd signs in its name.
fn furnish(world: &World) {
    let often = Sent::to(&["customer{n}@elsewhere.example", "desk@example.com"]);
    world.put_sent(SALES, &often.times(48 * DAYS, Duration::from_secs(30 * 60)));
    let campaign = Sent::to(&["reader{n}@elsewhere.example"]);
    let since = world.now() - Duration::from_secs(9 * 86_400);
    world.put_sent(NEWS, &campaign.times(300, Duration::from_secs(10)).until(since));
}

fn write_config(folder: &Path, sim: &Sim) {
    let at = sim.endpoints();
    fs::write(folder.join("ca.pem"), &at.ca_pem).expect("a folder of ours");
    secret(folder, "client-secret", CLIENT_SECRET);
    let mut mailboxes = String::new();
    for (number, address) in [SALES, NEWS].into_iter().enumerate() {
        let token = format!("token-{number}");
        secret(folder, &token, &sim.world().add_account(address, CLIENT_ID));
        mailboxes += &format!(
            "  - {{address: \"{address}\", client: odoo, refresh_token: {{file: {token}}}}}\n"
        );
    }
    let text = format!(
        "google:\n  token_url: {}\n  imap: {{host: localhost, port: {}}}\n  ca_file: ca.pem\n\
         clients:\n  odoo: {{client_id: {CLIENT_ID}, client_secret: {{file: client-secret}}}}\n\
         mailboxes:\n{mailboxes}time_zone: Europe/Paris\n",
        at.token_url,
        at.imap.port(),
    );
    fs::write(folder.join("exporter.yaml"), text).expect("a folder of ours");
}

fn capacity(folder: &Path, arguments: &[&str]) -> String {
    let mut exporter = Command::new(env!("CARGO_BIN_EXE_mailbox_exporter"));
    let exporter = exporter.arg("--config.file").arg(folder.join("exporter.yaml"));
    let since = format!("{DAYS}d");
    let output = exporter.args(["capacity", "--since", &since]).args(arguments).output();
    let output = output.expect("the exporter starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    String::from_utf8(output.stdout).expect("text")
}

fn prometheus(home: &Home, folder: &Path, blocks: &Path) -> (Program, u16) {
    let config = folder.join("prometheus.yaml");
    fs::write(&config, "{}\n").expect("a folder of ours");
    run_prometheus(home, &config, blocks, "--storage.tsdb.retention.time=10y")
}

/// What was written, by series.
fn samples(history: &str) -> BTreeMap<&str, BTreeMap<i64, f64>> {
    let mut samples: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for line in history.lines().filter(|line| !line.starts_with('#')) {
        let (series, rest) = line.rsplit_once("} ").expect("labels");
        let (value, at) = rest.split_once(' ').expect("a value and a time");
        let at = at.parse().expect("seconds");
        let before = samples.entry(series).or_default().insert(at, value.parse().expect("a value"));
        assert_eq!(before, None, "{line}");
    }
    samples
}

/// The same, as Prometheus has it, hour by hour.
fn stored(port: u16, series: &str, written: &BTreeMap<i64, f64>) -> BTreeMap<i64, f64> {
    let (first, _) = written.first_key_value().expect("samples");
    let (last, _) = written.last_key_value().expect("samples");
    let query = encoded(&format!("{series}}}"));
    let path = format!("/api/v1/query_range?query={query}&start={first}&end={last}&step=3600");
    let answer = get(port, &path).expect("an answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let result = answer["data"]["result"].as_array().expect("a matrix");
    assert_eq!(result.len(), 1, "{series}: {answer}");
    let values = result[0]["values"].as_array().expect("values").iter();
    let value = |pair: &Value| pair[1].as_str()?.parse().ok();
    values.map(|pair| (pair[0].as_i64().expect("seconds"), value(pair).expect("a value"))).collect()
}

fn instant(port: u16, asked: &str) -> Option<f64> {
    query(port, asked).first()?["value"][1].as_str()?.parse().ok()
}

const SALES: &str = "sales@example.com";
const NEWS: &str = "news+o'brien@example.com";
const CLIENT_ID: &str = "1234-abc.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-the-clients-secret";
const DAYS: u32 = 30;

/// Of a Workspace account, all five.
const LIMITS: usize = 5;
