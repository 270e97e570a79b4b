//! From an alert to whoever is told, by a real Alertmanager on the files of `deploy/alertmanager`: who hears of what, what
//! is one notification, and how it reads.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use regex::Regex;
use serde_json::{Value, json};

use crate::inhibitions;
use crate::support::{Alertmanager, alert, are_there, files, read};

const AMTOOL: &[(&str, &str)] = &[("amtool", "amtool")];

#[test]
fn amtool_takes_the_configuration_and_its_template() {
    if !are_there(AMTOOL) {
        return;
    }
    let said = amtool(&["check-config", CONFIG]);
    assert!(said.contains("1 templates"), "{said}");
}

#[test]
fn every_alert_that_alertmanager_names_is_one_that_we_have() {
    let config: Value = serde_saphyr::from_str(&read(CONFIG)).unwrap();
    let alerts = alerts();
    let matcher = Regex::new(r#"^alertname =~? "?([^"]+)"?$"#).unwrap();
    let mut named = 0;
    for rule in config["inhibit_rules"].as_array().expect("a list") {
        for side in ["source_matchers", "target_matchers"] {
            for written in rule[side].as_array().expect("a list") {
                let Some(found) = matcher.captures(written.as_str().expect("text")) else {
                    continue;
                };
                // A group stands for a whole family.
                let names: Vec<_> = match found[1].contains('(') {
                    true => vec![&found[1]],
                    false => found[1].split('|').collect(),
                };
                for name in names {
                    let whole = Regex::new(&format!("^{name}$")).unwrap();
                    assert!(alerts.iter().any(|alert| whole.is_match(alert)), "no alert {name}");
                    named += 1;
                }
            }
        }
    }
    assert!(named > 20, "{named} names: are they found?");
    for name in inhibitions::names() {
        assert!(alerts.contains(name), "tests/real/inhibitions.rs names {name}, which is no alert");
    }
}

#[test]
fn who_acts_is_who_hears_of_it_and_what_is_critical_rings() {
    if !are_there(AMTOOL) {
        return;
    }
    let acts = [
        ("relink", "mailbox-owners"),
        ("account", "mailbox-owners"),
        ("policy", "workspace-administrators"),
        ("client", "cloud-project-owners"),
        ("throttled", "operations"),
        ("quota", "mailbox-owners"),
        ("delivery", "mailbox-owners"),
        ("network", "operations"),
        ("google", "operations"),
        ("setup", "operations"),
        ("unknown", "operations"),
        ("", "operations"),
    ];
    for (class, who) in acts {
        for (severity, expected) in [
            ("critical", format!("pager,{who}")),
            ("warning", who.to_owned()),
            ("info", "reviews".to_owned()),
        ] {
            let labels = [format!("severity={severity}"), format!("class={class}")];
            let labels: Vec<_> = labels.iter().map(String::as_str).collect();
            let said = amtool(
                &[&["config", "routes", "test", "--config.file", CONFIG], &labels[..]].concat(),
            );
            let receivers = said.lines().next_back().unwrap_or_default();
            assert_eq!(receivers.trim(), expected, "{labels:?}");
        }
    }
}

#[test]
fn nobody_is_told_through_a_mailbox() {
    assert!(!read(CONFIG).contains("email_configs:"), "{CONFIG} sends mail");
    // Nor anything at all, by those who forget to change it.
    let url = Regex::new(r"url: https://([^/]+)/").unwrap();
    let config = read(CONFIG);
    let hosts: Vec<_> = url.captures_iter(&config).map(|found| found[1].to_owned()).collect();
    assert!(
        hosts.len() > 5 && hosts.iter().all(|host| host.ends_with(".example.com")),
        "{hosts:?}"
    );
}

#[test]
fn a_hundred_dead_links_are_one_notification_that_says_what_to_do() {
    let Some(alertmanager) = Alertmanager::start("2s") else { return };
    let dead = |number| {
        let written =
            format!("MailboxNeedsRelink critical class=relink mailbox=m{number} link=m{number}");
        let mut alert = alert("mailbox_exporter", &written);
        alert["annotations"] = json!({
            "summary": format!("m{number} has to be linked again"),
            "description": "Google no longer honours the consent. Link it again.",
            "relink_url": "https://odoo.example.com/odoo/action-1/3",
            "runbook_url": "https://mailboxes.example.com/docs/runbooks/MailboxNeedsRelink.md",
            "status_url": format!("https://mailboxes.example.com/links/m{number}"),
            "dashboard_url": "https://grafana.example.com/d/mailbox-exporter-fleet",
        });
        alert
    };
    alertmanager.post(&(0..100).map(dead).collect::<Vec<_>>());
    let mut told: Vec<_> = [alertmanager.sink.next(), alertmanager.sink.next()].into();
    told.sort_by(|one, other| one.path.cmp(&other.path));
    // Both of them have all hundred, and nobody else is told.
    assert_eq!(told[0].path, "/hooks/mailbox-owners");
    assert_eq!(told[1].path, "/mailbox_exporter");
    assert_eq!(told[1].body["alerts"].as_array().expect("a list").len(), 100);
    let message = &told[0].body["attachments"][0];
    assert_eq!(message["title"], "Critical: 100 × MailboxNeedsRelink (class relink)");
    assert_eq!(message["title_link"], "https://grafana.example.com/d/mailbox-exporter-fleet");
    assert_eq!(message["color"], "danger");
    let text = message["text"].as_str().expect("text");
    let first = "*m0 has to be linked again*
Google no longer honours the consent. Link it again.
Link again: https://odoo.example.com/odoo/action-1/3
What to do: https://mailboxes.example.com/docs/runbooks/MailboxNeedsRelink.md
This link: https://mailboxes.example.com/links/m0
Board: https://grafana.example.com/d/mailbox-exporter-fleet

*m1 ";
    assert!(text.starts_with(first), "{text}");
    assert_eq!(text.matches(" has to be linked again*").count(), 5, "{text}");
    assert!(text.trim_end().ends_with("/#/alerts?receiver=mailbox-owners"), "{text}");
    assert!(text.contains("… 100 in all: http"), "{text}");

    // One that is of no class, and lacks what most have.
    let mut odd = alert("mailbox_exporter", "MailboxExporterReloadFailed warning");
    odd["annotations"] = json!({"summary": "The configuration could not be read"});
    alertmanager.post(&[odd]);
    let told = alertmanager.sink.next();
    assert_eq!(told.path, "/hooks/operations");
    let message = &told.body["attachments"][0];
    assert_eq!(message["title"], "Warning: The configuration could not be read");
    assert_eq!(
        message["text"].as_str().map(str::trim),
        Some("*The configuration could not be read*")
    );
    assert_eq!(message["color"], "warning");
}

/// The names of our alerts.
fn alerts() -> BTreeSet<String> {
    let name = Regex::new(r"(?m)^\s*- alert: (\w+)$").expect("a pattern");
    let names = |path: PathBuf| {
        let text = read(path);
        name.captures_iter(&text).map(|found| found[1].to_owned()).collect::<Vec<_>>()
    };
    files("alerts", "yaml").into_iter().flat_map(names).collect()
}

/// What it found; it warns on the other stream.
fn amtool(arguments: &[&str]) -> String {
    let output = Command::new("amtool").args(arguments).output().expect("amtool starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

const CONFIG: &str = "deploy/alertmanager/alertmanager.yml";
