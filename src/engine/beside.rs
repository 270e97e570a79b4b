//! Beside Odoo's screens: what was found of an Odoo's rows, and what probes know that Odoo does not show.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    report::Present,
    state::{LinkState, Snapshot},
};
use crate::{
    check::Check,
    domain::{clock::Timestamp, link::LinkId, reason::Class, reason::Reason},
    source::odoo::finding::What,
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
        let fetches = seen.fetches();
        let links = seen.rows.iter().filter_map(|(id, row)| Some((snapshot.links.get(id)?, row)));
        let by_probes = links.flat_map(|(link, row)| by_probes(link, fetches.get(row).copied()));
        let mut all: Vec<_> = by_rows.chain(by_probes).collect();
        all.sort_unstable();
        found.insert(source, all);
    }
    found
}

/// What Odoo's own screens say otherwise of a link, whose server it says it has fetched from.
fn by_probes<'a>(link: &LinkState, fetched: Option<Timestamp>) -> Vec<Beside<'a>> {
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
    let Some(fetched) = fetched else { return found };
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
        let unseen = readings.unseen_messages.unwrap_or(1);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            link::Direction,
            outcome::{Failure, Outcome, Readings, Verdict},
        },
        engine::{
            sample::{self, NOW},
            state::CheckState,
        },
        source::odoo::database::Row,
    };

    const HOUR: Duration = Duration::from_secs(3600);

    /// What is found of the row, besides what its own fields say, when its checks are as given.
    fn found(row: Row, checks: &[(Check, Verdict)], fetched: Timestamp) -> Vec<&'static str> {
        let direction = match row {
            Row::Incoming(_) => Direction::Incoming,
            Row::Outgoing(_) => Direction::Outgoing,
        };
        let id = row.link("erp");
        let watched = sample::link(id.as_str(), "info@example.org", direction, "odoo/erp");
        let mut link = sample::fine(watched);
        for (check, verdict) in checks {
            let outcome = Outcome::without_probe(verdict.clone(), NOW);
            *link.checks.of(*check) = CheckState {
                last: Some(Arc::new(outcome)),
                since: Some(NOW - HOUR),
                ..CheckState::default()
            };
        }
        let mut seen = sample::odoo::erp();
        let mut database = seen.database.take().map(Arc::unwrap_or_clone).unwrap();
        database.incoming[0].fetched = Some(fetched);
        seen.database = Some(Arc::new(database));
        let snapshot = Snapshot {
            links: [(id.clone(), Arc::new(link))].into(),
            odoos: [("erp".into(), Arc::new(seen))].into(),
            ..Snapshot::default()
        };
        let found = beside(&snapshot).into_values().flatten();
        found.filter(|beside| beside.link.as_ref() == Some(&id)).map(|it| it.what.name()).collect()
    }

    #[test]
    fn what_odoo_shows_is_held_against_what_probes_know() {
        let (out, into) = (Row::Outgoing(3), Row::Incoming(7));
        let fails = |reason| Verdict::Fail(Failure::new(reason));
        let dead = || (Check::Token, fails(Reason::GrantRevokedOrExpired));
        let later = NOW - Duration::from_secs(60);
        let sooner = NOW - HOUR - HOUR;
        let unread = |since: Duration| {
            let oldest_unseen = Some(later - since);
            let readings = Readings { oldest_unseen, ..Readings::default() };
            (Check::Imap, Verdict::Pass(readings))
        };
        type Case = (Row, Vec<(Check, Verdict)>, Timestamp, &'static [&'static str]);
        let cases: [Case; 10] = [
            (out, vec![], later, &[]),
            (out, vec![dead()], later, &["badge_misleads"]),
            (out, vec![(Check::Token, fails(Reason::Timeout))], later, &[]),
            (
                out,
                vec![(Check::Identity, fails(Reason::WrongAccount))],
                later,
                &["token_of_another_account"],
            ),
            (into, vec![dead()], later, &["badge_misleads", "fetch_date_misleads"]),
            (into, vec![dead()], sooner, &["badge_misleads"]),
            (
                into,
                vec![(Check::Imap, fails(Reason::ImapDisabledDomain))],
                later,
                &["fetch_date_misleads"],
            ),
            // Whether Odoo's own host reaches Google is another matter.
            (into, vec![(Check::Imap, fails(Reason::Unreachable))], later, &[]),
            (into, vec![unread(HOUR)], later, &["unseen_mail_grows"]),
            (into, vec![unread(Duration::from_secs(600))], later, &[]),
        ];
        for (number, (row, checks, fetched, expected)) in cases.into_iter().enumerate() {
            assert_eq!(found(row, &checks, fetched), expected, "case {number}");
        }
    }

    #[test]
    fn an_odoos_own_findings_come_with_the_links_that_they_are_about() {
        let snapshot = sample::snapshot();
        let told = beside(&snapshot).into_values().flatten().map(|beside| {
            let link = beside.link.map(|link| link.to_string()).unwrap_or_default();
            format!("{link} {}", beside.what)
        });
        let told: Vec<_> = told.collect();
        assert!(told.contains(&" base_url_not_frozen".to_owned()), "{told:?}");
        assert!(told.contains(&"odoo/erp/outgoing/4 never_linked".to_owned()), "{told:?}");
    }
}
