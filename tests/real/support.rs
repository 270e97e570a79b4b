//! The world of these tests: servers that nobody here wrote, shared by all tests of the binary, and what is held
//! against them. Tests do not meet, since each has mailboxes of its own.

mod alertmanager;
mod certificates;
mod disk;
mod dovecot;
mod exporter;
mod google;
mod home;
mod http;
mod oauth;
mod ports;
mod postfix;
mod postgres;
mod prometheus;
mod sink;
mod trips;
mod wall;
mod watch;
mod witness;

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, thread};

pub(crate) use alertmanager::{Alertmanager, alert, labels, run as run_alertmanager};
pub(crate) use disk::Disk;
pub(crate) use dovecot::Dovecot;
pub(crate) use exporter::{Endpoint, Setup};
pub(crate) use google::{ADDRESS, Google, Watching, secret, section, value};
pub(crate) use home::{Home, Program, holds_in_time};
pub(crate) use http::{get, post, post_json};
pub(crate) use oauth::MAIL;
pub(crate) use ports::free as free_port;
pub(crate) use postgres::{Database, GRANTS, Postgres, REVOKE, VERSIONS, Variant};
pub(crate) use prometheus::{encoded, query, run as run_prometheus};
pub(crate) use sink::Sink;
pub(crate) use trips::Trips;
pub(crate) use wall::{LIBRARY, Wall};
pub(crate) use watch::{Watch, Watched};
pub(crate) use witness::Witness;

use certificates::Certificates;
use oauth::Oauth;
use postfix::Postfix;

pub(crate) struct World {
    pub(crate) postfix: Postfix,
    pub(crate) dovecot: Dovecot,
    pub(crate) oauth: Oauth,
    pub(crate) certificates: &'static Certificates,
    pub(crate) home: &'static Home,
    mailboxes: AtomicU32,
}

impl World {
    /// None, said aloud, where a program is missing; on CI that is a failure.
    pub(crate) fn shared() -> Option<&'static Self> {
        static WORLD: LazyLock<Option<World>> =
            LazyLock::new(|| missing(NEEDED).is_empty().then(World::start));
        if WORLD.is_none() {
            skip(&missing(NEEDED).join(", "));
        }
        WORLD.as_ref()
    }

    fn start() -> Self {
        let Ground { home, certificates } = ground();
        let oauth = Oauth::start(home);
        let dovecot = Dovecot::start(home, &oauth, certificates);
        let postfix = Postfix::start(home, &dovecot, certificates);
        let mailboxes = AtomicU32::new(1);
        Self { postfix, dovecot, oauth, certificates, home, mailboxes }
    }

    /// The address of a mailbox that no other test has.
    pub(crate) fn mailbox(&self) -> String {
        self.mailbox_of("m")
    }

    /// The same, where mail is treated as `postfix/main.cf` says of names that begin like this.
    pub(crate) fn mailbox_of(&self, kind: &str) -> String {
        format!("{kind}{}@example.test", self.mailboxes.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn smtp_starttls(&self) -> Endpoint {
        Endpoint { host: "localhost", port: self.postfix.starttls, security: "starttls" }
    }

    pub(crate) fn smtp_tls(&self) -> Endpoint {
        Endpoint { host: "localhost", port: self.postfix.tls, security: "tls" }
    }

    pub(crate) fn imap(&self) -> Endpoint {
        self.dovecot.imap()
    }

    /// A Dovecot of a test's own, with some settings otherwise.
    pub(crate) fn another(&self, name: &str, settings: &str, zone: &str) -> Dovecot {
        let Self { home, oauth, certificates, .. } = self;
        Dovecot::differing(home, oauth, certificates, name, settings, zone)
    }

    /// The same mailboxes by a server without UIDPLUS, MOVE, SPECIAL-USE and IDLE.
    pub(crate) fn old_imap(&self) -> Endpoint {
        Endpoint { host: "127.0.0.4", ..self.imap() }
    }
}

/// What all servers stand on, whether or not a mail server is among them: one folder, one authority.
struct Ground {
    home: Home,
    certificates: Certificates,
}

fn ground() -> &'static Ground {
    static GROUND: LazyLock<Ground> = LazyLock::new(|| {
        let home = Home::new();
        let certificates = Certificates::make(home.folder("certificates"));
        Ground { home, certificates }
    });
    &GROUND
}

/// Writes a server's settings with `@NAME@` filled in, and returns their path.
fn fill(folder: &Path, file: &str, template: &str, names: &[(&str, String)]) -> String {
    let path = folder.join(file);
    let text = names.iter().fold(template.to_owned(), |text, (name, is)| text.replace(name, is));
    fs::write(&path, text).expect("a settings file");
    path.display().to_string()
}

/// What a program printed, all of it; one that is not content is a failure of the test.
pub(crate) fn said(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// A file of ours.
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The same with some of its words changed, each of which has to be there.
pub(crate) fn changed(path: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(read(path), |text, (from, to)| {
        assert!(text.contains(from), "{path} does not say {from}");
        text.replace(from, to)
    })
}

/// The files of one of our folders that end so.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).expect("a folder of ours");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|found| found == ending));
    let paths: Vec<_> = paths.collect();
    assert!(!paths.is_empty(), "{} holds none", folder.display());
    paths
}

/// Whether these programs are there; said aloud where one is missing.
pub(crate) fn are_there(programs: &'static [(&str, &str)]) -> bool {
    let missing = missing_of(programs);
    if !missing.is_empty() {
        skip(&missing.join(", "));
    }
    missing.is_empty()
}

fn missing(programs: &'static [(&str, &str)]) -> Vec<&'static str> {
    let mut missing = missing_of(programs);
    let root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    missing.extend((!root).then_some("root's rights, which Postfix and PostgreSQL want"));
    missing
}

fn missing_of(programs: &'static [(&str, &str)]) -> Vec<&'static str> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = env::split_paths(&path).collect();
    // An absolute path stands for itself, whatever folder it is joined to.
    let there = |program: &str| folders.iter().any(|folder| folder.join(program).exists());
    programs.iter().filter(|(program, _)| !there(program)).map(|(_, name)| *name).collect()
}

/// Written past the test runner, which keeps what passing tests print to itself.
pub(crate) fn skip(missing: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let line =
        format!("SKIPPED: {test}: missing: {missing}; .ci/install, as root, installs all of it\n");
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{line}");
    std::io::stderr().write_all(line.as_bytes()).expect("standard error is open");
}

const NEEDED: &[(&str, &str)] = &[
    ("/usr/lib/dovecot/imap", "Dovecot"),
    ("/usr/lib/dovecot/lmtp", "Dovecot's LMTP server"),
    ("/usr/lib/postfix/sbin/master", "Postfix"),
    ("python3", "Python"),
    ("node", "Node"),
    (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/oauth/node_modules"), "the OAuth server"),
];
