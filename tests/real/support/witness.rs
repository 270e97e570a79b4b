//! A client that nobody here wrote either: Python's imaplib and smtplib, by witness.py.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use super::{Dovecot, World, holds_in_time};

/// Somebody who signs in as `user` with `token`.
pub(crate) struct Witness<'a> {
    pub(crate) world: &'a World,
    pub(crate) user: &'a str,
    pub(crate) token: &'a str,
}

impl Witness<'_> {
    pub(crate) fn imap(&self) -> String {
        self.told("imap_sign_in", self.world.dovecot.port, &[])
    }

    /// The inbox's messages and their flags, looked at without marking anything.
    pub(crate) fn messages(&self) -> String {
        self.told("imap_messages", self.world.dovecot.port, &[])
    }

    /// All messages, a line each without the greeting: folder, UID, flags, subject.
    pub(crate) fn survey(&self) -> Vec<String> {
        let told = self.told("imap_survey", self.world.dovecot.port, &[]);
        told.lines().skip(1).map(str::to_owned).collect()
    }

    /// Puts a message of somebody else's into a folder.
    pub(crate) fn append(&self, folder: &str, flags: &str, subject: &str) {
        let told = self.told("imap_append", self.world.dovecot.port, &[folder, flags, subject]);
        assert!(told.ends_with("\nOK\n"), "{told}");
    }

    pub(crate) fn smtp_starttls(&self) -> String {
        self.told("smtp_sign_in_starttls", self.world.postfix.starttls, &[])
    }

    pub(crate) fn smtp_tls(&self) -> String {
        self.told("smtp_sign_in", self.world.postfix.tls, &[])
    }

    pub(crate) fn send(&self, to: &str) -> String {
        self.told("smtp_send", self.world.postfix.tls, &[to])
    }

    /// Sends a message to a mailbox of ours, and waits until it is there.
    pub(crate) fn deliver(&self, to: &str) {
        self.send(to);
        let arrived = || !self.world.dovecot.unread(to).is_empty();
        assert!(holds_in_time(arrived), "the message never came: {}", self.world.postfix.log());
    }

    /// Signs in so many times by IMAP, and stays until dropped.
    pub(crate) fn hold(&self, sessions: usize) -> Held {
        self.hold_at(&self.world.dovecot, sessions)
    }

    pub(crate) fn hold_at(&self, at: &Dovecot, sessions: usize) -> Held {
        let mut command = self.command("imap_hold", at.port);
        let command = command.arg(sessions.to_string()).stdin(Stdio::piped());
        let mut held = Held(command.stdout(Stdio::piped()).spawn().expect("python3 starts"));
        let told = BufReader::new(held.0.stdout.take().expect("stdout is piped"));
        let holding = |line: Result<String, _>| line.is_ok_and(|line| line.starts_with("holding"));
        assert!(told.lines().any(holding), "{sessions} sessions were not to be had");
        held
    }

    /// Puts messages into the folder of sent mail: when each arrived, as IMAP writes that, and its text.
    pub(crate) fn fill_sent(&self, at: &Dovecot, messages: &[(String, String)]) {
        let mut command = self.command("imap_fill", at.port);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut filling = command.spawn().expect("python3 starts");
        let mut input = filling.stdin.take().expect("stdin is piped");
        let text = serde_json::to_string(messages).expect("strings");
        input.write_all(text.as_bytes()).expect("the witness reads");
        drop(input);
        assert!(filling.wait().expect("our own child").success(), "the messages were refused");
    }

    /// What stands in the folder of sent mail since a time, in the order of the exporter's five metrics.
    pub(crate) fn count_sent(&self, at: &Dovecot, since: i64) -> [u64; 5] {
        let told = self.told("imap_count_sent", at.port, &[&since.to_string()]);
        let counts = told.lines().last().unwrap_or_default().split(' ');
        let counts: Vec<_> = counts.map(|count| count.parse().expect("a number")).collect();
        counts.try_into().expect("five counts")
    }

    /// Waits until a server has said to whoever idles, so many times, that it is still there.
    pub(crate) fn idle(&self, at: &Dovecot, times: usize) {
        let told = self.told("imap_idle", at.port, &[&times.to_string()]);
        assert!(told.ends_with(&format!("still there {times}\n")), "{told}");
    }

    fn told(&self, what: &str, port: u16, rest: &[&str]) -> String {
        let output = self.command(what, port).args(rest).output().expect("python3 starts");
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the witness failed: {failed}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self, what: &str, port: u16) -> Command {
        let mut command = Command::new("python3");
        let authority = self.world.certificates.authority();
        command.arg(SCRIPT).arg(authority).args([self.user, self.token, what, &port.to_string()]);
        command
    }
}

/// Sessions that are open as long as this lives.
pub(crate) struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().expect("our own child");
    }
}

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/witness.py");
