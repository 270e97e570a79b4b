//! Is the house in order? Rules of ARCHITECTURE.md that a test can hold.

#![expect(clippy::unwrap_used, reason = "a test may; clippy knows only the #[test] functions")]

use std::{collections::BTreeMap, env, fs, path::Path};

use mailbox_exporter::{domain::reason, metrics::catalogue, source::odoo::finding};

#[path = "house/boards.rs"]
mod boards;
#[path = "house/chain.rs"]
mod chain;

/// Bottom first; a part uses only what stands above it here. Two on one line are strangers.
const LAYERS: &[&[&str]] = &[
    &["domain"],
    &["wire", "yaml"],
    &["check"],
    &["source"],
    &["engine"],
    &["metrics"],
    &["notify"],
    &["config"],
    &["web"],
    &["app"],
    &["cli"],
];

/// One outside crate, one door.
const DOORS: &[(&str, &str)] = &[
    ("async_imap", "src/wire/imap.rs"),
    ("backon", "src/engine/round.rs"),
    ("bcrypt", "src/web/guard/rules.rs"),
    ("bytesize", "src/cli/capacity.rs"),
    ("cron::Schedule", "src/domain/cron.rs"),
    ("csv", "src/cli/capacity/sheet.rs"),
    ("email_address", "src/domain/link.rs"),
    ("hyper_rustls", "src/wire/https.rs"),
    ("indicatif", "src/cli/progress.rs"),
    ("mail_parser", "src/domain/letter.rs"),
    ("oauth2", "src/wire/oauth.rs"),
    ("prometheus", "src/metrics.rs"),
    ("prost", "src/domain/preflight.rs"),
    ("psl", "src/domain/redirect.rs"),
    ("pulldown_cmark", "src/web/pages/manual.rs"),
    ("ring", "src/domain/service_account.rs"),
    ("rusqlite", "src/engine/storage/file.rs"),
    ("rustls_native_certs", "src/wire/dial.rs"),
    ("secrecy", "src/domain/secret.rs"),
    ("subtle", "src/domain/callback.rs"),
    ("tokio_postgres", "src/wire/postgres.rs"),
    ("tokio_postgres_rustls", "src/wire/postgres.rs"),
    ("tracing_subscriber", "src/app.rs"),
    ("x509_parser", "src/wire/dial.rs"),
];

/// OpenSSL, other TLS stacks, other runtimes, and crates that nobody keeps.
const BANNED: &[&str] = &[
    "async-std",
    "aws-lc-rs",
    "aws-lc-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
    "reqwest",
    "serde_yaml",
    "serde_yml",
];

/// Names of drawers. What wants to be there has an owner that was not found yet.
const DRAWERS: &[&str] = &[
    "common",
    "constants",
    "core",
    "error",
    "helpers",
    "manager",
    "models",
    "prelude",
    "services",
    "types",
    "utils",
];

/// Crates of their own that play other people's servers.
const SIMULATORS: [&str; 2] = ["gmail-sim", "odoo-sim"];

#[test]
fn layers_point_down() {
    let level = |part: &str| LAYERS.iter().position(|layer| layer.contains(&part));
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let Some(own) = part_of(&path) else { continue };
        let at = level(&own).unwrap_or_else(|| panic!("{path} is of no layer"));
        for used in uses(&text) {
            let fits = used == own || level(&used).is_some_and(|used| used < at);
            // The wiring and the command line are one: a command starts the app, the app takes the flags.
            let wiring = own == "app" && used == "cli";
            if !fits && !wiring {
                wrong.push(format!("{path} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_outside_crate_has_one_door() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        for (name, door) in DOORS {
            let named = code(&text).any(|line| names(line, name));
            if named && !path.starts_with(door.trim_end_matches(".rs")) {
                wrong.push(format!("{path} names {name}, whose door is {door}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_exporter_and_the_simulators_do_not_know_each_other() {
    for (path, text) in sources("src") {
        assert!(!text.contains("gmail_sim") && !text.contains("odoo_sim"), "{path}");
    }
    for simulator in SIMULATORS {
        let manifest = fs::read_to_string(format!("{simulator}/Cargo.toml")).unwrap();
        assert!(!manifest.contains("mailbox_exporter"), "{simulator}");
    }
}

#[test]
fn files_are_short_say_what_they_answer_for_and_are_no_drawers() {
    let mut wrong = Vec::new();
    let simulators = SIMULATORS.iter().flat_map(|name| sources(&format!("{name}/src")));
    for (path, text) in sources("src").into_iter().chain(simulators) {
        let lines = text.lines().count();
        if lines > 450 {
            wrong.push(format!("{path} has {lines} lines: does it hold one idea?"));
        }
        if !text.starts_with("//! ") {
            wrong.push(format!("{path} does not say what it answers for"));
        }
        let stem = Path::new(&path).file_stem().unwrap().to_str().unwrap().to_owned();
        if stem == "mod" || DRAWERS.contains(&stem.as_str()) {
            wrong.push(format!("{path} is named as a drawer"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn banned_crates_are_absent() {
    let lock = fs::read_to_string("Cargo.lock").unwrap();
    for banned in BANNED {
        assert!(!lock.contains(&format!("name = \"{banned}\"\n")), "{banned} is in Cargo.lock");
    }
}

/// `make docs` writes them.
#[test]
fn generated_pages_are_current() {
    let pages = [
        ("docs/reasons.md", reason::reasons_page()),
        ("docs/metrics.md", catalogue::metrics_page()),
        ("docs/odoo-findings.md", finding::findings_page()),
    ];
    for (path, page) in pages {
        if env::var_os("BLESS").is_some() {
            fs::write(path, &page).unwrap();
        }
        let written = fs::read_to_string(path).unwrap_or_default();
        assert!(written == page, "{path} is out of date: run `make docs`");
    }
}

/// Every Rust file below a folder, by its path.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(name);
            } else if name.ends_with(".rs") {
                found.insert(name.clone(), fs::read_to_string(&name).unwrap());
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds no sources");
    found
}

/// The part that a file belongs to; none for `lib.rs` and `main.rs`.
fn part_of(path: &str) -> Option<String> {
    let part = path.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs");
    (part != "lib" && part != "main").then(|| part.to_owned())
}

/// The parts of the crate that a text names: `crate::wire::…`, and those of `use crate::{check::…, wire::…}`.
fn uses(text: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        if text[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => used.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut start = true;
                for (index, byte) in list.char_indices() {
                    match byte {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        letter if start && letter.is_alphabetic() => {
                            used.push(word(&list[index..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    used.retain(|part| !part.is_empty());
    used
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"))
}

/// Whether a line of code names a crate: `use oauth2::…`, `oauth2::Client`, but neither `crate::cron` nor `super::cron`.
fn names(line: &str, name: &str) -> bool {
    let path = if name.contains("::") { name.to_owned() } else { format!("{name}::") };
    line.match_indices(&path).any(|(at, _)| {
        let before = &line[..at];
        !before.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':')
    })
}
