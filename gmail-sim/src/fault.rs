//! Faults: what goes wrong, where in the dialogue, for whom and how often.

mod place;
mod plan;

use serde::{Deserialize, Serialize};

pub use place::{At, Service};
pub(crate) use plan::Faults;

use crate::{lines, tls::Certificate};

/// Something that goes wrong.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Who misbehaves.
    pub service: Service,
    /// Only for this mailbox; for everybody where absent.
    #[serde(default)]
    pub address: Option<String>,
    /// Where in the dialogue.
    pub at: At,
    /// What happens there.
    pub what: What,
    /// How often; until cleared where absent.
    #[serde(default)]
    pub times: Option<u32>,
}

impl Fault {
    /// A fault for everybody, until it is cleared.
    pub fn new(service: Service, at: At, what: What) -> Self {
        Self { service, address: None, at, what, times: None }
    }

    /// Google says the line of the catalogue, for everybody, where it belongs.
    ///
    /// # Errors
    /// There is no line of that name.
    pub fn say(key: &str) -> Result<Self, Mistake> {
        let line = lines::find(key).ok_or_else(|| Mistake::no_line(key))?;
        Ok(Self::new(line.service, line.at, What::Say(key.to_owned())))
    }

    /// Only for this mailbox.
    #[must_use]
    pub fn of(mut self, address: &str) -> Self {
        self.address = Some(address.to_lowercase());
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Can it ever strike?
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        let Self { service, at, what, .. } = self;
        if !service.places().contains(at) {
            let places = service.places();
            return Err(Mistake(format!("{service:?} never comes to {at:?}; only to {places:?}")));
        }
        if self.times == Some(0) {
            return Err(Mistake::new("times must be at least 1; leave it out for always"));
        }
        let early = [At::Connect, At::Ehlo, At::Greeting, At::Handshake, At::Starttls];
        if self.address.is_some() && early.contains(at) {
            return Err(Mistake(format!("at {at:?} no address is known yet: leave it out")));
        }
        if *what == What::Refuse && *at != At::Connect {
            return Err(Mistake::new("a connection can only be refused at connect"));
        }
        if matches!(what, What::BadCertificate(_)) && *at != At::Handshake {
            return Err(Mistake::new("a certificate is only shown at handshake"));
        }
        let changes = [At::Close, At::Copy, At::Expunge, At::Move, At::Store];
        if matches!(what, What::HalfWay | What::Pretend) && !changes.contains(at) {
            return Err(Mistake(format!("{what:?} is about changes: only at {changes:?}")));
        }
        if matches!(what, What::AlsoFound(_)) && *at != At::Search {
            return Err(Mistake::new("numbers are only found at search"));
        }
        let What::Say(key) = what else { return Ok(()) };
        match lines::find(key) {
            None => Err(Mistake::no_line(key)),
            Some(line) if line.service != *service && !line.service.same_format(*service) => {
                Err(Mistake(format!("{key} is said by {:?}, not by {service:?}", line.service)))
            }
            Some(_) => Ok(()),
        }
    }
}

/// What happens at the point of a fault. The first group is said or done *instead of* what would
/// have been done; the second changes how the usual answer arrives.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The connection ends at once, without a word.
    Close,
    /// An error text that repeats the client's credentials: a lying server.
    EchoCredentials,
    /// Bytes without a line end, for as long as the client listens.
    EndlessLine,
    /// Bytes that are no protocol at all; then nothing more.
    Garbage,
    /// HTTP: this many bytes of JSON string.
    HugeBody(u64),
    /// IMAP: the announcement of a literal of this size; then nothing more.
    HugeLiteral(u64),
    /// HTTP: an error page where JSON is expected.
    Html,
    /// HTTP: 200, with the page of a captive portal.
    LoginPage,
    /// HTTP: 200, with a body that is not JSON.
    NotJson,
    /// HTTP: 302 to this address.
    Redirect(String),
    /// At connect: the listener is closed until the fault is cleared.
    Refuse,
    /// The connection is reset.
    Reset,
    /// A line of the catalogue.
    Say(String),
    /// These bytes.
    #[serde(with = "text")]
    SayRaw(Vec<u8>),
    /// Silence; the connection stays open.
    Stall,

    /// IMAP, at SEARCH: these numbers are named too.
    AlsoFound(Vec<u32>),
    /// At the handshake: another certificate than the good one.
    BadCertificate(Certificate),
    /// The answer stops in the middle of its last line; then the connection ends.
    CutMidLine,
    /// The usual answer, so many milliseconds late.
    Delay(u64),
    /// The usual answer, a byte every so many milliseconds.
    Drip(u64),
    /// IMAP, where messages change: only the first half of them does, and then the answer is NO. Of
    /// a MOVE the next message is copied, and left where it is.
    HalfWay,
    /// SMTP: a second reply, in plain text, in the same packet as STARTTLS's.
    InjectAfterStarttls,
    /// The usual answer, so many seconds late by the simulator's clock, which a test can move on.
    Late(u64),
    /// SMTP, at EHLO: STARTTLS is not offered.
    NoStarttls,
    /// At EHLO, greeting or CAPABILITY: XOAUTH2 is not offered.
    NoXoauth2,
    /// IMAP, where messages change: the answer is that it worked, and nothing was done.
    Pretend,
    /// The usual answer, a byte a TCP segment.
    Segments,
    /// The usual thing is done, and the connection ends without an answer.
    Unanswered,
    /// IMAP: these lines before the usual answer, e.g. `* OK [ALERT] text`.
    Untagged(Vec<String>),
    /// The usual thing is done, and no answer comes; the connection stays open.
    Withheld,
    /// IMAP: the usual answer under another command's tag.
    WrongTag,
}

impl What {
    /// Can it be done in an IMAP session where nobody asked for anything?
    pub(crate) fn check_unasked(&self) -> Result<(), Mistake> {
        let http = matches!(
            self,
            Self::HugeBody(_)
                | Self::Html
                | Self::LoginPage
                | Self::NotJson
                | Self::Redirect(_)
                | Self::Refuse
        );
        if http || !self.replaces() {
            return Err(Mistake(format!("{self:?} is no trouble of an open IMAP session")));
        }
        Fault::new(Service::Imap, At::Idle, self.clone()).check()
    }

    /// Is the usual thing not done at all?
    pub(crate) fn replaces(&self) -> bool {
        matches!(
            self,
            Self::Close
                | Self::EchoCredentials
                | Self::EndlessLine
                | Self::Garbage
                | Self::HugeBody(_)
                | Self::HugeLiteral(_)
                | Self::Html
                | Self::LoginPage
                | Self::NotJson
                | Self::Redirect(_)
                | Self::Refuse
                | Self::Reset
                | Self::Say(_)
                | Self::SayRaw(_)
                | Self::Stall
        )
    }
}

/// A control operation that cannot be done, and what would be right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mistake(pub(crate) String);

impl Mistake {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn no_line(key: &str) -> Self {
        Self(format!("no line is called {key:?}; GET /lines lists all of them"))
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mistake {}

/// Whose faults are meant when faults are cleared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Whose {
    /// This mailbox's.
    Address(String),
    /// Everybody's.
    All,
    /// This service's, whether for one mailbox or for all.
    Service(Service),
}

impl From<&str> for Whose {
    fn from(address: &str) -> Self {
        Self::Address(address.to_lowercase())
    }
}

impl From<Service> for Whose {
    fn from(service: Service) -> Self {
        Self::Service(service)
    }
}

/// Bytes as text in JSON; what is not text becomes U+FFFD on the way out.
mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(from).map(String::into_bytes)
    }
}
