//! Mailboxes of the simulator's, one exporter that watches all of them, and what its owners do.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::{fs, thread};

use gmail_sim::{ClientState, Options, Sim, World};
use tokio::runtime::Runtime;

use crate::support::{Home, Program, free_port, get, holds_in_time, post, secret, section};

pub(super) struct Fleet {
    pub(super) world: World,
    pub(super) port: u16,
    /// The clients of the links.
    links: BTreeMap<String, &'static str>,
    secrets: Vec<String>,
    folder: PathBuf,
    // They go in this order.
    exporter: Option<Program>,
    sim: Sim,
    home: Home,
    _runtime: Runtime,
}

impl Fleet {
    /// The exporter runs, and every link works. Each is a name and its client's.
    pub(super) fn start(links: &[(&str, &'static str)]) -> Self {
        let runtime = Runtime::new().expect("threads");
        let sim = runtime.block_on(Sim::start(Options::default())).expect("free ports");
        let (home, world) = (Home::new(), sim.world());
        let folder = home.folder("exporter");
        for below in ["storage", "added"] {
            fs::create_dir(folder.join(below)).expect("a folder of ours");
        }
        fs::write(folder.join("ca.pem"), &sim.endpoints().ca_pem).expect("a folder of ours");
        let (links, secrets) =
            (links.iter().map(|(link, client)| (link.to_string(), *client)), Vec::new());
        let mut fleet = Self {
            world,
            port: free_port(),
            links: links.collect(),
            secrets,
            folder,
            exporter: None,
            sim,
            home,
            _runtime: runtime,
        };
        for client in CLIENTS {
            let of_client = fleet.secret(client, format!("GOCSPX-of-{client}"));
            fleet.world.add_client(&client_id(client), &of_client);
        }
        for link in fleet.links.keys().cloned().collect::<Vec<_>>() {
            fleet.link(&link);
        }
        fleet.write_config();
        fleet.serve();
        fleet.until("every link works", |page| {
            page.matches("\nmailbox_link_up{").count() == fleet.links.len()
                && !page.contains("\nmailbox_failing{")
        });
        fleet
    }

    /// The exporter starts, with what it knew before.
    pub(super) fn serve(&mut self) {
        let at = format!("127.0.0.1:{}", self.port);
        let (config, storage) = (self.folder.join("exporter.yaml"), self.folder.join("storage"));
        let command = [
            env!("CARGO_BIN_EXE_mailbox_exporter"),
            "--config.file",
            &config.display().to_string(),
            "--storage.path",
            &storage.display().to_string(),
            "--web.enable-lifecycle",
            "--web.external-url",
            &self.url(),
            "--web.listen-address",
            &at,
        ];
        let exporter = self.home.start(&command);
        self.exporter = Some(exporter.ready(|| get(self.port, "/-/ready").is_ok()));
    }

    /// kill -9: it has no time for anything.
    pub(super) fn kill(&mut self) {
        let mut exporter = self.exporter.take().expect("it was started");
        exporter.signal("KILL");
        assert_eq!(exporter.ended(), Some(128 + 9));
    }

    /// Where its pages are.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn client_of(&self, link: &str) -> &'static str {
        self.links[link]
    }

    pub(super) fn of_client(&self, client: &str) -> Vec<&str> {
        let links = self.links.iter().filter(|(_, of)| **of == client);
        links.map(|(link, _)| link.as_str()).collect()
    }

    pub(super) fn all(&self) -> Vec<&str> {
        self.links.keys().map(String::as_str).collect()
    }

    /// Probes them now, side by side, and waits for the answers: whether each passed.
    pub(super) fn probe(&self, probes: &[(&str, &str)]) -> Vec<bool> {
        let one = |(link, check): &(&str, &str)| {
            let path = format!("/probe?link={link}&check={check}");
            let told = get(self.port, &path).expect("the exporter answers");
            told.contains("\nprobe_success 1\n")
        };
        thread::scope(|scope| {
            let asked: Vec<_> =
                probes.iter().map(|probe| scope.spawn(move || one(probe))).collect();
            asked.into_iter().map(|asked| asked.join().expect("an answer")).collect()
        })
    }

    /// Waits until `/metrics` is as wanted, which `words` say.
    pub(super) fn until(&self, words: &str, wanted: impl Fn(&str) -> bool) {
        let mut page = String::new();
        let waited = holds_in_time(|| {
            page = get(self.port, "/metrics").expect("the exporter answers");
            wanted(&page)
        });
        assert!(waited, "{words}:\n{page}\n{}", self.exporter.as_ref().expect("it runs").said());
    }

    pub(super) fn until_works(&self, link: &str) {
        let up = format!("\nmailbox_link_up{{link=\"{link}\",mailbox=\"{}\"}} 1\n", address(link));
        self.until(&format!("{link} works"), |page| page.contains(&up));
    }

    /// Waits until the storage knows that the link's token check failed in its second run.
    pub(super) fn until_written(&self) {
        let words = b"\"runs\":2,";
        let written = holds_in_time(|| {
            let files = fs::read_dir(self.folder.join("storage")).expect("a folder of ours");
            let read = |file: Result<fs::DirEntry, _>| fs::read(file?.path());
            let bytes: Vec<_> = files.flat_map(read).flatten().collect();
            bytes.windows(words.len()).any(|window| window == words)
        });
        assert!(written, "nothing was written");
    }

    /// The owner links the mailbox, or links it again.
    pub(super) fn link(&mut self, link: &str) {
        let token = self.world.link(&address(link), &client_id(self.links[link]));
        self.secret(link, token);
    }

    /// Somebody adds a mailbox, and leaves its token open to everybody.
    pub(super) fn add_carelessly(&mut self, link: &str, client: &'static str) {
        self.links.insert(link.to_owned(), client);
        self.link(link);
        self.set_mode(link, 0o644);
        let text = format!("mailboxes:\n{}", mailbox(link, client, "../"));
        let file = self.folder.join("added").join(format!("{link}.yaml"));
        fs::write(file, text).expect("a folder of ours");
        self.reload();
        let failing = format!("\nmailbox_failing{{link=\"{link}\"");
        self.until("the new link fails", |page| page.contains(&failing));
    }

    pub(super) fn set_mode(&self, link: &str, mode: u32) {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.folder.join(link), permissions).expect("a file of ours");
    }

    /// The exporter looks at its files now.
    pub(super) fn reload(&self) {
        post(self.port, "/-/reload", "").expect("the configuration is good");
    }

    pub(super) fn set_client(&self, client: &str, state: ClientState) {
        self.world.set_client(&client_id(client), |client| client.state = state);
    }

    /// Everything that nobody may see.
    pub(super) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    fn secret(&mut self, name: &str, text: String) -> String {
        secret(&self.folder, name, &text);
        self.secrets.push(text.clone());
        text
    }

    fn write_config(&self) {
        let clients = CLIENTS.map(|client| {
            format!(
                "  {client}: {{client_id: {}, client_secret: {{file: {client}}}}}\n",
                client_id(client)
            )
        });
        let mailboxes = self.links.iter().map(|(link, client)| mailbox(link, client, ""));
        let ran = ["token", "smtp", "imap"]
            .map(|check| format!("  {check}: {{schedule: {NEVER}, timeout: 3s}}\n"));
        let off = ["identity", "capacity", "round_trip", "consent"]
            .map(|check| format!("  {check}: {{enabled: false}}\n"));
        let text = format!(
            "{}clients:
{}mailboxes:
{}sources:
  - directory: added
checks:
{}{}",
            section(&self.sim),
            clients.concat(),
            mailboxes.collect::<String>(),
            ran.concat(),
            off.concat(),
        );
        fs::write(self.folder.join("exporter.yaml"), text).expect("a folder of ours");
    }
}

/// A mailbox in the configuration.
fn mailbox(link: &str, client: &str, secrets: &str) -> String {
    let address = address(link);
    format!(
        "  - {{id: {link}, address: {address}, client: {client}, refresh_token: {{file: {secrets}{link}}}}}\n"
    )
}

pub(super) fn address(link: &str) -> String {
    format!("{link}@example.com")
}

fn client_id(client: &str) -> String {
    format!("1234-{client}.apps.googleusercontent.com")
}

const CLIENTS: [&str; 2] = ["odoo", "shop"];

/// Tests ask for every probe themselves; the schedule comes once a year.
const NEVER: &str = "\"0 0 1 1 *\"";
