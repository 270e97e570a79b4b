//! The series of Odoos.

use super::{Family, fill::View};
use crate::{engine::beside::beside, source::odoo::database::Cause};

pub(super) fn up(view: &View<'_>, family: &mut Family<'_>) {
    for (source, seen) in &view.snapshot.odoos {
        if let Some(up) = &seen.up {
            family.push(&[source], f64::from(up.is_ok()));
        }
    }
}

pub(super) fn info(view: &View<'_>, family: &mut Family<'_>) {
    for (source, seen) in &view.snapshot.odoos {
        if let Some(database) = &seen.database {
            family.push(&[source, &database.series.to_string(), &database.version], 1.0);
        }
    }
}

pub(super) fn finding(view: &View<'_>, family: &mut Family<'_>) {
    for (source, found) in beside(view.snapshot) {
        for beside in found {
            let link = beside.link.as_ref().map_or("", |link| link.as_str());
            family.push(&[source, link, beside.what.name()], 1.0);
        }
    }
}

pub(super) fn queue_messages(view: &View<'_>, family: &mut Family<'_>) {
    for (source, seen) in &view.snapshot.odoos {
        let Some(queue) = &seen.queue else { continue };
        for ((state, failure_type), messages) in &queue.messages {
            family.push(&[source, state, failure_type], *messages as f64);
        }
    }
}

pub(super) fn queue_oldest(view: &View<'_>, family: &mut Family<'_>) {
    for (source, seen) in &view.snapshot.odoos {
        let Some(queue) = &seen.queue else { continue };
        for (state, oldest) in &queue.oldest {
            family.push(&[source, state], oldest.as_secs_f64());
        }
    }
}

pub(super) fn failed_messages(view: &View<'_>, family: &mut Family<'_>) {
    for (source, seen) in &view.snapshot.odoos {
        let Some(queue) = &seen.queue else { continue };
        for cause in Cause::ALL {
            let failed = queue.failed.get(&cause).copied().unwrap_or_default();
            family.push(&[source, cause.name(), WINDOW], failed as f64);
        }
    }
}

pub(super) fn sent_messages(view: &View<'_>, family: &mut Family<'_>) {
    for (source, seen) in &view.snapshot.odoos {
        if let Some(sent) = seen.queue.as_ref().and_then(|queue| queue.sent_at_least) {
            family.push(&[source, WINDOW], sent as f64);
        }
    }
}

/// Over which both are counted.
const WINDOW: &str = "24h";
