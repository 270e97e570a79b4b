//! Is it the account that we think? Compares what Google says of the access token with the link.
//!
//! Invariant: it fails by what Google said for certain only. What could not be learnt is a remark.

use chrono_tz::Tz;

use super::{Probe, Timing, keys::keys, token::MAIL_SCOPE};
use crate::{
    domain::{
        identity::{Identity, Likeness, is_personal, same},
        link::{Address, Direction, Link},
        outcome::{Failure, Phase, Readings},
        reason::{Class, Reason},
    },
    wire::{
        dialogue::Dialogue,
        google::{Asking, TokenInformation},
    },
};

pub(super) async fn run(probe: &mut Probe<'_>) -> Result<Readings, Failure> {
    let token = super::token_in_hand(probe)?;
    let (link, dialogue) = (probe.link, &mut *probe.dialogue);
    let redactor = dialogue.redactor.clone();
    let asking = Asking { https: &probe.wire.https, token: &token, redactor };
    let expected = probe.settings.identity.account.as_ref();
    dialogue.identity = None;

    let url = &link.google.tokeninfo_url;
    dialogue.note(&format!("POST {url}"));
    let told = dialogue.phase(Phase::Tokeninfo, asking.token_information(url)).await?;
    let known = |address: Option<Address>, gmail_api| Identity {
        account: likeness(link, expected, address.as_ref()),
        address,
        subject: told.subject.clone(),
        gmail_api,
    };
    dialogue.identity = Some(known(told.address.clone(), Ok(())));
    same_client(link, &told)?;
    mail_scope(&told)?;

    let profile = profile(link, &asking, dialogue).await;
    let identity = match profile {
        Ok(address) => known(Some(address), Ok(())),
        Err(failure) if is_of_the_mailbox(failure.reason) => return Err(failure),
        Err(failure) => known(told.address.clone(), Err(failure)),
    };
    let (account, api_tells) = (identity.account, identity.gmail_api.is_ok());
    let address = identity.address.clone();
    dialogue.identity = Some(identity);
    if let (Likeness::Other, Some(address)) = (account, address) {
        let mailbox = &link.mailbox;
        let words = format!("the token opens the account {address}, not {mailbox}");
        return Err(Failure::own(Reason::WrongAccount, words));
    }
    if api_tells {
        imap_setting(link, &asking, dialogue).await?;
    }
    Ok(Readings::default())
}

fn likeness(link: &Link, expected: Option<&Address>, address: Option<&Address>) -> Likeness {
    match (expected, address) {
        (_, None) => Likeness::Unknown,
        (Some(expected), Some(address)) if same(expected, address) => Likeness::Same,
        (Some(_), Some(_)) => Likeness::Other,
        (None, Some(address)) => Likeness::of(&link.mailbox, address),
    }
}

fn same_client(link: &Link, told: &TokenInformation) -> Result<(), Failure> {
    match &told.client_id {
        Some(id) if *id != link.client.id => {
            let words = format!("the token is of the client {id}, not of {}", link.client.id);
            Err(Failure::own(Reason::ClientMismatch, words))
        }
        _ => Ok(()),
    }
}

fn mail_scope(told: &TokenInformation) -> Result<(), Failure> {
    match &told.scopes {
        Some(scopes) if !scopes.iter().any(|scope| scope == MAIL_SCOPE) => {
            let words = format!("the granted scope is {:?}", scopes.join(" "));
            Err(Failure::own(Reason::ScopeMissing, words))
        }
        _ => Ok(()),
    }
}

async fn profile(
    link: &Link,
    asking: &Asking<'_>,
    dialogue: &mut Dialogue,
) -> Result<Address, Failure> {
    let api = &link.google.gmail_api_url;
    dialogue.note(&format!("GET the profile of {api}"));
    dialogue.phase(Phase::Profile, asking.address(api)).await
}

/// An IMAP that is switched off fails here where it is wanted; whether it can be used at all is what the `imap` check
/// asks. Personal accounts have had no such switch since January 2025, so what is left of it there means nothing.
async fn imap_setting(
    link: &Link,
    asking: &Asking<'_>,
    dialogue: &mut Dialogue,
) -> Result<(), Failure> {
    if link.direction == Direction::Outgoing || is_personal(&link.mailbox) {
        return Ok(());
    }
    let api = &link.google.gmail_api_url;
    dialogue.note(&format!("GET the IMAP settings of {api}"));
    match dialogue.phase(Phase::Settings, asking.imap_setting(api)).await {
        Ok(Some(false)) => {
            let words = "the Gmail API says that IMAP is switched off in the account's settings";
            Err(Failure {
                phase: Some(Phase::Settings),
                ..Failure::own(Reason::ImapDisabledUser, words)
            })
        }
        // What cannot be read is not known.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Whether the Gmail API's refusal says something of the grant or the account. SMTP and IMAP do not need that API, so all
/// else that is wrong with it is no failure of the link.
fn is_of_the_mailbox(reason: Reason) -> bool {
    matches!(reason.class(), Class::Account | Class::Policy | Class::Relink)
}

keys! {
    /// The primary address of the account behind this mailbox, where the mailbox is an alias of it.
    account: Address,
}

impl Config {
    pub(super) fn settle(self, zone: Tz) -> Settings {
        Settings { timing: self.timing(SCHEDULE, zone), account: self.account }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub timing: Timing,
    pub account: Option<Address>,
}

/// Daily; a new or changed link runs all its checks at once.
const SCHEDULE: &str = "30 4 * * *";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::watched;

    #[test]
    fn another_client_and_a_scope_without_mail_fail_and_what_is_not_told_does_not() {
        let link = watched("sales@example.com").link;
        let of = |client_id: &str, scope: &str| TokenInformation {
            client_id: Some(client_id.to_owned()),
            scopes: Some(vec!["openid".to_owned(), scope.to_owned()]),
            ..TokenInformation::default()
        };
        let reason = |told: &TokenInformation| {
            same_client(&link, told).and_then(|()| mail_scope(told)).err().map(|it| it.reason)
        };
        let own = &link.client.id;
        assert_eq!(reason(&of(own, MAIL_SCOPE)), None);
        assert_eq!(reason(&TokenInformation::default()), None);
        assert_eq!(reason(&of("9012-other", MAIL_SCOPE)), Some(Reason::ClientMismatch));
        let narrow = "https://www.googleapis.com/auth/gmail.send";
        assert_eq!(reason(&of(own, narrow)), Some(Reason::ScopeMissing));
    }
}
