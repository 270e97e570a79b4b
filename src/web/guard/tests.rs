//! Who comes in and who does not, through real sockets.

use std::{fs, os::unix::fs::symlink};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;
use crate::web::tests::visit::{House, Plan, Said, said};

#[test]
fn no_part_can_pose_as_another() {
    assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
}

#[test]
fn credentials_are_read_as_rfc_7617_writes_them() {
    let read = |written: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, written.parse().unwrap());
        credentials(&headers).map(|(user, password)| (user, password.expose().to_owned()))
    };
    let ann = Some(("ann".to_owned(), "a:b".to_owned()));
    assert_eq!(read("Basic YW5uOmE6Yg=="), ann);
    assert_eq!(read("basic YW5uOmE6Yg=="), ann);
    for bad in ["Bearer YW5uOmE6Yg==", "Basic", "Basic !", "Basic YW5u"] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

/// A folder with rules, certificates and keys.
struct Desk {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Desk {
    fn new(rules: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let desk = Self { folder: TempDir::new().unwrap(), authority };
        desk.write("ca.pem", &desk.authority.pem());
        desk.issue("server", ExtendedKeyUsagePurpose::ServerAuth);
        desk.issue("client", ExtendedKeyUsagePurpose::ClientAuth);
        desk.write("web.yaml", rules);
        desk
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) {
        let mut params = CertificateParams::new(vec!["exporter.example".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        self.write(&format!("{name}.pem"), &certificate.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    fn guard(&self) -> Result<Guard, Mistakes> {
        Guard::read(&self.folder.path().join("web.yaml"))
    }

    async fn house(&self) -> House {
        House::new(Plan { guard: self.guard().unwrap(), ..Plan::default() }).await
    }

    /// A visitor who trusts the authority, and shows a certificate if it has one.
    async fn visit(
        &self,
        house: &House,
        shown: Option<&str>,
        alpn: &[&str],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown {
            None => config.with_no_client_auth(),
            Some(name) => {
                let file = |end: &str| self.folder.path().join(format!("{name}.{end}"));
                let chain = vec![CertificateDer::from_pem_file(file("pem")).unwrap()];
                let key = PrivateKeyDer::from_pem_file(file("key")).unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let tcp = TcpStream::connect(house.address).await?;
        let name = ServerName::try_from("exporter.example").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }
}

const TLS: &str = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n";

/// ann may come in, with the password `right`. As `htpasswd -nBC 4 ann` would make it.
const RIGHT: &str =
    "basic_auth_users:\n  ann: $2y$04$abcdefghijklmnopqrstuuFmEfrkTQnczNzw475xE2VhDrK1uwJiC\n";

/// ann may come in, with the password `other`.
const OTHER: &str =
    "basic_auth_users:\n  ann: $2y$04$uvwxyzABCDEFGHIJKLMNOubvpkgzh1Y2MfJ0kwOLrf1L51ePOlFb.\n";

async fn with_password(house: &House, path: &str, user: &str, password: &str) -> Said {
    let written = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    house.ask("GET", path, &[("authorization", &written)]).await
}

#[tokio::test]
async fn every_url_wants_the_password() {
    let house = Desk::new(RIGHT).house().await;
    for path in ["/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/nothing"] {
        let stranger = house.ask("GET", path, &[]).await;
        assert_eq!(stranger.status, 401, "{path}");
        assert!(stranger.headers["www-authenticate"].starts_with("Basic "), "{path}");
    }
    for (user, password) in [("ann", "wrong"), ("bob", "right"), ("ann", ""), ("", "right")] {
        let stranger = with_password(&house, "/metrics", user, password).await;
        assert_eq!(stranger.status, 401, "{user}:{password}");
    }
    // The second time the hash is not examined again.
    for _ in 0..2 {
        assert_eq!(with_password(&house, "/metrics", "ann", "right").await.status, 200);
        assert_eq!(with_password(&house, "/metrics", "ann", "wrong").await.status, 401);
    }
}

#[tokio::test]
async fn tls_is_spoken_in_http_1_and_2() {
    let desk = Desk::new(TLS);
    let house = desk.house().await;
    let stream = desk.visit(&house, None, &["http/1.1"]).await.unwrap();
    assert_eq!(said(stream, "GET", "/-/healthy", &[]).await.status, 200);
    let targets = desk.visit(&house, None, &["http/1.1"]).await.unwrap();
    assert!(said(targets, "GET", "/sd", &[]).await.text().contains(r#""__scheme__":"https""#));

    let stream = desk.visit(&house, None, &["h2"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (executor, io) =
        (hyper_util::rt::TokioExecutor::new(), hyper_util::rt::TokioIo::new(stream));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let request = http::Request::get("https://exporter.example/-/healthy")
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    tokio::select! {
        answer = sender.send_request(request) => assert_eq!(answer.unwrap().status(), 200),
        ended = connection => panic!("the connection ended first: {ended:?}"),
    }
}

#[tokio::test]
async fn http_2_can_be_switched_off_and_headers_added() {
    let rules = format!(
        "{TLS}http_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=60\n    X-Frame-Options: SAMEORIGIN\n"
    );
    let desk = Desk::new(&rules);
    let house = desk.house().await;
    let stream = desk.visit(&house, None, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let said = said(stream, "GET", "/", &[]).await;
    assert_eq!(said.headers["strict-transport-security"], "max-age=60");
    assert_eq!(said.headers["x-frame-options"], "SAMEORIGIN");
}

#[tokio::test]
async fn where_a_certificate_is_asked_for_nobody_comes_in_without() {
    let auth = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    let desk = Desk::new(&format!("{TLS}{auth}"));
    let house = desk.house().await;
    let with = desk.visit(&house, Some("client"), &["http/1.1"]).await.unwrap();
    assert_eq!(said(with, "GET", "/-/healthy", &[]).await.status, 200);

    // In TLS 1.3 the refusal comes after the visitor's side of the handshake is done.
    let refused = async {
        use tokio::io::AsyncReadExt as _;
        let mut stream = desk.visit(&house, None, &["http/1.1"]).await?;
        stream.read_u8().await
    };
    assert!(refused.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_changes_is_read_again_and_what_is_faulty_is_not_put_in_force() {
    let desk = Desk::new(RIGHT);
    let guard = desk.guard().unwrap();
    let admits = async |password: &str| {
        let mut headers = HeaderMap::new();
        let written = format!("Basic {}", STANDARD.encode(format!("ann:{password}")));
        headers.insert(header::AUTHORIZATION, written.parse().unwrap());
        guard.admits(&headers).await
    };
    assert!(admits("right").await);

    desk.write("other.yaml", OTHER);
    fs::remove_file(desk.folder.path().join("web.yaml")).unwrap();
    symlink("other.yaml", desk.folder.path().join("web.yaml")).unwrap();
    guard.look();
    assert!(admits("right").await, "files are looked at once a second at the most");
    tokio::time::advance(LOOK).await;
    guard.look();
    assert!(!admits("right").await && admits("other").await);

    desk.write("other.yaml", "basic_auth_user: {}\n");
    tokio::time::advance(LOOK).await;
    guard.look();
    assert!(admits("other").await);
    assert!(guard.reload().unwrap_err().to_string().contains("web.yaml:1:1: there is no key"));
}

#[tokio::test]
async fn a_file_that_says_nothing_lets_everybody_in() {
    let house = Desk::new("# nothing yet\n").house().await;
    assert_eq!(house.ask("GET", "/metrics", &[]).await.status, 200);
}

#[test]
fn what_is_wrong_is_named_by_line_and_column() {
    let tls = |more: &str| format!("{TLS}{more}");
    let cases = [
        ("rate_limit: {}\n".to_owned(), ":1:1: there is no key \"rate_limit\""),
        ("basic_auth_users:\n  ann: plain\n".to_owned(), ":2:8: this is no bcrypt hash"),
        (
            "basic_auth_users:\n  ann: $2y$31$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n".to_owned(),
            ":2:8: a hash of cost 31 takes too long",
        ),
        ("tls_server_config:\n  cert_file: server.pem\n".to_owned(), "TLS needs both"),
        (
            "tls_server_config:\n  cert_file: missing.pem\n  key_file: server.key\n".to_owned(),
            ":2:14: ",
        ),
        (
            "tls_server_config:\n  cert_file: client.pem\n  key_file: server.key\n".to_owned(),
            ":2:14: certificate and key cannot be used",
        ),
        (tls("  min_version: TLS10\n"), ":4:16: TLS10 is no longer safe"),
        (tls("  client_auth_type: RequireAnyClientCert\n"), ":4:21: RequireAnyClientCert lets"),
        (tls("  client_auth_type: RequireAndVerifyClientCert\n"), "needs client_ca_file"),
        (tls("  client_ca_file: ca.pem\n"), "of no use without client_auth_type"),
        (tls("  cipher_suites: []\n"), ":4:3: there is no key \"cipher_suites\""),
    ];
    for (rules, expected) in cases {
        let said = Desk::new(&rules).guard().unwrap_err().to_string();
        assert!(said.contains("web.yaml:") && said.contains(expected), "{rules}\n{said}");
        assert!(!said.contains("$2y$"), "{said}");
    }
}
