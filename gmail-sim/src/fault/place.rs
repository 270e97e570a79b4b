//! Where in a dialogue something is said: the services, and the points that they pass.

use serde::{Deserialize, Serialize};

/// What a client can ask.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Gmail's HTTP API; a listener of its own.
    Api,
    /// The authorization endpoint; a listener of its own.
    Authorization,
    /// The control port, which has no faults.
    Control,
    /// IMAP; a listener of its own.
    Imap,
    /// The revocation endpoint; shares the token endpoint's listener.
    Revoke,
    /// SMTP submission; two listeners, STARTTLS and TLS on connect.
    Smtp,
    /// The token endpoint; a listener of its own.
    Token,
    /// Token information; shares the token endpoint's listener.
    Tokeninfo,
}

/// Where in a dialogue a line is said or a fault strikes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// HTTP: the answer to a request.
    Answer,
    /// SMTP and IMAP: the verdict on a sign-in, when the address is known.
    Auth,
    /// IMAP: CAPABILITY.
    Capability,
    /// SMTP and IMAP: the `334` or `+` of a sign-in, empty or with Google's challenge.
    Challenge,
    /// IMAP: CLOSE and UNSELECT.
    Close,
    /// SMTP and IMAP: any command that has no fault of its own.
    Command,
    /// TCP is accepted, nothing is said yet.
    Connect,
    /// IMAP: COPY and UID COPY.
    Copy,
    /// SMTP: DATA.
    Data,
    /// IMAP: the DONE that ends IDLE.
    Done,
    /// SMTP: EHLO and HELO.
    Ehlo,
    /// IMAP: EXAMINE and SELECT.
    Examine,
    /// IMAP: EXPUNGE and UID EXPUNGE.
    Expunge,
    /// IMAP: FETCH and UID FETCH.
    Fetch,
    /// SMTP and IMAP: the first line.
    Greeting,
    /// TLS is about to begin.
    Handshake,
    /// IMAP: ID.
    Id,
    /// IMAP: IDLE.
    Idle,
    /// IMAP: LIST, XLIST, LSUB.
    List,
    /// IMAP: LOGOUT.
    Logout,
    /// SMTP: MAIL FROM.
    Mail,
    /// SMTP: the end of the message after DATA.
    Message,
    /// IMAP: MOVE and UID MOVE.
    Move,
    /// SMTP and IMAP: NOOP.
    Noop,
    /// SMTP: QUIT.
    Quit,
    /// IMAP: GETQUOTA and GETQUOTAROOT.
    Quota,
    /// SMTP: RCPT TO.
    Rcpt,
    /// SMTP: RSET.
    Rset,
    /// IMAP: SEARCH and UID SEARCH.
    Search,
    /// SMTP: STARTTLS.
    Starttls,
    /// IMAP: STATUS.
    Status,
    /// IMAP: STORE and UID STORE.
    Store,
}

impl Service {
    /// The points that a dialogue with it passes.
    pub(crate) fn places(self) -> &'static [At] {
        match self {
            Self::Api | Self::Authorization | Self::Token => HTTP,
            Self::Control => &[],
            Self::Imap => IMAP,
            Self::Revoke | Self::Tokeninfo => &[At::Answer],
            Self::Smtp => SMTP,
        }
    }

    pub(super) fn same_format(self, other: Self) -> bool {
        let mail = [Self::Imap, Self::Smtp];
        !mail.contains(&self) && !mail.contains(&other)
    }
}

const HTTP: &[At] = &[At::Answer, At::Connect, At::Handshake];
const IMAP: &[At] = &[
    At::Auth,
    At::Capability,
    At::Challenge,
    At::Close,
    At::Command,
    At::Connect,
    At::Copy,
    At::Done,
    At::Examine,
    At::Expunge,
    At::Fetch,
    At::Greeting,
    At::Handshake,
    At::Id,
    At::Idle,
    At::List,
    At::Logout,
    At::Move,
    At::Noop,
    At::Quota,
    At::Search,
    At::Status,
    At::Store,
];
const SMTP: &[At] = &[
    At::Auth,
    At::Challenge,
    At::Command,
    At::Connect,
    At::Data,
    At::Ehlo,
    At::Greeting,
    At::Handshake,
    At::Mail,
    At::Message,
    At::Noop,
    At::Quit,
    At::Rcpt,
    At::Rset,
    At::Starttls,
];

impl At {
    pub(super) fn is_command(self) -> bool {
        !matches!(
            self,
            Self::Answer
                | Self::Auth
                | Self::Challenge
                | Self::Connect
                | Self::Done
                | Self::Greeting
                | Self::Handshake
                | Self::Message
        )
    }
}
