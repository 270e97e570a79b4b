//! Which mailboxes hold the token of one and the same account: "everything sends as the administrator".

use std::collections::{BTreeMap, BTreeSet};

use super::{
    report::Present,
    state::{LinkState, Snapshot},
};
use crate::{
    check::Check,
    domain::{
        identity::{self, Identity},
        link::{Address, LinkId},
    },
};

/// What the last `identity` check was told of a link's account, whether it passed or not.
pub fn identity(state: &LinkState) -> Option<&Identity> {
    let check = state.checks.get(Check::Identity)?;
    match Present::of(check)? {
        Present::Fail(_) | Present::Pass(_) => check.last.as_ref()?.identity.as_deref(),
        Present::Skip(_) => None,
    }
}

/// Links whose token opens the account that another mailbox's token opens too, each with one such mailbox. Where it is the
/// account that the configuration names, that is meant.
pub fn shared(snapshot: &Snapshot) -> BTreeMap<&LinkId, &Address> {
    let mut holders = BTreeMap::<Key, BTreeMap<&LinkId, &Address>>::new();
    for (id, state) in &snapshot.links {
        let Some(identity) = identity(state) else { continue };
        let meant = state.watched.settings.identity.account.as_ref();
        if meant.is_some_and(|meant| {
            identity.address.as_ref().is_some_and(|it| identity::same(it, meant))
        }) {
            continue;
        }
        let address =
            identity.address.as_ref().map(|address| Key::Address(identity::plain(address)));
        let subject = identity.subject.as_deref().map(Key::Subject);
        for key in [address, subject].into_iter().flatten() {
            holders.entry(key).or_default().insert(id, &state.watched.link.mailbox);
        }
    }
    let mut shared = BTreeMap::new();
    for links in holders.into_values() {
        // Two are enough to name: every mailbox differs from one of them.
        let mut named: Vec<&Address> = Vec::with_capacity(2);
        for mailbox in links.values().collect::<BTreeSet<_>>() {
            if named.len() < 2 && !named.iter().any(|known| identity::same(known, mailbox)) {
                named.push(mailbox);
            }
        }
        if let [first, second] = named[..] {
            for (id, mailbox) in links {
                let other = if identity::same(first, mailbox) { second } else { first };
                shared.entry(id).or_insert(other);
            }
        }
    }
    shared
}

/// By what an account is known.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Key<'a> {
    Address((String, &'a str)),
    Subject(&'a str),
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        check,
        domain::{
            clock::Timestamp,
            identity::Likeness,
            link::Direction,
            outcome::{Outcome, Readings, Verdict},
        },
        engine::sample,
    };

    fn holding(id: &str, mailbox: &str, address: Option<&str>, subject: Option<&str>) -> LinkState {
        let mut state = sample::fine(sample::link(id, mailbox, Direction::Both, "odoo"));
        let identity = Identity {
            address: address.map(|address| Address::parse(address).unwrap()),
            subject: subject.map(ToOwned::to_owned),
            account: Likeness::Unknown,
            gmail_api: Ok(()),
        };
        let verdict = Verdict::Pass(Readings::default());
        let outcome = Outcome::without_probe(verdict, Timestamp::from_secs(0));
        let last = Outcome { identity: Some(Arc::new(identity)), ..outcome };
        state.checks.of(Check::Identity).last = Some(Arc::new(last));
        state
    }

    fn shares(links: impl IntoIterator<Item = LinkState>) -> Vec<String> {
        let links = links.into_iter().map(|it| (it.watched.link.id.clone(), Arc::new(it)));
        let snapshot = Snapshot { links: links.collect(), ..Snapshot::default() };
        shared(&snapshot).iter().map(|(id, with)| format!("{id}: {with}")).collect()
    }

    #[test]
    fn mailboxes_that_hold_one_accounts_token_are_named() {
        let admin = Some("admin@example.com");
        let found = shares([
            holding("a", "a@example.com", admin, None),
            holding("b", "b@example.com", admin, None),
            holding("c", "c@example.com", admin, None),
            holding("d", "d@example.com", Some("d@example.com"), Some("42")),
            holding("e", "e@example.com", None, Some("42")),
            holding("f", "f@example.com", Some("f@example.com"), None),
        ]);
        let expected = ["a: b@example.com", "b: a@example.com", "c: a@example.com"];
        assert_eq!(found, [&expected[..], &["d: e@example.com", "e: d@example.com"]].concat());
    }

    #[test]
    fn an_account_that_the_configuration_names_is_meant() {
        let admin = Some("admin@example.com");
        let mut alias = holding("b", "b@example.com", admin, None);
        let mut settings = check::Settings::clone(&alias.watched.settings);
        settings.identity.account = admin.map(|it| Address::parse(it).unwrap());
        alias.watched.settings = Arc::new(settings);
        let others = ["admin@example.com", "c@example.com"].map(|it| holding(it, it, admin, None));
        let found = shares(others.into_iter().chain([alias]));
        let expected = ["admin@example.com: c@example.com", "c@example.com: admin@example.com"];
        assert_eq!(found, expected);
    }

    #[test]
    fn two_links_of_one_mailbox_share_nothing() {
        let found = shares([
            holding("in", "j.ohn@gmail.com", Some("john@gmail.com"), Some("7")),
            holding("out", "john@googlemail.com", Some("john@gmail.com"), Some("7")),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn what_a_skipped_check_knew_says_nothing() {
        use crate::domain::reason::Reason;
        let mut gone = holding("b", "b@example.com", Some("a@example.com"), None);
        gone.checks.of(Check::Identity).skipped = Some(Reason::ClientDeleted);
        let found = shares([holding("a", "a@example.com", Some("a@example.com"), None), gone]);
        assert!(found.is_empty(), "{found:?}");
    }
}
