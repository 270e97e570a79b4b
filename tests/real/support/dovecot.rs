//! Dovecot: the mailboxes themselves, and Postfix's judge of tokens.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use super::certificates::Certificates;
use super::home::{Home, Program};
use super::oauth::Oauth;
use super::{Endpoint, fill, ports};

pub(crate) struct Dovecot {
    pub(crate) port: u16,
    folder: PathBuf,
    home: &'static Home,
    command: Vec<String>,
    /// None while it is down.
    server: Option<Program>,
}

impl Dovecot {
    /// The one that all tests share.
    pub(crate) fn start(home: &'static Home, oauth: &Oauth, certificates: &Certificates) -> Self {
        Self::differing(home, oauth, certificates, "dovecot", "", "UTC")
    }

    /// One that has some settings otherwise, by a name, and in a time zone.
    pub(super) fn differing(
        home: &'static Home,
        oauth: &Oauth,
        certificates: &Certificates,
        name: &str,
        settings: &str,
        zone: &str,
    ) -> Self {
        let folder = home.folder(name);
        for owned in ["mail", "rawlog"] {
            fs::create_dir(folder.join(owned)).expect("a folder for mail");
            std::os::unix::fs::chown(folder.join(owned), Some(NOBODY), Some(NOBODY))
                .expect("root may give folders away");
        }
        let port = ports::free();
        let names = [
            ("@DIR@", folder.display().to_string()),
            ("@CERTIFICATES@", certificates.folder().display().to_string()),
            ("@PORT@", port.to_string()),
            ("@OAUTH_PORT@", oauth.port.to_string()),
        ];
        let settings = fill(&folder, "dovecot.conf", &format!("{SETTINGS}{settings}"), &names);
        fill(&folder, "oauth2.conf", OAUTH2, &names);
        let zone = format!("TZ={zone}");
        let command = ["/usr/bin/env", &zone, "/usr/sbin/dovecot", "-F", "-c", &settings];
        let command = command.map(str::to_owned).to_vec();
        let mut dovecot = Self { port, folder, home, command, server: None };
        dovecot.run();
        dovecot
    }

    /// Ends it, and starts it again.
    pub(crate) fn restart(&mut self) {
        self.server = None;
        self.run();
    }

    fn run(&mut self) {
        let command: Vec<_> = self.command.iter().map(String::as_str).collect();
        let server = self.home.start(&command);
        let answers = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        self.server = Some(server.ready(answers));
    }

    /// What its administrator's tool prints.
    pub(crate) fn doveadm(&self, words: &[&str]) -> String {
        let mut command = Command::new("/usr/bin/doveadm");
        command.arg("-c").arg(self.folder.join("dovecot.conf")).args(words);
        let output = command.output().expect("doveadm comes with Dovecot");
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "doveadm {words:?}: {failed}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn imap(&self) -> Endpoint {
        Endpoint { host: "localhost", port: self.port, security: "tls" }
    }

    /// Where a mailbox is kept.
    pub(crate) fn mail(&self, owner: &str) -> PathBuf {
        self.folder.join("mail").join(owner)
    }

    /// Gives whatever a test put into a mailbox to its owner.
    pub(crate) fn give(&self, owner: &str) {
        let mut folders = vec![self.mail(owner)];
        while let Some(folder) = folders.pop() {
            std::os::unix::fs::chown(&folder, Some(NOBODY), Some(NOBODY)).expect("root may do so");
            let entries = fs::read_dir(&folder).into_iter().flatten();
            folders.extend(entries.map(|entry| entry.expect("a readable folder").path()));
        }
    }

    /// What clients said in all sessions so far, a line each; for a server that is told to write that down.
    pub(crate) fn commands(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.join("rawlog")).expect("a folder of ours");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "in"));
        files.sort();
        let said = files.iter().map(|file| fs::read_to_string(file).expect("a log of its own"));
        said.flat_map(|said| said.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// Where mail is handed in.
    pub(crate) fn lmtp(&self) -> PathBuf {
        self.folder.join("run/lmtp")
    }

    /// Where Postfix has tokens judged.
    pub(crate) fn auth(&self) -> PathBuf {
        self.folder.join("run/auth-postfix")
    }

    /// The files of the messages that no client has been told of: a maildir moves the others out of `new`.
    pub(crate) fn unread(&self, owner: &str) -> Vec<PathBuf> {
        let new = self.mail(owner).join("Maildir/new");
        let entries = fs::read_dir(new).into_iter().flatten();
        entries.map(|entry| entry.expect("a readable folder").path()).collect()
    }

    /// Gives a folder another name, by which mail may be delivered into it. The mailbox has to be there.
    pub(crate) fn alias(&self, owner: &str, name: &str, folder: &str) {
        let maildir = self.mail(owner).join("Maildir");
        std::os::unix::fs::symlink(format!(".{folder}"), maildir.join(format!(".{name}")))
            .expect("a maildir");
    }

    /// What it logged about one mailbox.
    pub(crate) fn log(&self, owner: &str) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("dovecot.log")).expect("Dovecot logs");
        log.lines().filter(|line| line.contains(owner)).map(str::to_owned).collect()
    }
}

const SETTINGS: &str = include_str!("../dovecot/dovecot.conf");
const OAUTH2: &str = include_str!("../dovecot/oauth2.conf");
/// The same number on every Debian.
const NOBODY: u32 = 65534;
