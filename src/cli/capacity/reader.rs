//! Reads one mailbox's folder of sent mail, through as many sessions as it takes, but gently.
//!
//! Invariant: what was read is kept batch by batch, so that nothing is read twice because a session ended.

use std::{ops::Range, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{bar::Bar, kept::Kept};
use crate::{
    check::{Check, Watched},
    domain::{
        clock::Timestamp,
        link::Address,
        outcome::Failure,
        reason::{Again, Reason},
        secret::Secret,
    },
    engine::round::Round,
    wire::{
        Wire,
        dialogue::Dialogue,
        imap::{Listed, Session},
    },
};

/// What every mailbox is read with.
pub(super) struct Reader<'a> {
    pub(super) wire: &'a Wire,
    pub(super) stop: &'a CancellationToken,
    pub(super) kept: &'a Kept,
    pub(super) bar: &'a Bar,
    pub(super) wanted: Range<Timestamp>,
    /// In bytes, of each mailbox.
    pub(super) budget: u64,
}

/// How the reading of a mailbox ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// As much was read as may be.
    Budget,
    Failed(Failure),
    /// IMAP shows no folder of sent mail.
    Hidden,
    /// By Ctrl-C.
    Interrupted,
    /// All that is wanted is known.
    Whole,
}

impl Reader<'_> {
    /// By the first link that opens the mailbox. Dropped half-way, it leaves a session for the server to time out.
    pub(super) async fn read(&self, mailbox: &Address, links: &[&Watched]) -> Ended {
        let mut ended = Ended::Interrupted;
        for link in links {
            let mut visit = Visit::new(self, mailbox, link);
            ended = visit.read().await;
            if !matches!(ended, Ended::Failed(_)) || visit.was_in {
                break;
            }
        }
        self.bar.ended(&ended);
        ended
    }
}

/// One link's way through the mailbox.
struct Visit<'a> {
    reader: &'a Reader<'a>,
    mailbox: &'a Address,
    round: Round,
    /// Whether the token in hand is of this very session.
    fresh: bool,
    was_in: bool,
    /// Of how many messages the next batch is.
    width: usize,
    /// The message that broke an answer which was about it alone.
    unreadable: Option<u32>,
    /// How many bytes were read of searches and messages.
    spent: u64,
    /// Batches that were read.
    batches: usize,
}

impl<'a> Visit<'a> {
    fn new(reader: &'a Reader<'a>, mailbox: &'a Address, link: &Watched) -> Self {
        Self {
            reader,
            mailbox,
            round: Round::new(link.clone(), reader.wire.clone(), reader.stop.clone()),
            fresh: false,
            was_in: false,
            width: BATCH,
            unreadable: None,
            spent: 0,
            batches: 0,
        }
    }

    async fn read(&mut self) -> Ended {
        let mut pauses = PAUSES.iter();
        for _ in 0..SESSIONS {
            let before = self.batches;
            let failure = match self.session().await {
                Ok(ended) => return ended,
                Err(_) if self.reader.stop.is_cancelled() => return Ended::Interrupted,
                Err(failure) => failure,
            };
            let got_on = self.batches > before;
            if got_on {
                pauses = PAUSES.iter();
            }
            // A token that was good an hour ago says nothing, and Google ends a session with its token.
            let stale = match failure.reason {
                Reason::AuthRejected => !self.fresh,
                reason => reason == Reason::ImapSessionExpired,
            };
            if stale {
                self.round.token = None;
            }
            let again = match failure.reason.again() {
                Again::Now => true,
                Again::OnSchedule => got_on || stale || (self.was_in && may_be_a_message(&failure)),
                Again::AfterPause | Again::WhenMended => stale,
            };
            let Some(pause) = pauses.next().filter(|_| again) else {
                return Ended::Failed(failure);
            };
            tokio::select! {
                () = self.reader.stop.cancelled() => return Ended::Interrupted,
                () = tokio::time::sleep(*pause) => {}
            }
        }
        let words = format!("{SESSIONS} sessions ended before all was read");
        Ended::Failed(Failure::own(Reason::ConnectionLost, words))
    }

    async fn session(&mut self) -> Result<Ended, Failure> {
        let token = self.token().await?;
        let link = self.round.watched.link.clone();
        let mut dialogue = self.dialogue(&token);
        let mut session =
            Session::open(&self.reader.wire.dialer, &link.imap, &mut dialogue).await?;
        let done = async {
            session.sign_in(self.mailbox, &token, &mut dialogue).await?;
            session.introduce(&mut dialogue).await?;
            self.was_in = true;
            self.look(&mut session, &token).await
        }
        .await;
        session.logout(&mut self.dialogue(&token)).await;
        done
    }

    /// The token in hand, or a fresh one.
    async fn token(&mut self) -> Result<Secret, Failure> {
        let now = self.reader.wire.clock.now();
        self.fresh = !self.round.token.as_ref().is_some_and(|token| token.serves(now));
        if self.fresh {
            let ended = self.round.run(&[Check::Token]).await;
            if let Some(failure) = ended.iter().find_map(|(_, outcome)| outcome.failure()) {
                return Err(failure.clone());
            }
        }
        let token = self.round.token.as_ref().map(|token| token.secret.clone());
        token.ok_or_else(|| Failure::own(Reason::InternalError, "no access token in hand"))
    }

    /// For one command, or a few small ones.
    fn dialogue(&self, token: &Secret) -> Dialogue {
        let allowed = self.round.watched.settings.timing(Check::Capacity).timeout;
        let mut dialogue = Dialogue::new(allowed, self.reader.stop.clone());
        dialogue.redactor.hide(token);
        dialogue
    }

    async fn look(&mut self, session: &mut Session, token: &Secret) -> Result<Ended, Failure> {
        let (reader, mailbox) = (self.reader, self.mailbox);
        let mut dialogue = self.dialogue(token);
        let folders = session.folders(&mut dialogue).await?;
        let Some(sent) = folders.sent else { return Ok(Ended::Hidden) };
        let folder = session.examine_folder(&sent, &mut dialogue).await?;
        reader.kept.with(mailbox, |seen| seen.open(&folder));
        while let Some(chunk) = reader.kept.with(mailbox, |seen| seen.next(&reader.wanted)) {
            let mut dialogue = self.dialogue(token);
            let found = session.arrived(chunk.start, Some(chunk.end), &mut dialogue).await;
            self.spent += dialogue.traffic.down;
            let found = found?;
            let unread = reader.kept.with(mailbox, |seen| seen.unread(found));
            let mut rest = &unread[..];
            while !rest.is_empty() {
                if self.spent >= reader.budget {
                    return Ok(Ended::Budget);
                }
                rest = self.batch(session, rest, token).await?;
                reader.kept.save_sometimes();
            }
            reader.kept.with(mailbox, |seen| seen.finish(&chunk));
            reader.bar.finished(&chunk);
        }
        Ok(Ended::Whole)
    }

    /// Reads the first of these messages, which are not empty, and gives those that are left.
    async fn batch<'u>(
        &mut self,
        session: &mut Session,
        rest: &'u [u32],
        token: &Secret,
    ) -> Result<&'u [u32], Failure> {
        let (asked, after) = rest.split_at(self.width.min(rest.len()));
        if self.unreadable.is_some_and(|uid| asked == [uid]) {
            return self.alone(session, asked, token).await.map(|()| after);
        }
        let mut dialogue = self.dialogue(token);
        let told = session.listed(asked, &mut dialogue).await;
        self.spent += dialogue.traffic.down;
        self.reader.bar.read(told.messages.len());
        let any = !told.messages.is_empty();
        self.take(told.messages);
        match told.ended {
            Ok(()) => {
                self.batches += 1;
                self.width = (self.width * 2).min(BATCH);
                Ok(after)
            }
            Err(failure) => {
                if may_be_a_message(&failure) {
                    self.unreadable = asked.first().copied().filter(|_| asked.len() == 1);
                    self.width = 1;
                }
                self.batches += usize::from(any);
                Err(failure)
            }
        }
    }

    /// Asks when that one message came, which is then counted with nobody in it, and passes it over where not even that
    /// can be read.
    async fn alone(
        &mut self,
        session: &mut Session,
        asked: &[u32],
        token: &Secret,
    ) -> Result<(), Failure> {
        (self.unreadable, self.width) = (None, BATCH);
        let told = session.dated(asked, &mut self.dialogue(token)).await;
        let garbled =
            |failure: &Failure| failure.reason == Reason::GarbledAnswer && told.messages.is_empty();
        if told.ended.as_ref().is_err_and(garbled) {
            asked.iter().for_each(|uid| self.reader.kept.with(self.mailbox, |s| s.pass_over(*uid)));
        }
        self.take(told.messages);
        self.batches += 1;
        told.ended
    }

    fn take(&self, listed: Vec<Listed>) {
        let settings = &self.round.watched.settings.capacity;
        let key = &self.reader.kept.key;
        let messages = listed.into_iter().map(|one| settings.message(one, self.mailbox, key));
        self.reader.kept.with(self.mailbox, |seen| seen.take(messages));
    }
}

/// Whether something in a message may be the trouble, so that others can be read.
fn may_be_a_message(failure: &Failure) -> bool {
    matches!(failure.reason, Reason::GarbledAnswer | Reason::GoogleOutage | Reason::Unknown)
}

/// So many messages are told in 70 KB, where each went to one person.
const BATCH: usize = 100;

/// Of one run, at each mailbox. What these do not get through, the next run does.
const SESSIONS: usize = 12;

/// Before the next session, where the last one got nowhere.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20)];
