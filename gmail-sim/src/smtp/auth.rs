//! AUTH: XOAUTH2 with its challenge; everything else is refused as Google refuses it.

use std::io;

use super::Session;
use crate::{
    dialogue::{Fate, Turn},
    fault::{At, What},
    lines::{self, Line},
    sasl::{self, CHALLENGE, Malformed, Xoauth2},
    world::line,
};

impl Session<'_> {
    pub(super) async fn auth(&mut self, rest: &str) -> io::Result<Turn> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let mechanism = mechanism.to_ascii_uppercase();
        if !self.signed_in
            && let Ok(login) = Xoauth2::parse(initial)
        {
            self.dialogue.address = Some(login.user.to_lowercase());
        }
        let stars = if initial.is_empty() { "" } else { " ***" };
        self.dialogue.note(&format!("AUTH {mechanism}{stars}"));
        if !self.greeted {
            return self.refuse(At::Command, "smtp.ehlo_first").await;
        }
        if !self.secure {
            return self.refuse(At::Command, "smtp.starttls_required").await;
        }
        if self.signed_in {
            return self.refuse(At::Command, "smtp.identity_change").await;
        }
        match &*mechanism {
            "XOAUTH2" => self.xoauth2(initial).await,
            "LOGIN" | "PLAIN" | "PLAIN-CLIENTTOKEN" => self.password(&mechanism, initial).await,
            "XOAUTH" => self.refuse(At::Command, "smtp.xoauth_gone").await,
            _ => self.refuse(At::Command, "smtp.unknown_auth_type").await,
        }
    }

    async fn xoauth2(&mut self, initial: &str) -> io::Result<Turn> {
        let encoded = match initial {
            "" => match self.challenge("").await? {
                Ok(answer) => answer,
                Err(turn) => return Ok(turn),
            },
            initial => initial.to_owned(),
        };
        let login = match Xoauth2::parse(&encoded) {
            Ok(login) => login,
            Err(Malformed::Encoding) => return self.refuse(At::Auth, "smtp.cannot_decode").await,
            Err(Malformed::Fields) => return self.refuse_after_challenge().await,
        };
        self.dialogue.address = Some(login.user.to_lowercase());
        self.dialogue.credentials = format!("{} {encoded}", login.token);
        let address = self.dialogue.address.as_deref();
        let how = match self.dialogue.world.due(self.dialogue.service, At::Auth, address) {
            Some(what) if what.replaces() => return self.replaced(&what).await,
            how => how,
        };
        match self.dialogue.world.sign_in_smtp(&login) {
            Ok(()) => {
                self.signed_in = true;
                self.fine("235 2.7.0 Accepted", how.as_ref()).await
            }
            Err(refusal) => {
                if let Err(turn) = self.challenge_before(refusal).await? {
                    return Ok(turn);
                }
                self.dialogue.say_line(refusal, how.as_ref()).await
            }
        }
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

    async fn refuse_after_challenge(&mut self) -> io::Result<Turn> {
        let refusal = line("smtp.bad_credentials");
        if let Err(turn) = self.challenge_before(refusal).await? {
            return Ok(turn);
        }
        self.refuse(At::Auth, refusal.key).await
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
        if answer.is_empty() || sasl::is_base64(&answer) {
            return Ok(Ok(()));
        }
        Ok(Err(self.dialogue.say_line(line("smtp.cannot_decode"), None).await?))
    }

    /// Says `334` and reads the answer, which is noted as stars or as what it is when empty.
    async fn challenge(&mut self, words: &str) -> io::Result<Result<String, Turn>> {
        let how = match self.dialogue.fate(At::Challenge).await? {
            Fate::Replaced(turn) => return Ok(Err(turn)),
            Fate::CarryOut(how) => how,
        };
        let challenge = format!("334 {words}\r\n");
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

    /// Passwords: gone, whatever they are.
    async fn password(&mut self, mechanism: &str, initial: &str) -> io::Result<Turn> {
        let prompts: &[&str] = match (mechanism, initial) {
            ("LOGIN", "") => &["VXNlcm5hbWU6", "UGFzc3dvcmQ6"],
            ("LOGIN", _) => &["UGFzc3dvcmQ6"],
            (_, "") => &[""],
            _ => &[],
        };
        for prompt in prompts {
            if let Err(turn) = self.challenge(prompt).await? {
                return Ok(turn);
            }
        }
        self.refuse(At::Auth, "smtp.app_password").await
    }
}
