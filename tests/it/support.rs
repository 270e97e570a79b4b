//! One world a test: a simulator, a configuration in a folder of its own, and the exporter's binary beside it.

use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::PathBuf,
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use gmail_sim::{Options, Sim};
use mailbox_exporter::domain::clock;
use odoo_sim::{OdooSim, User, Version};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    task::JoinSet,
};

pub(crate) const CLIENT_ID: &str = "1234-abc.apps.googleusercontent.com";
pub(crate) const CLIENT_SECRET: &str = "GOCSPX-the-clients-secret";

pub(crate) struct World {
    pub(crate) sim: Sim,
    folder: TempDir,
    mailboxes: Vec<String>,
    /// More YAML at the top level, and under `google`.
    pub(crate) settings: String,
    pub(crate) google: String,
    /// More YAML under `clients`.
    pub(crate) clients: String,
    /// More keys of the client: `, publishing_status: testing`.
    pub(crate) client: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        let sim = Sim::start(Options::default()).await.unwrap();
        sim.world().add_client(CLIENT_ID, CLIENT_SECRET);
        let world = Self {
            folder: TempDir::new().unwrap(),
            mailboxes: Vec::new(),
            settings: String::new(),
            google: String::new(),
            clients: String::new(),
            client: String::new(),
            sim,
        };
        world.write("ca.pem", &world.sim.endpoints().ca_pem);
        world.write("client-secret", CLIENT_SECRET);
        world
    }

    /// An account that is linked and in good health.
    pub(crate) fn mailbox(&mut self, address: &str) -> &mut Self {
        self.mailbox_with(address, "")
    }

    /// The same, with more keys in the configuration: `, direction: outgoing`.
    pub(crate) fn mailbox_with(&mut self, address: &str, keys: &str) -> &mut Self {
        let token = self.sim.world().add_account(address, CLIENT_ID);
        self.watch(address, &token, keys)
    }

    /// Watches a mailbox with this refresh token, whatever it is good for.
    pub(crate) fn watch(&mut self, address: &str, token: &str, keys: &str) -> &mut Self {
        let file = format!("token-{}", self.mailboxes.len());
        self.write(&file, token);
        self.mailboxes.push(format!(
            "  - {{address: {address}, client: odoo, refresh_token: {{file: {file}}}{keys}}}\n"
        ));
        self
    }

    /// Watches a mailbox for which a service account acts; `key` is the account's key file.
    pub(crate) fn delegate(&mut self, address: &str, key: &str) -> &mut Self {
        self.write("key.json", key);
        self.clients = "  delegated: {service_account: {file: key.json}}\n".into();
        self.mailboxes.push(format!("  - {{address: {address}, client: delegated}}\n"));
        self
    }

    /// Watches what these lines of the configuration say.
    pub(crate) fn add(&mut self, lines: &str) -> &mut Self {
        self.mailboxes.push(lines.to_owned());
        self
    }

    /// An Odoo 18 with the database `shop`: one outgoing server, of this mailbox, linked; `bot` may read it by this key. And
    /// the token.
    pub(crate) async fn odoo(&self, mailbox: &str, base_url: &str, key: &str) -> (OdooSim, String) {
        let odoo = OdooSim::start(Version::V18).await.unwrap();
        let shop = odoo.add_database("shop");
        shop.add_user(User::admin("bot").with_key(key));
        let token = self.sim.world().add_account(mailbox, CLIENT_ID);
        let row = json!({
            "name": mailbox, "smtp_host": "localhost", "smtp_encryption": "starttls",
            "smtp_port": self.sim.endpoints().smtp_starttls.port(), "smtp_user": mailbox,
            "smtp_authentication": "gmail", "from_filter": mailbox, "google_gmail_refresh_token": token,
        });
        shop.put("ir.mail_server", row).unwrap();
        shop.set_param("google_gmail_client_id", CLIENT_ID);
        shop.set_param("google_gmail_client_secret", CLIENT_SECRET);
        shop.set_param("web.base.url", base_url);
        (odoo, token)
    }

    /// Writes a file beside the configuration, readable by the exporter alone.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut options = fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Writes the configuration as it is now.
    pub(crate) fn config(&self) -> PathBuf {
        let endpoints = self.sim.endpoints();
        let text = format!(
            "google:\n  token_url: {}\n  tokeninfo_url: {}\n  authorization_url: {}\n  gmail_api_url: {}\n  revoke_url: {}\n  smtp: {{host: localhost, port: {}}}\n  imap: {{host: localhost, port: {}}}\n  \
             ca_file: ca.pem\n{}clients:\n  odoo: {{client_id: {CLIENT_ID}, client_secret: {{file: client-secret}}{}}}\n{}\
             mailboxes:\n{}{}",
            endpoints.token_url,
            endpoints.tokeninfo_url,
            endpoints.authorization_url,
            endpoints.gmail_api_url,
            endpoints.revoke_url,
            endpoints.smtp_starttls.port(),
            endpoints.imap.port(),
            self.google,
            self.client,
            self.clients,
            self.mailboxes.concat(),
            self.settings,
        );
        self.write("config.yaml", &text)
    }

    pub(crate) fn exporter(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailbox_exporter"));
        command.arg("--config.file").arg(self.config()).args(arguments);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let running = self.exporter(arguments).output();
        tokio::time::timeout(PATIENCE, running).await.expect("it ends").unwrap()
    }

    /// `check --format json`: the exit code and the report.
    pub(crate) async fn check(&self, arguments: &[&str]) -> (i32, Report) {
        let arguments = [&["check", "--format", "json"], arguments].concat();
        let output = self.run(&arguments).await;
        let said = String::from_utf8(output.stdout).unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{complaint}"));
        (output.status.code().unwrap(), Report(report))
    }

    /// What the simulator was asked about a mailbox, a line each.
    pub(crate) fn asked_about(&self, address: &str) -> Vec<String> {
        self.sim.world().asked_about(address).into_iter().map(|asked| asked.what).collect()
    }
}

/// Longer than any probe may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Report(pub(crate) Value);

impl Report {
    fn check(&self, link: &str, check: &str) -> Option<&Value> {
        let link = entry(&self.0["links"], "link", link)?;
        entry(&link["checks"], "check", check)
    }

    /// `pass`, `skip: reason`, `fail: reason`, or nothing where it was not run.
    pub(crate) fn verdict(&self, link: &str, check: &str) -> String {
        let Some(found) = self.check(link, check) else { return String::new() };
        let verdict = found["verdict"].as_str().unwrap_or_default();
        match found["reason"].as_str() {
            Some(reason) => format!("{verdict}: {reason}"),
            None => verdict.to_owned(),
        }
    }

    pub(crate) fn reply(&self, link: &str, check: &str) -> String {
        let found = self.check(link, check);
        found.and_then(|found| found["reply"].as_str()).unwrap_or_default().to_owned()
    }
}

impl Report {
    /// What was told of a link's account: `same ok`, `unknown gmail_api_off`; nothing where nothing was.
    pub(crate) fn identity(&self, link: &str) -> String {
        let found = entry(&self.0["links"], "link", link).map(|link| &link["identity"]);
        let text = |key: &str| found.and_then(|it| it[key].as_str()).unwrap_or_default().to_owned();
        format!("{} {}", text("account"), text("gmail_api")).trim().to_owned()
    }

    pub(crate) fn remark(&self, link: &str) -> String {
        let found = entry(&self.0["links"], "link", link);
        found.and_then(|it| it["identity"]["remark"].as_str()).unwrap_or_default().to_owned()
    }
}

fn entry<'a>(list: &'a Value, key: &str, name: &str) -> Option<&'a Value> {
    list.as_array()?.iter().find(|entry| entry[key] == name)
}

impl World {
    /// The exporter serving on a free port.
    pub(crate) async fn serve(&self, arguments: &[&str]) -> Exporter {
        let listen = ["--web.listen-address", "127.0.0.1:0"];
        let mut child = self
            .exporter(&[&listen, arguments].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let before = said.len();
            let read = tokio::time::timeout(PATIENCE, log.read_line(&mut said)).await;
            assert!(read.unwrap().unwrap() > 0, "it ended: {said}");
            if let Some((_, address)) = said[before..].split_once("listening address=") {
                break address.trim().to_owned();
            }
        };
        // Read on, so that the exporter never waits for us.
        let said = Arc::new(Mutex::new(said));
        let mut reader = JoinSet::new();
        reader.spawn({
            let said = said.clone();
            async move {
                let mut lines = log.lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    said.lock().unwrap().push_str(&format!("{line}\n"));
                }
            }
        });
        Exporter { child, address, said, reader }
    }

    /// A path beside the configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Takes the mailbox of this number out of the configuration.
    pub(crate) fn forget(&mut self, number: usize) {
        self.mailboxes.remove(number);
    }

    /// Waits until the simulator was asked what is wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&[String]) -> bool) {
        let deadline = clock::instant() + PATIENCE;
        loop {
            let asked: Vec<_> =
                self.sim.world().asked().into_iter().map(|asked| asked.what).collect();
            if wanted(&asked) {
                return;
            }
            assert!(clock::instant() < deadline, "{asked:#?}");
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// The exporter's process. It is killed when this is dropped.
pub(crate) struct Exporter {
    child: Child,
    pub(crate) address: String,
    said: Arc<Mutex<String>>,
    reader: JoinSet<()>,
}

impl Exporter {
    /// Waits until `/metrics` holds these words.
    pub(crate) async fn until(&self, words: &str) {
        self.until_metrics(|page| page.contains(words), words).await;
    }

    /// Waits until `/metrics` does not hold these words any more.
    pub(crate) async fn until_gone(&self, words: &str) {
        self.until_metrics(|page| !page.contains(words), words).await;
    }

    /// Waits until so many series of `/metrics` begin and end with these words.
    pub(crate) async fn until_count(&self, start: &str, end: &str, count: usize) {
        let fits = |line: &&str| line.starts_with(start) && line.ends_with(end);
        let counted = |page: &str| page.lines().filter(fits).count() == count;
        self.until_metrics(counted, &format!("{count} × {start}…{end}")).await;
    }

    async fn until_metrics(&self, wanted: impl Fn(&str) -> bool, words: &str) {
        let deadline = clock::instant() + PATIENCE;
        loop {
            let page = self.metrics().await;
            if wanted(&page) {
                return;
            }
            let late = clock::instant() >= deadline;
            assert!(!late, "{words}:\n{page}\n{}", self.said.lock().unwrap());
            tokio::time::sleep(GLANCE).await;
        }
    }

    pub(crate) async fn metrics(&self) -> String {
        self.get("/metrics").await
    }

    pub(crate) async fn get(&self, path: &str) -> String {
        let (status, body) = self.request("GET", path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(crate) async fn post(&self, path: &str) -> (u16, String) {
        self.request("POST", path).await
    }

    pub(crate) async fn request(&self, method: &str, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.0\r\nHost: exporter\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        let killed = Command::new("kill").args(["-s", name, &process]).status().await.unwrap();
        assert!(killed.success());
    }

    /// kill -9: it has no time for anything.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// SIGTERM; the exit code and everything that was logged.
    pub(crate) async fn stop(mut self) -> (Option<i32>, String) {
        self.signal("TERM").await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        self.reader.join_all().await;
        let said = self.said.lock().unwrap().clone();
        (ended.code(), said)
    }
}
