//! The exporter that watches one mailbox by the checks that a test names, and keeps what it learns.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::google::secret;
use super::home::{Program, holds_in_time};
use super::oauth::MAIL;
use super::{Endpoint, Wall, World, http, ports};

pub(crate) struct Watch<'a> {
    pub(crate) world: &'a World,
    pub(crate) address: &'a str,
    pub(crate) imap: Endpoint,
    /// Those that are not to be off: `capacity: {schedule: …}`.
    pub(crate) checks: &'a str,
}

impl Watch<'_> {
    pub(crate) fn serve(&self) -> Watched {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("storage")).expect("a folder of ours");
        self.write(folder.path());
        let (wall, port) = (Wall::new(folder.path()), ports::free());
        let (address, home) = (self.address.to_owned(), self.world.home);
        let program = run(home, folder.path(), &wall, port);
        Watched { address, port, program, wall, folder, home }
    }

    fn write(&self, folder: &Path) {
        let token = self.world.oauth.refresh_token(self.address, MAIL);
        secret(folder, "client-secret", "exporter-secret");
        secret(folder, "refresh-token", &token);
        let Endpoint { host, port, .. } = &self.imap;
        let config = format!(
            "google:
  token_url: http://127.0.0.1:{}/token
  imap: {{host: {host}, port: {port}}}
  ca_file: {}
clients:
  test: {{client_id: exporter, client_secret: {{file: client-secret}}}}
mailboxes:
  - {{address: {}, client: test, refresh_token: {{file: refresh-token}}}}
checks:
  token: {{schedule: {NEVER}}}
  smtp: {{enabled: false}}
  imap: {{enabled: false}}
  identity: {{enabled: false}}
  {}
",
            self.world.oauth.port,
            self.world.certificates.authority().display(),
            self.address,
            self.checks,
        );
        fs::write(folder.join(CONFIG), config).expect("a configuration file");
    }
}

fn run(home: &super::Home, folder: &Path, wall: &Wall, port: u16) -> Program {
    let own = [
        BINARY,
        "--config.file",
        &folder.join(CONFIG).display().to_string(),
        "--storage.path",
        &folder.join("storage").display().to_string(),
        "--web.listen-address",
        &format!("127.0.0.1:{port}"),
    ];
    let before = wall.command();
    let command: Vec<_> = before.iter().map(String::as_str).chain(own).collect();
    home.start(&command).ready(|| http::get(port, "/-/ready").is_ok())
}

/// A running exporter.
pub(crate) struct Watched {
    address: String,
    port: u16,
    // They go in this order.
    program: Program,
    wall: Wall,
    folder: TempDir,
    home: &'static super::Home,
}

impl Watched {
    /// Runs a check now, and waits for its end.
    pub(crate) fn probe(&self, check: &str) {
        let path = format!("/probe?link={}&check={check}", self.address);
        let told = http::get(self.port, &path).expect("the exporter answers");
        assert!(told.contains("\nprobe_success 1\n"), "{told}\n{}", self.program.said());
    }

    /// So much time goes by on its clock.
    pub(crate) fn later(&mut self, by: Duration) {
        self.wall.advance(by);
    }

    /// The value of one series, whose labels are named but for the mailbox: `mailbox_sent_messages{window="24h"}`.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        let page = http::get(self.port, "/metrics").expect("the exporter answers");
        let mailbox = format!("mailbox=\"{}\"", self.address);
        let plain = |line: &str| {
            line.replace(&format!("link=\"{}\",", self.address), "")
                .replace(&format!("{mailbox},"), "")
                .replace(&format!("{{{mailbox}}}"), "")
        };
        let lines = page.lines().filter(|line| line.contains(&mailbox)).map(plain);
        let mut values =
            lines.filter_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
        values.next()
    }

    /// Waits until a series has this value.
    pub(crate) fn until(&self, series: &str, value: f64) {
        self.until_holds(series, |found| found == Some(value));
    }

    pub(crate) fn until_holds(&self, series: &str, holds: impl Fn(Option<f64>) -> bool) {
        let mut found = None;
        let waited = holds_in_time(|| {
            found = self.value(series);
            holds(found)
        });
        assert!(waited, "{series} is {found:?}:\n{}", self.program.said());
    }

    /// Bytes that went through IMAP sessions of the mailbox, both ways.
    pub(crate) fn bytes(&self) -> f64 {
        let each = ["down", "up"]
            .map(|way| self.value(&format!("mailbox_imap_bytes_total{{direction=\"{way}\"}}")));
        each.into_iter().flatten().sum()
    }

    /// SIGTERM, after which it ends well.
    pub(crate) fn stop(&mut self) {
        self.program.signal("TERM");
        assert_eq!(self.program.ended(), Some(0), "{}", self.program.said());
    }

    /// Once more, with what it kept.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.program = run(self.home, self.folder.path(), &self.wall, self.port);
    }
}

const BINARY: &str = env!("CARGO_BIN_EXE_mailbox_exporter");
const CONFIG: &str = "exporter.yaml";

/// What a test does not ask for comes once a year.
const NEVER: &str = "\"0 0 1 1 *\"";
