//! A look at the folder of sent mail, in batches, each of which is in the journal before the next is asked for.
//!
//! Invariant: no message is asked about for ever. What breaks an answer is asked about alone, then only when it came, and
//! then it is passed over.

use std::time::Duration;

use super::counting;
use crate::{
    check::Probe,
    domain::{
        clock::Timestamp,
        outcome::{Evidence, Failure},
        reason::Reason,
        sending::{DAY, Folder, Next, Uncounted},
    },
    wire::imap::{Listed, Session},
};

/// How a run goes on, through all of its sessions.
#[derive(Debug)]
pub(super) struct Pace {
    /// Of how many messages the next batch is.
    width: usize,
    /// The message that broke an answer which was about it alone.
    unreadable: Option<u32>,
    /// Whether messages can be asked for their time alone, many at once.
    dates: bool,
    /// Commands, and messages that were asked about.
    batches: usize,
    asked: usize,
    /// Sessions that an answer broke, and whether one did just now.
    broken: usize,
    just_broken: bool,
}

impl Default for Pace {
    fn default() -> Self {
        let (batches, asked, broken) = (0, 0, 0);
        let (dates, just_broken) = (true, false);
        Self { width: BATCH, unreadable: None, dates, batches, asked, broken, just_broken }
    }
}

impl Pace {
    /// Whether another session may get further: the last one broke by what it was told.
    pub(super) fn goes_on(&mut self) -> bool {
        std::mem::take(&mut self.just_broken) && self.broken < SESSIONS
    }

    /// Whether the rest is the next run's.
    fn is_spent(&self, left: Duration) -> bool {
        self.batches > 0 && (self.batches >= BATCHES || self.asked >= MESSAGES || left < HASTE)
    }

    /// Notes a failure; gives it back where it is not by what was told of the messages, or ends the session.
    fn broke(&mut self, failure: Failure) -> Result<(), Failure> {
        match Broken::by(&failure) {
            Some(Broken::Answer) => {
                self.broken += 1;
                self.just_broken = true;
                Err(failure)
            }
            Some(Broken::Refused) => Ok(()),
            None => Err(failure),
        }
    }
}

/// What a failure may have to do with the messages that were asked about.
enum Broken {
    /// An answer that is too long, or that nobody can read. The session is over.
    Answer,
    /// The server has trouble with a message, or all in all. The session goes on.
    Refused,
}

impl Broken {
    fn by(failure: &Failure) -> Option<Self> {
        match (&failure.evidence, failure.reason) {
            (Some(Evidence::Reply(reply)), Reason::GoogleOutage | Reason::Unknown) => {
                (!reply.ends_session()).then_some(Self::Refused)
            }
            (Some(Evidence::Error(_)), Reason::GarbledAnswer) => Some(Self::Answer),
            _ => None,
        }
    }
}

/// One session's part of it.
pub(super) async fn look(
    session: &mut Session,
    probe: &mut Probe<'_>,
    pace: &mut Pace,
) -> Result<(), Failure> {
    let now = probe.wire.clock.now();
    let Some(folder) = open(session, probe).await? else {
        counting(probe)?.uncounted = Some(Uncounted::FolderHidden);
        return Ok(());
    };
    let limited = is_limited(session, &folder, probe, now).await?;
    let count = counting(probe)?;
    count.uncounted = limited.then_some(Uncounted::FolderLimited);
    let next = count.journal.begin(&folder, now);
    let uids = candidates(session, &folder, next, probe, pace, now).await?;
    let mut rest = &uids[..];
    while !rest.is_empty() {
        if pace.is_spent(probe.dialogue.left()) {
            return Ok(());
        }
        rest = batch(session, rest, probe, pace, now).await?;
    }
    counting(probe)?.journal.finish(&folder, now);
    Ok(())
}

/// The folder of sent mail, by its use and not by its name; none where there is none to be seen.
async fn open(session: &mut Session, probe: &mut Probe<'_>) -> Result<Option<Folder>, Failure> {
    let dialogue = &mut *probe.dialogue;
    let Some(sent) = session.folders(dialogue).await?.sent else { return Ok(None) };
    match session.examine_folder(&sent, dialogue).await {
        Ok(folder) => Ok(Some(folder)),
        // No outage, no quota: there is no such folder, or it cannot be opened.
        Err(Failure {
            reason: Reason::Unknown, evidence: Some(Evidence::Reply(reply)), ..
        }) if !reply.ends_session() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Whether the folder ends before the day does. The first message is the oldest.
async fn is_limited(
    session: &mut Session,
    folder: &Folder,
    probe: &mut Probe<'_>,
    now: Timestamp,
) -> Result<bool, Failure> {
    if !folder.may_be_limited() {
        return Ok(false);
    }
    let first = session.first_arrival(&[1], probe.dialogue).await?;
    Ok(first.is_some_and(|first| folder.is_limited(first, now)))
}

/// The numbers that are to be looked at, the lowest first.
async fn candidates(
    session: &mut Session,
    folder: &Folder,
    next: Next,
    probe: &mut Probe<'_>,
    pace: &mut Pace,
    now: Timestamp,
) -> Result<Vec<u32>, Failure> {
    let since = match (next, folder.next) {
        (Next::Nothing, _) => return Ok(Vec::new()),
        // Not more than a run takes, whatever number the server names.
        (Next::From(first), Some(next)) => {
            return Ok((first..next).take(MESSAGES + BATCH).collect());
        }
        (Next::From(first), None) => {
            let mut uids = session.arrived(now - DAY, None, probe.dialogue).await?;
            uids.retain(|uid| *uid >= first);
            return Ok(uids);
        }
        (Next::Since(since), _) => since,
    };
    let mut uids = session.arrived(since, None, probe.dialogue).await?;
    uids.retain(|uid| !probe.count.as_ref().is_some_and(|count| count.journal.knows(*uid)));
    // A search knows days only: most of what it found may be too old, and times cost a tenth of envelopes.
    if uids.len() <= BATCH || !pace.dates {
        return Ok(uids);
    }
    let (dated, undated) = uids.split_at(uids.len().min(MOST_DATED));
    let mut young = Vec::new();
    for chunk in dated.chunks(DATED) {
        let told = session.dated(chunk, probe.dialogue).await;
        if let Err(failure) = told.ended {
            pace.dates = false;
            pace.broke(failure)?;
            return Ok(uids);
        }
        let in_time = told.messages.into_iter().filter(|message| message.at >= since);
        young.extend(in_time.map(|message| message.uid));
    }
    young.extend_from_slice(undated);
    Ok(young)
}

/// Looks at the first of these messages, which are not empty, and gives those that are left.
async fn batch<'a>(
    session: &mut Session,
    rest: &'a [u32],
    probe: &mut Probe<'_>,
    pace: &mut Pace,
    now: Timestamp,
) -> Result<&'a [u32], Failure> {
    let width = pace.width.min(rest.len());
    let (asked, after) = rest.split_at(width);
    pace.batches += 1;
    pace.asked += width;
    if pace.unreadable.is_some_and(|uid| asked == [uid]) {
        return alone(session, asked, after, probe, pace, now).await;
    }
    let told = session.listed(asked, probe.dialogue).await;
    let last = told.messages.last().map(|message| message.uid);
    let left = match told.ended {
        Ok(()) => after,
        Err(_) => &rest[rest.partition_point(|uid| Some(*uid) <= last)..],
    };
    take(told.messages, left, asked, probe, now)?;
    match told.ended {
        Ok(()) => pace.width = (width * 2).min(BATCH),
        Err(failure) => {
            pace.unreadable = asked.first().copied().filter(|_| width == 1 && last.is_none());
            pace.width = 1;
            pace.broke(failure)?;
        }
    }
    Ok(left)
}

/// Asks when that one message came, which is then counted with nobody in it, and passes it over where not even that can be
/// read.
async fn alone<'a>(
    session: &mut Session,
    asked: &[u32],
    after: &'a [u32],
    probe: &mut Probe<'_>,
    pace: &mut Pace,
    now: Timestamp,
) -> Result<&'a [u32], Failure> {
    let told = session.dated(asked, probe.dialogue).await;
    if let Err(failure) = &told.ended
        && !matches!(Broken::by(failure), Some(Broken::Answer))
    {
        // That is no trouble with a message.
        return Err(failure.clone());
    }
    take(told.messages, after, asked, probe, now)?;
    pace.unreadable = None;
    pace.width = BATCH;
    match told.ended {
        Ok(()) => Ok(after),
        Err(failure) => pace.broke(failure).map(|()| after),
    }
}

/// Puts messages into the journal, and that those that are left are the next.
fn take(
    listed: Vec<Listed>,
    left: &[u32],
    asked: &[u32],
    probe: &mut Probe<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let (link, settings) = (probe.link, probe.settings);
    let Some(below) = left.first().copied().or(asked.last().map(|last| last.saturating_add(1)))
    else {
        return Ok(());
    };
    let count = counting(probe)?;
    let (mailbox, key) = (&link.mailbox, &count.key);
    let messages = listed.into_iter().map(|one| settings.capacity.message(one, mailbox, key));
    count.journal.take(messages.collect(), below, now);
    Ok(())
}

/// So many messages are told in 70 KB, where each went to one person.
const BATCH: usize = 100;

/// Of so many the time is told in as much.
const DATED: usize = 1000;
const MOST_DATED: usize = 5000;

/// What one run takes at the most: as much as Google lets a Workspace mailbox send in a day.
const MESSAGES: usize = 2000;
const BATCHES: usize = 40;

/// Another sign-in each. What three do not get past, the next run does.
const SESSIONS: usize = 3;

/// A batch may take so long, and the session's end needs some, too.
const HASTE: Duration = Duration::from_secs(5);
