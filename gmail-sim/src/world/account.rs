//! What is settable about one mailbox. Everything here may change while sessions are open.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    arrival::{Arrival, Delivery},
    labels::{ExpungeBehavior, Keeping},
    mailstore::Folder,
    stamp::Authentication,
};

/// The scope that IMAP and SMTP need.
pub const MAIL_SCOPE: &str = "https://mail.google.com/";

/// The settings of one mailbox; a new mailbox is a healthy Workspace one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// How many seconds an access token lives; Google says 3599.
    pub access_token_life: u64,
    /// More addresses that Google lets the account send as; any other `From` is rewritten.
    pub aliases: Vec<String>,
    /// What becomes of mail that arrives, if nothing else was said about the message
    /// ([`World::next_delivery`](super::World::next_delivery)).
    pub arrival: Arrival,
    /// How often each message arrives.
    pub arrival_copies: u32,
    /// How many seconds mail takes to arrive, or to come back.
    pub arrival_delay: u64,
    /// What `Authentication-Results` says of mail that arrives; no such header where absent.
    pub authentication: Option<Authentication>,
    /// Is a message expunged as soon as it is marked as deleted?
    /// <https://developers.google.com/gmail/api/reference/rest/v1/ImapSettings>. It is where
    /// nobody changed that, says the page that `labels.rs` names.
    pub auto_expunge: bool,
    /// A line of the catalogue that the owner sees instead of the consent page, e.g.
    /// `authorization.admin_policy`.
    pub consent_says: Option<String>,
    /// What becomes of a message that is expunged from its last label.
    pub expunge_behavior: ExpungeBehavior,
    /// The names of folders where they differ from the language's, as text (not in modified UTF-7).
    pub folder_names: BTreeMap<Folder, String>,
    /// What stands before the names of Gmail's folders: some accounts have `[Google Mail]` [U].
    pub folder_root: String,
    /// Folders whose "Show in IMAP" is off.
    pub hidden_folders: Vec<Folder>,
    /// Is Gmail switched on for the account? If not: `NO Lookup failed`.
    pub gmail_enabled: bool,
    /// Is IMAP?
    pub imap: ImapAccess,
    /// How many bytes IMAP may send in a rolling day; from nine tenths on replies carry
    /// `[THROTTLED]`, beyond it the session ends with `[OVERQUOTA]`.
    pub imap_bytes_per_day: u64,
    /// How many messages of each folder IMAP shows, the newest; all where absent. Google offers
    /// 1000, 2000, 5000 and 10000:
    /// <https://developers.google.com/gmail/api/reference/rest/v1/ImapSettings>. Which ones count
    /// as the newest is [U]: here those with the highest UIDs, when the folder is opened.
    pub imap_folder_size: Option<u32>,
    /// How many seconds an IMAP session lives; as long as its access token where absent.
    pub imap_session_life: Option<u64>,
    /// How many IMAP sessions at once, of all clients together.
    pub imap_sessions: usize,
    /// How many of them other clients have, which the simulator does not see.
    pub imap_sessions_elsewhere: usize,
    /// A line of the catalogue that refuses every IMAP sign-in.
    pub imap_says: Option<String>,
    /// Which limits apply.
    pub kind: Kind,
    /// The language of the folder names.
    pub language: Language,
    /// To how many recipients may be sent in a rolling day, each counted as often as it is sent to;
    /// the kind's limit where absent.
    pub recipients_per_day: Option<u32>,
    /// What the token endpoint answers as `refresh_token_expires_in`, whatever is true; see
    /// [`Client::tells_end`](super::Client::tells_end) where absent.
    pub refresh_token_expires_in: Option<u64>,
    /// What the owner granted where nobody went through the consent page; new access tokens carry it. With `openid` or `email` in it, token
    /// information names the account.
    pub scope: String,
    /// Where SMTP says that a daily limit is reached.
    pub sending_limit_at: LimitAt,
    /// How many seconds after linking the organisation's session control wants the owner to sign in
    /// again; never where absent. Google offers 1 to 24 hours:
    /// <https://support.google.com/a/answer/9368756>
    pub session_control: Option<u64>,
    /// How many messages may be sent in a rolling day; the kind's limit where absent.
    pub sends_per_day: Option<u32>,
    /// How many SMTP sign-ins in a rolling ten minutes. Google documents none; somebody met it
    /// after 78 (<https://github.com/gophish/gophish/issues/1836>).
    pub sign_ins_per_ten_minutes: u32,
    /// A line of the catalogue that refuses every SMTP sign-in.
    pub smtp_says: Option<String>,
    /// How large the storage is, in bytes.
    pub storage_limit: u64,
    /// How much of it is used, besides the messages that the simulator holds, in bytes.
    pub storage_used: u64,
    /// For how many seconds the owner gives access when linking; for good where absent. Google
    /// offers 30 or 180 days: <https://support.google.com/accounts/answer/3466521>
    pub time_based_access: Option<u64>,
    /// A line of the catalogue that answers every refresh, e.g. `token.invalid_rapt`.
    pub token_says: Option<String>,
    /// Does Google want to see the owner in a browser first?
    pub web_login_required: bool,
    /// What becomes of mail that the storage has no room for.
    pub when_full: WhenFull,
    /// What the IMAP server cannot do. Without [`Extension::Gmail`] it is a plain server: folders
    /// instead of labels.
    pub without: BTreeSet<Extension>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            access_token_life: 3599,
            aliases: Vec::new(),
            arrival: Arrival::Inbox,
            arrival_copies: 1,
            arrival_delay: 0,
            authentication: Some(Authentication::default()),
            auto_expunge: true,
            consent_says: None,
            expunge_behavior: ExpungeBehavior::Archive,
            folder_names: BTreeMap::new(),
            folder_root: "[Gmail]".to_owned(),
            hidden_folders: Vec::new(),
            gmail_enabled: true,
            imap: ImapAccess::On,
            imap_bytes_per_day: 2_500_000_000,
            imap_folder_size: None,
            imap_session_life: None,
            imap_sessions: 15,
            imap_sessions_elsewhere: 0,
            imap_says: None,
            kind: Kind::Workspace,
            language: Language::English,
            recipients_per_day: None,
            refresh_token_expires_in: None,
            scope: MAIL_SCOPE.to_owned(),
            sending_limit_at: LimitAt::Data,
            sends_per_day: None,
            session_control: None,
            sign_ins_per_ten_minutes: 78,
            smtp_says: None,
            storage_limit: 30 << 30,
            storage_used: 1 << 30,
            time_based_access: None,
            token_says: None,
            web_login_required: false,
            when_full: WhenFull::Bounces,
            without: BTreeSet::new(),
        }
    }
}

impl Account {
    pub(super) fn daily_sends(&self) -> u64 {
        let limit = self.sends_per_day.unwrap_or(match self.kind {
            Kind::Personal | Kind::WorkspaceTrial => 500,
            Kind::Workspace => 2000,
        });
        limit.into()
    }

    /// <https://support.google.com/a/answer/166852>; that each recipient counts for a personal
    /// account is only reported (deltachat#647).
    pub(super) fn daily_recipients(&self) -> u64 {
        let limit = self.recipients_per_day.unwrap_or(match self.kind {
            Kind::Personal => 500,
            Kind::Workspace | Kind::WorkspaceTrial => 10_000,
        });
        limit.into()
    }

    /// What becomes of a message of which nothing else was said.
    pub(super) fn delivery(&self) -> Delivery {
        let Self { arrival, arrival_copies: copies, arrival_delay: delay, .. } = *self;
        Delivery { apart: 0, arrival, copies, delay }
    }

    /// Can the IMAP server do this?
    pub(crate) fn has(&self, extension: Extension) -> bool {
        !self.without.contains(&extension)
    }

    pub(super) fn keeping(&self) -> Keeping {
        if self.has(Extension::Gmail) {
            Keeping::Labels { at_once: self.auto_expunge, last: self.expunge_behavior }
        } else {
            Keeping::Folders
        }
    }
}

/// Which of Google's limits apply.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A personal account: 500 messages a day, to 500 recipients.
    Personal,
    /// A paid Workspace account: 2,000 messages a day, to 10,000 recipients.
    Workspace,
    /// A Workspace trial: 500 messages a day, to 10,000 recipients.
    WorkspaceTrial,
}

/// Where SMTP says that a daily limit is reached. DATA is captured
/// (<https://github.com/PHPMailer/PHPMailer/issues/1370>), the others are [U].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitAt {
    /// DATA, before the message.
    Data,
    /// MAIL FROM.
    Mail,
    /// The end of the message.
    Message,
    /// Each RCPT TO that is too much.
    Rcpt,
}

/// Something that an IMAP server can do, or not.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// `X-GM-EXT-1`, and messages with labels instead of folders with messages.
    Gmail,
    /// RFC 2177.
    Idle,
    /// RFC 6851.
    Move,
    /// RFC 6154: what a folder is for.
    SpecialUse,
    /// RFC 4315: UID EXPUNGE and COPYUID.
    Uidplus,
}

/// What becomes of mail to a full mailbox.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// It is taken, and comes back: 552 5.2.2.
    Bounces,
    /// RCPT is refused: 552 5.2.2.
    Refused,
    /// RCPT is refused for now: 452 4.2.2.
    RefusedForNow,
}

/// Whether IMAP may be used, and who says no.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImapAccess {
    /// It may.
    On,
    /// The administrator switched it off.
    OffForDomain,
    /// The owner switched it off.
    OffForUser,
}

/// The language of Gmail's folder names.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// `[Gmail]/Sent Mail`
    English,
    /// `[Gmail]/Messages envoyés`
    French,
    /// `[Gmail]/Gesendet`
    German,
    /// `[Gmail]/送信済みメール`
    Japanese,
    /// `[Gmail]/Enviados`
    Spanish,
}
