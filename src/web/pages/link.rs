//! The page of one link: how it stands, how it came to that, and what was said.

use std::time::Duration;

use askama::Template;
use url::form_urlencoded;

use super::{
    Frame, Piece, Tone, When, href,
    mailbox::{self, Sent},
    odoo::{self, Kind},
    pieces, trips,
    when::{brief, exact},
};
use crate::{
    check::Check,
    domain::{
        clock::Timestamp,
        link::LinkId,
        outcome::{Outcome, Phase, Verdict},
        reason::Reason,
    },
    engine::{
        course::Turn,
        report::{Present, discreet, up},
        shared::{identity, shared},
        state::{CheckState, LinkState, Snapshot},
    },
    metrics::Labels,
    web::Front,
};

#[derive(Template)]
#[template(path = "link.html")]
pub(super) struct Page {
    frame: Frame,
    mailbox: String,
    headline: &'static str,
    facts: Vec<(&'static str, String)>,
    probe_href: String,
    json_href: String,
    /// Where a person links it again.
    form: Option<String>,
    /// What its application does not show.
    kinds: Vec<Kind>,
    sent: Option<Sent>,
    turns: Vec<Changed>,
    checks: Vec<Examined>,
}

/// Something that happened to the link.
struct Changed {
    tone: Tone,
    words: &'static str,
    at: String,
    why: Option<String>,
}

/// One check.
struct Examined {
    name: &'static str,
    tone: Tone,
    verdict: &'static str,
    trouble: Option<Trouble>,
    said: Option<String>,
    times: Vec<(&'static str, When)>,
    runs: u64,
    failures: u64,
    phases: Vec<Bar>,
    /// Of the last failure.
    transcript: String,
    past: Vec<Past>,
}

struct Trouble {
    reason: &'static str,
    meaning: &'static str,
    who: &'static str,
    /// The name of its page.
    runbook: &'static str,
    next_step: Vec<Piece>,
}

/// A phase's stretch of the run, in thousandths of it.
struct Bar {
    name: &'static str,
    took: String,
    start: u32,
    width: u32,
}

/// An earlier run.
struct Past {
    tone: Tone,
    words: &'static str,
    at: String,
    took: String,
    said: Option<String>,
}

/// None where there is no such link.
pub(super) fn page(front: &Front, id: &str) -> Option<Page> {
    let snapshot = front.site.engine.snapshot();
    let id = LinkId::parse(id).ok()?;
    let state = snapshot.links.get(&id)?;
    let link = &state.watched.link;
    let labels = front.site.applied.load().privacy.labels(&snapshot);
    let mailbox = labels.of_mailbox(&link.mailbox).to_owned();
    let now = front.site.clock.now();
    let tell = |words: &str| discreet(words, &link.mailbox, &mailbox);
    let checks = state.checks.iter().map(|(check, state)| Examined::new(check, state, now, &tell));
    let mut checks: Vec<_> = checks.collect();
    checks.sort_by_key(|check| !check.is_failing());
    let (tone, headline) = overall(state);
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("link", id.as_str()).finish();
    let (form, kinds) = odoo::of_link(front, &snapshot, &id);
    Some(Page {
        form,
        kinds,
        sent: mailbox::sent(&snapshot, &state.watched, now),
        frame: Frame::new(front, tone, now),
        headline,
        facts: facts(&snapshot, state, &labels, now, &tell),
        probe_href: format!("{}/probe?{query}", front.prefix),
        turns: state.course.history.iter().map(|(at, turn)| Changed::new(*at, turn)).collect(),
        json_href: href(&front.prefix, "/api/v1/links/", &id),
        checks,
        mailbox,
    })
}

fn overall(state: &LinkState) -> (Tone, &'static str) {
    let mut tones = state.checks.values().map(|check| Tone::of_check(Present::of(check)));
    match up(state) {
        None => (Tone::Idle, "This link was not examined yet."),
        Some(true) => (Tone::Good, "This link works."),
        Some(false) if tones.any(|tone| tone == Tone::Bad) => {
            (Tone::Bad, "This link does not work.")
        }
        Some(false) => (Tone::Warn, "This link does not work; it should recover by itself."),
    }
}

fn facts(
    snapshot: &Snapshot,
    state: &LinkState,
    labels: &Labels,
    now: Timestamp,
    tell: &dyn Fn(&str) -> String,
) -> Vec<(&'static str, String)> {
    let link = &state.watched.link;
    let mut facts = vec![
        ("link", link.id.to_string()),
        ("direction", link.direction.name().to_owned()),
        ("OAuth client", link.client.name.to_string()),
        ("found in", link.source.to_string()),
        ("account", link.account.name().to_owned()),
    ];
    if let Some(identity) = identity(state) {
        if let Some(address) = &identity.address {
            facts.push(("its token opens", tell(address.as_str())));
        }
        if let Some(with) = shared(snapshot).get(&link.id) {
            facts.push(("as does that of", labels.of_mailbox(with).to_owned()));
        }
        if let Some(remark) = identity.remark(&link.mailbox) {
            facts.push(("to know", tell(&remark)));
        }
    }
    if let Some(token) = state.tokens.present() {
        facts.push(("refresh token first seen", exact(token.first_seen)));
    }
    for end in state.ends() {
        let words = format!("{}, {}", exact(end.at), end.basis.meaning());
        facts.push(("refresh token ends", words));
    }
    let trips = trips::facts(&state.trips).into_iter();
    facts.extend(trips.map(|(name, words)| (name, tell(&words))));
    let Some(mailbox) = snapshot.mailboxes.get(&link.mailbox) else { return facts };
    if let Some(unseen) = mailbox.readings.unseen_messages {
        facts.push(("unread in the inbox", unseen.to_string()));
    }
    if let Some(storage) = mailbox.readings.storage {
        let gibibytes = |bytes: u64| bytes as f64 / f64::from(1 << 30);
        let (used, limit) = (gibibytes(storage.used), gibibytes(storage.limit));
        facts.push(("storage", format!("{used:.1} of {limit:.1} GiB")));
    }
    let of_mailbox = mailbox::facts(mailbox, now).into_iter();
    facts.extend(of_mailbox.map(|(name, words)| (name, tell(&words))));
    facts
}

impl Changed {
    fn new(at: Timestamp, turn: &Turn) -> Self {
        let (tone, words) = match turn {
            Turn::Broke(trouble) => (Tone::of_reason(trouble.reason), "broke"),
            Turn::Gone => (Tone::Idle, "gone"),
            Turn::Healed(_) => (Tone::Good, "healed"),
            Turn::Persists => (Tone::Idle, "persists"),
            Turn::ReasonChanged(trouble) => (Tone::of_reason(trouble.reason), "other reason"),
            Turn::Resumed { .. } => (Tone::Idle, "resumed"),
            Turn::TokenChanged => (Tone::Idle, "new refresh token"),
        };
        let why = turn.trouble().map(|trouble| format!("{}: {}", trouble.check, trouble.reason));
        Self { tone, words, at: exact(at), why }
    }
}

impl Examined {
    fn is_failing(&self) -> bool {
        matches!(self.tone, Tone::Bad | Tone::Warn)
    }

    fn new(
        check: Check,
        state: &CheckState,
        now: Timestamp,
        tell: &dyn Fn(&str) -> String,
    ) -> Self {
        let present = Present::of(state);
        let last = state.last.as_deref();
        let failed = |outcome: &&Outcome| outcome.failure().is_some();
        let last_failure =
            last.filter(failed).or_else(|| state.history.iter().map(|past| &**past).find(failed));
        let times = [
            (
                if present.is_some_and(|now| now.reason().is_some()) {
                    "failing since"
                } else {
                    "passing since"
                },
                state.since.filter(|_| state.skipped.is_none()),
            ),
            ("last run", last.map(|outcome| outcome.at)),
            ("last success", state.last_success),
            ("next run", state.next_run),
        ];
        let past = state.history.iter().map(|outcome| {
            let shown = last_failure.is_some_and(|shown| shown.at == outcome.at);
            Past::new(outcome, tell, !shown)
        });
        Self {
            name: check.name(),
            tone: Tone::of_check(present),
            verdict: match present {
                Some(Present::Fail(_)) => "fails",
                Some(Present::Pass(_)) => "passes",
                Some(Present::Skip(_)) => "skipped",
                None => "did not run yet",
            },
            trouble: present.and_then(Present::reason).map(Trouble::new),
            said: present.and_then(Present::reply).map(|reply| tell(&reply)),
            times: times
                .into_iter()
                .filter_map(|(name, at)| Some((name, When::new(at?, now))))
                .collect(),
            runs: state.runs,
            failures: state.failures.values().sum(),
            phases: last.map_or_else(Vec::new, |outcome| bars(&outcome.phases, outcome.took)),
            transcript: last_failure.map(|outcome| transcript(outcome, tell)).unwrap_or_default(),
            past: if last_failure.is_some() { past.collect() } else { Vec::new() },
        }
    }
}

impl Trouble {
    fn new(reason: Reason) -> Self {
        Self {
            reason: reason.name(),
            meaning: reason.meaning(),
            who: reason.class().who(),
            runbook: reason.class().alert(),
            next_step: pieces(reason.next_step()),
        }
    }
}

/// Phases follow each other; what lies between them is not worth a bar.
fn bars(phases: &[(Phase, Duration)], took: Duration) -> Vec<Bar> {
    let sum: Duration = phases.iter().map(|(_, took)| took).sum();
    let whole = sum.max(took).as_secs_f64().max(f64::MIN_POSITIVE);
    let thousandths = |span: Duration| (span.as_secs_f64() / whole * 1000.0).round() as u32;
    let mut passed = Duration::ZERO;
    let bar = |(phase, took): &(Phase, Duration)| {
        let start = thousandths(passed).min(996);
        passed += *took;
        let width = thousandths(*took).max(4);
        Bar { name: phase.name(), took: brief(*took), start, width }
    };
    phases.iter().map(bar).collect()
}

impl Past {
    fn new(outcome: &Outcome, tell: &dyn Fn(&str) -> String, with_words: bool) -> Self {
        let (tone, words) = match &outcome.verdict {
            Verdict::Pass(_) => (Tone::Good, "passed"),
            Verdict::Fail(failure) => (Tone::of_reason(failure.reason), failure.reason.name()),
            Verdict::Skip { because } => (Tone::Idle, because.name()),
        };
        let said = with_words.then(|| transcript(outcome, tell)).filter(|said| !said.is_empty());
        Self { tone, words, at: exact(outcome.at), took: brief(outcome.took), said }
    }
}

fn transcript(outcome: &Outcome, tell: &dyn Fn(&str) -> String) -> String {
    outcome.transcript.iter().map(|line| tell(line)).collect::<Vec<_>>().join("\n")
}
