//! The series of what mailboxes send, and may send.

use std::collections::BTreeMap;

use super::{Family, fill::View};
use crate::{
    check::Check,
    domain::sending::{Limits, Of},
    engine::{mailbox::Sending, report::Present},
};

pub(super) fn messages(view: &View<'_>, family: &mut Family<'_>) {
    each_sum(view, family, Of::Messages);
}

pub(super) fn recipients(view: &View<'_>, family: &mut Family<'_>) {
    each_sum(view, family, Of::Recipients);
}

pub(super) fn external_recipients(view: &View<'_>, family: &mut Family<'_>) {
    each_sum(view, family, Of::ExternalRecipients);
}

pub(super) fn unique_recipients(view: &View<'_>, family: &mut Family<'_>) {
    each_sum(view, family, Of::UniqueRecipients);
}

pub(super) fn unique_external_recipients(view: &View<'_>, family: &mut Family<'_>) {
    each_sum(view, family, Of::UniqueExternalRecipients);
}

pub(super) fn own_messages(view: &View<'_>, family: &mut Family<'_>) {
    for (label, sending) in counted(view) {
        family.push(&[label, WINDOW], sending.own as f64);
    }
}

pub(super) fn expected(view: &View<'_>, family: &mut Family<'_>) {
    for (label, sending) in counted(view) {
        for (of, at) in &sending.meets {
            family.push(&[label, of.name()], at.as_secs_f64());
        }
    }
}

pub(super) fn limit(view: &View<'_>, family: &mut Family<'_>) {
    let mut limits: BTreeMap<&str, Limits> = BTreeMap::new();
    for row in &view.links {
        let watched = &row.state.watched;
        if watched.settings.capacity.timing.enabled {
            limits
                .entry(row.mailbox)
                .or_insert_with(|| watched.settings.capacity.limits(&watched.link));
        }
    }
    for (label, limits) in limits {
        for (of, most) in limits.each() {
            family.push(&[label, of.name()], most as f64);
        }
    }
}

pub(super) fn uncounted(view: &View<'_>, family: &mut Family<'_>) {
    for (label, known) in view.each_known() {
        if let Some(because) = known.sending.as_ref().and_then(|sending| sending.uncounted) {
            family.push(&[label, because.name()], 1.0);
        }
    }
}

pub(super) fn exhausted(view: &View<'_>, family: &mut Family<'_>) {
    for (label, known) in view.each_known() {
        if let Some(said) = known.sending.as_ref().and_then(|sending| sending.exhausted) {
            family.push(&[label, said.reason.name()], 1.0);
        }
    }
}

fn each_sum(view: &View<'_>, family: &mut Family<'_>, of: Of) {
    for (label, sending) in counted(view) {
        if let Some((_, sums)) = &sending.counted {
            family.push(&[label, WINDOW], sums[of] as f64);
        }
    }
}

/// Mailboxes whose count holds: some link's `capacity` check passes.
fn counted<'a>(view: &'a View<'_>) -> impl Iterator<Item = (&'a str, &'a Sending)> {
    let mut passes = BTreeMap::new();
    for row in &view.links {
        let capacity = row.state.checks.get(Check::Capacity).and_then(Present::of);
        if let Some(Present::Pass(_)) = capacity {
            passes.insert(&row.state.watched.link.mailbox, row.mailbox);
        }
    }
    passes.into_iter().filter_map(|(address, label)| {
        Some((label, view.snapshot.mailboxes.get(address)?.sending.as_deref()?))
    })
}

const WINDOW: &str = "24h";
