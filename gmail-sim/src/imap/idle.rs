//! IDLE: the session listens until the client is done, or until it ends.

use std::io;

use super::{Event, Session, view::Tell};
use crate::{
    dialogue::{Fate, Turn},
    fault::At,
    world::Notice,
};

impl Session {
    pub(super) async fn idle(&mut self) -> io::Result<Turn> {
        let how = match self.dialogue.fate(At::Idle).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(how) => how,
        };
        if self.dialogue.say_as("+ idling\r\n", how.as_ref()).await? == Turn::Over {
            return Ok(Turn::Over);
        }
        self.idles(true);
        let turn = self.listen().await;
        self.idles(false);
        turn
    }

    async fn listen(&mut self) -> io::Result<Turn> {
        // What came between the last command and this one.
        if self.hear(Notice::Changed, Tell::All).await? == Turn::Over {
            return Ok(Turn::Over);
        }
        loop {
            let turn = match self.event(Tell::All).await? {
                Event::Line(None) => return Ok(Turn::Over),
                Event::Line(Some(_)) => {
                    self.dialogue.note("DONE");
                    let how = match self.dialogue.fate(At::Done).await? {
                        Fate::Replaced(turn) => return Ok(turn),
                        Fate::CarryOut(how) => how,
                    };
                    let tag = &self.dialogue.tag;
                    let done = format!("{tag} OK IDLE terminated (Success)\r\n");
                    return self.dialogue.say_as(done, how.as_ref()).await;
                }
                Event::Expired => self.expire().await?,
                Event::Notice(notice) => self.hear(notice, Tell::All).await?,
            };
            if turn == Turn::Over {
                return Ok(turn);
            }
        }
    }

    fn idles(&self, idles: bool) {
        if let Some(signed_in) = &self.signed_in {
            signed_in.seat.idles(idles);
        }
    }
}
