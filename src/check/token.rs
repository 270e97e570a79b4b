//! Does Google still honour the grant? Really asks for a token, since that is the test.

use chrono_tz::Tz;

use super::{Probe, Timing, keys::keys};
use crate::{
    domain::{
        link::Grant,
        outcome::{Failure, Phase, Readings},
        reason::Reason,
    },
    wire::oauth,
};

pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    let link = probe.link;
    // What was in hand says nothing any more.
    *probe.token = None;
    let redactor = probe.dialogue.redactor.clone();
    let now = probe.wire.clock.now();
    let url = &link.google.token_url;
    let https = &probe.wire.https;
    let granted = match &link.grant {
        Grant::RefreshToken(token) => {
            probe.dialogue.note(&format!("POST {url} grant_type=refresh_token"));
            let asked = oauth::refresh(https, url, &link.client, token, &redactor, now);
            probe.dialogue.phase(Phase::Refresh, asked).await?
        }
        Grant::ServiceAccount(account) => {
            let who = account.email();
            probe.dialogue.note(&format!("POST {url} grant_type={} iss={who}", oauth::JWT_BEARER));
            let assertion = account.assertion(&link.mailbox, MAIL_SCOPE, url.as_str(), now);
            let asked = oauth::assert(https, url, &assertion, &redactor, now);
            probe.dialogue.phase(Phase::Refresh, asked).await?
        }
        Grant::Unreadable(why) => return Err(Failure::own(Reason::SecretUnreadable, why)),
    };
    if let Some(scopes) = &granted.scopes
        && !scopes.iter().any(|scope| scope == MAIL_SCOPE)
    {
        let words = format!("the granted scope is {:?}", scopes.join(" "));
        return Err(Failure::own(Reason::ScopeMissing, words));
    }
    let readings = Readings {
        access_token_expires: granted.token.expires,
        refresh_token_expires: granted.refresh_token_expires,
        ..Readings::default()
    };
    probe.dialogue.redactor.hide(&granted.token.secret);
    *probe.token = Some(granted.token);
    Ok(readings)
}

/// The only scope with which Gmail lets anybody use SMTP and IMAP.
/// https://developers.google.com/workspace/gmail/imap/xoauth2-protocol
pub(crate) const MAIL_SCOPE: &str = "https://mail.google.com/";

keys! {}

impl Config {
    pub(super) fn settle(self, zone: Tz) -> Timing {
        self.timing(SCHEDULE, zone)
    }
}

const SCHEDULE: &str = "*/15 * * * *";
