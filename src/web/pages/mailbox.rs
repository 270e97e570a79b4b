//! What is known of a mailbox as a whole: its sessions and notices as facts, and what it sends against its limits.

use std::collections::{BTreeMap, BTreeSet};

use super::when::{exact, span};
use crate::{
    check::Watched,
    domain::{
        clock::Timestamp,
        sending::{Hour, Limits, Of},
    },
    engine::{
        mailbox::{MailboxState, Sending},
        state::Snapshot,
    },
    metrics::Labels,
    source::odoo::database::Queue,
};

/// What the mailbox sends.
pub(super) struct Sent {
    /// What keeps it from sending, or from being counted.
    pub(super) remarks: Vec<String>,
    /// When it was counted.
    pub(super) counted: Option<String>,
    pub(super) shares: Vec<Share>,
    /// What waits in the application's queue, of all its mailboxes.
    pub(super) queue: Option<String>,
    /// The last month, the oldest day first.
    pub(super) days: Vec<Column>,
}

/// Of one limit.
pub(super) struct Share {
    pub(super) name: String,
    pub(super) sent: u64,
    /// Empty where no limit is known.
    pub(super) most: String,
    /// In thousandths, at most all.
    pub(super) width: u64,
    /// Whether it is nearly met.
    pub(super) near: bool,
    /// When it will be met, at the present pace.
    pub(super) meets: Option<String>,
}

/// A day's messages.
pub(super) struct Column {
    pub(super) about: String,
    /// From the left, and in height, of a hundred.
    pub(super) left: usize,
    pub(super) height: u64,
}

/// None where nothing was counted and nothing refused.
pub(super) fn sent(snapshot: &Snapshot, watched: &Watched, now: Timestamp) -> Option<Sent> {
    let known = snapshot.mailboxes.get(&watched.link.mailbox)?;
    let sending = known.sending.as_deref()?;
    let uncounted = sending.uncounted.map(|because| because.meaning().to_owned());
    Some(Sent {
        remarks: exhausted(sending, now).into_iter().chain(uncounted).collect(),
        counted: sending.counted.map(|(at, _)| exact(at)),
        shares: shares(sending, watched).collect(),
        queue: snapshot
            .odoos
            .get(&watched.link.source)
            .and_then(|seen| queue(seen.queue.as_ref()?)),
        days: columns(&sending.journal.days().collect::<Vec<_>>()),
    })
}

fn exhausted(sending: &Sending, now: Timestamp) -> Option<String> {
    let said = sending.exhausted?;
    let since = span(now.since(said.since));
    Some(format!("Google refuses to send more for {since}. {}", said.reason.next_step()))
}

fn shares(sending: &Sending, watched: &Watched) -> impl Iterator<Item = Share> {
    let limits = watched.settings.capacity.limits(&watched.link);
    Of::ALL.into_iter().filter_map(move |of| Share::new(of, sending, &limits))
}

impl Share {
    fn new(of: Of, sending: &Sending, limits: &Limits) -> Option<Self> {
        let (_, sums) = sending.counted?;
        // Test messages count at Google, too.
        let own = if of == Of::Messages { sending.own as u64 } else { 0 };
        let (sent, most) = (sums[of] + own, limits.get(of));
        let meets = sending.meets.iter().find(|(known, _)| *known == of);
        Some(Self {
            name: of.name().replace('_', " "),
            sent,
            most: most.map(|most| most.to_string()).unwrap_or_default(),
            width: most.map_or(0, |most| (sent * 1000 / most.max(1)).min(1000)),
            near: most.is_some_and(|most| is_near(sent, most)),
            meets: meets.map(|(_, at)| exact(*at)),
        })
    }
}

fn queue(queue: &Queue) -> Option<String> {
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for ((state, _), messages) in &queue.messages {
        *states.entry(state).or_default() += messages;
    }
    let states: Vec<_> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    (!states.is_empty()).then(|| states.join(", "))
}

fn columns(days: &[(Timestamp, Hour)]) -> Vec<Column> {
    let days = &days[days.len().saturating_sub(MONTH)..];
    if days.len() < FEWEST {
        return Vec::new();
    }
    let most = days.iter().map(|(_, sent)| u64::from(sent.messages)).max().unwrap_or(0).max(1);
    let column = |(left, (day, sent)): (usize, &(Timestamp, Hour))| Column {
        about: format!("{}: {} messages", day.to_utc().format("%F"), sent.messages),
        left: left * 10,
        height: (u64::from(sent.messages) * 100).div_ceil(most),
    };
    days.iter().enumerate().map(column).collect()
}

/// Sessions, notices and bytes, as facts on the page of one of the mailbox's links.
pub(super) fn facts(known: &MailboxState, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(sessions) = &known.sessions {
        if let Some(since) = sessions.since {
            facts.push(("IMAP session kept", format!("for {}", span(now.since(since)))));
        }
        if let Some(last) = &sessions.last {
            let (lasted, how) = (span(last.lasted), last.how.name());
            let mut words = format!("lasted {lasted}, {how} ({})", exact(last.at));
            if !last.words.is_empty() {
                words = format!("{words}: {}", last.words);
            }
            facts.push(("the session before", words));
        }
        if let Some(spare) = sessions.spare {
            let words = format!("room for {} of {} ({})", spare.had, spare.asked, exact(spare.at));
            facts.push(("spare IMAP sessions", words));
        }
    }
    for (notice, noticed) in &known.notices {
        let name = match noticed.last {
            Some((at, _)) => {
                format!("{} ({} times, last {})", notice.name(), noticed.times, exact(at))
            }
            None => format!("{} ({} times)", notice.name(), noticed.times),
        };
        let words = noticed.last.as_ref().map_or("", |(_, words)| words);
        facts.push(("the IMAP server let know", format!("{name} {words}").trim().to_owned()));
    }
    let traffic = known.traffic;
    if traffic.down > 0 {
        let mb = |bytes: u64| bytes as f64 / 1e6;
        let (down, up) = (mb(traffic.down), mb(traffic.up));
        let words =
            format!("{down:.1} MB down, {up:.1} MB up so far; Google allows 2,500 and 500 a day");
        facts.push(("moved by IMAP", words));
    }
    facts
}

/// Mailboxes that may send no more, or hardly more; the first few, since the metrics have them all.
pub(super) fn near_limits(snapshot: &Snapshot, labels: &Labels, now: Timestamp) -> Vec<String> {
    let mut told = BTreeSet::new();
    for state in snapshot.links.values() {
        let mailbox = &state.watched.link.mailbox;
        let known = snapshot.mailboxes.get(mailbox);
        let Some(sending) = known.and_then(|known| known.sending.as_deref()) else { continue };
        let label = labels.of_mailbox(mailbox);
        told.extend(shares(sending, &state.watched).filter(|share| share.near).map(|share| {
            let meets = share.meets.map(|at| format!("; at this pace it is met at {at}"));
            let (name, meets) = (share.name, meets.unwrap_or_default());
            format!("{label} has sent {} of {} {name} within a day{meets}.", share.sent, share.most)
        }));
        told.extend(exhausted(sending, now).map(|remark| format!("{label}: {remark}")));
        if told.len() >= MOST_TOLD {
            break;
        }
    }
    told.into_iter().collect()
}

/// From here on somebody ought to know; the alert has the same.
fn is_near(sent: u64, most: u64) -> bool {
    sent * 5 >= most * 4
}

const MOST_TOLD: usize = 5;

/// A day or two are no picture.
const FEWEST: usize = 3;

/// In days.
const MONTH: usize = 30;
