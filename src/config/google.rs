//! Where Google is: the keys under `google`, each with its default.

use std::{path::PathBuf, sync::Arc};

use serde::Deserialize;
use url::Url;

use crate::{
    domain::link::{Google, ImapServer, Security, SmtpServer},
    source::server::{self, ImapConfig, SmtpConfig},
    yaml::{At, Reading},
};

/// The keys under `google`. A proxy, a simulator or other servers are reached by them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Config {
    token_url: Option<At<String>>,
    tokeninfo_url: Option<At<String>>,
    authorization_url: Option<At<String>>,
    gmail_api_url: Option<At<String>>,
    revoke_url: Option<At<String>>,
    smtp: Option<SmtpConfig>,
    imap: Option<ImapConfig>,
    /// Certificates in PEM that are trusted besides the system's.
    ca_file: Option<At<String>>,
}

/// Google's servers as configured.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    pub(super) google: Arc<Google>,
    pub(super) smtp: Arc<SmtpServer>,
    pub(super) imap: Arc<ImapServer>,
    pub(super) ca_file: Option<PathBuf>,
}

impl Config {
    pub(super) fn settle(self, reading: &mut Reading) -> Endpoints {
        let mut url = |at: Option<At<String>>, default| {
            let url = at.and_then(|at| reading.understand(&at, server::url));
            url.unwrap_or_else(|| Url::parse(default).expect("a test parses every default"))
        };
        let google = Google {
            token_url: url(self.token_url, "https://oauth2.googleapis.com/token"),
            tokeninfo_url: url(self.tokeninfo_url, "https://oauth2.googleapis.com/tokeninfo"),
            authorization_url: url(
                self.authorization_url,
                "https://accounts.google.com/o/oauth2/v2/auth",
            ),
            gmail_api_url: url(self.gmail_api_url, "https://gmail.googleapis.com"),
            revoke_url: url(self.revoke_url, "https://oauth2.googleapis.com/revoke"),
        };
        let smtp = SmtpServer {
            host: "smtp.gmail.com".to_owned(),
            port: 587,
            security: Security::Starttls,
        };
        let imap = ImapServer { host: "imap.gmail.com".to_owned(), port: 993 };
        Endpoints {
            google: Arc::new(google),
            smtp: Arc::new(self.smtp.unwrap_or_default().over(&smtp, reading)),
            imap: Arc::new(self.imap.unwrap_or_default().over(&imap, reading)),
            ca_file: self.ca_file.and_then(|at| ca_file(&at, reading)),
        }
    }
}

fn ca_file(at: &At<String>, reading: &mut Reading) -> Option<PathBuf> {
    let path = reading.folder().join(&at.value);
    if path.is_file() {
        return Some(path);
    }
    let what = format!("{} is no file; name one with certificates in PEM", path.display());
    reading.wrong(at, what);
    None
}
