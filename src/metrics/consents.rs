//! The series of consent pages: whether a person could link again.

use super::{Family, fill::View};
use crate::check::consent::Verdict;

pub(super) fn success(view: &View<'_>, family: &mut Family<'_>) {
    for (client, known) in &view.snapshot.consents {
        for (uri, verdict) in known.verdicts() {
            let value = match verdict {
                Verdict::Accepted => 1.0,
                Verdict::Refused(..) => 0.0,
                Verdict::Unknown(_) => continue,
            };
            family.push(&[client, &uri.shown()], value);
        }
    }
}

pub(super) fn failing(view: &View<'_>, family: &mut Family<'_>) {
    for (client, known) in &view.snapshot.consents {
        for (uri, reason, _) in known.refused() {
            family.push(&[client, &uri.shown(), reason.name()], 1.0);
        }
    }
}

pub(super) fn last_run(view: &View<'_>, family: &mut Family<'_>) {
    for (client, known) in &view.snapshot.consents {
        if let Some(answer) = &known.answer {
            family.push(&[client], answer.at.as_secs_f64());
        }
    }
}

pub(super) fn unknown(view: &View<'_>, family: &mut Family<'_>) {
    for (client, known) in &view.snapshot.consents {
        if known.answer.as_ref().is_some_and(|answer| answer.is_unknown()) {
            family.push(&[client], 1.0);
        }
    }
}
