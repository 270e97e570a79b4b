//! What is read of an Odoo, by SQL or by its API: the rows that are about mail servers, as the database has them.
//!
//! Invariant: of a thing that could not be read, nothing is here but its name in [`Database::unread`].

use std::{collections::BTreeMap, fmt, time::Duration};

use super::version::Series;
use crate::domain::{clock::Timestamp, link::LinkId, secret::Secret};

/// All that one look at an Odoo brought, but for its queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    pub series: Series,
    /// As the module `base` says it: `18.0.1.3`.
    pub version: String,
    /// Those of interest that have a row, by their technical names.
    pub modules: BTreeMap<String, Module>,
    /// System parameters by key, those without a value left out; never a secret one.
    pub parameters: BTreeMap<String, String>,
    pub client_secret: Option<Secret>,
    /// All of them, archived ones and those of other kinds too, by id.
    pub outgoing: Vec<Outgoing>,
    pub incoming: Vec<Incoming>,
    pub jobs: BTreeMap<Job, Schedule>,
    /// What mail is sent from where a sender's own address fits no server: `mail_alias_domain.default_from` (17 and
    /// later), with the domain's name where it is a local part only.
    pub default_senders: Vec<String>,
    /// Whether the token columns are there at all: forks keep tokens elsewhere.
    pub has_token_columns: bool,
    /// Whether servers take their values from the host's configuration file (OCA `mail_environment`), so that those read
    /// by SQL may be stale.
    pub from_environment: bool,
    /// What could not be read, for want of a right: `ir_cron.nextcall`.
    pub unread: Vec<String>,
}

/// Those that matter to mail servers, in one version or another.
pub(super) const MODULES: &[&str] = &[
    "base",
    "fetchmail",
    "fetchmail_gmail",
    "google_gmail",
    "mail",
    "mail_environment",
    "mail_environment_google_gmail",
    "mass_mailing",
    "microsoft_outlook",
    "server_environment",
];

/// The system parameters that are read, even where more can be. `database.secret` is nobody's business.
pub(super) const PARAMETERS: &[&str] = &[
    "base_setup.default_external_email_server",
    "database.is_neutralized",
    "database.uuid",
    "google_gmail_client_id",
    CLIENT_SECRET,
    "mail.bounce.alias",
    "mail.catchall.alias",
    "mail.catchall.domain",
    "mail.default.from",
    "mail.default.from_filter",
    "mail.disable_personal_mail_servers",
    "mail.server.gmail.iap.endpoint",
    "mail.server.personal.limit.minutes",
    "mass_mailing.mail_server_id",
    "web.base.url",
    "web.base.url.freeze",
];

pub(super) const CLIENT_SECRET: &str = "google_gmail_client_secret";

/// One row of `ir_module_module`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Module {
    /// `installed`, `to upgrade`, `uninstalled`, …
    pub state: String,
    /// The version that is installed, as `18.0.1.2`.
    pub version: Option<String>,
}

/// One row of `ir_mail_server`.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub id: i64,
    pub name: String,
    pub active: bool,
    /// Lower is first.
    pub sequence: i64,
    pub from_filter: Option<String>,
    pub host: Option<String>,
    pub port: Option<i64>,
    /// `none`, `starttls`, `ssl`; 19 has `starttls_strict` and `ssl_strict`, too.
    pub encryption: String,
    /// `gmail`, `login`, `certificate`, `cli`, `outlook`. Of 15, where a column of its own says so, `gmail` as well.
    pub authentication: String,
    pub user: Option<String>,
    /// Of Gmail rows only.
    pub token: Option<Secret>,
    /// The user whose personal server it is (19).
    pub owner: Option<i64>,
}

/// One row of `fetchmail_server`.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    pub id: i64,
    pub name: String,
    pub active: bool,
    /// Whether its state is `done`: only those are fetched.
    pub confirmed: bool,
    pub host: Option<String>,
    pub port: Option<i64>,
    pub tls: bool,
    /// `gmail`, `imap`, `pop`, `local`, `outlook`. Of 15, where a column of its own says so, `gmail` as well.
    pub kind: String,
    pub user: Option<String>,
    /// Of Gmail rows only.
    pub token: Option<Secret>,
    /// "Last Fetch Date": that the job ran for this row, whether or not anything could be fetched.
    pub fetched: Option<Timestamp>,
    /// Since when fetching fails, and with what words (19).
    pub error: Option<(Timestamp, String)>,
}

impl Outgoing {
    pub fn is_gmail(&self) -> bool {
        self.authentication == "gmail"
    }
}

impl Incoming {
    pub fn is_gmail(&self) -> bool {
        self.kind == "gmail"
    }
}

/// A row that is a mail server.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Row {
    Incoming(i64),
    Outgoing(i64),
}

impl Row {
    /// Of the link that it makes: `odoo/<source>/outgoing/<row>`.
    pub fn link(self, source: &str) -> LinkId {
        let id = format!("odoo/{source}/{self}");
        LinkId::parse(&id).expect("a source's name leaves room for the rest, and has no spaces")
    }

    pub fn model(self) -> &'static str {
        match self {
            Self::Incoming(_) => "fetchmail.server",
            Self::Outgoing(_) => "ir.mail_server",
        }
    }

    pub fn id(self) -> i64 {
        let (Self::Incoming(id) | Self::Outgoing(id)) = self;
        id
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incoming(id) => write!(f, "incoming/{id}"),
            Self::Outgoing(id) => write!(f, "outgoing/{id}"),
        }
    }
}

/// The scheduled actions ("crons") that mail hangs on.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Job {
    /// "Mail: Fetchmail Service".
    Fetch,
    /// "Mail: Email Queue Manager".
    Queue,
}

/// One row of `ir_cron`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule {
    pub active: bool,
    pub next: Option<Timestamp>,
    pub interval: Duration,
}

/// What stands in the outgoing queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queue {
    /// Messages by state (`outgoing`, `exception`) and failure type, which is empty where Odoo has none.
    pub messages: BTreeMap<(String, String), u64>,
    /// When the oldest message of each state was made.
    pub oldest: BTreeMap<String, Timestamp>,
    /// Messages that failed within the last 24 h and still stand there, by what really happened.
    pub failed: BTreeMap<Cause, u64>,
    /// Messages that failed since a time, for those that count what a broken link left behind: when each of them failed,
    /// for the causes that a link's own trouble has. The newest first, at most [`Queue::STUCK`].
    pub stuck: Vec<Timestamp>,
    /// What was sent within the last 24 h and has left a trace, if that could be read. Odoo deletes most traces.
    pub sent_at_least: Option<u64>,
}

impl Queue {
    /// More are not told apart.
    pub const STUCK: usize = 10_000;
}

/// What really happened to a message that Odoo could not send.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Cause {
    /// The mail server could not be reached.
    Network,
    /// No rule knows the text, which may be in any language.
    Other,
    /// The daily sending limit.
    Quota,
    /// A recipient was refused, or there was none.
    RecipientRefused,
    /// The sender's address was refused, or there was none.
    SenderRefused,
    /// There was no access token, or the mail server did not take it.
    Token,
}

impl Cause {
    pub const ALL: [Self; 6] = [
        Self::Network,
        Self::Other,
        Self::Quota,
        Self::RecipientRefused,
        Self::SenderRefused,
        Self::Token,
    ];

    /// The value of the `cause` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Other => "other",
            Self::Quota => "quota",
            Self::RecipientRefused => "recipient_refused",
            Self::SenderRefused => "sender_refused",
            Self::Token => "token",
        }
    }
}
