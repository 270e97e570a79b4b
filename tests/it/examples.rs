//! The example files load, and `full.yaml` is the manual: it has every key there is.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use mailbox_exporter::config::{self, Loaded, Mistakes};
use serde_json::Value;

#[test]
fn eight_lines_are_enough_for_one_mailbox() {
    let text = fs::read_to_string("examples/minimal.yaml").unwrap();
    assert_eq!(text.lines().count(), 8);
    let home = Home::new();
    let mut loaded = home.load(&text).unwrap();
    let links = loaded.sources.read_now();
    let ids: Vec<_> = links.watched.iter().map(|watched| watched.link.id.as_str()).collect();
    assert_eq!(ids, ["sales@example.com"]);
}

#[test]
fn the_manual_loads_and_shows_the_defaults() {
    let home = Home::new();
    let full = home.load(&manual()).unwrap();
    let minimal = home.load(&fs::read_to_string("examples/minimal.yaml").unwrap()).unwrap();
    let (full, minimal) = (full.sources.defaults(), minimal.sources.defaults());
    assert_eq!(full.google, minimal.google);
    assert_eq!(full.smtp, minimal.smtp);
    assert_eq!(full.imap, minimal.imap);
    assert_eq!(full.time_zone, minimal.time_zone);
    assert_eq!(full.consent, minimal.consent);
    assert_eq!(full.settings.token, minimal.settings.token);
    assert_eq!(full.settings.smtp.timing, minimal.settings.smtp.timing);
    assert_eq!(full.settings.imap, minimal.settings.imap);
    assert_eq!(full.settings.identity.timing, minimal.settings.identity.timing);
}

/// Every group of the manual is given a key that nobody knows; what is said then lists the keys of that group.
#[test]
fn the_manual_has_every_key() {
    let home = Home::new();
    let manual: Value = serde_saphyr::from_str(&manual()).unwrap();
    let mut groups = 0;
    for pointer in groups_of(&manual) {
        let mut with_more = manual.clone();
        let group = with_more.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
        let written: Vec<String> = group.keys().cloned().collect();
        group.insert(UNKNOWN.to_owned(), Value::from(1));
        let said = home.load(&with_more.to_string()).expect_err("there is an unknown key");
        let said = said.to_string();
        // Names under `clients` are free, and what names a secret is never quoted.
        let Some((_, known)) = said.split_once("he keys here are ") else {
            assert!(
                ["/clients", "/on_change/webhook/secret", "/privacy/key"]
                    .contains(&pointer.as_str())
                    || pointer.ends_with("_secret")
                    || pointer.ends_with("service_account")
                    || ["_token", "_key", "_url"].iter().any(|end| pointer.ends_with(end)),
                "{pointer}: {said}"
            );
            continue;
        };
        groups += 1;
        // Clients are of two kinds, so that no one has all keys of a client; together they do. So are sources, and Odoos.
        let siblings: Vec<&Value> = match *pointer.split('/').collect::<Vec<_>>() {
            ["", "clients", _] => manual["clients"].as_object().unwrap().values().collect(),
            ["", "sources", _] => manual["sources"].as_array().unwrap().iter().collect(),
            ["", "sources", _, "odoo"] => {
                let sources = manual["sources"].as_array().unwrap().iter();
                sources.filter_map(|source| source.get("odoo")).collect()
            }
            _ => Vec::new(),
        };
        let siblings = siblings.into_iter().flat_map(|group| group.as_object().unwrap().keys());
        let written: Vec<String> = written.into_iter().chain(siblings.cloned()).collect();
        // The checks of single mailboxes and sources show one key of many.
        if !pointer.contains("/checks") || pointer.starts_with("/checks") {
            let least = pointer == "/mailboxes/0" || pointer == "/mailboxes/2";
            for key in known.split(", ") {
                assert!(least || written.iter().any(|known| known == key), "{pointer} lacks {key}");
            }
        }
    }
    assert!(groups >= 15, "{groups} groups");
}

/// With references in the place of stars, what was printed is a configuration itself, and the same one.
#[test]
fn what_is_printed_is_what_was_understood_without_a_secret() {
    let home = Home::new();
    home.write("etc/mailbox_exporter/mailboxes.d/a.yaml", "mailboxes: []");
    let printed = |text: &str| config::masked(&home.load(text).unwrap());
    let page = printed(&manual());
    assert!(!page.contains(SECRET) && !page.contains(env!("CARGO_PKG_LICENSE")), "{page}");
    assert!(page.contains("ehlo_name: monitoring.example.com"), "{page}");
    let lines = page.lines().map(|line| match line.split_once("\"****\"  # ") {
        Some((key, origin)) => match origin.strip_prefix("environment variable ") {
            Some(name) => format!("{key}{{env: {name}}}\n"),
            None => format!("{key}{{file: {}}}\n", origin.split_once("/run/").unwrap().1),
        },
        None => format!("{line}\n"),
    });
    let root = home.0.path().display().to_string();
    let text = lines.collect::<String>().replace(&root, "").replace("{file: ", "{file: /run/");
    assert_eq!(printed(&text), page);
}

const UNKNOWN: &str = "zzzzzzzz";

/// The addresses of all maps in the value.
fn groups_of(value: &Value) -> Vec<String> {
    let within = |key: String, value: &Value| -> Vec<String> {
        groups_of(value).into_iter().map(|inner| format!("/{key}{inner}")).collect()
    };
    match value {
        Value::Array(entries) => entries
            .iter()
            .enumerate()
            .flat_map(|(number, entry)| within(number.to_string(), entry))
            .collect(),
        Value::Object(entries) => {
            let inner = entries.iter().flat_map(|(key, entry)| within(key.clone(), entry));
            std::iter::once(String::new()).chain(inner).collect()
        }
        _ => Vec::new(),
    }
}

fn manual() -> String {
    let text =
        fs::read_to_string("examples/full.yaml").expect("cargo runs tests in the package's folder");
    text.replace("HELPDESK_CLIENT_SECRET", "CARGO_PKG_LICENSE")
}

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A folder that stands for the root, with every file that the examples name.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("/tmp is writable"));
        for secret in [
            "google-client-secret",
            "label-key",
            "odoo-api-key",
            "odoo-dsn",
            "on-change-key",
            "sales-token",
            "support-token",
        ] {
            home.write(&format!("run/secrets/{secret}"), SECRET);
        }
        home.write("etc/ssl/my-ca.pem", "");
        let key = serde_json::json!({
            "type": "service_account",
            "private_key_id": "1",
            "private_key": include_str!("../keys/another.pem"),
            "client_id": "110000000000000000001",
            "client_email": "watcher@mail-1234.iam.gserviceaccount.com",
        });
        home.write("run/secrets/service-account.json", &key.to_string());
        let program = home.write("etc/mailbox_exporter/tell", "#!/bin/sh\n");
        fs::set_permissions(program, fs::Permissions::from_mode(0o700)).expect("it is ours");
        home
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it is ours");
        fs::write(&path, text).expect("it is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        path
    }

    fn load(&self, text: &str) -> Result<Loaded, Mistakes> {
        let root = |folder: &str| Path::join(self.0.path(), folder).display().to_string();
        let text = text.replace("/run/", &root("run/")).replace("/etc/", &root("etc/"));
        config::load(&self.write("etc/mailbox_exporter.yaml", &text))
    }
}
