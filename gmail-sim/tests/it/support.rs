//! A simulator with one linked mailbox, and clients that speak bytes.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use gmail_sim::{Endpoints, Options, Sim, World};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

pub(crate) const CLIENT: &str = "1234-abc.apps.googleusercontent.com";
pub(crate) const SECRET: &str = "GOCSPX-secret";
pub(crate) const ADDRESS: &str = "sales@example.com";
pub(crate) const CHALLENGE: &str = "eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwuZ29vZ2xlLmNvbS8ifQ==";

/// A wait that is longer than this is a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running simulator with one healthy mailbox.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) refresh_token: String,
    pub(crate) sim: Sim,
    pub(crate) world: World,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        let sim = Sim::start(Options::default()).await.unwrap();
        let world = sim.world();
        world.add_client(CLIENT, SECRET);
        let refresh_token = world.add_account(ADDRESS, CLIENT);
        Self { refresh_token, sim, world }
    }

    pub(crate) fn at(&self) -> &Endpoints {
        self.sim.endpoints()
    }

    fn tls(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_slice(self.at().ca_pem.as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// TLS on a connection that is there already.
    pub(crate) async fn upgrade(&self, stream: TcpStream, name: &str) -> io::Result<Wire> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(self.tls()).connect(name, stream).await?;
        Ok(Wire::on(stream))
    }

    pub(crate) async fn tls_to(&self, address: SocketAddr) -> io::Result<Wire> {
        self.upgrade(TcpStream::connect(address).await?, "localhost").await
    }

    /// One HTTPS request on a connection of its own: status and body.
    pub(crate) async fn https(&self, url: &str, head: &str, body: &str) -> (u16, String) {
        let answer = self.raw_https(url, head, body).await.unwrap();
        let status = answer.split(' ').nth(1).unwrap_or_default().parse().unwrap_or(0);
        let body = answer.split_once("\r\n\r\n").map_or("", |parts| parts.1);
        (status, body.to_owned())
    }

    pub(crate) async fn raw_https(&self, url: &str, head: &str, body: &str) -> io::Result<String> {
        let url = url::Url::parse(url).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], url.port().unwrap()));
        let mut wire = self.tls_to(address).await?;
        let length = body.len();
        let close = "Connection: close\r\n";
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let head = head.replace("PATH", &url[url::Position::BeforePath..]);
        let head = format!("{head}{close}{form}Content-Length: {length}\r\n\r\n");
        wire.send_raw(format!("{head}{body}").as_bytes()).await?;
        Ok(String::from_utf8_lossy(&wire.rest().await?).into_owned())
    }

    /// The answer to a refresh: status and JSON.
    pub(crate) async fn refresh(&self, token: &str) -> (u16, serde_json::Value) {
        self.refresh_as(CLIENT, SECRET, token).await
    }

    pub(crate) async fn refresh_as(
        &self,
        client_id: &str,
        secret: &str,
        token: &str,
    ) -> (u16, serde_json::Value) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("client_id", client_id)
            .append_pair("client_secret", secret)
            .append_pair("refresh_token", token)
            .finish();
        let head = "POST PATH HTTP/1.1\r\nHost: localhost\r\n";
        let (status, body) = self.https(&self.at().token_url.clone(), head, &body).await;
        (status, serde_json::from_str(&body).unwrap_or(serde_json::Value::String(body)))
    }

    /// A fresh access token of the one mailbox.
    pub(crate) async fn access_token(&self) -> String {
        let (status, body) = self.refresh(&self.refresh_token.clone()).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn imap(&self) -> Wire {
        let mut wire = self.tls_to(self.at().imap).await.unwrap();
        assert!(wire.line().await.starts_with("* OK Gimap ready"));
        wire
    }

    /// An IMAP session that is signed in.
    pub(crate) async fn signed_in(&self) -> Wire {
        let token = self.access_token().await;
        let mut wire = self.imap().await;
        let answer = wire.imap(&format!("AUTHENTICATE XOAUTH2 {}", sasl(ADDRESS, &token))).await;
        assert!(answer.ends_with("authenticated (Success)\r\n"), "{answer}");
        wire
    }

    /// SMTP with TLS on connect, after EHLO.
    pub(crate) async fn smtp(&self) -> Wire {
        let mut wire = self.tls_to(self.at().smtp_tls).await.unwrap();
        assert!(wire.line().await.starts_with("220 smtp.gmail.com ESMTP "));
        assert!(wire.smtp("EHLO probe.example.com").await.contains("XOAUTH2"));
        wire
    }

    /// SMTP, signed in.
    pub(crate) async fn submission(&self) -> Wire {
        let token = self.access_token().await;
        let mut wire = self.smtp().await;
        let reply = wire.smtp(&format!("AUTH XOAUTH2 {}", sasl(ADDRESS, &token))).await;
        assert_eq!(reply, "235 2.7.0 Accepted", "{reply}");
        wire
    }

    /// Sends a message from the one mailbox: the last reply, and the connection.
    pub(crate) async fn send(&self, to: &str, message: &str) -> (String, Wire) {
        let mut wire = self.submission().await;
        wire.smtp(&format!("MAIL FROM:<{ADDRESS}>")).await;
        assert_eq!(wire.smtp(&format!("RCPT TO:<{to}>")).await, "250 2.1.5 OK");
        assert!(wire.smtp("DATA").await.starts_with("354 "));
        (wire.smtp(&format!("{message}\r\n.")).await, wire)
    }

    /// An IMAP session that has a folder selected.
    pub(crate) async fn selected(&self, folder: &str) -> Wire {
        let mut wire = self.signed_in().await;
        let answer = wire.imap(&format!("SELECT \"{folder}\"")).await;
        assert!(answer.contains("[READ-WRITE]"), "{answer}");
        wire
    }

    /// What was asked, without the numbers.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.world.asked().into_iter().map(|asked| asked.what).collect()
    }
}

/// `base64("user=" ...)`
pub(crate) fn sasl(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\x01auth=Bearer {token}\x01\x01"))
}

/// Asks again and again until the condition holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    until_async(what, || std::future::ready(holds())).await;
}

pub(crate) async fn until_async<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that is read by lines.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    tag: u32,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) fn on(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self { stream: Box::new(stream), tag: 0, unread: Vec::new() }
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    pub(crate) async fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\r\n").as_bytes()).await.unwrap();
    }

    /// The next line with its end; what there is of it at the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return String::from_utf8_lossy(&line).into_owned();
            }
            if self.fill().await.unwrap_or(0) == 0 {
                return String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned();
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let read = self.stream.read_buf(&mut self.unread);
        tokio::time::timeout(DEADLINE, read).await.expect("nothing came")
    }

    /// Everything up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill().await? > 0 {}
        Ok(std::mem::take(&mut self.unread))
    }

    /// Sends a command under the next tag and reads up to its tagged answer.
    pub(crate) async fn imap(&mut self, command: &str) -> String {
        self.tag += 1;
        let tag = format!("T{}", self.tag);
        self.send(&format!("{tag} {command}")).await;
        self.imap_answer(&tag).await
    }

    pub(crate) async fn imap_answer(&mut self, tag: &str) -> String {
        let mut answer = String::new();
        loop {
            let line = self.line().await;
            answer.push_str(&line);
            if line.is_empty() || line.starts_with(&format!("{tag} ")) {
                return answer;
            }
        }
    }

    /// Sends a command and reads one reply, without its last line's tail and end.
    pub(crate) async fn smtp(&mut self, command: &str) -> String {
        self.send(command).await;
        self.smtp_reply().await
    }

    pub(crate) async fn smtp_reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line().await;
            reply.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                let end = reply.trim_end();
                let tail = end.strip_suffix(" - gsmtp").and_then(|end| end.rsplit_once(' '));
                return tail.map_or(end, |(reply, _id)| reply).to_owned();
            }
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}
