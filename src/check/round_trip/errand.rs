//! An errand to one mailbox: finds our letters there, and removes them.
//!
//! Invariant: nothing is removed that is not ours by its own mark, and no letter of ours before it was judged.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    check::Probe,
    domain::{
        clock,
        letter::{Action, Bounce, Copy, Installation, Mark},
        link::LinkId,
        outcome::{Failure, Reply},
        reason::{At, Protocol, Said},
        trip::{Found, Place, Trip},
    },
    wire::imap::{Folder, Folders, Idled, Own, Removed, Session, Wanted},
};

/// What is to be done at a mailbox, in one session.
#[derive(Clone, Debug)]
pub struct Errand {
    pub installation: Installation,
    pub sought: Vec<Sought>,
    /// Every letter that is on its way, those too that this errand is not about.
    pub on_their_way: BTreeSet<Mark>,
    /// How long to wait for letters that have not come yet.
    pub wait: Duration,
}

/// A letter, and what this mailbox has to do with it.
#[derive(Clone, Debug)]
pub struct Sought {
    /// The link that sent it.
    pub link: LinkId,
    pub trip: Trip,
    /// Whether it went to this mailbox.
    pub here: bool,
    /// Whether it was sent by this mailbox, which has a copy, and gets what bounces.
    pub from_here: bool,
}

/// What became of an errand.
#[derive(Debug, Default)]
pub struct Report {
    pub found: Vec<(Mark, Found)>,
    pub bounced: Vec<(Mark, Failure)>,
    /// Our messages that could not be removed, and why.
    pub left: Vec<String>,
    /// Whether everything was looked through, so that what was not found is not there.
    pub complete: bool,
}

/// Runs the errand. What was found before the session broke is in the report all the same.
///
/// # Errors
/// Why the session broke.
pub async fn run(
    probe: &mut Probe<'_>,
    errand: &Errand,
    report: &mut Report,
) -> Result<(), Failure> {
    let token = crate::check::token_in_hand(probe)?;
    let dialogue = &mut *probe.dialogue;
    let session = Session::open(&probe.wire.dialer, &probe.link.imap, dialogue).await?;
    let mut visit = Visit { session, probe, errand, report, own: Vec::new() };
    let visited = async {
        let Probe { link, dialogue, .. } = &mut *visit.probe;
        visit.session.sign_in(&link.mailbox, &token, dialogue).await?;
        visit.session.introduce(dialogue).await?;
        visit.whole().await
    }
    .await;
    let Visit { session, probe, own, report, .. } = visit;
    if let Err(failure) = &visited {
        report.left.extend(own.iter().map(|_| failure.to_string()));
    }
    session.logout(probe.dialogue).await;
    visited
}

struct Visit<'a, 'p> {
    session: Session,
    probe: &'a mut Probe<'p>,
    errand: &'a Errand,
    report: &'a mut Report,
    /// To be removed.
    own: Vec<Own>,
}

impl Visit<'_, '_> {
    async fn whole(&mut self) -> Result<(), Failure> {
        let folders = self.session.folders(self.probe.dialogue).await?;
        self.folder(&Folder::inbox(), Place::Inbox).await?;
        self.bounces().await?;
        self.spam(&folders).await?;
        if self.awaited() && !self.errand.wait.is_zero() {
            self.wait().await?;
            self.spam(&folders).await?;
        }
        self.report.complete = true;
        if let Some(sent) = folders.sent.as_ref().filter(|_| self.sends().next().is_some()) {
            self.session.select(sent, self.probe.dialogue).await?;
            // Where it went to its own sender, the copy and what arrives may be one message with two labels.
            let awaited: BTreeSet<_> = self.missing().map(|it| it.trip.mark.clone()).collect();
            self.all_of_ours(|mark| !awaited.contains(mark)).await?;
        }
        // A session that broke between the move there and the removal for good left it there.
        if let Some(trash) = folders.trash.as_ref().filter(|_| self.session.removes_by_trash()) {
            self.session.select(trash, self.probe.dialogue).await?;
            self.leftovers().await?;
        }
        self.clean(&folders).await
    }

    async fn folder(&mut self, folder: &Folder, place: Place) -> Result<(), Failure> {
        self.session.select(folder, self.probe.dialogue).await?;
        self.letters(place).await?;
        self.leftovers().await
    }

    async fn spam(&mut self, folders: &Folders) -> Result<(), Failure> {
        match &folders.junk {
            Some(junk) => self.folder(junk, Place::Spam).await,
            None => Ok(()),
        }
    }

    /// Waits in the inbox for what has not come yet.
    async fn wait(&mut self) -> Result<(), Failure> {
        let until = clock::instant() + self.errand.wait;
        self.session.select(&Folder::inbox(), self.probe.dialogue).await?;
        loop {
            self.letters(Place::Inbox).await?;
            self.bounces().await?;
            if !self.awaited() || clock::instant() >= until {
                return Ok(());
            }
            match self.session.idle(until, self.probe.dialogue).await? {
                Idled::Arrived => {}
                Idled::NotOffered | Idled::Over => return Ok(()),
            }
        }
    }

    /// Letters that came here and are not found yet.
    fn missing(&self) -> impl Iterator<Item = &Sought> {
        let found = |mark: &Mark| self.report.found.iter().any(|(known, _)| known == mark);
        let here = self.errand.sought.iter().filter(|sought| sought.here);
        here.filter(move |sought| !found(&sought.trip.mark))
    }

    /// Whether something may still come; what came back does not.
    fn awaited(&self) -> bool {
        self.missing().any(|sought| !self.came_back(&sought.trip.mark))
    }

    fn came_back(&self, mark: &Mark) -> bool {
        self.report.bounced.iter().any(|(known, _)| known == mark)
    }

    fn sends(&self) -> impl Iterator<Item = &Sought> {
        self.errand.sought.iter().filter(|sought| sought.from_here)
    }

    async fn letters(&mut self, place: Place) -> Result<(), Failure> {
        let missing: Vec<_> = self.missing().map(|sought| sought.trip.clone()).collect();
        for trip in missing {
            let id = trip.message_id();
            let wanted = Wanted::Letter(&trip.mark, &id);
            let mut found = None;
            // It may have come twice.
            for uid in self.session.find(wanted, trip.sent, self.probe.dialogue).await? {
                let Some(own) = self.session.own(uid, wanted, self.probe.dialogue).await? else {
                    continue;
                };
                let received = self.session.received(&own, self.probe.dialogue).await?;
                let received = received.unwrap_or_default();
                let copy = Copy::read(&received.header, received.internal_date);
                let now = self.probe.wire.clock.now();
                found = Some(Found {
                    place,
                    received: copy.arrived.unwrap_or(now),
                    transit: copy.delay(),
                    verdicts: copy.authentication.map(Into::into).unwrap_or_default(),
                });
                self.own.push(own);
            }
            self.report.found.extend(found.map(|found| (trip.mark, found)));
        }
        Ok(())
    }

    /// What came back for letters that this mailbox sent.
    async fn bounces(&mut self) -> Result<(), Failure> {
        let sent = self.sends().filter(|sought| !self.came_back(&sought.trip.mark));
        let sent: Vec<_> = sent.map(|sought| sought.trip.clone()).collect();
        for trip in sent {
            let id = trip.message_id();
            let uids = self.session.find(Wanted::Bounce(&id), trip.sent, self.probe.dialogue);
            for uid in uids.await? {
                let text = self.session.beginning(uid, self.probe.dialogue).await?;
                let bounce = text.as_deref().and_then(Bounce::read);
                let is_its = |bounce: &Bounce| {
                    bounce.action == Action::Failed && bounce.original.as_deref() == Some(&id)
                };
                if let Some(bounce) = bounce.filter(is_its) {
                    let failure = self.reason_of(&bounce);
                    self.report.bounced.push((trip.mark.clone(), failure));
                    break;
                }
            }
        }
        Ok(())
    }

    /// A bounce is a refusal that came late, so the same rules say what it means.
    fn reason_of(&self, bounce: &Bounce) -> Failure {
        let code = bounce.status.as_deref().unwrap_or_default();
        let words = bounce.diagnostic.as_deref().unwrap_or("it came back");
        let said = words.get(..3).filter(|said| said.bytes().all(|byte| byte.is_ascii_digit()));
        // An enhanced code's class is that of the reply: 5.1.1 comes with 550.
        let status = said.unwrap_or(if code.starts_with('4') { "450" } else { "550" });
        // Each line of a reply repeats its codes.
        let is_code = |word: &str| {
            let word = word.strip_prefix(status).unwrap_or(word).trim_start_matches('-');
            word.is_empty() || word == code
        };
        let text: Vec<_> = words.split_whitespace().filter(|word| !is_code(word)).collect();
        let said = Said {
            protocol: Protocol::Smtp,
            at: At::Recipient,
            status,
            code,
            key: "",
            text: &text.join(" "),
        };
        Failure::said(Reply::new(&said, &self.probe.dialogue.redactor), At::Recipient)
    }

    /// Letters of earlier trips that nobody waits for any more.
    async fn leftovers(&mut self) -> Result<(), Failure> {
        let on_their_way = &self.errand.on_their_way;
        self.all_of_ours(|mark| !on_their_way.contains(mark)).await
    }

    /// All letters of ours in the folder that is open.
    async fn all_of_ours(&mut self, which: impl Fn(&Mark) -> bool) -> Result<(), Failure> {
        let wanted = Wanted::Installation(&self.errand.installation);
        let since = self.probe.wire.clock.now() - LOOK_BACK;
        for uid in self.session.find(wanted, since, self.probe.dialogue).await? {
            let own = self.session.own(uid, wanted, self.probe.dialogue).await?;
            self.own.extend(own.filter(|own| which(own.mark()) && !self.own.contains(own)));
        }
        Ok(())
    }

    async fn clean(&mut self, folders: &Folders) -> Result<(), Failure> {
        while let Some(own) = self.own.last().cloned() {
            match self.session.remove(&own, folders, self.probe.dialogue).await? {
                Removed::Gone => {}
                Removed::Marked => self.report.left.push("it is marked as deleted".to_owned()),
                Removed::Stays(why) => self.report.left.push(why),
            }
            self.own.pop();
        }
        Ok(())
    }
}

/// How old a letter may be that is still cleaned up.
const LOOK_BACK: Duration = Duration::from_secs(30 * 24 * 60 * 60);
