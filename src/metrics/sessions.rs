//! The series of IMAP sessions: what is kept open, what there is room for, and what was moved.

use super::{Family, fill::View};
use crate::{
    domain::{clock::Timestamp, session::How},
    engine::mailbox::Sessions,
};

pub(super) fn started(view: &View<'_>, family: &mut Family<'_>) {
    each(view, family, |sessions| sessions.since.map(Timestamp::as_secs_f64));
}

pub(super) fn duration(view: &View<'_>, family: &mut Family<'_>) {
    each(view, family, |sessions| Some(sessions.last.as_ref()?.lasted.as_secs_f64()));
}

pub(super) fn ended(view: &View<'_>, family: &mut Family<'_>) {
    for (label, known) in view.each_known() {
        let Some(sessions) = &known.sessions else { continue };
        for how in How::ALL {
            let count = sessions.counts.get(&how).copied().unwrap_or_default();
            family.push(&[label, how.name()], count as f64);
        }
    }
}

pub(super) fn spare(view: &View<'_>, family: &mut Family<'_>) {
    each(view, family, |sessions| sessions.spare.map(|spare| spare.had as f64));
}

pub(super) fn spare_asked(view: &View<'_>, family: &mut Family<'_>) {
    each(view, family, |sessions| sessions.spare.map(|spare| spare.asked as f64));
}

pub(super) fn bytes(view: &View<'_>, family: &mut Family<'_>) {
    for (label, known) in view.each_known() {
        let traffic = known.traffic;
        if traffic.down + traffic.up > 0 {
            family.push(&[label, "down"], traffic.down as f64);
            family.push(&[label, "up"], traffic.up as f64);
        }
    }
}

fn each(view: &View<'_>, family: &mut Family<'_>, value: impl Fn(&Sessions) -> Option<f64>) {
    for (label, known) in view.each_known() {
        if let Some(value) = known.sessions.as_deref().and_then(&value) {
            family.push(&[label], value);
        }
    }
}
