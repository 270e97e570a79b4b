//! The alert rules as promtool reads them: without a fault that it knows of, and each alert as its test says. And what
//! dashboards ask, as far as promtool can tell.

use std::path::PathBuf;
use std::process::Command;
use std::{fs, thread};

use regex::{Captures, Regex};
use serde_json::Value;

use crate::support::{are_there, files, read, said};

const NEEDED: &[(&str, &str)] = &[("promtool", "promtool")];

#[test]
fn promtool_finds_nothing_to_say_against_the_rules() {
    if are_there(NEEDED) {
        promtool(&["check", "rules", "--lint=all", "--lint-fatal"], &files("alerts", "yaml"));
    }
}

#[test]
fn every_alert_fires_and_ends_as_its_test_says() {
    if !are_there(NEEDED) {
        return;
    }
    let tests = files("alerts/tests", "yaml");
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for first in 0..processors {
            let share: Vec<_> = tests.iter().skip(first).step_by(processors).cloned().collect();
            scope.spawn(move || promtool(&["test", "rules"], &share));
        }
    });
}

#[test]
fn whatever_a_dashboard_asks_is_promql() {
    if !are_there(NEEDED) {
        return;
    }
    let mut asked = Vec::new();
    for board in files("dashboards", "json") {
        queries(&serde_json::from_str(&read(board)).expect("JSON"), &mut asked);
    }
    assert!(asked.len() > 100, "{}", asked.len());
    let rules = asked.iter().enumerate().map(|(number, expr)| {
        serde_json::json!({"record": format!("asked:{number}"), "expr": filled(expr)})
    });
    let rules: Vec<_> = rules.collect();
    let home = tempfile::tempdir().expect("a temporary folder");
    let file = home.path().join("asked.yaml");
    let groups = serde_json::json!({"groups": [{"name": "dashboards", "rules": rules}]});
    fs::write(&file, groups.to_string()).expect("a folder of ours");
    promtool(&["check", "rules", "--lint=none"], &[file]);
}

/// What panels ask; what variables do is Grafana's own language.
fn queries(part: &Value, asked: &mut Vec<String>) {
    match part {
        Value::Array(parts) => parts.iter().for_each(|part| queries(part, asked)),
        Value::Object(parts) => {
            asked.extend(parts.get("expr").and_then(Value::as_str).map(ToOwned::to_owned));
            parts.values().for_each(|part| queries(part, asked));
        }
        _ => {}
    }
}

/// With something in the place of every variable, as Grafana would put it.
fn filled(expr: &str) -> String {
    let span = Regex::new(r"\$__(rate_interval|range|interval)\b").expect("a pattern");
    let expr = span.replace_all(expr, "5m");
    let variable = Regex::new(r"\$\{?\w+\}?").expect("a pattern");
    // Not what stands for a group in label_replace.
    let named = |found: &Captures<'_>| match found[0].contains(|digit: char| digit.is_ascii_digit())
    {
        true => found[0].to_owned(),
        false => "x".to_owned(),
    };
    variable.replace_all(&expr, named).into_owned()
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    said(Command::new("promtool").args(arguments).args(files));
}
