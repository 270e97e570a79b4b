//! An Odoo with one database and an administrator, and a client that speaks bytes.

use std::{io, sync::Arc, time::Duration};

use odoo_sim::{Database, Group, OdooSim, User, Version};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

pub(crate) const ADMIN_KEY: &str = "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
pub(crate) const CLERK_KEY: &str = "c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2";
pub(crate) const MARKETER_KEY: &str = "d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3";

/// A wait that is longer than this is a failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A running Odoo with the database `shop`.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) admin: i64,
    pub(crate) clerk: i64,
    pub(crate) marketer: i64,
    pub(crate) shop: Database,
    pub(crate) sim: OdooSim,
}

/// What came back over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) head: String,
    pub(crate) status: u16,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Stage {
    pub(crate) async fn set(version: Version) -> Self {
        let sim = OdooSim::start(version).await.unwrap();
        let shop = sim.add_database("shop");
        let admin = shop.add_user(User::admin("bot").with_key(ADMIN_KEY).with_password("secret"));
        let clerk = shop.add_user(User::internal("clerk").with_key(CLERK_KEY));
        let marketer = User::internal("marketer").with_key(MARKETER_KEY);
        let marketer = shop.add_user(marketer.with_group(Group::EmailMarketing));
        Self { admin, clerk, marketer, shop, sim }
    }

    /// A Gmail server as the version spells it.
    pub(crate) fn gmail(&self, name: &str) -> Value {
        let mut row = json!({
            "name": name, "smtp_host": "smtp.gmail.com", "smtp_port": 587,
            "smtp_encryption": "starttls", "smtp_user": format!("{name}@example.com"),
            "google_gmail_refresh_token": format!("1//{name}"),
        });
        match self.sim.version() {
            Version::V15 => row["use_google_gmail_service"] = json!(true),
            _ => row["smtp_authentication"] = json!("gmail"),
        }
        row
    }

    pub(crate) fn put_gmail(&self, name: &str) -> i64 {
        self.shop.put("ir.mail_server", self.gmail(name)).unwrap()
    }

    pub(crate) async fn send(&self, head: &str, body: &str) -> io::Result<Answer> {
        let address = self.sim.http_url().replace("http://", "");
        let mut stream = TcpStream::connect(address).await?;
        exchange(&mut stream, head, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n"), "").await.unwrap()
    }

    /// One call of `/jsonrpc`: the whole envelope.
    pub(crate) async fn rpc(&self, service: &str, method: &str, args: Value) -> Value {
        let answer = self.try_rpc(service, method, args).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn try_rpc(
        &self,
        service: &str,
        method: &str,
        args: Value,
    ) -> io::Result<Answer> {
        let params = json!({"service": service, "method": method, "args": args});
        let body = json!({"jsonrpc": "2.0", "method": "call", "id": 7, "params": params});
        let head = "POST /jsonrpc HTTP/1.1\r\nContent-Type: application/json\r\n";
        self.send(head, &body.to_string()).await
    }

    /// `execute_kw` by the administrator: the whole envelope.
    pub(crate) async fn kw(&self, model: &str, method: &str, args: Value, kwargs: Value) -> Value {
        self.kw_as((self.admin, ADMIN_KEY), model, method, args, kwargs).await
    }

    pub(crate) async fn kw_as(
        &self,
        (user, key): (i64, &str),
        model: &str,
        method: &str,
        args: Value,
        kwargs: Value,
    ) -> Value {
        let all = json!(["shop", user, key, model, method, args, kwargs]);
        self.rpc("object", "execute_kw", all).await
    }

    /// The rows of a search by the administrator, archived ones too.
    pub(crate) async fn search(&self, model: &str, domain: Value, fields: Value) -> Value {
        let kwargs = json!({"fields": fields, "context": {"active_test": false}});
        let answer = self.kw(model, "search_read", json!([domain]), kwargs).await;
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].clone()
    }

    /// `/json/2` with a key.
    pub(crate) async fn json2(&self, key: &str, call: &str, body: Value) -> Answer {
        let head = format!(
            "POST /json/2/{call} HTTP/1.1\r\nAuthorization: bearer {key}\r\n\
             Content-Type: application/json\r\nX-Odoo-Database: shop\r\n"
        );
        self.send(&head, &body.to_string()).await.unwrap()
    }

    /// What was asked, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.sim.asked().iter().map(odoo_sim::Asked::what).collect()
    }

    /// A request over TLS by a client that knows the simulator's authority alone.
    pub(crate) async fn over_tls(&self, url: &str, head: &str) -> io::Result<Answer> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.sim.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        let address = url.replace("https://localhost", "127.0.0.1");
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        exchange(&mut stream, head, "").await
    }
}

/// One request on a connection of its own.
async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    head: &str,
    body: &str,
) -> io::Result<Answer> {
    let length = body.len();
    let rest = format!("Host: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{rest}{body}").as_bytes()).await?;
    let mut bytes = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes)).await.expect("no answer")?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Err(io::ErrorKind::UnexpectedEof.into());
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok(Answer { body: body.to_owned(), head: head.to_lowercase(), status })
}
