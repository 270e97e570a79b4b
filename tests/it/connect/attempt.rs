//! One run of `connect`, and a browser that asks what it is told to.

use std::process::Stdio;

use mailbox_exporter::domain::clock;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStderr},
    time::timeout,
};
use url::Url;

use crate::support::{PATIENCE, World};

/// The running command, once it waits; or ended, where it did not come to that.
pub(crate) struct Attempt {
    child: Child,
    errors: Lines<BufReader<ChildStderr>>,
    said: String,
    /// The address that it asks a person to open; empty where it never did.
    pub(crate) page: String,
}

/// How it ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// On the standard output.
    pub(crate) lines: String,
    /// On the standard error.
    pub(crate) said: String,
    pub(crate) page: String,
}

/// Starts it in the folder of the configuration, and waits until it waits.
pub(crate) async fn connect(world: &World, arguments: &[&str]) -> Attempt {
    let mut child = world
        .exporter(&[&["connect"], arguments].concat())
        .current_dir(world.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut attempt = Attempt { child, errors, said: String::new(), page: String::new() };
    while let Some(line) = attempt.line().await {
        if line.trim().starts_with("https://") {
            line.trim().clone_into(&mut attempt.page);
        }
        if line.contains("; Ctrl-C ends it.") || line.contains("and paste it here.") {
            break;
        }
    }
    attempt
}

impl Attempt {
    async fn line(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.errors.next_line()).await.expect("it says something");
        let line = line.unwrap()?;
        self.said += &format!("{line}\n");
        Some(line)
    }

    pub(crate) async fn until_said(&mut self, words: &str) {
        while !self.said.contains(words) {
            assert!(self.line().await.is_some(), "it ended without {words:?}: {}", self.said);
        }
    }

    /// Somebody goes through Google's pages and agrees: where the browser is led to.
    pub(crate) fn agree(&self, world: &World, account: &str) -> String {
        world.sim.world().agree(&self.page, account, &[]).unwrap()
    }

    /// `127.0.0.1:40000`
    pub(crate) fn at(&self) -> String {
        let redirect = Url::parse(&field(&self.page, "redirect_uri")).unwrap();
        format!("{}:{}", redirect.host_str().unwrap(), redirect.port().unwrap())
    }

    /// Opens an address: status, head in small letters, page.
    pub(crate) async fn browser(&self, url: &str) -> (u16, String, String) {
        let url = Url::parse(url).unwrap();
        let target = &url[url::Position::BeforePath..];
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", url.authority());
        self.raw(&request).await
    }

    pub(crate) async fn raw(&self, request: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.at()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Whoever sends too much is cut off, which may look like an error.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it answers");
        let answer = String::from_utf8(answer).unwrap();
        let (head, page) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, head.to_lowercase(), page.to_owned())
    }

    pub(crate) async fn paste(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{text}\n").as_bytes()).await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// Nobody is at the keyboard any more.
    pub(crate) fn close(&mut self) {
        drop(self.child.stdin.take());
    }

    pub(crate) async fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        let killed = tokio::process::Command::new("kill").args(["-s", name, &process]).status();
        assert!(killed.await.unwrap().success());
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) async fn ended(mut self) -> Ended {
        let began = clock::instant();
        while self.line().await.is_some() {}
        let mut lines = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut lines).await.unwrap();
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert!(began.elapsed() < PATIENCE);
        Ended { code: status.code(), lines, said: self.said, page: self.page }
    }
}

/// What a field of an address says; empty where absent.
pub(crate) fn field(url: &str, name: &str) -> String {
    let url = Url::parse(url).unwrap_or_else(|error| panic!("{error}: {url}"));
    let mut pairs = url.query_pairs();
    pairs.find(|pair| pair.0 == name).map_or(String::new(), |pair| pair.1.into_owned())
}
