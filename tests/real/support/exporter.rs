//! The exporter as its user has it: the binary, a configuration file, secrets in files of their own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::home::Program;
use super::oauth::MAIL;
use super::{World, http, ports};

/// One link and how the exporter is told of it; a test changes the field that it is about.
pub(crate) struct Setup<'a> {
    pub(crate) world: &'a World,
    pub(crate) address: String,
    pub(crate) refresh_token: String,
    pub(crate) client_secret: &'static str,
    pub(crate) token_port: u16,
    pub(crate) smtp: Endpoint,
    pub(crate) imap: Endpoint,
    /// Whose certificates it trusts, beside the system's own.
    pub(crate) authority: Option<PathBuf>,
}

#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) host: &'static str,
    pub(crate) port: u16,
    pub(crate) security: &'static str,
}

impl<'a> Setup<'a> {
    /// A link in good order, of a mailbox of its own.
    pub(crate) fn new(world: &'a World) -> Self {
        let address = world.mailbox();
        Self {
            refresh_token: world.oauth.refresh_token(&address, MAIL),
            address,
            client_secret: "exporter-secret",
            token_port: world.oauth.port,
            smtp: world.smtp_tls(),
            imap: world.imap(),
            authority: Some(world.certificates.authority()),
            world,
        }
    }

    /// What `check` says, once.
    pub(crate) fn check(&self) -> Report {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = self.write(folder.path());
        let mut command = Command::new(BINARY);
        command.args(["check", "--format", "json", "--config.file"]).arg(config);
        Report::of(command)
    }

    /// The exporter as a service whose first round is over, until dropped.
    pub(crate) fn serve(&self) -> Serving {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let config = self.write(folder.path()).display().to_string();
        let port = ports::free();
        let listen = format!("127.0.0.1:{port}");
        let command = [BINARY, "--config.file", &config, "--web.listen-address", &listen];
        let program = self.world.home.start(&command);
        let program = program.ready(|| samples(port, "mailbox_check_success").len() == 3);
        Serving { link: self.address.clone(), port, _program: program, _folder: folder }
    }

    fn write(&self, folder: &Path) -> PathBuf {
        let secret = keep(folder, "client-secret", self.client_secret);
        let token = keep(folder, "refresh-token", &self.refresh_token);
        let authority = match &self.authority {
            Some(file) => format!("  ca_file: {}", file.display()),
            None => String::new(),
        };
        let (smtp, imap) = (&self.smtp, &self.imap);
        let config = format!(
            "google:
  token_url: http://127.0.0.1:{}/token
  smtp: {{host: {}, port: {}, security: {}}}
  imap: {{host: {}, port: {}}}
{authority}
clients:
  test: {{client_id: exporter, client_secret: {{file: {secret}}}}}
mailboxes:
  - {{address: {}, client: test, refresh_token: {{file: {token}}}}}
checks:
  token: {{schedule: {NEVER}}}
  smtp: {{schedule: {NEVER}, timeout: 5s}}
  imap: {{schedule: {NEVER}}}
  identity: {{enabled: false}}
  capacity: {{enabled: false}}
",
            self.token_port,
            smtp.host,
            smtp.port,
            smtp.security,
            imap.host,
            imap.port,
            self.address,
        );
        let path = folder.join("exporter.yaml");
        fs::write(&path, config).expect("a configuration file");
        path
    }
}

/// Writes a secret as the exporter wants it: readable by its owner alone.
fn keep(folder: &Path, name: &str, secret: &str) -> String {
    let path = folder.join(name);
    let mut file = fs::OpenOptions::new();
    let file = file.create_new(true).write(true).mode(0o600).open(&path);
    file.and_then(|mut file| file.write_all(secret.as_bytes())).expect("a secret's file");
    path.display().to_string()
}

/// What `check --format json` printed, and how it ended.
pub(crate) struct Report {
    json: Value,
    pub(crate) exit: Option<i32>,
}

impl Report {
    pub(super) fn of(mut command: Command) -> Self {
        let output = command.output().expect("the exporter starts");
        let said = String::from_utf8_lossy(&output.stderr);
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no report ({error}): {said}"));
        Self { json, exit: output.status.code() }
    }

    /// What it says of one thing about the link.
    pub(crate) fn told(&self, pointer: &str) -> &Value {
        self.json["links"][0].pointer(pointer).unwrap_or(&Value::Null)
    }

    /// A line a check, in their order: name, verdict, reason and class where there is one.
    pub(crate) fn checks(&self) -> Vec<String> {
        let checks = self.json["links"][0]["checks"].as_array().expect("a list of checks");
        let parts = |check: &Value| {
            ["check", "verdict", "reason", "class"]
                .iter()
                .filter_map(|part| check[part].as_str().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        checks.iter().map(|check| parts(check).join(" ")).collect()
    }

    /// One of these lines.
    pub(crate) fn check(&self, name: &str) -> String {
        let checks = self.checks().into_iter();
        checks.filter(|line| line.split(' ').next() == Some(name)).collect()
    }
}

/// A running exporter.
pub(crate) struct Serving {
    link: String,
    port: u16,
    _program: Program,
    _folder: TempDir,
}

impl Serving {
    /// Probes now, and says whether it passed; what was said instead is a failure of the test.
    pub(crate) fn probe(&self, check: &str) -> bool {
        let path = format!("/probe?link={}&check={check}", self.link);
        let told = http::get(self.port, &path).expect("the exporter answers");
        let success = told.lines().find_map(|line| line.strip_prefix("probe_success "));
        success.unwrap_or_else(|| panic!("no probe_success: {told}")) == "1"
    }

    /// The samples of one metric, labels and all.
    pub(crate) fn samples(&self, metric: &str) -> Vec<String> {
        samples(self.port, metric)
    }
}

/// None before it listens.
fn samples(port: u16, metric: &str) -> Vec<String> {
    let metrics = http::get(port, "/metrics").unwrap_or_default();
    let samples = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(metric));
    samples.map(str::to_owned).collect()
}

const BINARY: &str = env!("CARGO_BIN_EXE_mailbox_exporter");

/// Tests ask for every probe themselves; the schedule comes once a year.
const NEVER: &str = "\"0 0 1 1 *\"";
