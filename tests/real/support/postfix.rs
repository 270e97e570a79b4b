//! Postfix: the submission server, on a STARTTLS port and on a TLS port.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use super::certificates::Certificates;
use super::dovecot::Dovecot;
use super::home::{Home, Program};
use super::{fill, ports};

pub(crate) struct Postfix {
    pub(crate) starttls: u16,
    pub(crate) tls: u16,
    folder: PathBuf,
    _server: Program,
}

impl Postfix {
    pub(crate) fn start(home: &Home, dovecot: &Dovecot, certificates: &Certificates) -> Self {
        let folder = home.folder("postfix");
        for part in ["spool", "data"] {
            fs::create_dir(folder.join(part)).expect("a folder for Postfix");
        }
        let (starttls, tls) = (ports::free(), ports::free());
        let names = [
            ("@DIR@", folder.display().to_string()),
            ("@CERTIFICATES@", certificates.folder().display().to_string()),
            ("@AUTH@", dovecot.auth().display().to_string()),
            ("@LMTP@", dovecot.lmtp().display().to_string()),
            ("@STARTTLS@", starttls.to_string()),
            ("@TLS@", tls.to_string()),
        ];
        fill(&folder, "main.cf", MAIN, &names);
        fill(&folder, "master.cf", MASTER, &names);
        let path = folder.display().to_string();
        run("chown", &["postfix", &format!("{path}/data")]);
        run("postfix", &["-c", &path, "check"]);
        let server = home.start(&["/usr/lib/postfix/sbin/master", "-d", "-c", &path]);
        let server = server.ready(|| TcpStream::connect(("127.0.0.1", tls)).is_ok());
        Self { starttls, tls, folder, _server: server }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("postfix.log")).expect("Postfix logs")
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().expect("a program of Debian's");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} failed: {said}");
}

const MAIN: &str = include_str!("../postfix/main.cf");
const MASTER: &str = include_str!("../postfix/master.cf");
