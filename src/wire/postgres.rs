//! PostgreSQL, read only: one connection, short transactions, and every fault as a sentence.
//!
//! Invariant: a transaction neither writes nor waits for long, and no sentence holds a secret.

use std::{fmt, time::Duration};

use tokio::{task::JoinSet, time::timeout};
use tokio_postgres::{
    Client, Config, Error,
    config::Host,
    error::SqlState,
    types::{FromSqlOwned, ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dial::{self, Dialer};
use crate::domain::{clock::Timestamp, reason::Reason, redact::Redactor, secret::Secret};

/// An open connection. Dropped, it is closed; a statement that runs then ends by its own timeout.
pub(crate) struct Connection {
    client: Client,
    endpoint: String,
    redactor: Redactor,
    /// What moves the bytes. It ends with this.
    _task: JoinSet<()>,
}

impl Connection {
    /// Connects as `dsn` says: a URL, or `host=… user=…`.
    ///
    /// # Errors
    /// Why that is not possible.
    pub(crate) async fn open(dsn: &Secret, dialer: &Dialer) -> Result<Self, Trouble> {
        let mut config: Config = dsn.expose().trim().parse().map_err(|error| misread(&error))?;
        let endpoint = endpoint(&config).map_err(Trouble::Other)?;
        let mut redactor = Redactor::default();
        redactor.hide(dsn);
        if let Some(password) = config.get_password() {
            redactor.hide(&Secret::new(String::from_utf8_lossy(password)));
        }
        // No startup option beyond these: a pooler refuses those that it does not know.
        config.application_name("mailbox_exporter");
        config.connect_timeout(CONNECT_TIMEOUT).tcp_user_timeout(KEEPALIVE * 2);
        config.keepalives(true).keepalives_idle(KEEPALIVE).keepalives_retries(3);
        config.keepalives_interval(KEEPALIVE / 3);
        let connecting = config.connect(MakeRustlsConnect::new(dialer.tls_config()));
        let Ok(connected) = timeout(OPEN_TIMEOUT, connecting).await else {
            return Err(Trouble::Other(format!("{endpoint} does not answer")));
        };
        let (client, connection) =
            connected.map_err(|error| unreachable(&endpoint, &error, &redactor))?;
        let mut task = JoinSet::new();
        // How it ends, the client's next statement tells.
        task.spawn(async move { drop(connection.await) });
        Ok(Self { client, endpoint, redactor, _task: task })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Begins a transaction. One that is not ended leaves the connection unusable: drop it.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub(crate) async fn begin(&mut self, scans: Scans) -> Result<Transaction<'_>, Trouble> {
        let begun = match scans {
            Scans::Any => self.client.batch_execute(BEGIN).await,
            Scans::ByIndex => self.client.batch_execute(&format!("{BEGIN}; {BY_INDEX}")).await,
        };
        begun.map_err(|error| self.trouble(&error))?;
        Ok(Transaction { connection: self })
    }

    fn trouble(&self, error: &Error) -> Trouble {
        let Some(answer) = error.as_db_error() else {
            let words = dial::failure(error).evidence.map(|evidence| evidence.to_string());
            let words = self.redactor.clean(&words.unwrap_or_default());
            let lost = format!("the connection to {} was lost: {words}", self.endpoint);
            return if error.is_closed() { Trouble::Lost(lost) } else { Trouble::Other(lost) };
        };
        let words = self.redactor.clean(answer.message());
        match *answer.code() {
            SqlState::INSUFFICIENT_PRIVILEGE => Trouble::Denied(words),
            SqlState::LOCK_NOT_AVAILABLE => Trouble::Locked,
            SqlState::QUERY_CANCELED => Trouble::Slow,
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN => Trouble::Lost(words),
            _ => Trouble::Other(format!("{} says: {words}", self.endpoint)),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// How the tables are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scans {
    Any,
    /// Never as a whole, whatever the planner thinks of its size, and by one process.
    ByIndex,
}

/// A transaction that reads.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    connection: &'a Connection,
}

impl Transaction<'_> {
    /// Asks by an unnamed statement, since a pooler may give the next transaction to another session.
    ///
    /// # Errors
    /// What the server said.
    pub(crate) async fn rows(
        &self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Trouble> {
        let parameters: Vec<_> = parameters.iter().map(Parameter::typed).collect();
        let rows = self.connection.client.query_typed(sql, &parameters).await;
        let rows = rows.map_err(|error| self.connection.trouble(&error))?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// # Errors
    /// Where the connection is lost.
    pub(crate) async fn end(self) -> Result<(), Trouble> {
        let ended = self.connection.client.batch_execute("COMMIT").await;
        ended.map_err(|error| self.connection.trouble(&error))
    }
}

/// What a statement is given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parameter<'a> {
    Number(&'a i64),
    Numbers(&'a Vec<i64>),
    Words(&'a Vec<&'a str>),
}

impl Parameter<'_> {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Number(number) => (number, Type::INT8),
            Self::Numbers(numbers) => (numbers, Type::INT8_ARRAY),
            Self::Words(words) => (words, Type::TEXT_ARRAY),
        }
    }
}

/// One row of an answer. Its columns are asked for as `bool`, `int8` or `text`, and times as `int8` milliseconds.
#[derive(Debug)]
pub(crate) struct Row(tokio_postgres::Row);

impl Row {
    pub(crate) fn flag(&self, column: &str) -> Result<bool, Trouble> {
        Ok(self.value::<bool>(column)?.unwrap_or_default())
    }

    pub(crate) fn number(&self, column: &str) -> Result<Option<i64>, Trouble> {
        self.value(column)
    }

    /// None for an empty text, too: to Odoo, both are the same.
    pub(crate) fn text(&self, column: &str) -> Result<Option<String>, Trouble> {
        Ok(self.value::<String>(column)?.filter(|text| !text.is_empty()))
    }

    pub(crate) fn time(&self, column: &str) -> Result<Option<Timestamp>, Trouble> {
        Ok(self.value(column)?.map(Timestamp::from_millis))
    }

    fn value<T: FromSqlOwned>(&self, column: &str) -> Result<Option<T>, Trouble> {
        let value = self.0.try_get(column);
        value.map_err(|_| Trouble::Other(format!("column {column} is not of the expected type")))
    }
}

/// Why something was not to be had.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Trouble {
    /// For want of a right; in the server's words.
    Denied(String),
    /// Somebody holds a table.
    Locked,
    /// The connection broke; in a sentence.
    Lost(String),
    Other(String),
    /// The statement took too long.
    Slow,
}

/// Why a connection string cannot be used. The parser's own words may quote a piece of the password.
fn misread(error: &Error) -> Trouble {
    let words = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let quoted = |start: &str| words.strip_prefix(start)?.strip_suffix('`');
    let sentence = match (quoted("invalid value for option `"), quoted("unknown option `")) {
        (Some("sslmode"), _) | (_, Some("sslrootcert")) => {
            "the connection string asks for a way to verify the server's certificate; that is always verified, \
             against the system's authorities and google.ca_file: write sslmode=require, and no sslrootcert"
                .to_owned()
        }
        (Some(option), _) => format!("the connection string has no usable value for {option}"),
        (_, Some(option)) if LIBPQ.contains(&option) => {
            format!("the connection string has the option {option}, which is not known here: leave it out")
        }
        _ => format!("the connection string cannot be read: {HOW}"),
    };
    Trouble::Other(sentence)
}

const HOW: &str = "write it as postgresql://user:password@host:5432/database, with special characters of the \
                   password percent-encoded, or as host=… user=… password='…' dbname=…";

/// Options of libpq that tokio-postgres does not have: naming one gives nothing away.
const LIBPQ: &[&str] = &[
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "gsslib",
    "krbsrvname",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "sslcert",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslpassword",
    "sslsni",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
];

/// Where it leads, as it is named in every sentence. A host that is none may be a piece of the password.
fn endpoint(config: &Config) -> Result<String, String> {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let addresses = config.get_hostaddrs().iter().map(ToString::to_string);
    let named: Vec<_> = match config.get_hosts() {
        [] => addresses.collect(),
        _ => hosts.collect(),
    };
    if named.is_empty() {
        return Err("the connection string names no host; a Unix socket is named by its folder, as host=/var/run/postgresql"
            .to_owned());
    }
    let odd = |name: &String| {
        let usual = |letter: char| letter.is_alphanumeric() || "-._:".contains(letter);
        !name.starts_with('/') && !name.chars().all(usual)
    };
    if named.iter().any(odd) {
        return Err(format!("the connection string's host is no host name: {HOW}"));
    }
    let each = named.iter().enumerate().map(|(index, name)| format!("{name}:{}", port(index)));
    Ok(each.collect::<Vec<_>>().join(", "))
}

/// Why it could not be connected.
fn unreachable(endpoint: &str, error: &Error, redactor: &Redactor) -> Trouble {
    if let Some(answer) = error.as_db_error() {
        return Trouble::Other(format!("{endpoint} says: {}", redactor.clean(answer.message())));
    }
    let failure = dial::failure(error);
    let words = failure.evidence.map(|evidence| evidence.to_string()).unwrap_or_default();
    let words = redactor.clean(&words);
    Trouble::Other(match failure.reason {
        Reason::ConnectionRefused => format!("connection refused by {endpoint}"),
        Reason::Timeout => format!("{endpoint} does not answer"),
        Reason::TlsUntrusted => format!(
            "the certificate of {endpoint} is of no trusted authority: name that in google.ca_file, or write \
             sslmode=disable where nobody else is on the way ({words})"
        ),
        Reason::TlsExpired | Reason::TlsNotYetValid | Reason::TlsWrongName => {
            format!("the certificate of {endpoint} is refused: {words}")
        }
        _ => format!("{endpoint} cannot be reached: {words}"),
    })
}

/// Read committed, on purpose: each statement sees what was committed when it got its lock. An older picture of a table
/// that an upgrade has rewritten meanwhile would be empty.
/// https://www.postgresql.org/docs/current/mvcc-caveats.html
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; \
     SET LOCAL statement_timeout = 5000; SET LOCAL lock_timeout = 1000; \
     SET LOCAL idle_in_transaction_session_timeout = 10000; SET LOCAL search_path = pg_catalog";

const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL max_parallel_workers_per_gather = 0";

/// Of each address that the host has.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// With TLS, the password, and other addresses.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);

const KEEPALIVE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn said(dsn: &str) -> String {
        let sentence = match dsn.parse::<Config>() {
            Ok(config) => endpoint(&config).unwrap_or_else(|error| error),
            Err(error) => match misread(&error) {
                Trouble::Other(sentence) => sentence,
                other => panic!("{other:?}"),
            },
        };
        assert!(!sentence.contains("hunter"), "{sentence}");
        sentence
    }

    #[test]
    fn a_connection_string_says_where_it_leads_or_what_is_wrong_with_it() {
        let cases = [
            ("postgresql://mon:hunter2@db/odoo", "db:5432"),
            (
                "host=/run/postgresql,db port=5433,5434 password=hunter2",
                "/run/postgresql:5433, db:5434",
            ),
            ("hostaddr=10.0.0.1 user=mon", "10.0.0.1:5432"),
            ("postgres://mon:hunter2@db/odoo?sslmode=verify-full", "write sslmode=require"),
            ("host=db sslmode=require sslrootcert=/ca.pem", "and no sslrootcert"),
            ("host=db sslkey=/key.pem", "the option sslkey, which is not known here"),
            ("host=db port=x", "no usable value for port"),
            ("user=mon password=hunter2", "names no host"),
            ("postgresql://mon:p@hunter2@db/odoo", "is no host name"),
            ("postgresql://mon:p@hunter2%40@db/odoo", "is no host name"),
            ("host=db password=a hunter2=b", "cannot be read"),
            ("host=db password='hunter2", "cannot be read"),
            ("hunter2", "cannot be read"),
        ];
        for (dsn, expected) in cases {
            assert!(said(dsn).contains(expected), "{dsn}: {}", said(dsn));
        }
    }
}
