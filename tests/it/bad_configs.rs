//! What is said about every faulty file in `tests/bad_configs`: the whole message, for people read it when they are in
//! trouble.
//!
//! `BLESS=1 cargo test bad_configs` writes what is said now; read it before it is committed.

use std::{env, fs, os::unix::fs::PermissionsExt, path::PathBuf};

use mailbox_exporter::config;

#[test]
fn every_mistake_is_named_with_its_place_and_what_would_be_right() {
    let mut wrong = Vec::new();
    for file in files() {
        let said = format!("{}\n", config::load(&file).expect_err("the file has a mistake"));
        assert!(!said.contains("DoNotPrintMe") && !said.contains("hunter2"), "{said}");
        let expected = file.with_extension("expected");
        if env::var_os("BLESS").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if said != expected {
            wrong.push(format!("said\n{said}expected\n{expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Those whose mistake git cannot keep: modes, sizes, and files that are none.
#[test]
fn secrets_that_others_can_read_or_nobody_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let main = home.path().join("main.yaml");
    let reference = |file: &str| format!("{{file: {file}}}");
    let text = format!(
        "clients: {{odoo: {{client_id: abc, client_secret: {}}}}}\n{}",
        reference("client"),
        "mailboxes: [{address: a@example.com, refresh_token: {file: token}}]\n",
    );
    fs::write(&main, text).unwrap();
    let write = |name: &str, bytes: &[u8], mode: u32| {
        let path = home.path().join(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let big = [b'x'; 9000];
    let cases: [(&[u8], u32, &str); 6] = [
        (
            b"1//0gDoNotPrintMe",
            0o644,
            "token is open to everybody (mode 0644); chmod 600 it (Kubernetes: defaultMode 0440 with fsGroup)",
        ),
        (
            b"1//0gDoNotPrintMe",
            0o620,
            "token is open to its group (mode 0620); chmod 600 it (Kubernetes: defaultMode 0440 with fsGroup)",
        ),
        (b"\n", 0o600, "token is empty; it must hold the secret"),
        (
            b"{\"refresh_token\": \"DoNotPrintMe\"}",
            0o600,
            "token looks like JSON; it must hold the secret alone, the value of \"refresh_token\"",
        ),
        (&big, 0o600, "token is larger than 8192 bytes; it must hold the secret alone"),
        (b"\xff\xfe", 0o600, "token is no text, so it holds no secret of ours"),
    ];
    write("client", b"GOCSPX-DoNotPrintMe", 0o600);
    for (bytes, mode, expected) in cases {
        write("token", bytes, mode);
        let said = config::load(&main).expect_err("the secret is none").to_string();
        let said = said.replace(&format!("{}/", home.path().display()), "");
        assert_eq!(said, format!("main.yaml:2:60: {expected}"));
    }
    fs::remove_file(home.path().join("client")).unwrap();
    let said = config::load(&main).expect_err("neither secret is one").to_string();
    assert_eq!(said.lines().count(), 2, "{said}");
}

/// Relative, as they stand in the messages.
fn files() -> Vec<PathBuf> {
    let entries =
        fs::read_dir("tests/bad_configs").expect("cargo runs tests in the package's folder");
    let entries = entries.map(|entry| entry.expect("the folder can be listed").path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    assert!(files.len() >= 25, "{} files", files.len());
    files
}
