//! Round trips as the file has them: a letter that is on its way is looked for after a restart, too.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::reason;
use crate::{
    domain::{
        clock::Timestamp,
        letter::Mark,
        link::{Address, LinkId},
        trip::{Arrival, Ended, Trip, Unsure},
    },
    engine::trips::{Refusal, Trips},
};

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(in crate::engine) struct OfTrips {
    out: Option<OfTrip>,
    last: Option<Ended>,
    counts: BTreeMap<String, u64>,
    sent: VecDeque<Timestamp>,
    tidy: Option<OfTrip>,
    left: Vec<String>,
    /// Why none was sent.
    refused: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct OfTrip {
    mark: Mark,
    from: String,
    to: String,
    by: String,
    sent: Timestamp,
    /// The reason and the words of a sending of which nobody knows how it ended.
    unsure: Option<(String, Option<String>)>,
    looks: u32,
    missed: Option<Timestamp>,
    next: Timestamp,
}

impl OfTrips {
    pub(super) fn new(trips: &Trips) -> Self {
        Self {
            out: trips.out.as_ref().map(OfTrip::new),
            last: trips.last.clone(),
            counts: trips.counts.iter().map(|(how, n)| (how.name().to_owned(), *n)).collect(),
            sent: trips.sent.clone(),
            tidy: trips.tidy.as_ref().map(OfTrip::new),
            left: trips.left.clone(),
            refused: trips.refused.map(|refusal| refusal.name().to_owned()),
        }
    }

    pub(in crate::engine) fn restored(&self) -> Trips {
        let counts = self.counts.iter();
        Trips {
            out: self.out.as_ref().and_then(OfTrip::restored),
            last: self.last.clone(),
            counts: counts.filter_map(|(how, n)| Some((Arrival::parse(how)?, *n))).collect(),
            sent: self.sent.clone(),
            tidy: self.tidy.as_ref().and_then(OfTrip::restored),
            left: self.left.clone(),
            refused: Refusal::ALL
                .into_iter()
                .find(|refusal| Some(refusal.name()) == self.refused.as_deref()),
        }
    }
}

impl OfTrip {
    fn new(trip: &Trip) -> Self {
        let unsure = trip.unsure.as_ref();
        Self {
            mark: trip.mark.clone(),
            from: trip.from.to_string(),
            to: trip.to.to_string(),
            by: trip.by.to_string(),
            sent: trip.sent,
            unsure: unsure.map(|it| (it.reason.name().to_owned(), it.words.clone())),
            looks: trip.looks,
            missed: trip.missed,
            next: trip.next,
        }
    }

    fn restored(&self) -> Option<Trip> {
        let unsure = match &self.unsure {
            Some((name, words)) => Some(Unsure { reason: reason(name)?, words: words.clone() }),
            None => None,
        };
        Some(Trip {
            mark: self.mark.clone(),
            from: Address::parse(&self.from).ok()?,
            to: Address::parse(&self.to).ok()?,
            by: LinkId::parse(&self.by).ok()?,
            sent: self.sent,
            unsure,
            looks: self.looks,
            missed: self.missed,
            next: self.next,
        })
    }
}
