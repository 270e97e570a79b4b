//! Dovecot: the mailboxes themselves, and Postfix's judge of tokens.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;

use super::certificates::Certificates;
use super::home::{Home, Program};
use super::oauth::Oauth;
use super::{fill, ports};

pub(crate) struct Dovecot {
    pub(crate) port: u16,
    folder: PathBuf,
    _server: Program,
}

impl Dovecot {
    pub(crate) fn start(home: &Home, oauth: &Oauth, certificates: &Certificates) -> Self {
        let folder = home.folder("dovecot");
        fs::create_dir(folder.join("mail")).expect("a folder for mail");
        std::os::unix::fs::chown(folder.join("mail"), Some(NOBODY), Some(NOBODY))
            .expect("root may give folders away");
        let port = ports::free();
        let names = [
            ("@DIR@", folder.display().to_string()),
            ("@CERTIFICATES@", certificates.folder().display().to_string()),
            ("@PORT@", port.to_string()),
            ("@OAUTH_PORT@", oauth.port.to_string()),
        ];
        let settings = fill(&folder, "dovecot.conf", SETTINGS, &names);
        fill(&folder, "oauth2.conf", OAUTH2, &names);
        let server = home.start(&["/usr/sbin/dovecot", "-F", "-c", &settings]);
        let server = server.ready(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, folder, _server: server }
    }

    /// Where mail is handed in.
    pub(crate) fn lmtp(&self) -> PathBuf {
        self.folder.join("run/lmtp")
    }

    /// Where Postfix has tokens judged.
    pub(crate) fn auth(&self) -> PathBuf {
        self.folder.join("run/auth-postfix")
    }

    /// The files of the messages that no client has been told of: a maildir moves the others out of `new`.
    pub(crate) fn unread(&self, owner: &str) -> Vec<PathBuf> {
        let new = self.folder.join("mail").join(owner).join("Maildir/new");
        let entries = fs::read_dir(new).into_iter().flatten();
        entries.map(|entry| entry.expect("a readable folder").path()).collect()
    }

    /// Gives a folder another name, by which mail may be delivered into it. The mailbox has to be there.
    pub(crate) fn alias(&self, owner: &str, name: &str, folder: &str) {
        let maildir = self.folder.join("mail").join(owner).join("Maildir");
        std::os::unix::fs::symlink(format!(".{folder}"), maildir.join(format!(".{name}")))
            .expect("a maildir");
    }

    /// What it logged about one mailbox.
    pub(crate) fn log(&self, owner: &str) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("dovecot.log")).expect("Dovecot logs");
        log.lines().filter(|line| line.contains(owner)).map(str::to_owned).collect()
    }
}

const SETTINGS: &str = include_str!("../dovecot/dovecot.conf");
const OAUTH2: &str = include_str!("../dovecot/oauth2.conf");
/// The same number on every Debian.
const NOBODY: u32 = 65534;
