//! One mailbox of the simulator's, and the exporter's binary that watches it and keeps what it learns.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io::Write as _};

use gmail_sim::{Options, Sim};
use tokio::runtime::Runtime;

use super::home::{Home, Program, holds_in_time};
use super::{http, ports};

pub(crate) const ADDRESS: &str = "sales@example.com";

pub(crate) struct Google {
    pub(crate) world: gmail_sim::World,
    /// More keys of the client in the configuration: `, publishing_status: testing`.
    pub(crate) client: &'static str,
    pub(crate) folder: PathBuf,
    home: Home,
    sim: Sim,
    _runtime: Runtime,
}

impl Google {
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("threads");
        let sim = runtime.block_on(Sim::start(Options::default())).expect("free ports");
        sim.world().add_client(CLIENT_ID, CLIENT_SECRET);
        let home = Home::new();
        let folder = home.folder("exporter");
        fs::create_dir(folder.join("storage")).expect("a folder of ours");
        secret(&folder, "client-secret", CLIENT_SECRET);
        fs::write(folder.join("ca.pem"), &sim.endpoints().ca_pem).expect("a folder of ours");
        Self { world: sim.world(), client: "", folder, home, sim, _runtime: runtime }
    }

    /// Changes what Google knows of the client.
    pub(crate) fn set_client(&self, change: impl FnOnce(&mut gmail_sim::Client)) {
        self.world.set_client(CLIENT_ID, change);
    }

    /// The owner links the mailbox, or links it again.
    pub(crate) fn link(&self) {
        secret(&self.folder, "refresh-token", &self.world.link(ADDRESS, CLIENT_ID));
    }

    pub(crate) fn storage(&self) -> PathBuf {
        self.folder.join("storage")
    }

    /// The exporter by way of another command, once it listens.
    pub(crate) fn serve(&self, before: &[String]) -> Watching {
        let port = ports::free();
        let (config, storage) = (self.config().display().to_string(), self.storage());
        let listen = format!("127.0.0.1:{port}");
        let own = [BINARY, "--config.file", &config, "--web.listen-address", &listen];
        let before = before.iter().map(String::as_str);
        let mut command: Vec<_> = before.chain(own).collect();
        let storage = storage.display().to_string();
        command.extend(["--storage.path", &storage]);
        let program = self.home.start(&command);
        Watching { port, program: program.ready(|| http::get(port, "/-/ready").is_ok()) }
    }

    /// One of the exporter's commands.
    pub(crate) fn run(&self, arguments: &[&str]) -> Program {
        let config = self.config().display().to_string();
        self.home.start(&[&[BINARY, "--config.file", &config], arguments].concat())
    }

    /// The same on a terminal, where somebody answers the question that ends like this: `tests/real/terminal.py`.
    pub(crate) fn ask(&self, question: &str, answer: &str, arguments: &[&str]) -> Program {
        let config = self.config().display().to_string();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/terminal.py");
        let own = ["python3", script, question, answer, BINARY, "--config.file", &config];
        self.home.start(&[&own, arguments].concat())
    }

    /// Somebody at a browser: `tests/real/browser.py`.
    pub(crate) fn browse(&self, url: &str, account: &str, button: &str) -> Program {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/browser.py");
        self.home.start(&["python3", script, url, account, button])
    }

    pub(crate) fn client_id(&self) -> &'static str {
        CLIENT_ID
    }

    fn config(&self) -> PathBuf {
        let checks: String = ["token", "smtp", "imap", "identity"]
            .map(|check| format!("  {check}: {{schedule: \"{SCHEDULE}\"}}\n"))
            .concat();
        let text = format!(
            "{}clients:
  odoo: {{client_id: {CLIENT_ID}, client_secret: {{file: client-secret}}{}}}
mailboxes:
  - {{address: {ADDRESS}, refresh_token: {{file: refresh-token}}}}
checks:
{checks}",
            section(&self.sim),
            self.client,
        );
        let path = self.folder.join("exporter.yaml");
        fs::write(&path, text).expect("a folder of ours");
        path
    }
}

/// The part of a configuration that leads to the simulator; `ca.pem` stands beside it.
pub(crate) fn section(sim: &Sim) -> String {
    let at = sim.endpoints();
    format!(
        "google:
  token_url: {}
  tokeninfo_url: {}
  authorization_url: {}
  gmail_api_url: {}
  revoke_url: {}
  smtp: {{host: localhost, port: {}}}
  imap: {{host: localhost, port: {}}}
  ca_file: ca.pem
",
        at.token_url,
        at.tokeninfo_url,
        at.authorization_url,
        at.gmail_api_url,
        at.revoke_url,
        at.smtp_starttls.port(),
        at.imap.port(),
    )
}

/// A running exporter.
pub(crate) struct Watching {
    pub(crate) port: u16,
    program: Program,
}

impl Watching {
    pub(crate) fn get(&self, path: &str) -> String {
        http::get(self.port, path).expect("the exporter answers")
    }

    /// Waits until `/metrics` is as wanted, which `words` say.
    pub(crate) fn until(&self, words: &str, wanted: impl Fn(&str) -> bool) {
        let mut page = String::new();
        let waited = holds_in_time(|| {
            page = self.get("/metrics");
            wanted(&page)
        });
        assert!(waited, "{words}:\n{page}\n{}", self.program.said());
    }

    /// Waits until `/metrics` has a sample: `mailbox_link_up 1`, without the labels that name the link.
    pub(crate) fn until_says(&self, sample: &str) {
        self.until(sample, |page| samples(page).any(|said| said == sample));
    }

    /// What `/metrics` says of the link, a line a sample, without the labels that name it.
    pub(crate) fn samples(&self) -> Vec<String> {
        samples(&self.get("/metrics")).collect()
    }

    /// The value of one of them.
    pub(crate) fn value(&self, series: &str) -> Option<f64> {
        value(&self.get("/metrics"), series)
    }

    pub(crate) fn said(&self) -> String {
        self.program.said()
    }

    /// SIGTERM, after which it ends well; everything that it logged.
    pub(crate) fn stop(mut self) -> String {
        self.program.signal("TERM");
        assert_eq!(self.program.ended(), Some(0), "{}", self.program.said());
        self.program.said()
    }

    /// kill -9: it has no time for anything.
    pub(crate) fn kill(mut self) {
        self.program.signal("KILL");
        assert_eq!(self.program.ended(), Some(128 + 9));
    }
}

pub(crate) fn value(page: &str, series: &str) -> Option<f64> {
    let value = |said: String| said.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    samples(page).find_map(value)
}

fn samples(page: &str) -> impl Iterator<Item = String> {
    let named = format!("link=\"{ADDRESS}\",mailbox=\"{ADDRESS}\"");
    let mailbox = format!("mailbox=\"{ADDRESS}\"");
    let plain = move |line: &str| {
        let line = line.replace(&format!("{named},"), "").replace(&format!("{{{named}}}"), "");
        line.replace(&format!("{mailbox},"), "").replace(&format!("{{{mailbox}}}"), "")
    };
    page.lines().filter(|line| !line.starts_with('#')).map(plain).collect::<Vec<_>>().into_iter()
}

/// Writes a secret as the exporter wants it: readable by its owner alone, and never half of it.
pub(crate) fn secret(folder: &Path, name: &str, secret: &str) {
    let (new, path) = (folder.join(format!("{name}.new")), folder.join(name));
    let mut file = fs::OpenOptions::new();
    let file = file.create_new(true).write(true).mode(0o600).open(&new);
    let written = file.and_then(|mut file| file.write_all(secret.as_bytes()));
    written.and_then(|()| fs::rename(new, path)).expect("a folder of ours");
}

const BINARY: &str = env!("CARGO_BIN_EXE_mailbox_exporter");
const CLIENT_ID: &str = "1234-abc.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-the-clients-secret";

/// A test that moves the clock knows when this comes.
const SCHEDULE: &str = "0 */6 * * *";
