//! The links: each is probed by the checks that change nothing, as `check` does, and each trouble is told once.
//!
//! Invariant: never two rounds at once on one mailbox, and a client that Google refuses is asked for once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::sync::Mutex;

use super::{
    network::Roads,
    step::{Area, Mend, Step},
    walk::{Key, Walk},
};
use crate::{
    check::{Check, Watched, capacity::Count},
    domain::{
        life::{Basis, End},
        link::{Address, Link, LinkId},
        outcome::{Failure, Outcome, Verdict},
        reason::{Class, Reason},
        sending::Of,
    },
    engine::{counts::passing_count, report::ends, round::Round},
};

/// What was found of one link.
#[derive(Debug)]
pub(super) struct Visited {
    pub(super) watched: Watched,
    pub(super) outcomes: Vec<(Check, Arc<Outcome>)>,
    count: Option<Count>,
    /// What was left out, and the line that says why.
    left_out: Vec<(&'static str, String)>,
}

/// What was found of all of them.
#[derive(Debug, Default)]
pub(super) struct Visits {
    pub(super) visited: Vec<Visited>,
    /// The clients that Google refuses.
    pub(super) refused: BTreeMap<Key, Failure>,
}

impl Visits {
    fn note_refusals(&mut self) {
        let refused = self.visited.iter().filter_map(|visited| {
            Some((Key::of(&visited.link().client), visited.refusal()?.clone()))
        });
        self.refused.extend(refused);
    }
}

/// Probes them: first one link of each client, then those of the clients that are not refused.
pub(super) async fn visit(walk: &Walk, roads: &Roads) -> Visits {
    let mut seen = BTreeSet::new();
    let (first, rest): (Vec<_>, Vec<_>) =
        walk.chosen.iter().partition(|watched| seen.insert(Key::of(&watched.link.client)));
    let mut visits = Visits::default();
    let seats = walk.chosen.iter().map(|it| (it.link.mailbox.clone(), Mutex::new(())));
    let house = House { walk, roads, seats: seats.collect(), counting: counting(&walk.chosen) };
    visits.visited = house.visit_all(first, &visits.refused).await;
    visits.note_refusals();
    let more = house.visit_all(rest, &visits.refused).await;
    visits.visited.extend(more);
    visits.note_refusals();
    visits.visited.sort_by(|one, other| one.watched.link.id.cmp(&other.watched.link.id));
    visits
}

/// The link of each mailbox that counts for it.
fn counting(chosen: &[Watched]) -> BTreeSet<LinkId> {
    let mut mailboxes = BTreeSet::new();
    let first = chosen.iter().filter(|watched| mailboxes.insert(&watched.link.mailbox));
    first.map(|watched| watched.link.id.clone()).collect()
}

struct House<'a> {
    walk: &'a Walk,
    roads: &'a Roads,
    seats: BTreeMap<Address, Mutex<()>>,
    counting: BTreeSet<LinkId>,
}

impl House<'_> {
    async fn visit_all(
        &self,
        links: Vec<&Watched>,
        refused: &BTreeMap<Key, Failure>,
    ) -> Vec<Visited> {
        let visits = stream::iter(links).map(|watched| async move {
            let visited = self.visit(watched, refused).await;
            self.walk.bar.inc(1);
            visited
        });
        visits.buffer_unordered(AT_ONCE).collect().await
    }

    async fn visit(&self, watched: &Watched, refused: &BTreeMap<Key, Failure>) -> Visited {
        let link = &watched.link;
        let mut visited = Visited {
            watched: watched.clone(),
            outcomes: Vec::new(),
            count: None,
            left_out: Vec::new(),
        };
        let because = match refused.contains_key(&Key::of(&link.client)) {
            true => Some(Walk::client(link)),
            false => self.roads.blocked(&link.google.token_url).map(ToOwned::to_owned),
        };
        if let Some(because) = because {
            visited.left_out.push(("all of it", because));
            return visited;
        }
        let due = self.due(watched, &mut visited.left_out);
        if due.is_empty() {
            return visited;
        }
        let Some(seat) = self.seats.get(&link.mailbox) else { return visited };
        let _seat = seat.lock().await;
        let mut round = Round {
            count: due.contains(&Check::Capacity).then(passing_count),
            ..Round::new(watched.clone(), self.walk.wire.clone(), self.walk.stop.clone())
        };
        let outcomes = round.run(&due).await.into_iter();
        visited.outcomes = outcomes.map(|(check, outcome)| (check, Arc::new(outcome))).collect();
        visited.count = round.count;
        visited
    }

    /// The checks that change nothing, without those whose server cannot be reached.
    fn due(&self, watched: &Watched, left_out: &mut Vec<(&'static str, String)>) -> Vec<Check> {
        let (link, roads) = (&watched.link, self.roads);
        let google = &link.google;
        let harmless = watched.checks().filter(|check| check.is_harmless());
        let mut due = Vec::new();
        for check in harmless {
            let blocked = match check {
                Check::Smtp => roads.blocked_smtp(&link.smtp),
                Check::Capacity | Check::Imap | Check::Session => roads.blocked_imap(&link.imap),
                Check::Identity => roads
                    .blocked(&google.tokeninfo_url)
                    .or_else(|| roads.blocked(&google.gmail_api_url)),
                Check::RoundTrip | Check::Token => None,
            };
            match blocked {
                Some(because) => left_out.push((check.name(), because.to_owned())),
                None if check == Check::Capacity && !self.counting.contains(&link.id) => {}
                None => due.push(check),
            }
        }
        due
    }
}

impl Visited {
    /// Why Google refuses the link's client, where it does.
    fn refusal(&self) -> Option<&Failure> {
        let mut failures = self.outcomes.iter().filter_map(|(_, outcome)| outcome.failure());
        failures.find(|failure| concerns_client(failure.reason))
    }

    /// Why the Gmail API tells nothing, where that is the client's fault.
    pub(super) fn api_trouble(&self) -> Option<&Failure> {
        let identity = self.outcomes.iter().find_map(|(_, outcome)| outcome.identity.as_deref())?;
        identity.gmail_api.as_ref().err().filter(|it| it.reason.class() == Class::Client)
    }

    pub(super) fn is_of(&self, client: &Key) -> bool {
        Key::of(&self.link().client) == *client
    }

    /// Whether Google gave it an access token, and so takes its client.
    pub(super) fn has_token(&self) -> bool {
        let mut outcomes = self.outcomes.iter();
        outcomes.any(|(check, outcome)| {
            *check == Check::Token && matches!(outcome.verdict, Verdict::Pass(_))
        })
    }

    fn link(&self) -> &Link {
        &self.watched.link
    }
}

/// Whether all links of a client fail by it.
pub(super) fn concerns_client(reason: Reason) -> bool {
    reason.refuses_client() || reason == Reason::ServiceAccountKeyInvalid
}

/// Lines about every link. `clock` is the line that explains times that Google does not take.
pub(super) fn steps(visits: &Visits, walk: &Walk, clock: Option<&str>) -> Vec<Step> {
    visits.visited.iter().flat_map(|visited| of_link(visited, visits, walk, clock)).collect()
}

fn of_link(visited: &Visited, visits: &Visits, walk: &Walk, clock: Option<&str>) -> Vec<Step> {
    let (link, id) = (visited.link(), visited.link().id.as_str());
    let refused = visits.refused.contains_key(&Key::of(&link.client));
    let client = Walk::client(link);
    let mut steps = Vec::new();
    let mut passed = Vec::new();
    // By the line that says why.
    let mut left_out: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (what, because) in &visited.left_out {
        left_out.entry(because.clone()).or_default().push(what);
    }
    for (check, outcome) in &visited.outcomes {
        let what = check.name();
        match &outcome.verdict {
            Verdict::Pass(_) => passed.push(what),
            Verdict::Skip { .. } if refused => {
                left_out.entry(client.clone()).or_default().push(what)
            }
            Verdict::Skip { because } => {
                left_out.entry(format!("{id} ({because})")).or_default().push(what);
            }
            Verdict::Fail(failure) if refused && concerns_client(failure.reason) => {
                left_out.entry(client.clone()).or_default().push(what);
            }
            Verdict::Fail(failure) => match clock {
                Some(clock) if failure.reason == Reason::ClockWrong => {
                    left_out.entry(clock.to_owned()).or_default().push(what);
                }
                _ => steps.push(failed(walk, link, what, failure)),
            },
        }
    }
    steps.extend(of_sending(visited, walk));
    steps.extend(of_account(visited));
    if !passed.is_empty() {
        let all = if steps.is_empty() && left_out.is_empty() { "works: " } else { "" };
        let end = soonest(visited)
            .map(|end| format!("; refresh token ends {}, {}", end.at, end.basis.meaning()));
        let seen = format!("{all}{} pass{}", passed.join(", "), end.unwrap_or_default());
        let step = Step::ok(Area::Links, id, seen);
        let soon = soonest(visited).is_some_and(|end| end.at.since(walk.wire.clock.now()) < SOON);
        steps.push(match soon {
            true => step.warning(format!(
                "{}{}",
                Reason::GrantRevokedOrExpired.next_step(),
                form(walk, link)
            )),
            false => step,
        });
    }
    for (because, what) in left_out {
        steps.push(Step::skipped(Area::Links, id, &what.join(", "), &because));
    }
    if steps.is_empty() {
        let step = Step::ok(Area::Links, id, "every check of it is switched off");
        steps.push(
            step.unknown("Switch its checks on in the configuration (checks: ... enabled: true)."),
        );
    }
    steps
}

fn failed(walk: &Walk, link: &Link, what: &str, failure: &Failure) -> Step {
    let mut step = Step::failed(Area::Links, link.id.as_str(), failure);
    step.seen = format!("{what}: {}", step.seen);
    if failure.reason.class() == Class::Relink
        && let super::step::Verdict::Wrong(mend) = &mut step.verdict
    {
        mend.next += &form(walk, link);
    }
    step
}

/// Where a person links it again.
fn form(walk: &Walk, link: &Link) -> String {
    let form = walk.links.odoos.get(&link.source).and_then(|seen| seen.form(&link.id));
    form.map(|form| format!(" Its form: {form}")).unwrap_or_default()
}

/// The end of the refresh token that comes first. Want of use is no end, since it was used just now.
fn soonest(visited: &Visited) -> Option<End> {
    let ends = ends(&visited.watched, &visited.outcomes).into_iter();
    ends.filter(|end| end.basis != Basis::Idle).min_by_key(|end| end.at)
}

/// What is near to a limit, or beyond it.
fn of_sending(visited: &Visited, walk: &Walk) -> Option<Step> {
    let counted = visited.outcomes.iter().any(|(check, outcome)| {
        *check == Check::Capacity && matches!(outcome.verdict, Verdict::Pass(_))
    });
    let count = visited.count.as_ref().filter(|_| counted)?;
    let sums = count.journal.sums(walk.wire.clock.now())?;
    let limits = visited.watched.settings.capacity.limits(visited.link());
    let fullness = |(of, limit): (Of, u64)| (sums[of] * 100 / limit.max(1), of, limit);
    let (percent, of, limit) = limits.each().map(fullness).max_by_key(|(percent, ..)| *percent)?;
    let name = of.name().replace('_', " ");
    let seen = format!("{} of {limit} {name} sent within 24 h ({percent} %)", sums[of]);
    let step = Step::ok(Area::Links, visited.link().id.as_str(), seen);
    match percent {
        100.. => Some(step.wrong(Reason::SendQuotaUser)),
        NEAR.. => Some(step.warning(PLAN)),
        _ => None,
    }
}

/// What nothing fails by, but a person ought to know of the account.
fn of_account(visited: &Visited) -> Option<Step> {
    if visited.api_trouble().is_some() {
        return None;
    }
    let identity = visited.outcomes.iter().find_map(|(_, outcome)| outcome.identity.as_deref())?;
    let remark = identity.remark(&visited.link().mailbox)?;
    let step =
        Step::ok(Area::Links, visited.link().id.as_str(), "whose account it opens is not sure");
    Some(step.warning(Mend { reason: None, next: remark }))
}

/// Links probed at once.
const AT_ONCE: usize = 8;

/// How long before its end a token had better be renewed.
const SOON: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// In percent of a limit.
const NEAR: u64 = 80;

const PLAN: &str = "Send less through this mailbox, or split the senders; mailbox_exporter capacity says where it leads.";
