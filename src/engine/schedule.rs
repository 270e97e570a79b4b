//! When to probe: one entry a link, spread out by a jitter that is always the same, and rarely where asking is useless.
//!
//! Invariant: a link is either planned or running, so a slow probe delays only itself.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use super::spread::phase;
use crate::{
    check::{Check, Watched},
    domain::{
        clock::Timestamp,
        link::{Address, LinkId},
        reason::{Again, Reason},
    },
};

/// What is due when.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    queue: BTreeSet<(Timestamp, LinkId)>,
    plans: HashMap<LinkId, Plan>,
}

#[derive(Debug)]
struct Plan {
    watched: Watched,
    next: BTreeMap<Check, Timestamp>,
    /// How often in a row a check has failed for the same reason.
    streaks: BTreeMap<Check, (Reason, u32)>,
    /// When the queue has this link; none while it runs.
    queued: Option<Timestamp>,
}

/// What an earlier process has left of a check's plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) next: Timestamp,
    /// The reason of its last failure, and how often in a row it had come before.
    pub(super) failed: Option<(Reason, u32)>,
}

/// A round that is due.
#[derive(Debug, PartialEq)]
pub(super) struct Due {
    pub(super) link: LinkId,
    pub(super) checks: Vec<Check>,
    /// When it should have begun.
    pub(super) planned: Timestamp,
}

impl Schedule {
    /// Plans a link that is new or has changed: everything at `first`, then as its schedules say.
    pub(super) fn plan(&mut self, watched: &Watched, first: Timestamp) {
        let id = watched.link.id.clone();
        let running = self.plans.get(&id).is_some_and(|plan| plan.queued.is_none());
        self.remove(&id);
        let at = |check: Check| match check.is_harmless() {
            true => first,
            false => next(watched, check, first, Duration::ZERO),
        };
        let next = watched.checks().map(|check| (check, at(check))).collect();
        let plan = Plan { watched: watched.clone(), next, streaks: BTreeMap::new(), queued: None };
        self.plans.insert(id.clone(), plan);
        if !running {
            self.enqueue(&id);
        }
    }

    /// Plans a link as an earlier process has left it: what is to come stays, all else is for `first`.
    pub(super) fn resume(
        &mut self,
        watched: &Watched,
        left: &BTreeMap<Check, Left>,
        first: Timestamp,
        now: Timestamp,
    ) {
        self.plan(watched, first);
        let id = &watched.link.id;
        let Some(plan) = self.plans.get_mut(id) else { return };
        for (check, at) in &mut plan.next {
            let Some(left) = left.get(check) else { continue };
            if let Some(failed) = left.failed {
                plan.streaks.insert(*check, failed);
            }
            if left.next > now {
                // Later than that is nothing planned; somebody has set the clock.
                *at = left.next.min(next(watched, *check, now, LONGEST_DEAD_PAUSE));
            }
        }
        if let Some(queued) = plan.queued.take() {
            self.queue.remove(&(queued, id.clone()));
            self.enqueue(id);
        }
    }

    /// How often in a row each failing check has failed before for the same reason.
    pub(super) fn streaks(&self, id: &LinkId) -> BTreeMap<Check, u32> {
        let plan = self.plans.get(id);
        let streaks = plan.into_iter().flat_map(|plan| &plan.streaks);
        streaks.map(|(check, (_, times))| (*check, *times)).collect()
    }

    pub(super) fn remove(&mut self, id: &LinkId) {
        if let Some(Plan { queued: Some(at), .. }) = self.plans.remove(id) {
            self.queue.remove(&(at, id.clone()));
        }
    }

    /// Drops what is not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&LinkId) -> bool) {
        self.plans.retain(|id, _| keep(id));
        self.queue.retain(|(_, id)| keep(id));
    }

    /// When the first link is due that is not running, and whose mailbox is free.
    pub(super) fn wake(&self, free: impl Fn(&Address) -> bool) -> Option<Timestamp> {
        self.first(free).map(|(at, _)| *at)
    }

    /// Of the links that are due at `now` and whose mailbox is free, the one that has waited longest.
    pub(super) fn due(&self, now: Timestamp, free: impl Fn(&Address) -> bool) -> Option<LinkId> {
        self.first(free).filter(|(at, _)| *at <= now).map(|(_, id)| id.clone())
    }

    fn first(&self, free: impl Fn(&Address) -> bool) -> Option<&(Timestamp, LinkId)> {
        let mailbox = |id| self.plans.get(id).map(|plan: &Plan| &plan.watched.link.mailbox);
        self.queue.iter().find(|(_, id)| mailbox(id).is_some_and(&free))
    }

    /// Takes a link out of the queue to run it; [`Self::ran`] puts it back. None where it runs already.
    pub(super) fn take(&mut self, id: &LinkId, now: Timestamp) -> Option<Due> {
        let plan = self.plans.get_mut(id)?;
        let planned = plan.queued.take()?;
        self.queue.remove(&(planned, id.clone()));
        let due = |(check, at): (&Check, &Timestamp)| (*at <= now).then_some(*check);
        let checks = plan.next.iter().filter_map(due).collect();
        Some(Due { link: id.clone(), checks, planned })
    }

    /// Plans a link's next round after one that ended at `now`. Gives the runs that were missed meanwhile.
    pub(super) fn ran(
        &mut self,
        id: &LinkId,
        ended: impl IntoIterator<Item = (Check, Option<Reason>)>,
        now: Timestamp,
    ) -> u64 {
        let Some(plan) = self.plans.get_mut(id) else { return 0 };
        let mut missed = 0;
        for (check, failed) in ended {
            let Some(planned) = plan.next.get(&check).copied() else { continue };
            let streak = match (failed, plan.streaks.get(&check)) {
                (Some(reason), Some((before, times))) if *before == reason => times + 1,
                _ => 0,
            };
            match failed {
                Some(reason) => plan.streaks.insert(check, (reason, streak)),
                None => plan.streaks.remove(&check),
            };
            let pause = failed.map_or(Duration::ZERO, |reason| pause(reason, streak));
            let mut due =
                next(&plan.watched, check, now, pause.max(rest(&plan.watched, check, now)));
            if is_rare(&plan.watched, check, now) && failed.is_some_and(may_pass) {
                due = due.min(now + soon(streak).max(pause) + phase(id, SPREAD));
            }
            missed += missed_since(&plan.watched, check, planned, now);
            plan.next.insert(check, due);
        }
        self.enqueue(id);
        missed
    }

    /// Makes a check due that was skipped for a reason that is gone, where its own schedule would leave it so for long.
    pub(super) fn catch_up(&mut self, id: &LinkId, check: Check, now: Timestamp) {
        if let Some(plan) = self.plans.get_mut(id)
            && check.is_harmless()
            && is_rare(&plan.watched, check, now)
            && let Some(at) = plan.next.get_mut(&check)
        {
            *at = now;
        }
    }

    /// Moves checks that need no run now to their next time.
    pub(super) fn pass_over(&mut self, id: &LinkId, checks: &[Check], now: Timestamp) {
        if let Some(plan) = self.plans.get_mut(id) {
            for (check, at) in plan.next.iter_mut().filter(|(check, _)| checks.contains(check)) {
                *at = next(&plan.watched, *check, now, Duration::ZERO);
            }
        }
    }

    /// Brings a link's checks forward to `at`.
    pub(super) fn hasten(&mut self, id: &LinkId, at: Timestamp) {
        let Some(plan) = self.plans.get_mut(id) else { return };
        for (_, next) in plan.next.iter_mut().filter(|(check, _)| check.is_harmless()) {
            *next = at.min(*next);
        }
        if let Some(queued) = plan.queued.take() {
            self.queue.remove(&(queued, id.clone()));
            self.enqueue(id);
        }
    }

    /// Brings one check of a link forward to `at`.
    pub(super) fn bring(&mut self, id: &LinkId, check: Check, at: Timestamp) {
        let Some(plan) = self.plans.get_mut(id) else { return };
        let Some(next) = plan.next.get_mut(&check) else { return };
        *next = at.min(*next);
        if let Some(queued) = plan.queued.take() {
            self.queue.remove(&(queued, id.clone()));
            self.enqueue(id);
        }
    }

    /// When each check of a link runs next.
    pub(super) fn planned(&self, id: &LinkId) -> impl Iterator<Item = (Check, Timestamp)> {
        self.plans.get(id).into_iter().flat_map(|plan| plan.next.iter().map(|(c, at)| (*c, *at)))
    }

    fn enqueue(&mut self, id: &LinkId) {
        if let Some(plan) = self.plans.get_mut(id)
            && let Some(at) = plan.next.values().min()
        {
            plan.queued = Some(*at);
            self.queue.insert((*at, id.clone()));
        }
    }
}

/// The first time after `now` that the schedule allows, and not within `pause`.
fn next(watched: &Watched, check: Check, now: Timestamp, pause: Duration) -> Timestamp {
    let schedule = &watched.settings.timing(check).schedule;
    let gap = schedule.gap(now).unwrap_or(SPREAD);
    let jitter = phase(&watched.link.id, gap.min(SPREAD));
    match schedule.next(now + pause - jitter) {
        Some(at) => at + jitter,
        None => now + NEVER,
    }
}

/// A check that was run out of turn, at the start or since somebody asked, is not run again right after it.
fn rest(watched: &Watched, check: Check, now: Timestamp) -> Duration {
    let gap = watched.settings.timing(check).schedule.gap(now);
    gap.map_or(REST, |gap| (gap / 4).min(REST))
}

/// How many fires the schedule had between the planned one and `now`: those were left out.
fn missed_since(watched: &Watched, check: Check, planned: Timestamp, now: Timestamp) -> u64 {
    let mut missed = 0;
    let mut at = next(watched, check, planned, Duration::ZERO);
    while at <= now && missed < MOST_MISSED {
        missed += 1;
        at = next(watched, check, at, Duration::ZERO);
    }
    missed
}

/// How long not to ask again after a failure that has come `streak` times before.
pub(super) fn pause(reason: Reason, streak: u32) -> Duration {
    match reason.again() {
        Again::Now | Again::OnSchedule => Duration::ZERO,
        Again::AfterPause => THROTTLED_PAUSE,
        Again::WhenMended => {
            FIRST_DEAD_PAUSE.saturating_mul(1 << streak.min(8)).min(LONGEST_DEAD_PAUSE)
        }
    }
}

fn is_rare(watched: &Watched, check: Check, now: Timestamp) -> bool {
    watched.settings.timing(check).schedule.gap(now) > Some(SOON)
}

/// Whether a failure may be gone by itself. One that a daily check met must not stand for a day.
fn may_pass(reason: Reason) -> bool {
    reason.again() != Again::WhenMended
}

/// When a check that runs rarely is run again after that, the sooner the newer the failure is.
fn soon(streak: u32) -> Duration {
    SOON * (1 << streak.min(5))
}

/// Links of one schedule are spread over its gap, but not over more than this.
const SPREAD: Duration = Duration::from_secs(15 * 60);

/// A check with longer pauses than this runs rarely.
const SOON: Duration = Duration::from_secs(60 * 60);

const REST: Duration = Duration::from_secs(60);

/// Google lifts most of its locks after one hour at the earliest.
/// https://support.google.com/a/answer/1071518
const THROTTLED_PAUSE: Duration = Duration::from_secs(60 * 60);

/// What a person must mend stays broken until somebody did, so it is asked again ever more rarely. A changed link, or a
/// person who asks, ends the pause.
const FIRST_DEAD_PAUSE: Duration = Duration::from_secs(30 * 60);
const LONGEST_DEAD_PAUSE: Duration = Duration::from_secs(6 * 60 * 60);

const NEVER: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// A host that slept for a week need not be counted out.
const MOST_MISSED: u64 = 1000;

#[cfg(test)]
mod tests;
