//! Debian's Prometheus: started on a configuration, and asked.

use std::path::Path;

use serde_json::Value;

use super::{Home, Program, free_port, get};

/// One that reads this configuration and keeps its samples there, and its port.
pub(crate) fn run(home: &Home, config: &Path, samples: &Path, more: &str) -> (Program, u16) {
    let port = free_port();
    let program = home.start(&[
        "prometheus",
        &format!("--config.file={}", config.display()),
        &format!("--storage.tsdb.path={}", samples.display()),
        &format!("--web.listen-address=127.0.0.1:{port}"),
        more,
    ]);
    (program.ready(|| get(port, "/-/ready").is_ok()), port)
}

/// What it finds now.
pub(crate) fn query(port: u16, query: &str) -> Vec<Value> {
    let answer = get(port, &format!("/api/v1/query?query={}", encoded(query))).expect("an answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    answer["data"]["result"].as_array().expect("a vector").clone()
}

/// As a URL has it.
pub(crate) fn encoded(query: &str) -> String {
    query.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
