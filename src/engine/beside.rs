//! Beside Odoo's screens: what was found of an Odoo's rows, and what probes know that Odoo does not show.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    report::Present,
    state::{LinkState, Snapshot},
};
use crate::{
    check::Check,
    domain::{clock::Timestamp, link::LinkId, reason::Class, reason::Reason},
    source::odoo::{Seen, finding::What},
};

/// A finding, and which link it is about.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Beside<'a> {
    /// None where it is about the whole database.
    pub link: Option<LinkId>,
    pub what: What,
    /// What it rests on.
    pub detail: Option<Cow<'a, str>>,
}

/// What was found, by source; those about a database before those about its rows.
pub fn beside(snapshot: &Snapshot) -> BTreeMap<&Arc<str>, Vec<Beside<'_>>> {
    let mut found = BTreeMap::new();
    for (source, seen) in &snapshot.odoos {
        let by_rows = seen.findings.iter().map(|finding| Beside {
            link: finding.row.map(|row| row.link(source)),
            what: finding.what,
            detail: finding.detail.as_deref().map(Cow::Borrowed),
        });
        let links = seen.rows.keys().filter_map(|id| snapshot.links.get(id));
        let by_probes = links.flat_map(|link| by_probes(snapshot, seen, link));
        let mut all: Vec<_> = by_rows.chain(by_probes).collect();
        all.sort_unstable();
        found.insert(source, all);
    }
    found
}

/// What Odoo's own screens say otherwise of a link.
fn by_probes<'a>(snapshot: &Snapshot, seen: &Seen, link: &LinkState) -> Vec<Beside<'a>> {
    let id = &link.watched.link.id;
    let mut found = Vec::new();
    let mut find = |what, detail: String| {
        found.push(Beside { link: Some(id.clone()), what, detail: Some(detail.into()) });
    };
    if let Some((reason, since)) = failing(link, Check::Token)
        && reason.class() == Class::Relink
    {
        find(What::BadgeMisleads, format!("{reason} since {since}"));
    }
    if let Some((Reason::WrongAccount, since)) = failing(link, Check::Identity) {
        find(What::TokenOfAnotherAccount, format!("since {since}"));
    }
    let Some(fetched) = seen.fetched(id) else { return found };
    let broken = failing(link, Check::Token).or_else(|| failing(link, Check::Imap));
    if let Some((reason, since)) = broken {
        if reason.class() != Class::Network && fetched > since {
            find(What::FetchDateMisleads, format!("{fetched}, but {reason} since {since}"));
        }
        return found;
    }
    let reads = link.checks.get(Check::Imap).and_then(Present::of);
    if let Some(Present::Pass(readings)) = reads
        && let Some(oldest) = readings.oldest_unseen
        && fetched.since(oldest) > LONG_UNSEEN
    {
        let mailbox = snapshot.mailboxes.get(&link.watched.link.mailbox);
        let unseen = mailbox.and_then(|mailbox| mailbox.readings.unseen_messages).unwrap_or(1);
        find(
            What::UnseenMailGrows,
            format!("{unseen} unseen, the oldest of {oldest}; fetched {fetched}"),
        );
    }
    found
}

/// Why a check fails, and since when.
fn failing(link: &LinkState, check: Check) -> Option<(Reason, Timestamp)> {
    let state = link.checks.get(check)?;
    match Present::of(state)? {
        Present::Fail(failure) => Some((failure.reason, state.since?)),
        Present::Pass(_) | Present::Skip(_) => None,
    }
}

/// Odoo fetches what is unseen every five minutes, and marks it. What stays unseen over several fetches is not fetched.
const LONG_UNSEEN: Duration = Duration::from_secs(20 * 60);
