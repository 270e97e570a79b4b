//! Waiting for mail in the folder that is open, without asking again and again.
//! https://www.rfc-editor.org/rfc/rfc2177

use std::time::Duration;

use async_imap::imap_proto::Response;
use tokio::time::Instant;

use super::{Answer, Learnt, Session, learn};
use crate::{
    domain::{
        clock,
        outcome::{Failure, Phase},
        reason::Reason,
    },
    wire::dialogue::Dialogue,
};

/// How a wait ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Idled {
    /// There is something new in the folder.
    Arrived,
    /// The server offers no IDLE, or refused it: nothing was waited for.
    NotOffered,
    /// The time is over.
    Over,
}

impl Session {
    /// Waits until something arrives in the open folder, or until that time; nine minutes at most, since Google and the
    /// boxes on the way forget what is quiet for longer. A server that ends the session meanwhile is a failure.
    pub(crate) async fn idle(
        &mut self,
        until: Instant,
        dialogue: &mut Dialogue,
    ) -> Result<Idled, Failure> {
        // What came while something else was asked is told once.
        if self.news {
            return Ok(Idled::Arrived);
        }
        if !self.can("IDLE") {
            return Ok(Idled::NotOffered);
        }
        self.listen(until.min(clock::instant() + LONGEST), true, dialogue).await
    }

    /// Stays for nine minutes, whatever arrives: so long as somebody sits, the session lasts. Gives what ended it instead.
    pub(crate) async fn sit(&mut self, dialogue: &mut Dialogue) -> Result<(), Failure> {
        let until = clock::instant() + LONGEST;
        let offered =
            self.can("IDLE") && self.listen(until, false, dialogue).await? != Idled::NotOffered;
        self.news = false;
        if !offered {
            let asleep = async {
                tokio::time::sleep_until(until).await;
                Ok(())
            };
            dialogue.phase(Phase::Idle, asleep).await?;
            self.say(Phase::Idle, "NOOP", dialogue).await?;
        }
        Ok(())
    }

    async fn listen(
        &mut self,
        until: Instant,
        for_news: bool,
        dialogue: &mut Dialogue,
    ) -> Result<Idled, Failure> {
        let tag = self.tag();
        dialogue.note(&format!("C: {tag} IDLE"));
        let waited = dialogue.phase(Phase::Idle, self.wait(&tag, until, for_news)).await;
        self.heard(dialogue);
        let bye = self.asides.iter().find(|aside| aside.status == "BYE").cloned();
        match (waited, bye) {
            (Ok(answer), _) if answer.status == "OK" => {
                Ok(if self.news { Idled::Arrived } else { Idled::Over })
            }
            (Ok(_), None) => Ok(Idled::NotOffered),
            (_, Some(bye)) => Err(self.refusal(&bye, dialogue)),
            (Err(failure), None) => Err(failure),
        }
        .map_err(|failure| Failure { phase: failure.phase.or(Some(Phase::Idle)), ..failure })
    }

    /// The tagged answer, after what was waited for.
    async fn wait(&mut self, tag: &str, until: Instant, for_news: bool) -> Result<Answer, Failure> {
        self.asides.clear();
        self.put(&format!("{tag} IDLE\r\n")).await?;
        self.idling = false;
        let mut asked = true;
        loop {
            if for_news && self.idling && self.news {
                self.done().await?;
            }
            let idling = self.idling;
            let heard = async {
                let next = self
                    .next(|response| (learn(response), matches!(response, Response::Continue(_))));
                match idling {
                    // Reading may be given up at any point: what came of a response stays where it is.
                    true => tokio::time::timeout_at(until, next).await.ok().transpose(),
                    false => next.await.map(Some),
                }
            };
            let Some((learnt, continues)) = heard.await? else {
                self.done().await?;
                continue;
            };
            self.idling |= continues && std::mem::take(&mut asked);
            self.keep(&learnt);
            let Learnt { answer, tag: answered, .. } = learnt;
            match (answer, answered) {
                (Some(answer), Some(answered)) if answered == tag => {
                    self.idling = false;
                    return Ok(answer);
                }
                (Some(_), Some(other)) => {
                    let words = format!("an answer to {other}, which nobody asked");
                    return Err(Failure::own(Reason::GarbledAnswer, words));
                }
                (Some(aside), None) => self.asides.push(aside),
                (None, _) => {}
            }
        }
    }

    async fn done(&mut self) -> Result<(), Failure> {
        self.idling = false;
        self.put("DONE\r\n").await
    }

    async fn put(&mut self, line: &str) -> Result<(), Failure> {
        let written = self.write(line).await;
        written.map_err(|error| self.broken(&error))
    }
}

/// How long one wait lasts at the most.
pub(crate) const LONGEST: Duration = Duration::from_secs(9 * 60);
