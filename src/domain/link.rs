//! Mailboxes, links and OAuth clients: what is watched.

use std::{fmt, sync::Arc};

use email_address::{EmailAddress, Options};
use serde::Deserialize;
use url::Url;

use super::{clock::Timestamp, secret::Secret, service_account::ServiceAccount};

/// What ties an application to a mailbox: a grant, an OAuth client, a direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub id: LinkId,
    pub mailbox: Address,
    /// Where the link was found: `file`, or the name of a source.
    pub source: Arc<str>,
    pub direction: Direction,
    pub account: Account,
    pub client: Arc<Client>,
    pub grant: Grant,
    /// When the mailbox's owner gave the consent, where somebody wrote that down.
    pub linked_at: Option<Timestamp>,
    pub google: Arc<Google>,
    pub smtp: Arc<SmtpServer>,
    pub imap: Arc<ImapServer>,
}

/// A link's stable name: unique, and a label value.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LinkId(Arc<str>);

impl LinkId {
    /// # Errors
    /// A sentence, where the id is empty, longer than 200 bytes, or holds white space or control characters.
    pub fn parse(id: &str) -> Result<Self, String> {
        let odd = |c: char| c.is_control() || c.is_whitespace();
        if id.is_empty() || id.len() > 200 || id.contains(odd) {
            return Err(format!("{id:?} is no link id; write 1 to 200 characters without spaces"));
        }
        Ok(Self(id.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The link's page for people, below where they find the exporter.
    pub fn page(&self, exporter: &Url) -> Url {
        let mut url = exporter.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("links").push(&self.0);
        }
        url
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A mailbox's address, in lower case: Google does not tell cases apart.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[serde(try_from = "String")]
pub struct Address(Arc<str>);

impl Address {
    /// # Errors
    /// A sentence that says why it is no address.
    pub fn parse(address: &str) -> Result<Self, String> {
        let plain = Options::default().without_display_text().without_domain_literal();
        match EmailAddress::parse_with_options(address, plain) {
            Ok(_) if !address.contains('"') => Ok(Self(address.to_ascii_lowercase().into())),
            _ => Err(format!("{address:?} is no mail address; write it as sales@example.com")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        Self::parse(&written)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the application does with the mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    Both,
    Incoming,
    Outgoing,
}

impl Direction {
    /// The value of the `direction` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "both",
            Self::Incoming => "incoming",
            Self::Outgoing => "outgoing",
        }
    }
}

/// The kind of Google account, which sets its limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Account {
    Personal,
    Unknown,
    Workspace,
    WorkspaceTrial,
}

impl Account {
    /// The value of the `account` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Unknown => "unknown",
            Self::Workspace => "workspace",
            Self::WorkspaceTrial => "workspace_trial",
        }
    }
}

/// An OAuth client or a service account of a Google Cloud project. Its faults are one fault, however many links share it.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its name in the configuration: the value of the `client` label.
    pub name: Arc<str>,
    /// Of a service account, its numeric id; empty where that was never read.
    pub id: String,
    /// Empty where it was never read, and for a service account: no link signs in by it then.
    pub secret: Secret,
    pub publishing_status: Option<PublishingStatus>,
    pub redirect_uris: Vec<Url>,
}

/// The publishing status of a client's project, as its owner tells us: Google does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PublishingStatus {
    Internal,
    Production,
    Testing,
}

/// How access tokens are got.
#[derive(Clone, Debug, PartialEq)]
pub enum Grant {
    RefreshToken(Secret),
    /// It acts for the mailbox, as the domain's administrator delegated.
    ServiceAccount(Arc<ServiceAccount>),
    /// The secret could not be read, and why.
    Unreadable(String),
}

/// Where Google's endpoints are; a proxy, a simulator or real test servers may stand in.
#[derive(Clone, Debug, PartialEq)]
pub struct Google {
    pub token_url: Url,
    pub tokeninfo_url: Url,
    pub authorization_url: Url,
    pub gmail_api_url: Url,
    pub revoke_url: Url,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
}

/// How a submission session becomes TLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Security {
    /// By STARTTLS, as on port 587.
    Starttls,
    /// From the first byte, as on port 465.
    Tls,
}

/// An IMAP server, spoken to by TLS from the first byte.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImapServer {
    pub host: String,
    pub port: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_page_is_below_the_exporters_address_whatever_its_id() {
        let cases = [
            ("https://m.example.com", "a@b.c", "https://m.example.com/links/a@b.c"),
            ("https://e.org/mail/", "odoo/3", "https://e.org/mail/links/odoo%2F3"),
            ("https://e.org/mail", "a?b#c", "https://e.org/mail/links/a%3Fb%23c"),
        ];
        for (base, id, expected) in cases {
            let page = LinkId::parse(id).unwrap().page(&base.parse().unwrap());
            assert_eq!(page.as_str(), expected);
        }
    }

    #[test]
    fn addresses_are_told_from_what_is_none() {
        assert_eq!(Address::parse("Sales@Example.com").unwrap().as_str(), "sales@example.com");
        for bad in ["", "sales", "sales@", "a b@example.com", "a@b\r\nRCPT TO:<c@d>", "A <a@b.c>"] {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
    }
}
