//! What Google lets an account send in a day, by its kind.

use serde::Deserialize;

use super::Of;
use crate::domain::link::{Account, Address};

/// What may be sent within a day; what is not known to be limited is absent.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub messages: Option<u64>,
    pub recipients: Option<u64>,
    pub external_recipients: Option<u64>,
    pub unique_recipients: Option<u64>,
    pub unique_external_recipients: Option<u64>,
}

impl Limits {
    /// Those that Google documents for this kind of account. Where nobody said which kind it is, an address of Gmail's own
    /// domains is a personal one, and any other a Workspace's that is paid for: Google hosts mail of other domains for nobody
    /// else. Who is still on trial says so, or is shown limits that are too high.
    pub fn of(account: Account, mailbox: &Address) -> Self {
        match account {
            Account::Personal => PERSONAL,
            Account::Unknown if is_of_gmail(mailbox) => PERSONAL,
            Account::Unknown | Account::Workspace => WORKSPACE,
            Account::WorkspaceTrial => WORKSPACE_TRIAL,
        }
    }

    /// These where they say something, else `base`.
    pub fn over(&self, base: &Self) -> Self {
        Self {
            messages: self.messages.or(base.messages),
            recipients: self.recipients.or(base.recipients),
            external_recipients: self.external_recipients.or(base.external_recipients),
            unique_recipients: self.unique_recipients.or(base.unique_recipients),
            unique_external_recipients: self
                .unique_external_recipients
                .or(base.unique_external_recipients),
        }
    }

    pub fn get(&self, of: Of) -> Option<u64> {
        match of {
            Of::Messages => self.messages,
            Of::Recipients => self.recipients,
            Of::ExternalRecipients => self.external_recipients,
            Of::UniqueRecipients => self.unique_recipients,
            Of::UniqueExternalRecipients => self.unique_external_recipients,
        }
    }

    /// Each that is known.
    pub fn each(&self) -> impl Iterator<Item = (Of, u64)> + '_ {
        Of::ALL.into_iter().filter_map(|of| Some((of, self.get(of)?)))
    }
}

/// Both domains are Gmail's own, and reach the same mailbox.
fn is_of_gmail(mailbox: &Address) -> bool {
    let domain = mailbox.as_str().rsplit('@').next();
    matches!(domain, Some("gmail.com" | "googlemail.com"))
}

/// https://support.google.com/a/answer/166852: "Messages per day", "Total recipients per day", "External recipients per
/// day", and "Unique recipients per day", of which so many external.
const WORKSPACE: Limits = Limits {
    messages: Some(2_000),
    recipients: Some(10_000),
    external_recipients: Some(3_000),
    unique_recipients: Some(3_000),
    unique_external_recipients: Some(2_000),
};

/// The same page: it names the two that are lower for a trial, within the table that holds for every account.
const WORKSPACE_TRIAL: Limits =
    Limits { messages: Some(500), unique_external_recipients: Some(500), ..WORKSPACE };

/// https://support.google.com/mail/answer/22839, by what others say of it: Google publishes no table for these accounts.
const PERSONAL: Limits = Limits {
    messages: Some(500),
    recipients: Some(500),
    external_recipients: None,
    unique_recipients: None,
    unique_external_recipients: None,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn known(account: Account, mailbox: &str) -> Vec<(&'static str, u64)> {
        let limits = Limits::of(account, &Address::parse(mailbox).unwrap());
        limits.each().map(|(of, limit)| (of.name(), limit)).collect()
    }

    #[test]
    fn each_kind_of_account_has_the_limits_that_google_documents() {
        let workspace = [
            ("messages", 2_000),
            ("recipients", 10_000),
            ("external_recipients", 3_000),
            ("unique_recipients", 3_000),
            ("unique_external_recipients", 2_000),
        ];
        assert_eq!(known(Account::Workspace, "sales@example.com"), workspace);
        let trial = [
            ("messages", 500),
            ("recipients", 10_000),
            ("external_recipients", 3_000),
            ("unique_recipients", 3_000),
            ("unique_external_recipients", 500),
        ];
        assert_eq!(known(Account::WorkspaceTrial, "sales@example.com"), trial);
        let personal = [("messages", 500), ("recipients", 500)];
        assert_eq!(known(Account::Personal, "someone@gmail.com"), personal);
    }

    #[test]
    fn an_account_of_unknown_kind_is_told_by_its_domain() {
        let cases = [
            ("someone@gmail.com", PERSONAL),
            ("Someone@GoogleMail.com", PERSONAL),
            ("sales@example.com", WORKSPACE),
            ("gmail.com@example.com", WORKSPACE),
            ("someone@mail.gmail.com", WORKSPACE),
            ("someone@notgmail.com", WORKSPACE),
        ];
        for (mailbox, expected) in cases {
            let mailbox = Address::parse(mailbox).unwrap();
            assert_eq!(Limits::of(Account::Unknown, &mailbox), expected, "{mailbox}");
        }
        let at_gmail = Address::parse("someone@gmail.com").unwrap();
        assert_eq!(Limits::of(Account::Workspace, &at_gmail), WORKSPACE);
    }

    #[test]
    fn what_was_set_wins_and_the_rest_stays() {
        let set = Limits { messages: Some(100), unique_recipients: Some(7), ..Limits::default() };
        let limits = set.over(&PERSONAL);
        let each: Vec<_> = limits.each().collect();
        let expected = [(Of::Messages, 100), (Of::Recipients, 500), (Of::UniqueRecipients, 7)];
        assert_eq!(each, expected);
        assert_eq!(Limits::default().over(&WORKSPACE), WORKSPACE);
        assert_eq!(WORKSPACE_TRIAL.over(&WORKSPACE), WORKSPACE_TRIAL);
    }
}
