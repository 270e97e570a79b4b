//! Whose account a link's token opens, as far as Google tells it, and whether that is the mailbox.

use super::{link::Address, outcome::Failure};

/// What Google told of a token. What it did not tell is absent.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The account's primary address.
    pub address: Option<Address>,
    /// Google's id of the account, told where the consent has `openid` or `email` in it.
    pub subject: Option<String>,
    pub account: Likeness,
    /// Why the Gmail API tells nothing. SMTP and IMAP work without it, so that is no failure of the link.
    pub gmail_api: Result<(), Failure>,
}

impl Identity {
    /// What a person ought to know, though nothing fails by it.
    pub fn remark(&self, mailbox: &Address) -> Option<String> {
        match (&self.address, self.account, &self.gmail_api) {
            (Some(address), Likeness::Alias, _) => Some(format!(
                "The token opens the account {address}. If {mailbox} is no alias of it, link again signed in as {mailbox}; \
                 if it is, name the account as checks.identity.account of this mailbox."
            )),
            (None, _, Err(failure)) => {
                let said = failure.evidence.as_ref().map(|said| format!(" ({said})"));
                let (meaning, next_step) = (failure.reason.meaning(), failure.reason.next_step());
                Some(format!(
                    "Whose account the token opens is not known: {meaning}{} {next_step}",
                    said.unwrap_or_default()
                ))
            }
            _ => None,
        }
    }
}

/// How a mailbox's address stands to that of the account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Likeness {
    /// It may be an alias: Google tells the account's primary address only.
    Alias,
    Other,
    Same,
    /// Google did not tell the account's address.
    Unknown,
}

impl Likeness {
    /// The value of the `account` label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alias => "alias",
            Self::Other => "other",
            Self::Same => "same",
            Self::Unknown => "unknown",
        }
    }

    /// What `account` is to `mailbox`. A difference that nobody can verify is no other account: an organisation's users
    /// have aliases in their own domain, and the same name in its other domains. Personal accounts have none.
    /// https://support.google.com/a/answer/33327 https://support.google.com/a/answer/175747
    pub fn of(mailbox: &Address, account: &Address) -> Self {
        let (ours, theirs) = (plain(mailbox), plain(account));
        let personal = ours.1 == GMAIL || theirs.1 == GMAIL;
        match () {
            () if ours == theirs => Self::Same,
            () if personal => Self::Other,
            () if ours.0 == theirs.0 || ours.1 == theirs.1 => Self::Alias,
            () => Self::Other,
        }
    }
}

/// Whether both name one account for certain.
pub fn same(one: &Address, other: &Address) -> bool {
    plain(one) == plain(other)
}

/// Whether it is the address of a personal account.
pub fn is_personal(address: &Address) -> bool {
    plain(address).1 == GMAIL
}

/// The local part and the domain without what Google ignores: a `+tag`, and in personal accounts dots and the old name of
/// the domain. https://support.google.com/mail/answer/7436150 https://support.google.com/mail/answer/10313
pub fn plain(address: &Address) -> (String, &str) {
    let (local, domain) = address.as_str().rsplit_once('@').unwrap_or((address.as_str(), ""));
    let local = local.split_once('+').map_or(local, |(local, _)| local);
    match domain {
        GMAIL | "googlemail.com" => (local.replace('.', ""), GMAIL),
        _ => (local.to_owned(), domain),
    }
}

const GMAIL: &str = "gmail.com";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;

    fn address(address: &str) -> Address {
        Address::parse(address).unwrap()
    }

    #[test]
    fn spellings_of_one_account_are_told_from_aliases_and_from_other_accounts() {
        let cases = [
            ("sales@example.com", "Sales@Example.com", Likeness::Same),
            ("sales+odoo@example.com", "sales@example.com", Likeness::Same),
            ("j.o.hn@gmail.com", "john@gmail.com", Likeness::Same),
            ("john@googlemail.com", "J.ohn+shop@gmail.com", Likeness::Same),
            ("jo.hn@example.com", "john@example.com", Likeness::Alias),
            ("sales@example.com", "admin@example.com", Likeness::Alias),
            ("sales@example.com", "sales@example.org", Likeness::Alias),
            ("sales@example.com", "bob@agency.example", Likeness::Other),
            ("sales@gmail.com", "admin@gmail.com", Likeness::Other),
            ("sales@example.com", "sales@gmail.com", Likeness::Other),
            ("sales@gmail.com", "sales@example.com", Likeness::Other),
        ];
        for (mailbox, account, likeness) in cases {
            let (mailbox, account) = (address(mailbox), address(account));
            assert_eq!(Likeness::of(&mailbox, &account), likeness, "{mailbox} {account}");
            assert_eq!(same(&mailbox, &account), likeness == Likeness::Same);
        }
    }

    #[test]
    fn what_nobody_can_verify_is_remarked_and_what_is_certain_is_not() {
        let sales = address("sales@example.com");
        let off = || Err(Failure::own(Reason::GmailApiOff, "project 1234"));
        let identity = |address: Option<Address>, account, gmail_api| Identity {
            address,
            subject: None,
            account,
            gmail_api,
        };
        let admin = identity(Some(address("admin@example.com")), Likeness::Alias, Ok(()));
        assert!(admin.remark(&sales).unwrap().contains("admin@example.com"));
        let unknown = identity(None, Likeness::Unknown, off());
        assert!(unknown.remark(&sales).unwrap().contains("project 1234"));
        assert_eq!(identity(Some(sales.clone()), Likeness::Same, off()).remark(&sales), None);
    }
}
