//! This host's clock, against those of the servers: the `Date` of their HTTP answers.

use std::time::Duration;

use super::{
    network::Roads,
    step::{Area, Mend, Step},
};
use crate::domain::reason::Reason;

/// What the clock's line is called.
pub(super) const SUBJECT: &str = "this host's clock";

/// One line. Where the servers differ, ours is judged by the one that is nearest: it is rather theirs that is wrong.
pub(super) fn step(roads: &Roads) -> Step {
    let seen = roads.0.iter().filter(|road| road.trouble.is_none()).filter_map(|road| {
        let (theirs, ours) = road.reach.answer.as_ref()?.clocks?;
        // One of both is zero.
        let (behind, ahead) = (theirs.since(ours), ours.since(theirs));
        Some((behind.max(ahead), behind < ahead, &*road.subject))
    });
    let Some((skew, is_ahead, server)) = seen.min_by_key(|(skew, ..)| *skew) else {
        let step = Step::ok(Area::Clock, SUBJECT, "no server told what time it is");
        return step.unknown("Compare it by hand: timedatectl status.");
    };
    let side = if is_ahead { "ahead of" } else { "behind" };
    let seen = match skew < Duration::from_secs(2) {
        true => format!("as that of {server}"),
        false => format!("{} {side} that of {server}", spelt(skew)),
    };
    let step = Step::ok(Area::Clock, SUBJECT, seen);
    match skew {
        _ if skew > WRONG => {
            step.wrong(Mend { reason: Some(Reason::ClockWrong.name()), next: SET.to_owned() })
        }
        _ if skew > NOTABLE => step.warning(SET),
        _ => step,
    }
}

fn spelt(skew: Duration) -> String {
    match skew.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// Service accounts sign the time, and Google takes about that much.
const WRONG: Duration = Duration::from_secs(5 * 60);

const NOTABLE: Duration = Duration::from_secs(30);

const SET: &str = "Set this host's clock and keep it set: timedatectl set-ntp true (of a virtual machine, on its host, too).";
