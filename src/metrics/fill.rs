//! How every metric of the catalogue gets its series. What is not known gets none.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use url::Url;

use super::{Family, Labels, Standing, Tally};
use crate::{
    check::Check,
    domain::{
        clock::Timestamp,
        life::End,
        link::LinkId,
        outcome::{Notice, Outcome, Readings},
        reason::Reason,
    },
    engine::{
        clients,
        course::To,
        hoard::hoards,
        mailbox::MailboxState,
        report::{Present, up},
        shared::{identity, shared},
        state::{CheckState, LinkState, Snapshot},
    },
};

/// The state, with every link's labels at hand.
pub(super) struct View<'a> {
    pub(super) snapshot: &'a Snapshot,
    labels: &'a Labels,
    /// Where people find the exporter's pages.
    base: Option<&'a Url>,
    pub(super) links: Vec<Row<'a>>,
    mailboxes: Vec<Mailbox<'a>>,
}

pub(super) struct Row<'a> {
    pub(super) id: &'a LinkId,
    pub(super) mailbox: &'a str,
    pub(super) state: &'a LinkState,
}

/// A mailbox that some link reads.
struct Mailbox<'a> {
    label: &'a str,
    /// Absent while no link's `imap` check passes: what was read before may no longer hold.
    readings: Option<&'a Readings>,
}

impl<'a> View<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, labels: &'a Labels, base: Option<&'a Url>) -> Self {
        let links = snapshot.links.iter().map(|(id, state)| Row {
            id,
            mailbox: labels.of_mailbox(&state.watched.link.mailbox),
            state,
        });
        let links: Vec<_> = links.collect();
        let mut read = BTreeMap::new();
        for row in &links {
            if let Some(imap) = row.state.checks.get(Check::Imap) {
                let address = &row.state.watched.link.mailbox;
                let (_, passes) = read.entry(address).or_insert((row.mailbox, false));
                *passes |= matches!(Present::of(imap), Some(Present::Pass(_)));
            }
        }
        let mailboxes = read.into_iter().map(|(address, (label, passes))| {
            let known = snapshot.mailboxes.get(address);
            Mailbox { label, readings: known.filter(|_| passes).map(|known| &known.readings) }
        });
        Self { snapshot, labels, base, mailboxes: mailboxes.collect(), links }
    }

    /// One series a check of a link, where `value` knows it.
    fn each_check(&self, family: &mut Family<'_>, value: impl Fn(&CheckState) -> Option<f64>) {
        for row in &self.links {
            for (check, state) in row.state.checks.iter() {
                if let Some(value) = value(state) {
                    family.push(&[row.id.as_str(), row.mailbox, check.name()], value);
                }
            }
        }
    }

    /// Every mailbox of which something is known, with its label.
    pub(super) fn each_known(&self) -> impl Iterator<Item = (&str, &MailboxState)> {
        let known = self.snapshot.mailboxes.iter();
        known.map(|(address, known)| (self.labels.of_mailbox(address), &**known))
    }

    /// One series a mailbox, where `value` knows it.
    fn each_mailbox(&self, family: &mut Family<'_>, value: impl Fn(&Readings) -> Option<f64>) {
        for mailbox in &self.mailboxes {
            if let Some(value) = mailbox.readings.and_then(&value) {
                family.push(&[mailbox.label], value);
            }
        }
    }
}

pub(super) fn link_info(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        let link = &row.state.watched.link;
        let (direction, account) = (link.direction.name(), link.account.name());
        let labels =
            [row.id.as_str(), row.mailbox, &link.source, direction, &link.client.name, account];
        family.push(&labels, 1.0);
    }
}

pub(super) fn link_up(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        if let Some(up) = up(row.state) {
            family.push(&[row.id.as_str(), row.mailbox], f64::from(up));
        }
    }
}

pub(super) fn failing(view: &View<'_>, family: &mut Family<'_>) {
    each_failing(view, family, |_| Some(1.0));
}

pub(super) fn failing_runs(view: &View<'_>, family: &mut Family<'_>) {
    each_failing(view, family, |state| Some(state.failing.into()));
}

pub(super) fn failing_since(view: &View<'_>, family: &mut Family<'_>) {
    each_failing(view, family, |state| state.since.map(Timestamp::as_secs_f64));
}

/// One series a check that fails, where `value` knows it.
fn each_failing(
    view: &View<'_>,
    family: &mut Family<'_>,
    value: impl Fn(&CheckState) -> Option<f64>,
) {
    for row in &view.links {
        for (check, state) in row.state.checks.iter() {
            if let Some(Present::Fail(failure)) = Present::of(state)
                && let Some(value) = value(state)
            {
                let (reason, class) = (failure.reason.name(), failure.reason.class().name());
                let labels = [row.id.as_str(), row.mailbox, check.name(), reason, class];
                family.push(&labels, value);
            }
        }
    }
}

pub(super) fn reason_info(_: &View<'_>, family: &mut Family<'_>) {
    for reason in Reason::ALL {
        let class = reason.class();
        let texts = [reason.meaning(), reason.next_step()];
        family.push(&[reason.name(), class.name(), class.who(), texts[0], texts[1]], 1.0);
    }
}

pub(super) fn link_page(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        let page = view.base.map(|base| row.id.page(base)).map_or_else(String::new, String::from);
        let form = view.snapshot.form(&row.state.watched.link);
        let form = form.map_or_else(String::new, String::from);
        if !(page.is_empty() && form.is_empty()) {
            family.push(&[row.id.as_str(), row.mailbox, &page, &form], 1.0);
        }
    }
}

pub(super) fn client_failing(view: &View<'_>, family: &mut Family<'_>) {
    for (client, reason) in clients::failing(view.snapshot) {
        family.push(&[client, reason.name()], 1.0);
    }
}

pub(super) fn check_success(view: &View<'_>, family: &mut Family<'_>) {
    view.each_check(family, |state| match Present::of(state)? {
        Present::Fail(_) => Some(0.0),
        Present::Pass(_) => Some(1.0),
        Present::Skip(_) => None,
    });
}

pub(super) fn last_run(view: &View<'_>, family: &mut Family<'_>) {
    view.each_check(family, |state| Some(state.last.as_ref()?.at.as_secs_f64()));
}

pub(super) fn last_success(view: &View<'_>, family: &mut Family<'_>) {
    view.each_check(family, |state| state.last_success.map(Timestamp::as_secs_f64));
}

pub(super) fn next_run(view: &View<'_>, family: &mut Family<'_>) {
    view.each_check(family, |state| state.next_run.map(Timestamp::as_secs_f64));
}

pub(super) fn check_duration(view: &View<'_>, family: &mut Family<'_>) {
    view.each_check(family, |state| Some(state.last.as_ref()?.took.as_secs_f64()));
}

pub(super) fn checks(view: &View<'_>, family: &mut Family<'_>) {
    view.each_check(family, |state| Some(state.runs as f64));
}

pub(super) fn check_failures(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        for (check, state) in row.state.checks.iter() {
            for (reason, count) in &state.failures {
                let labels = [row.id.as_str(), row.mailbox, check.name(), reason.name()];
                family.push(&labels, *count as f64);
            }
        }
    }
}

pub(super) fn link_transitions(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        // All from the start, so that increase() sees the first of each.
        for to in To::ALL {
            let count = row.state.course.counts.get(&to).copied().unwrap_or(0);
            family.push(&[row.id.as_str(), row.mailbox, to.name()], count as f64);
        }
    }
}

pub(super) fn phases(view: &View<'_>, family: &mut Family<'_>) {
    for ((check, phase), buckets) in &view.snapshot.phases {
        family.push_buckets(&[check.name(), phase.name()], buckets);
    }
}

pub(super) fn access_token_expiry(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        let token = row.state.checks.get(Check::Token).and_then(Present::of);
        if let Some(Present::Pass(Readings { access_token_expires: Some(expires), .. })) = token {
            family.push(&[row.id.as_str(), row.mailbox], expires.as_secs_f64());
        }
    }
}

pub(super) fn identity_info(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        if let Some(identity) = identity(row.state) {
            let api = identity.gmail_api.as_ref().err().map_or("ok", |error| error.reason.name());
            family.push(&[row.id.as_str(), row.mailbox, identity.account.name(), api], 1.0);
        }
    }
}

pub(super) fn refresh_token_first_seen(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        if let Some(token) = row.state.tokens.present() {
            family.push(&[row.id.as_str(), row.mailbox], token.first_seen.as_secs_f64());
        }
    }
}

pub(super) fn shared_account(view: &View<'_>, family: &mut Family<'_>) {
    let shared = shared(view.snapshot);
    for row in &view.links {
        if let Some(with) = shared.get(row.id) {
            family.push(&[row.id.as_str(), row.mailbox, view.labels.of_mailbox(with)], 1.0);
        }
    }
}

pub(super) fn refresh_tokens(view: &View<'_>, family: &mut Family<'_>) {
    for ((mailbox, client), alive) in hoards(view.snapshot) {
        family.push(&[view.labels.of_mailbox(mailbox), client], alive as f64);
    }
}

pub(super) fn refresh_token_expiry(view: &View<'_>, family: &mut Family<'_>) {
    each_end(view, family, |end| end.at.as_secs_f64());
}

pub(super) fn refresh_token_lifetime(view: &View<'_>, family: &mut Family<'_>) {
    each_end(view, family, |end| end.lifetime.as_secs_f64());
}

fn each_end(view: &View<'_>, family: &mut Family<'_>, value: impl Fn(&End) -> f64) {
    for row in &view.links {
        for end in row.state.ends() {
            family.push(&[row.id.as_str(), row.mailbox, end.basis.name()], value(&end));
        }
    }
}

pub(super) fn unseen_messages(view: &View<'_>, family: &mut Family<'_>) {
    view.each_mailbox(family, |readings| readings.unseen_messages.map(|count| count as f64));
}

pub(super) fn oldest_unseen(view: &View<'_>, family: &mut Family<'_>) {
    view.each_mailbox(family, |readings| readings.oldest_unseen.map(Timestamp::as_secs_f64));
}

pub(super) fn storage_used(view: &View<'_>, family: &mut Family<'_>) {
    view.each_mailbox(family, |readings| readings.storage.map(|storage| storage.used as f64));
}

pub(super) fn storage_limit(view: &View<'_>, family: &mut Family<'_>) {
    view.each_mailbox(family, |readings| readings.storage.map(|storage| storage.limit as f64));
}

pub(super) fn notices(view: &View<'_>, family: &mut Family<'_>) {
    let read: BTreeSet<_> = view.mailboxes.iter().map(|mailbox| mailbox.label).collect();
    for (label, known) in view.each_known() {
        if read.contains(label) || !known.notices.is_empty() {
            for notice in Notice::ALL {
                let times = known.notices.get(&notice).map_or(0, |noticed| noticed.times);
                family.push(&[label, notice.name()], times as f64);
            }
        }
    }
}

pub(super) fn certificate_expiry(view: &View<'_>, family: &mut Family<'_>) {
    for (endpoint, expires) in &view.snapshot.certificates {
        family.push(&[endpoint], expires.as_secs_f64());
    }
}

pub(super) fn source_up(view: &View<'_>, family: &mut Family<'_>) {
    for (source, read) in &view.snapshot.sources {
        family.push(&[source], f64::from(read.is_ok()));
    }
}

pub(super) fn storage_up(view: &View<'_>, family: &mut Family<'_>) {
    if let Some(up) = view.snapshot.vitals.storage_up {
        family.push(&[], f64::from(up));
    }
}

pub(super) fn links(view: &View<'_>, family: &mut Family<'_>) {
    family.push(&[], view.links.len() as f64);
}

pub(super) fn schedule_lag(view: &View<'_>, family: &mut Family<'_>) {
    family.push(&[], view.snapshot.vitals.schedule_lag.as_secs_f64());
}

pub(super) fn runs_dropped(view: &View<'_>, family: &mut Family<'_>) {
    family.push(&[], view.snapshot.vitals.runs_dropped as f64);
}

pub(super) fn probes_in_flight(view: &View<'_>, family: &mut Family<'_>) {
    family.push(&[], view.snapshot.vitals.probes_in_flight as f64);
}

pub(super) fn panics(view: &View<'_>, family: &mut Family<'_>) {
    family.push(&[], view.snapshot.vitals.panics as f64);
}

pub(super) fn build_info(standing: &Standing, family: &mut Family<'_>) {
    let build = standing.build;
    family.push(&[build.version, build.revision, build.rust], 1.0);
}

pub(super) fn reload_successful(standing: &Standing, family: &mut Family<'_>) {
    family.push(&[], f64::from(standing.reload_successful));
}

pub(super) fn reload_success(standing: &Standing, family: &mut Family<'_>) {
    if let Some(at) = standing.reload_success {
        family.push(&[], at.as_secs_f64());
    }
}

pub(super) fn notifications(standing: &Standing, family: &mut Family<'_>) {
    each_channel(standing, family, Tally::sent);
}

pub(super) fn notifications_failed(standing: &Standing, family: &mut Family<'_>) {
    each_channel(standing, family, Tally::failed);
}

pub(super) fn notifications_dropped(standing: &Standing, family: &mut Family<'_>) {
    each_channel(standing, family, Tally::dropped);
}

fn each_channel(standing: &Standing, family: &mut Family<'_>, count: fn(&Tally) -> u64) {
    for (by, tally) in standing.deliveries.channels() {
        family.push(&[by], count(tally) as f64);
    }
}

/// What a probe on demand found.
#[derive(Debug)]
pub struct Probed {
    /// None where the scrape's time was over before the probe was.
    pub outcomes: Option<Vec<(Check, Arc<Outcome>)>>,
    pub took: Duration,
}

impl Probed {
    fn presents(&self) -> impl Iterator<Item = (Check, Present<'_>)> {
        let outcomes = self.outcomes.as_deref().unwrap_or_default().iter();
        outcomes.map(|(check, outcome)| (*check, Present::in_outcome(outcome)))
    }
}

pub(super) fn probe_success(probed: &Probed, family: &mut Family<'_>) {
    let passes = |(_, present)| matches!(present, Present::Pass(_));
    let passed = probed.presents().next().is_some() && probed.presents().all(passes);
    family.push(&[], f64::from(passed));
}

pub(super) fn probe_duration(probed: &Probed, family: &mut Family<'_>) {
    family.push(&[], probed.took.as_secs_f64());
}

pub(super) fn probe_check_success(probed: &Probed, family: &mut Family<'_>) {
    for (check, present) in probed.presents() {
        match present {
            Present::Fail(_) => family.push(&[check.name()], 0.0),
            Present::Pass(_) => family.push(&[check.name()], 1.0),
            Present::Skip(_) => {}
        }
    }
}

pub(super) fn probe_phases(probed: &Probed, family: &mut Family<'_>) {
    for (check, outcome) in probed.outcomes.as_deref().unwrap_or_default() {
        // A probe that tried again has a phase twice; a page may have each series once.
        let mut phases = BTreeMap::<_, Duration>::new();
        for (phase, took) in &outcome.phases {
            *phases.entry(*phase).or_default() += *took;
        }
        for (phase, took) in phases {
            family.push(&[check.name(), phase.name()], took.as_secs_f64());
        }
    }
}

pub(super) fn probe_failing(probed: &Probed, family: &mut Family<'_>) {
    for (check, present) in probed.presents() {
        if let Present::Fail(failure) = present {
            let (reason, class) = (failure.reason.name(), failure.reason.class().name());
            family.push(&[check.name(), reason, class], 1.0);
        }
    }
}
