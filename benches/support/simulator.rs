//! The simulator in a process of its own, so that its CPU counts for nobody: this benchmark's binary again, as a child.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::UNIX_EPOCH,
};

use anyhow::{Context, Result};
use gmail_sim::{Options, Sim};
use mailbox_exporter::domain::clock::Timestamp;
use serde::Deserialize;
use tempfile::TempDir;

/// What this process is to do.
pub(crate) enum Role {
    /// `cargo bench` runs it.
    Bench,
    /// A test run touches every target; there is nothing to test here.
    Idle,
    /// It is the child.
    Simulator { links: usize, home: PathBuf },
}

/// By the command line: what comes behind `cargo bench --bench … --`, and what the parent gives its child.
pub(crate) fn role() -> Result<(Role, Vec<String>)> {
    let mut words: Vec<_> = std::env::args().skip(1).collect();
    if let [flag, links, home] = &words[..]
        && flag == CHILD
    {
        return Ok((Role::Simulator { links: links.parse()?, home: home.into() }, Vec::new()));
    }
    let role = if words.iter().any(|word| word == "--bench") { Role::Bench } else { Role::Idle };
    words.retain(|word| !word.starts_with("--"));
    Ok((role, words))
}

const CHILD: &str = "--simulator";

/// A child that plays Google for so many mailboxes, and a folder with all that a configuration names.
pub(crate) struct Simulator {
    child: Child,
    asking: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    endpoints: Endpoints,
    links: usize,
    home: TempDir,
}

/// As the simulator writes them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Endpoints {
    token_url: String,
    pub(crate) smtp_starttls: std::net::SocketAddr,
    pub(crate) smtp_tls: std::net::SocketAddr,
    pub(crate) imap: std::net::SocketAddr,
}

impl Simulator {
    pub(crate) fn start(links: usize) -> Result<Self> {
        let home = TempDir::new()?;
        let mut child = Command::new(std::env::current_exe()?)
            .args([CHILD, &links.to_string()])
            .arg(home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the simulator does not start")?;
        let asking = child.stdin.take();
        let answers = child.stdout.take().context("the child has a standard output")?;
        let mut answers = BufReader::new(answers);
        let endpoints = answer(&mut answers)?;
        Ok(Self { child, asking, answers, endpoints, links, home })
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// A configuration with every link, and `more` at its top level.
    pub(crate) fn config(&self, more: &str) -> Result<PathBuf> {
        let Endpoints { token_url, smtp_starttls, imap, .. } = &self.endpoints;
        let mailboxes: String = (0..self.links)
            .map(|number| {
                let address = address(number);
                format!("  - {{address: {address}, refresh_token: {{file: token-{number}}}}}\n")
            })
            .collect();
        let text = format!(
            "google:\n  token_url: {token_url}\n  smtp: {{host: localhost, port: {}, security: starttls}}\n  \
             imap: {{host: localhost, port: {}}}\n  ca_file: ca.pem\nclients:\n  \
             odoo: {{client_id: {CLIENT_ID}, client_secret: {{file: client-secret}}}}\nmailboxes:\n{mailboxes}{more}",
            smtp_starttls.port(),
            imap.port(),
        );
        let path = self.home.path().join("config.yaml");
        fs::write(&path, text)?;
        Ok(path)
    }

    /// When mailboxes were signed in to so far.
    pub(crate) fn sign_ins(&mut self) -> Result<Vec<Timestamp>> {
        let asking = self.asking.as_mut().context("the child has a standard input")?;
        asking.write_all(b"sign-ins\n")?;
        let millis: Vec<i64> = answer(&mut self.answers)?;
        Ok(millis.into_iter().map(Timestamp::from_millis).collect())
    }
}

/// The end of its standard input is the child's end.
impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.asking.take());
        // Whatever it says at its end, it is over.
        let _ = self.child.wait();
    }
}

fn answer<T: for<'a> Deserialize<'a>>(answers: &mut impl BufRead) -> Result<T> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    serde_json::from_str(&line).context("the simulator did not say what it should")
}

fn address(number: usize) -> String {
    format!("mailbox-{number}@example.com")
}

const CLIENT_ID: &str = "1234-abc.apps.googleusercontent.com";
const CLIENT_SECRET: &str = "GOCSPX-the-clients-secret";

/// The child's life: says where it is, then answers every line until there is none any more.
pub(crate) fn play(links: usize, home: &Path) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let options = Options { remembered: 4_000_000, ..Options::default() };
    let sim = runtime.block_on(Sim::start(options)).map_err(anyhow::Error::from_boxed)?;
    let world = sim.world();
    world.add_client(CLIENT_ID, CLIENT_SECRET);
    write(&home.join("client-secret"), CLIENT_SECRET)?;
    write(&home.join("ca.pem"), &sim.endpoints().ca_pem)?;
    for number in 0..links {
        let token = world.add_account(&address(number), CLIENT_ID);
        // A benchmark is in more of a hurry than Google allows.
        world.set(&address(number), |account| account.sign_ins_per_ten_minutes = u32::MAX);
        write(&home.join(format!("token-{number}")), &token)?;
    }
    println!("{}", serde_json::to_string(sim.endpoints())?);
    for line in io::stdin().lock().lines() {
        line?;
        let asked = world.asked();
        let signed_in = asked.iter().filter(|asked| asked.what.contains("XOAUTH2"));
        let times = signed_in.filter_map(|asked| asked.at.duration_since(UNIX_EPOCH).ok());
        let times: Vec<_> = times.map(|since| since.as_millis() as u64).collect();
        println!("{}", serde_json::to_string(&times)?);
    }
    runtime.block_on(sim.stop());
    Ok(())
}

/// Readable by nobody else, as the exporter wants its secrets.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
