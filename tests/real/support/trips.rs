//! The exporter that sends letters from one mailbox to another, or to the same, and looks for them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::exporter::Report;
use super::google::secret;
use super::home::{Program, holds_in_time};
use super::oauth::MAIL;
use super::{Endpoint, Wall, World, http, ports};

pub(crate) struct Trips<'a> {
    pub(crate) world: &'a World,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    /// Where letters are looked for.
    pub(crate) imap: Endpoint,
}

impl<'a> Trips<'a> {
    pub(crate) fn new(world: &'a World, from: &'a str, to: &'a str) -> Self {
        Self { world, from, to, imap: world.imap() }
    }

    /// To the mailbox that sends.
    pub(crate) fn to_itself(world: &'a World, mailbox: &'a str) -> Self {
        Self::new(world, mailbox, mailbox)
    }

    /// What `check --send` says: one letter, and all that becomes of it.
    pub(crate) fn send(&self) -> Report {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(BINARY);
        command.args(["check", "--send", "--only", "round_trip", "--format", "json"]);
        command.arg("--config.file").arg(self.write(folder.path())).arg(self.from);
        Report::of(command)
    }

    /// The exporter as a service that has sent nothing yet.
    pub(crate) fn serve(&self) -> Travelling {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (config, storage) = (self.write(folder.path()), folder.path().join("storage"));
        fs::create_dir(&storage).expect("a folder of ours");
        let port = ports::free();
        let wall = Wall::new(folder.path());
        let own = [
            BINARY,
            "--config.file",
            &config.display().to_string(),
            "--storage.path",
            &storage.display().to_string(),
            "--web.listen-address",
            &format!("127.0.0.1:{port}"),
        ];
        let before = wall.command();
        let command: Vec<_> = before.iter().map(String::as_str).chain(own).collect();
        let program = self.world.home.start(&command);
        let link = format!("link=\"{}\"", self.from);
        let program = program.ready(|| success(port, &link, "imap").is_some());
        Travelling { link, port, program, wall, _folder: folder }
    }

    fn write(&self, folder: &Path) -> PathBuf {
        secret(folder, "client-secret", "exporter-secret");
        let mailbox = |address: &str, checks: &str| {
            let token = self.world.oauth.refresh_token(address, MAIL);
            secret(folder, &format!("{address}.token"), &token);
            format!(
                "  - {{address: {address}, refresh_token: {{file: {address}.token}}, checks: {{round_trip: {checks}}}}}\n"
            )
        };
        let mut mailboxes = mailbox(self.from, &format!("{{schedule: {OFTEN}, to: {}}}", self.to));
        if self.to != self.from {
            mailboxes += &mailbox(self.to, "{enabled: false}");
        }
        let (smtp, imap) = (self.world.smtp_tls(), &self.imap);
        let config = format!(
            "google:
  token_url: http://127.0.0.1:{}/token
  smtp: {{host: {}, port: {}, security: {}}}
  imap: {{host: {}, port: {}}}
  ca_file: {}
clients:
  test: {{client_id: exporter, client_secret: {{file: client-secret}}}}
mailboxes:
{mailboxes}
checks:
  token: {{schedule: {NEVER}}}
  smtp: {{schedule: {NEVER}}}
  imap: {{schedule: {NEVER}}}
  identity: {{enabled: false}}
  capacity: {{enabled: false}}
  round_trip: {{late_after: 20s, contact: postmaster@example.test}}
",
            self.world.oauth.port,
            smtp.host,
            smtp.port,
            smtp.security,
            imap.host,
            imap.port,
            self.world.certificates.authority().display(),
        );
        let path = folder.join("exporter.yaml");
        fs::write(&path, config).expect("a configuration file");
        path
    }
}

/// A running exporter.
pub(crate) struct Travelling {
    link: String,
    port: u16,
    // They go in this order.
    program: Program,
    wall: Wall,
    _folder: TempDir,
}

impl Travelling {
    /// A minute goes by on its clock, so that it sends.
    pub(crate) fn a_minute_later(&mut self) {
        self.wall.advance(Duration::from_secs(61));
        // It looks at its clock whenever somebody asks for something.
        let path = format!("/probe?{}&check=imap", self.link.replace('"', ""));
        http::get(self.port, &path).expect("the exporter answers");
    }

    /// Waits until a letter has arrived.
    pub(crate) fn arrives(&self) {
        let passes = || success(self.port, &self.link, "round_trip").as_deref() == Some("1");
        assert!(holds_in_time(passes), "no letter arrived:\n{}", self.program.said());
    }
}

/// The value of `mailbox_check_success`; none before the check has ended, or before anybody listens.
fn success(port: u16, link: &str, check: &str) -> Option<String> {
    let page = http::get(port, "/metrics").ok()?;
    let check = format!("check=\"{check}\"");
    let is_it = |line: &&str| {
        line.starts_with("mailbox_check_success{") && line.contains(link) && line.contains(&check)
    };
    Some(page.lines().find(is_it)?.rsplit(' ').next()?.to_owned())
}

const BINARY: &str = env!("CARGO_BIN_EXE_mailbox_exporter");

/// What a test does not ask for comes once a year.
const NEVER: &str = "\"0 0 1 1 *\"";

/// A letter is due as soon as the clock is moved by a minute.
const OFTEN: &str = "\"* * * * *\"";
