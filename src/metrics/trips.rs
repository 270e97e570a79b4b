//! The series of round trips.

use super::{Family, fill::View};
use crate::domain::trip::{Arrival, Ended};

pub(super) fn delay(view: &View<'_>, family: &mut Family<'_>) {
    each_last(view, family, |last| last.delay.map(|millis| millis as f64 / 1000.0));
}

pub(super) fn messages(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        for arrival in Arrival::ALL {
            if let Some(count) = row.state.trips.counts.get(&arrival) {
                let labels = [row.id.as_str(), row.mailbox, arrival.name()];
                family.push(&labels, *count as f64);
            }
        }
    }
}

pub(super) fn authentication(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        let Some(last) = &row.state.trips.last else { continue };
        for (method, passes) in last.verdicts.each() {
            if let Some(passes) = passes {
                family.push(&[row.id.as_str(), row.mailbox, method], f64::from(passes));
            }
        }
    }
}

pub(super) fn in_flight(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        if !row.state.trips.counts.is_empty() || row.state.trips.out.is_some() {
            let out = usize::from(row.state.trips.out.is_some());
            family.push(&[row.id.as_str(), row.mailbox], out as f64);
        }
    }
}

pub(super) fn refused(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        if let Some(refusal) = row.state.trips.refused {
            family.push(&[row.id.as_str(), row.mailbox, refusal.name()], 1.0);
        }
    }
}

pub(super) fn left(view: &View<'_>, family: &mut Family<'_>) {
    for row in &view.links {
        let trips = &row.state.trips;
        if trips.last.is_some() || !trips.left.is_empty() {
            family.push(&[row.id.as_str(), row.mailbox], trips.left.len() as f64);
        }
    }
}

fn each_last(view: &View<'_>, family: &mut Family<'_>, value: impl Fn(&Ended) -> Option<f64>) {
    for row in &view.links {
        if let Some(value) = row.state.trips.last.as_ref().and_then(&value) {
            family.push(&[row.id.as_str(), row.mailbox], value);
        }
    }
}
