//! Tells the binary what it was made of: the compiler, and the commit where the sources are a git checkout. And gives it
//! the manual to carry: every page below `docs`.

#![expect(clippy::disallowed_methods, reason = "Cargo and packagers speak to build scripts so")]

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

fn main() -> io::Result<()> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = said(Command::new(rustc).arg("--version"));
    let version = version.split(' ').nth(1).unwrap_or("unknown");
    println!("cargo::rustc-env=MAILBOX_EXPORTER_RUST={version}");
    // A packager without git sets it in the environment.
    let revision = std::env::var("MAILBOX_EXPORTER_REVISION")
        .unwrap_or_else(|_| said(Command::new("git").args(["rev-parse", "--short=12", "HEAD"])));
    println!("cargo::rustc-env=MAILBOX_EXPORTER_REVISION={revision}");
    println!("cargo::rerun-if-env-changed=MAILBOX_EXPORTER_REVISION");
    println!("cargo::rerun-if-changed=.git/HEAD");

    let docs = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("docs");
    println!("cargo::rerun-if-changed={}", docs.display());
    let made = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("manual.rs");
    fs::write(made, manual(&docs)?)
}

/// The pages as a list of paths below `docs` and of texts, in the language of the compiler.
fn manual(docs: &Path) -> io::Result<String> {
    let mut pages = Vec::new();
    let mut folders = vec![docs.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    let mut list = String::from("&[\n");
    for page in &pages {
        let below = page.strip_prefix(docs).unwrap_or(page).display().to_string();
        let page = page.display().to_string();
        let _ = writeln!(list, "    ({below:?}, include_str!({page:?})),");
    }
    list.push(']');
    Ok(list)
}

/// What a program prints; nothing where it cannot be run.
fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    let printed = output.and_then(|output| String::from_utf8(output.stdout).ok());
    printed.unwrap_or_default().trim().to_owned()
}
