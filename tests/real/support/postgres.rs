//! PostgreSQL, with databases as Odoo 15 to 19 have them, and the exporter's role in each as deploy/odoo/grants.sql
//! makes it. Administrators come by the socket, the exporter by TLS with a password, and nobody by anything else.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};

use super::home::{Home, Program, holds_in_time};
use super::{Ground, ground, missing, ports, skip};

pub(crate) struct Postgres {
    port: u16,
    folder: PathBuf,
    binaries: PathBuf,
    authority: PathBuf,
    home: &'static Home,
    server: Option<Program>,
    templates: Mutex<BTreeSet<u8>>,
    databases: AtomicU32,
}

/// Every version that the exporter knows.
pub(crate) const VERSIONS: [u8; 5] = [15, 16, 17, 18, 19];

/// What makes an Odoo other than Odoo ships it: a file of tests/real/odoo/variants.
#[derive(Clone, Copy)]
pub(crate) enum Variant {
    MailEnvironment,
    Neutralised,
    NoMail,
    TokenVault,
}

impl Postgres {
    /// The server that all tests share. None, said aloud, where it is not installed; on CI that is a failure.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: LazyLock<Option<Postgres>> =
            LazyLock::new(|| absent().is_empty().then(Postgres::start));
        if SHARED.is_none() {
            skip(&absent().join(", "));
        }
        SHARED.as_ref()
    }

    /// A server of a test's own, which it may stop; call `shared` first to see that there can be one.
    pub(crate) fn start() -> Self {
        let Ground { home, certificates } = ground();
        static CLUSTERS: AtomicU32 = AtomicU32::new(1);
        let cluster = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let folder = home.folder(&format!("postgres-{cluster}"));
        for part in ["localhost.pem", "localhost.key"] {
            fs::copy(certificates.folder().join(part), folder.join(part)).expect("a certificate");
        }
        fs::write(folder.join("pg_hba.conf"), WHO_MAY_COME).expect("a settings file");
        let mut made = Self {
            port: ports::free(),
            binaries: binaries().expect("PostgreSQL is there, as `shared` has seen"),
            authority: certificates.authority(),
            home,
            server: None,
            templates: Mutex::default(),
            databases: AtomicU32::new(1),
            folder,
        };
        // It reads a key only if nobody else can.
        run(Command::new("chmod").arg("0600").arg(made.folder.join("localhost.key")));
        run(Command::new("chown").args(["-R", USER]).arg(&made.folder));
        let data = made.folder.join("data");
        let initdb = ["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"];
        run(made.as_its_user("initdb").args(initdb).arg("-D").arg(data));
        made.resume();
        made.administer("postgres", "CREATE ROLE odoo LOGIN CREATEDB");
        made
    }

    /// Ends the server as a restart does: its clients are sent away.
    pub(crate) fn stop(&mut self) {
        let data = self.folder.join("data");
        run(self.as_its_user("pg_ctl").args(["stop", "--mode=fast", "-D"]).arg(data));
        self.server = None;
    }

    /// Starts it again, on the same port and with the same databases.
    pub(crate) fn resume(&mut self) {
        let folder = self.folder.display();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            format!("unix_socket_directories={folder}"),
            format!("hba_file={folder}/pg_hba.conf"),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={folder}/localhost.pem"),
            format!("ssl_key_file={folder}/localhost.key"),
            "fsync=off".to_owned(),
            "shared_buffers=16MB".to_owned(),
        ];
        let (postgres, data) = (self.program("postgres"), format!("{folder}/data"));
        let mut command = IDENTITY.to_vec();
        command.extend([postgres.as_str(), "-D", &data]);
        command.extend(settings.iter().flat_map(|setting| ["-c", setting]));
        let ready = || self.psql("postgres", "postgres", &["-c", "SELECT"]).is_ok();
        self.server = Some(self.home.start(&command).ready(ready));
    }

    /// What the server wrote to its log since it was started.
    pub(crate) fn log(&self) -> String {
        self.server.as_ref().map(Program::said).unwrap_or_default()
    }

    /// Who signed its certificate.
    pub(crate) fn authority(&self) -> &Path {
        &self.authority
    }

    /// A database that no other test has, of this version of Odoo, with the exporter's role as shipped.
    pub(crate) fn odoo(&self, version: u8) -> Database<'_> {
        self.granted(self.closed(version))
    }

    /// The same, of an Odoo that is not as shipped.
    pub(crate) fn odoo_with(&self, version: u8, variant: Variant) -> Database<'_> {
        let made = self.closed(version);
        made.run("odoo", &variant.path(), &[]).expect("a variant fits its version");
        self.granted(made)
    }

    /// The same, before anybody granted anything.
    pub(crate) fn closed(&self, version: u8) -> Database<'_> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let (name, role) = (format!("test_{number}"), format!("reader_{number}"));
        let template = self.template(version);
        self.administer(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE {template} OWNER odoo"),
        );
        Database { postgres: self, name, role }
    }

    /// A database by its name, and who reads it.
    pub(crate) fn database(&self, name: &str, role: &str) -> Database<'_> {
        Database { postgres: self, name: name.to_owned(), role: role.to_owned() }
    }

    fn granted<'a>(&self, made: Database<'a>) -> Database<'a> {
        made.grant().expect("grants.sql fits every Odoo");
        made.sql(&format!("ALTER ROLE {} PASSWORD '{PASSWORD}'", made.role));
        made
    }

    fn template(&self, version: u8) -> String {
        let mut made = self.templates.lock().expect("templates are made without a panic");
        let name = format!("odoo_{version}");
        if made.insert(version) {
            self.administer("postgres", &format!("CREATE DATABASE {name} OWNER odoo"));
            let alias_domain = (version >= 17).then_some("alias_domain".to_owned());
            let parts = ["base".to_owned()].into_iter().chain(alias_domain);
            for part in parts.chain([version.to_string()]) {
                let file = format!("{ODOO}/schema/{part}.sql");
                self.psql("odoo", &name, &["-1", "-f", &file]).expect("a schema of ours");
            }
        }
        name
    }

    /// What it answers to an administrator.
    fn administer(&self, database: &str, sql: &str) -> String {
        self.psql("postgres", database, &["-c", sql]).expect("an administrator may")
    }

    /// psql by the socket, where it is enough to say who one is.
    fn psql(&self, user: &str, database: &str, arguments: &[&str]) -> Result<String, String> {
        told(&self.by_socket(user, database).args(arguments).output().expect("psql starts"))
    }

    fn by_socket(&self, user: &str, database: &str) -> Command {
        let mut psql = self.quiet_psql();
        psql.arg("-h").arg(&self.folder).args(["-p", &self.port.to_string()]);
        psql.args(["-U", user, "-d", database]);
        psql
    }

    fn quiet_psql(&self) -> Command {
        let mut psql = Command::new(self.program("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose"]);
        psql
    }

    /// It refuses to run as root.
    fn as_its_user(&self, program: &str) -> Command {
        let mut command = Command::new(IDENTITY[0]);
        command.args(&IDENTITY[1..]).arg(self.program(program)).current_dir(&self.folder);
        command
    }

    fn program(&self, name: &str) -> String {
        self.binaries.join(name).display().to_string()
    }
}

/// One Odoo database, and the role that reads it.
pub(crate) struct Database<'a> {
    postgres: &'a Postgres,
    pub(crate) name: String,
    pub(crate) role: String,
}

impl Database<'_> {
    /// What the exporter is told: `database_url` of its configuration.
    pub(crate) fn dsn(&self) -> String {
        let Self { postgres, name, role } = self;
        let port = postgres.port;
        format!(
            "host=localhost port={port} user={role} password={PASSWORD} dbname={name} sslmode=require"
        )
    }

    /// The same by the socket, where it is enough to say who one is.
    pub(crate) fn socket_dsn(&self) -> String {
        let Self { postgres, name, role } = self;
        format!(
            "host={} port={} user={role} dbname={name}",
            postgres.folder.display(),
            postgres.port
        )
    }

    /// As an administrator: what the database answers, a line a row and `|` between columns.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.postgres.administer(&self.name, sql)
    }

    /// As the exporter's role, by TLS and password: the answer, or the refusal with its SQLSTATE.
    pub(crate) fn as_exporter(&self, sql: &str) -> Result<String, String> {
        let authority = self.postgres.authority.display();
        let dsn = format!("{} sslrootcert={authority}", self.dsn());
        let mut psql = self.postgres.quiet_psql();
        told(&psql.args(["-d", &dsn, "-c", sql]).output().expect("psql starts"))
    }

    /// Runs grants.sql as an administrator does.
    pub(crate) fn grant(&self) -> Result<String, String> {
        self.grant_to(&self.role)
    }

    /// The same, for another role.
    pub(crate) fn grant_to(&self, role: &str) -> Result<String, String> {
        self.run("postgres", GRANTS, &[&format!("role={role}")])
    }

    pub(crate) fn revoke(&self) -> Result<String, String> {
        self.run("postgres", REVOKE, &[&format!("role={}", self.role)])
    }

    /// Runs a file by psql, as somebody, with these variables.
    pub(crate) fn run(&self, user: &str, file: &str, variables: &[&str]) -> Result<String, String> {
        let mut psql = self.postgres.by_socket(user, &self.name);
        psql.args(variables.iter().flat_map(|variable| ["-v", variable])).args(["-f", file]);
        told(&psql.output().expect("psql starts"))
    }

    /// Dumps it without owners and grants, as backups often are, and restores it as a new database of this role.
    pub(crate) fn restored(&self) -> Self {
        let dump = Command::new(self.postgres.program("pg_dump"))
            .args(["--no-owner", "--no-privileges", "-U", "postgres", "-h"])
            .arg(&self.postgres.folder)
            .args(["-p", &self.postgres.port.to_string(), &self.name])
            .output()
            .expect("pg_dump starts");
        let file = self.postgres.folder.join(format!("{}.dump.sql", self.name));
        fs::write(&file, told(&dump).expect("a database can be dumped")).expect("a file of ours");
        let name = format!("{}_restored", self.name);
        self.sql(&format!("CREATE DATABASE {name} OWNER odoo"));
        let restored = Self { name, role: self.role.clone(), postgres: self.postgres };
        let file = file.display().to_string();
        restored.run("odoo", &file, &[]).expect("Odoo's role can restore");
        restored
    }

    /// Holds a table as an upgrade does: nobody else can read it until this is dropped.
    pub(crate) fn lock(&self, table: &str) -> Lock {
        let mut psql = self.postgres.by_socket("postgres", &self.name);
        let mut session = psql.stdin(Stdio::piped()).spawn().expect("psql starts");
        let stdin = session.stdin.as_mut().expect("stdin is piped");
        writeln!(stdin, "BEGIN; LOCK TABLE public.{table} IN ACCESS EXCLUSIVE MODE;")
            .expect("psql reads");
        let held = format!(
            "SELECT count(*) FROM pg_locks WHERE granted AND mode = 'AccessExclusiveLock'
             AND relation = 'public.{table}'::regclass"
        );
        assert!(holds_in_time(|| self.sql(&held) == "1"), "{table} was not to be had");
        Lock(session)
    }
}

/// A table that nobody else can read.
pub(crate) struct Lock(Child);

impl Drop for Lock {
    fn drop(&mut self) {
        // psql ends when it has read all, after the server's answer; where the server is gone, it ends by itself.
        if let Some(mut stdin) = self.0.stdin.take() {
            let _ = stdin.write_all(b"ROLLBACK;\n");
        }
        let _ = self.0.wait();
    }
}

impl Variant {
    fn path(self) -> String {
        let name = match self {
            Self::MailEnvironment => "mail_environment",
            Self::Neutralised => "neutralised",
            Self::NoMail => "no_mail",
            Self::TokenVault => "token_vault",
        };
        format!("{ODOO}/variants/{name}.sql")
    }
}

fn absent() -> Vec<&'static str> {
    let mut absent = missing(NEEDED);
    absent.extend(binaries().is_none().then_some("PostgreSQL"));
    absent
}

/// Where Debian keeps the newest PostgreSQL's programs; on the path stand only the clients'.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(|path| number(path))?.join("bin");
    newest.join("postgres").exists().then_some(newest)
}

fn run(command: &mut Command) {
    let output = command.env_remove("PGDATA").output().expect("a program of Debian's");
    if let Err(refusal) = told(&output) {
        panic!("{command:?} failed: {refusal}");
    }
}

fn told(output: &Output) -> Result<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

pub(crate) const GRANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/odoo/grants.sql");
pub(crate) const REVOKE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/odoo/revoke.sql");
const ODOO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/odoo");

const NEEDED: &[(&str, &str)] = &[(IDENTITY[0], "util-linux")];

/// The user that Debian's package makes.
const USER: &str = "postgres";
const IDENTITY: &[&str] =
    &["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];
const PASSWORD: &str = "password-of-the-reader";
const WHO_MAY_COME: &str = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
