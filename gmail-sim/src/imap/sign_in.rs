//! AUTHENTICATE XOAUTH2, and the passwords that are no longer taken.

use std::io;

use super::{Reply, Session, command::Command};
use crate::{
    dialogue::{Fate, Turn},
    fault::{At, What},
    lines::{self, Line},
    sasl::{CHALLENGE, Xoauth2},
    world::{Account, Extension, line},
};

/// What Gmail can do before and after a sign-in.
pub(super) const BEFORE: &str = "* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER\r\n";
const AFTER: &str = "* CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584\r\n";

/// What the server can do after the sign-in, without what the account is to be without.
pub(super) fn after(account: &Account) -> String {
    let has = |word: &str| match word {
        "IDLE" => account.has(Extension::Idle),
        "MOVE" => account.has(Extension::Move),
        "SPECIAL-USE" => account.has(Extension::SpecialUse),
        "UIDPLUS" => account.has(Extension::Uidplus),
        "X-GM-EXT-1" | "XLIST" => account.has(Extension::Gmail),
        _ => true,
    };
    let words: Vec<&str> = AFTER.trim_end().split(' ').filter(|word| has(word)).collect();
    words.join(" ") + "\r\n"
}

impl Session {
    pub(super) async fn authenticate(&mut self, command: &Command) -> io::Result<Turn> {
        let mechanism = command.text(0).to_ascii_uppercase();
        let initial = command.text(1).to_owned();
        if self.signed_in.is_none()
            && let Ok(login) = Xoauth2::parse(&initial)
        {
            self.dialogue.address = Some(login.user.to_lowercase());
        }
        let stars = if initial.is_empty() { "" } else { " ***" };
        self.dialogue.note(&format!("AUTHENTICATE {mechanism}{stars}"));
        if self.signed_in.is_some() {
            return self.finish(At::Command, Reply::bad()).await;
        }
        if mechanism != "XOAUTH2" {
            return self.password().await;
        }
        let encoded = match &*initial {
            "" => match self.challenge("").await? {
                Ok(answer) => answer,
                Err(turn) => return Ok(turn),
            },
            _ => initial,
        };
        let Ok(login) = Xoauth2::parse(&encoded) else {
            return self.refuse("imap.invalid_sasl_no").await;
        };
        self.dialogue.address = Some(login.user.to_lowercase());
        self.dialogue.credentials = format!("{} {encoded}", login.token);
        let address = self.dialogue.address.as_deref();
        let how = match self.dialogue.world.due(self.dialogue.service, At::Auth, address) {
            Some(what) if what.replaces() => return self.replaced(&what).await,
            how => how,
        };
        match self.dialogue.world.sign_in_imap(&login, self.dialogue.connection) {
            Ok(signed_in) => {
                let text = format!("{} authenticated (Success)", signed_in.address);
                self.signed_in = Some(signed_in);
                let (tag, capabilities) = (&self.dialogue.tag, after(&self.account()));
                let reply = format!("{capabilities}{tag} OK {text}\r\n");
                self.dialogue.say_as(reply, how.as_ref()).await
            }
            Err(refusal) => {
                if let Err(turn) = self.challenge_before(refusal).await? {
                    return Ok(turn);
                }
                self.dialogue.say_line(refusal, how.as_ref()).await
            }
        }
    }

    /// Passwords: gone, whatever they are.
    pub(super) async fn password(&mut self) -> io::Result<Turn> {
        self.refuse("imap.app_password").await
    }

    /// A fault in place of the verdict; a line of the catalogue keeps its challenge.
    async fn replaced(&mut self, what: &What) -> io::Result<Turn> {
        if let What::Say(key) = what
            && let Some(line) = lines::find(key)
            && let Err(turn) = self.challenge_before(line).await?
        {
            return Ok(turn);
        }
        self.dialogue.misbehave(what).await
    }

    async fn refuse(&mut self, key: &str) -> io::Result<Turn> {
        match self.dialogue.fate(At::Auth).await? {
            Fate::Replaced(turn) => Ok(turn),
            Fate::CarryOut(how) => self.dialogue.say_line(line(key), how.as_ref()).await,
        }
    }

    /// Says Google's challenge, where it belongs before this line, and waits for the empty line.
    async fn challenge_before(&mut self, refusal: &Line) -> io::Result<Result<(), Turn>> {
        if !refusal.after_challenge() {
            return Ok(Ok(()));
        }
        let answer = match self.challenge(CHALLENGE).await? {
            Ok(answer) => answer,
            Err(turn) => return Ok(Err(turn)),
        };
        if !answer.is_empty() {
            self.dialogue.note("the answer to the challenge is not an empty line");
        }
        Ok(Ok(()))
    }

    /// Says `+` and reads the answer, which is noted as stars.
    async fn challenge(&mut self, words: &str) -> io::Result<Result<String, Turn>> {
        let how = match self.dialogue.fate(At::Challenge).await? {
            Fate::Replaced(turn) => return Ok(Err(turn)),
            Fate::CarryOut(how) => how,
        };
        let challenge = format!("+ {words}\r\n");
        if self.dialogue.say_as(challenge, how.as_ref()).await? == Turn::Over {
            return Ok(Err(Turn::Over));
        }
        let Some(answer) = self.dialogue.line().await? else { return Ok(Err(Turn::Over)) };
        let answer = String::from_utf8_lossy(&answer).trim().to_owned();
        if let Ok(login) = Xoauth2::parse(&answer) {
            self.dialogue.address = Some(login.user.to_lowercase());
        }
        self.dialogue.note(if answer.is_empty() { "(empty line)" } else { "***" });
        Ok(Ok(answer))
    }
}
