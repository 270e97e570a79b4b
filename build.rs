//! Tells the binary what it was made of: the compiler, and the commit where the sources are a git checkout.

#![expect(clippy::disallowed_methods, reason = "Cargo and packagers speak to build scripts so")]

use std::process::Command;

fn main() {
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
}

/// What a program prints; nothing where it cannot be run.
fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    let printed = output.and_then(|output| String::from_utf8(output.stdout).ok());
    printed.unwrap_or_default().trim().to_owned()
}
