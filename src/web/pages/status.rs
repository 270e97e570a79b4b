//! The status page: every link, worst first, those with one trouble together.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use url::form_urlencoded;

use super::{
    Frame, Piece, Tone, When, consent, href, mailbox,
    odoo::{Odoo, odoos},
    pieces,
    when::span,
};
use crate::{
    check::Check,
    domain::{clock::Timestamp, link::Direction, reason::Class},
    engine::{
        hoard::{self, hoards},
        report::{Present, discreet},
        shared::shared,
        state::{CheckState, LinkState, Snapshot},
    },
    metrics::Labels,
    web::Front,
};

mod lines;
mod tally;

use lines::{Line, Place, fits, lines};
use tally::Tally;

/// What part of the page is wanted.
#[derive(Debug)]
pub(super) struct Asked {
    words: String,
    /// From 1.
    page: usize,
}

impl Asked {
    pub(super) fn parse(query: &str) -> Self {
        let mut asked = Self { words: String::new(), page: 1 };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "q" => asked.words = value.trim().chars().take(LONGEST_FILTER).collect(),
                "page" => asked.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        asked
    }
}

#[derive(Template)]
#[template(path = "status.html")]
pub(super) struct Page {
    frame: Frame,
    headline: String,
    aside: Option<String>,
    notices: Vec<String>,
    chips: Vec<Chip>,
    query: String,
    nothing: Option<&'static str>,
    /// What fails.
    groups: Vec<Group>,
    odoos: Vec<Odoo>,
    /// What does not.
    calm: Vec<Group>,
    pages: Vec<Turn>,
}

/// How many links wait for whom; a filter.
struct Chip {
    name: &'static str,
    who: &'static str,
    count: usize,
    href: String,
    current: bool,
}

/// Links with one trouble, or with none.
struct Group {
    name: &'static str,
    tone: Tone,
    trouble: Option<Trouble>,
    count: String,
    rows: Vec<Row>,
}

struct Trouble {
    meaning: &'static str,
    who: &'static str,
    /// The name of its page.
    runbook: &'static str,
    next_step: Vec<Piece>,
    /// Where the fault is the client's, and so one for all of its links.
    client: Option<String>,
}

struct Row {
    href: String,
    mailbox: String,
    /// Where it tells more than the mailbox does.
    id: Option<String>,
    about: String,
    marks: Vec<Mark>,
    failing_for: Option<String>,
    last: Option<When>,
    next: Option<When>,
    said: Option<String>,
}

struct Mark {
    check: &'static str,
    tone: Tone,
    title: String,
}

/// To another page, or where we are.
struct Turn {
    words: String,
    href: Option<String>,
}

pub(super) fn page(front: &Front, asked: &Asked) -> Page {
    let snapshot = front.site.engine.snapshot();
    let applied = front.site.applied.load();
    let labels = applied.privacy.labels(&snapshot);
    let now = front.site.clock.now();
    let mut lines = lines(&snapshot);
    let tally = Tally::of(&snapshot);
    let chips = chips(front, &lines, asked);
    let words = asked.words.to_lowercase();
    lines.retain(|line| fits(line, &labels, &words));
    lines.sort_by_key(|line| (line.place, line.since, line.id));
    let page = asked.page.min(lines.len().div_ceil(LINES).max(1));
    let shown = lines.iter().skip((page - 1) * LINES).take(LINES);
    let mut groups: Vec<(Place<'_>, Group)> = Vec::new();
    for line in shown {
        if groups.last().is_none_or(|(place, _)| *place != line.place) {
            let count = lines.iter().filter(|other| other.place == line.place).count();
            groups.push((line.place, Group::new(line.place, count)));
        }
        if let Some((_, group)) = groups.last_mut() {
            group.rows.push(Row::new(line, &labels, front, now));
        }
    }
    let mut notices = Vec::new();
    if !applied.standing.reload_successful {
        notices.push("The configuration could not be read last time; the one before stays in force. The log says what is wrong.".to_owned());
    }
    for (source, read) in &snapshot.sources {
        if let Err(error) = read {
            notices.push(format!("The source {source} cannot be read: {error}"));
        }
    }
    if asked.words.is_empty() {
        notices.extend(consent::refused(&snapshot));
        notices.extend(shared_accounts(&snapshot, &labels));
        notices.extend(crowded_accounts(&snapshot, &labels));
        notices.extend(mailbox::near_limits(&snapshot, &labels, now));
    }
    let groups = groups.into_iter().map(|(_, group)| group);
    let (groups, calm) = groups.partition(|group| group.trouble.is_some());
    Page {
        frame: Frame::new(front, tally.tone(), now),
        headline: tally.headline(),
        aside: tally.aside(),
        notices,
        chips,
        query: asked.words.clone(),
        nothing: lines.is_empty().then_some(match tally.links {
            0 => "No link is watched: the configuration names none, or its sources are empty.",
            _ => "No link fits the filter.",
        }),
        odoos: match asked.words.is_empty() && page == 1 {
            true => odoos(front, &snapshot),
            false => Vec::new(),
        },
        groups,
        calm,
        pages: turns(front, asked, page, lines.len().div_ceil(LINES)),
    }
}

/// Mailboxes that send and fetch as one account; the first few, since the metric has them all.
fn shared_accounts(snapshot: &Snapshot, labels: &Labels) -> Vec<String> {
    let shared = shared(snapshot);
    let told = shared.iter().filter_map(|(id, with)| {
        let mailbox = &snapshot.links.get(*id)?.watched.link.mailbox;
        // Of a pair, one is enough.
        (mailbox < with).then(|| {
            let (one, other) = (labels.of_mailbox(mailbox), labels.of_mailbox(with));
            format!("{one} and {other} hold tokens of one and the same account: both send and fetch as that one. Link each again signed in as itself.")
        })
    });
    let told: BTreeSet<_> = told.collect();
    told.into_iter().take(MOST_TOLD).collect()
}

/// Accounts that are about to lose their oldest tokens; the first few, since the metric has them all.
fn crowded_accounts(snapshot: &Snapshot, labels: &Labels) -> Vec<String> {
    let crowded = hoards(snapshot).into_iter().filter(|(_, alive)| *alive > hoard::MANY);
    let told = crowded.map(|((mailbox, client), alive)| {
        let (mailbox, limit) = (labels.of_mailbox(mailbox), hoard::LIMIT);
        format!("{mailbox} has {alive} refresh tokens of the client {client} that still live. At {limit} Google drops the oldest, maybe one in use. Find out what links so often; then remove the app's access at https://myaccount.google.com/connections, signed in as {mailbox}, and link once again.")
    });
    told.take(MOST_TOLD).collect()
}

const MOST_TOLD: usize = 5;

fn chips(front: &Front, lines: &[Line<'_>], asked: &Asked) -> Vec<Chip> {
    let mut counts = BTreeMap::<u8, (Class, usize)>::new();
    for line in lines {
        if let Place::Failing { class, reason, .. } = line.place {
            counts.entry(class).or_insert((reason.class(), 0)).1 += 1;
        }
    }
    let chips = counts.into_values().map(|(class, count)| Chip {
        name: class.name(),
        who: class.who(),
        count,
        href: format!("{}/?q={}", front.prefix, class.name()),
        current: asked.words == class.name(),
    });
    chips.collect()
}

impl Group {
    fn new(place: Place<'_>, count: usize) -> Self {
        let links = if count == 1 { "1 link".to_owned() } else { format!("{count} links") };
        let (name, tone, trouble) = match place {
            Place::Failing { reason, client, .. } => {
                let trouble = Trouble {
                    meaning: reason.meaning(),
                    who: reason.class().who(),
                    runbook: reason.class().alert(),
                    next_step: pieces(reason.next_step()),
                    client: client.map(ToOwned::to_owned),
                };
                (reason.name(), Tone::of_reason(reason), Some(trouble))
            }
            Place::Waiting => ("Not examined yet", Tone::Idle, None),
            Place::Fine => ("Working", Tone::Good, None),
        };
        Self { name, tone, trouble, count: links, rows: Vec::new() }
    }
}

impl Row {
    fn new(line: &Line<'_>, labels: &Labels, front: &Front, now: Timestamp) -> Self {
        let link = &line.state.watched.link;
        let mailbox = labels.of_mailbox(&link.mailbox).to_owned();
        let checks = || line.state.checks.values();
        let failing = checks().find_map(|check| match (Present::of(check)?, line.place) {
            (Present::Fail(failure), Place::Failing { reason, .. }) => {
                (failure.reason == reason).then_some(check)
            }
            _ => None,
        });
        let reply = failing.and_then(Present::of).and_then(Present::reply);
        let last = match failing {
            Some(check) => check.last.as_ref().map(|outcome| outcome.at),
            None => checks().filter_map(|check| Some(check.last.as_ref()?.at)).max(),
        };
        let next = match failing {
            Some(check) => check.next_run,
            None => checks().filter_map(|check| check.next_run).min(),
        };
        Self {
            href: href(&front.prefix, "/links/", line.id),
            id: (line.id.as_str() != mailbox).then(|| line.id.to_string()),
            about: about(line.state),
            marks: line.state.checks.iter().map(|(check, state)| Mark::new(check, state)).collect(),
            failing_for: line.since.map(|at| span(now.since(at))),
            last: last.map(|at| When::new(at, now)),
            next: next.map(|at| When::new(at, now)),
            said: reply.map(|reply| shortened(&discreet(&reply, &link.mailbox, &mailbox))),
            mailbox,
        }
    }
}

impl Mark {
    fn new(check: Check, state: &CheckState) -> Self {
        let present = Present::of(state);
        let title = match present {
            Some(Present::Fail(failure)) => format!("fails: {}", failure.reason),
            Some(Present::Pass(_)) => "passes".to_owned(),
            Some(Present::Skip(because)) => format!("skipped because of {because}"),
            None => "did not run yet".to_owned(),
        };
        Self { check: check.name(), tone: Tone::of_check(present), title }
    }
}

fn about(state: &LinkState) -> String {
    let link = &state.watched.link;
    let direction = match link.direction {
        Direction::Both => "incoming and outgoing",
        Direction::Incoming => "incoming",
        Direction::Outgoing => "outgoing",
    };
    format!("{direction} · client {} · from {}", link.client.name, link.source)
}

fn shortened(words: &str) -> String {
    match words.char_indices().nth(LONGEST_REPLY) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words.to_owned(),
    }
}

fn turns(front: &Front, asked: &Asked, page: usize, pages: usize) -> Vec<Turn> {
    if pages < 2 {
        return Vec::new();
    }
    let turn = |to: usize, words: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &asked.words)
            .append_pair("page", &to.to_string())
            .finish();
        let there = to != page && (1..=pages).contains(&to);
        Turn { words: words.to_owned(), href: there.then(|| format!("{}/?{query}", front.prefix)) }
    };
    let here = Turn { words: format!("page {page} of {pages}"), href: None };
    vec![
        turn(1, "first"),
        turn(page - 1, "before"),
        here,
        turn(page + 1, "next"),
        turn(pages, "last"),
    ]
}

/// On one page; 200 of the longest make about 300 kB.
const LINES: usize = 200;

/// In characters; the link's own page has all of it.
const LONGEST_REPLY: usize = 300;

const LONGEST_FILTER: usize = 200;
