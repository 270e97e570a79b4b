//! How many refresh tokens of one account and client are alive: at 100, Google drops the oldest without a word.
//!
//! https://developers.google.com/identity/protocols/oauth2#expiration

use std::collections::{BTreeMap, BTreeSet};

use super::state::Snapshot;
use crate::domain::{fingerprint::Fingerprint, link::Address};

/// Google's limit for one account and client.
pub const LIMIT: usize = 100;

/// More than these, and the next few consents may end a link that works.
pub const MANY: usize = 90;

/// The refresh tokens that were seen and are not known to be dead, by account and client. Tokens that nobody showed to
/// the exporter count for Google, but not here.
pub fn hoards(snapshot: &Snapshot) -> BTreeMap<(&Address, &str), usize> {
    let mut seen = BTreeMap::<(&Address, &str), BTreeSet<Fingerprint>>::new();
    for state in snapshot.links.values() {
        let link = &state.watched.link;
        let tokens = seen.entry((&link.mailbox, &*link.client.name)).or_default();
        tokens.extend(state.tokens.alive());
    }
    seen.into_iter()
        .map(|(holder, tokens)| (holder, tokens.len()))
        .filter(|(_, alive)| *alive > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        domain::{fingerprint::Key, life::Tokens, link::Direction},
        engine::sample,
    };

    #[test]
    fn tokens_of_one_account_and_client_are_counted_once_over_its_links() {
        let holding = |id: &str, mailbox: &str, client: &str, tokens: &[&str]| {
            let mut known = Tokens::default();
            for token in tokens {
                known.see(Some(Key::new([7; 32]).fingerprint([*token])), sample::NOW);
            }
            let mut state = sample::fine(sample::link(id, mailbox, Direction::Both, client));
            state.tokens = known;
            (state.watched.link.id.clone(), Arc::new(state))
        };
        let links = [
            holding("in", "a@example.com", "odoo", &["one", "two"]),
            holding("out", "a@example.com", "odoo", &["two", "three"]),
            holding("shop", "a@example.com", "shop", &["four"]),
            holding("b", "b@example.com", "odoo", &["five"]),
            holding("c", "c@example.com", "odoo", &[]),
        ];
        let snapshot = Snapshot { links: links.into(), ..Snapshot::default() };
        let counted: Vec<_> = hoards(&snapshot)
            .into_iter()
            .map(|((mailbox, client), alive)| format!("{mailbox} {client} {alive}"))
            .collect();
        assert_eq!(
            counted,
            ["a@example.com odoo 3", "a@example.com shop 1", "b@example.com odoo 1"]
        );
    }
}
