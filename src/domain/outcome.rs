//! What came of a probe: a verdict with its evidence, timed phases, and what was seen on the way.

use std::{fmt, ops::AddAssign, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    clock::Timestamp,
    identity::Identity,
    reason::{At, Protocol, Reason, Said, classify},
    redact::Redactor,
};

/// What a probe found.
#[derive(Clone, Debug)]
pub enum Verdict {
    Pass(Readings),
    Fail(Failure),
    /// Not run, since another check's failure already says it.
    Skip {
        because: Reason,
    },
}

/// One probe's end.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub verdict: Verdict,
    /// When the probe began.
    pub at: Timestamp,
    pub took: Duration,
    pub phases: Box<[(Phase, Duration)]>,
    /// What the server let us know beside its answers.
    pub notices: Vec<Told>,
    /// What its IMAP session moved.
    pub traffic: Traffic,
    /// The certificate that the server showed.
    pub certificate: Option<Certificate>,
    /// Whose account the token opens, as far as the probe was told.
    pub identity: Option<Arc<Identity>>,
    /// The dialogue, redacted; kept for failures only.
    pub transcript: Arc<[String]>,
}

impl Outcome {
    /// A verdict that took no probe.
    pub fn without_probe(verdict: Verdict, at: Timestamp) -> Self {
        Self {
            verdict,
            at,
            took: Duration::ZERO,
            phases: Box::default(),
            notices: Vec::new(),
            traffic: Traffic::default(),
            certificate: None,
            identity: None,
            transcript: [].into(),
        }
    }

    pub fn failure(&self) -> Option<&Failure> {
        match &self.verdict {
            Verdict::Fail(failure) => Some(failure),
            Verdict::Pass(_) | Verdict::Skip { .. } => None,
        }
    }
}

/// The error type of every check: exactly one reason, and what it rests on.
#[derive(Clone, Debug)]
pub struct Failure {
    pub reason: Reason,
    /// How far the probe had come.
    pub phase: Option<Phase>,
    pub evidence: Option<Evidence>,
}

impl Failure {
    pub fn new(reason: Reason) -> Self {
        Self { reason, phase: None, evidence: None }
    }

    /// A failure of our own side of the wire, in the words of the error.
    pub fn own(reason: Reason, error: impl fmt::Display) -> Self {
        Self { reason, phase: None, evidence: Some(Evidence::Error(error.to_string())) }
    }

    /// A failure that a server said; the rules decide what it means.
    pub fn said(reply: Reply, at: At) -> Self {
        let reason = reply.classify(at);
        Self { reason, phase: None, evidence: Some(Evidence::Reply(reply)) }
    }
}

/// `auth_rejected (auth): 535 5.7.8 Username and Password not accepted.`
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        if let Some(phase) = self.phase {
            write!(f, " ({phase})")?;
        }
        match &self.evidence {
            Some(evidence) => write!(f, ": {evidence}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// What a failure rests on.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// An error of our own side of the wire: a refused connection, a faulty certificate.
    Error(String),
    /// The words of either kind, as an earlier process of the exporter wrote them down.
    Kept(String),
    Reply(Reply),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(words) | Self::Kept(words) => f.write_str(words),
            Self::Reply(reply) => reply.fmt(f),
        }
    }
}

/// What a server said, redacted.
#[derive(Clone, Debug)]
pub struct Reply {
    protocol: Protocol,
    status: String,
    code: String,
    key: String,
    text: String,
}

impl Reply {
    /// `status`, `code`, `key` and `text` as [`Said`] has them.
    pub fn new(said: &Said<'_>, redactor: &Redactor) -> Self {
        Self {
            protocol: said.protocol,
            status: redactor.clean(said.status),
            code: redactor.clean(said.code),
            key: redactor.clean(said.key),
            text: redactor.clean(said.text),
        }
    }

    /// Whether the server ends the session with it.
    pub fn ends_session(&self) -> bool {
        matches!(self.status.as_str(), "BYE" | "421")
    }

    fn classify(&self, at: At) -> Reason {
        classify(&Said {
            protocol: self.protocol,
            at,
            status: &self.status,
            code: &self.code,
            key: &self.key,
            text: &self.text,
        })
    }
}

/// As a person would quote it: `535 5.7.8 Username and Password not accepted.`
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.status)?;
        match self.protocol {
            _ if self.code.is_empty() => {}
            Protocol::Imap => write!(f, " [{}]", self.code)?,
            Protocol::Api | Protocol::Smtp | Protocol::Token => write!(f, " {}", self.code)?,
        }
        let http = matches!(self.protocol, Protocol::Api | Protocol::Token);
        if http && !self.key.is_empty() {
            write!(f, "/{}", self.key)?;
        }
        if !self.text.is_empty() {
            let colon = if http { ":" } else { "" };
            write!(f, "{colon} {}", self.text)?;
        }
        Ok(())
    }
}

/// What a passing probe learnt. What it could not know is absent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Readings {
    pub access_token_expires: Option<Timestamp>,
    /// As the token endpoint reports it, which it does for some grants only.
    pub refresh_token_expires: Option<Timestamp>,
    pub unseen_messages: Option<u64>,
    pub oldest_unseen: Option<Timestamp>,
    pub storage: Option<Storage>,
}

/// A mailbox's storage, in bytes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Storage {
    pub used: u64,
    pub limit: u64,
}

/// When the certificate that a server showed ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Certificate {
    /// `host:port`
    pub endpoint: Arc<str>,
    pub expires: Timestamp,
}

/// Something that a server lets its client know beside its answers.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Notice {
    Alert,
    Bye,
    Overquota,
    Throttled,
    TooManyConnections,
}

impl Notice {
    pub const ALL: [Self; 5] =
        [Self::Alert, Self::Bye, Self::Overquota, Self::Throttled, Self::TooManyConnections];

    /// The value of the `notice` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Bye => "bye",
            Self::Overquota => "overquota",
            Self::Throttled => "throttled",
            Self::TooManyConnections => "too_many_connections",
        }
    }
}

/// A notice as it was said, redacted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    pub notice: Notice,
    pub words: String,
}

/// Bytes that an IMAP session moved inside TLS. Google allows an account 2,500 MB down and 500 MB up a day, all clients
/// together: https://support.google.com/a/answer/1071518
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traffic {
    pub down: u64,
    pub up: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, more: Self) {
        self.down += more.down;
        self.up += more.up;
    }
}

/// Declares the phases with their label values, in the order in which they come.
macro_rules! phases {
    ($($variant:ident $name:literal)+) => {
        /// A timed part of a probe.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Phase { $($variant,)+ }

        impl Phase {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The value of the `phase` label.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

phases! {
    Dns "dns"
    Connect "connect"
    Tls "tls"
    Refresh "refresh"
    Greeting "greeting"
    Ehlo "ehlo"
    Starttls "starttls"
    Capability "capability"
    Auth "auth"
    Id "id"
    Mail "mail"
    Rcpt "rcpt"
    Data "data"
    Reset "reset"
    Quota "quota"
    Status "status"
    List "list"
    Examine "examine"
    Select "select"
    Search "search"
    Find "find"
    Fetch "fetch"
    Idle "idle"
    Remove "remove"
    Quit "quit"
    Logout "logout"
    Tokeninfo "tokeninfo"
    Profile "profile"
    Settings "settings"
    Authorization "authorization"
    Exchange "exchange"
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_reads_as_a_person_would_quote_it() {
        let quote = |protocol, status, code, key, text| {
            let said = Said { protocol, at: At::SignIn, status, code, key, text };
            Reply::new(&said, &Redactor::default()).to_string()
        };
        assert_eq!(quote(Protocol::Imap, "NO", "ALERT", "", "Too many."), "NO [ALERT] Too many.");
        assert_eq!(quote(Protocol::Smtp, "535", "5.7.8", "BadCredentials", "No."), "535 5.7.8 No.");
        assert_eq!(
            quote(Protocol::Token, "400", "invalid_grant", "invalid_rapt", "reauth"),
            "400 invalid_grant/invalid_rapt: reauth"
        );
    }
}
