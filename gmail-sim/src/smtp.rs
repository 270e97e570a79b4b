//! SMTP submission as `smtp.gmail.com` speaks it.

mod auth;
mod envelope;

use std::io;

use crate::{
    dialogue::{Dialogue, Fate, Turn},
    fault::{At, What},
    lines::Line,
    tls::Tls,
    world::{LimitAt, Recipient, asked::unix, line},
};
use envelope::Envelope;

/// One client's session.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    dialogue: Dialogue,
    envelope: Envelope,
    greeted: bool,
    /// Is TLS on?
    secure: bool,
    signed_in: bool,
    tls: &'a Tls,
    /// How many commands nobody knows.
    unknown: u32,
}

/// <https://support.google.com/a/answer/166852>: by SMTP.
const MOST_RECIPIENTS: usize = 100;
/// What EHLO says.
const LARGEST_MESSAGE: usize = 35_882_577;
const MOST_UNKNOWN: u32 = 10;

/// Serves one connection to its end.
pub(crate) async fn serve(dialogue: Dialogue, tls: &Tls, secure: bool) -> io::Result<()> {
    let mut session = Session {
        dialogue,
        envelope: Envelope::default(),
        greeted: false,
        secure,
        signed_in: false,
        tls,
        unknown: 0,
    };
    let greeting = format!("220 smtp.gmail.com ESMTP {} - gsmtp\r\n", session.dialogue.id());
    if session.reply(At::Greeting, greeting).await? == Turn::Over {
        return Ok(());
    }
    while let Some(command) = session.dialogue.line().await? {
        let command = String::from_utf8_lossy(&command).into_owned();
        if session.obey(&command).await? == Turn::Over {
            return Ok(());
        }
    }
    Ok(())
}

impl Session<'_> {
    async fn obey(&mut self, command: &str) -> io::Result<Turn> {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        let (verb, rest) = (verb.to_ascii_uppercase(), rest.trim());
        if verb == "AUTH" {
            return self.auth(rest).await;
        }
        self.dialogue.note(command.trim());
        match &*verb {
            "EHLO" | "HELO" => self.hello(&verb, rest).await,
            "STARTTLS" => self.starttls(rest).await,
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.rcpt(rest).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.envelope = Envelope::default();
                let flushed = format!("250 2.1.5 Flushed {} - gsmtp\r\n", self.dialogue.id());
                self.reply(At::Rset, flushed).await
            }
            "NOOP" => {
                let fine = format!("250 2.0.0 OK {} - gsmtp\r\n", self.dialogue.id());
                self.reply(At::Noop, fine).await
            }
            "QUIT" => {
                self.dialogue.ending("quit");
                let id = self.dialogue.id();
                self.reply(At::Quit, format!("221 2.0.0 closing connection {id} - gsmtp\r\n")).await
            }
            "VRFY" | "EXPN" | "HELP" | "BDAT" => {
                self.refuse(At::Command, "smtp.unimplemented").await
            }
            _ => self.unknown().await,
        }
    }

    async fn hello(&mut self, verb: &str, name: &str) -> io::Result<Turn> {
        if name.is_empty() {
            return self.refuse(At::Ehlo, "smtp.ehlo_empty").await;
        }
        self.greeted = true;
        self.envelope = Envelope::default();
        if verb == "HELO" {
            return self.reply(At::Ehlo, "250 smtp.gmail.com at your service\r\n".to_owned()).await;
        }
        let between = if self.secure {
            "250-AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH\r\n"
        } else {
            "250-STARTTLS\r\n"
        };
        let text = format!(
            "250-smtp.gmail.com at your service, [127.0.0.1]\r\n250-SIZE {LARGEST_MESSAGE}\r\n250-8BITMIME\r\n{between}250-ENHANCEDSTATUSCODES\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 SMTPUTF8\r\n"
        );
        self.reply(At::Ehlo, text).await
    }

    async fn starttls(&mut self, rest: &str) -> io::Result<Turn> {
        if !rest.is_empty() {
            return self.refuse(At::Starttls, "smtp.starttls_parameters").await;
        }
        if self.secure {
            return self.refuse(At::Starttls, "smtp.starttls_repeated").await;
        }
        if self.dialogue.has_unread() {
            return self.refuse(At::Starttls, "smtp.starttls_pipelined").await;
        }
        let how = match self.dialogue.fate(At::Starttls).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(how) => how,
        };
        let ready = "220 2.0.0 Ready to start TLS\r\n";
        if self.dialogue.say_as(ready, how.as_ref()).await? == Turn::Over {
            return Ok(Turn::Over);
        }
        self.secure = true;
        self.greeted = false;
        self.dialogue.secure(self.tls).await
    }

    async fn mail(&mut self, rest: &str) -> io::Result<Turn> {
        if let Some(refusal) = self.too_early() {
            return self.refuse(At::Mail, refusal).await;
        }
        let how = match self.dialogue.fate(At::Mail).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(how) => how,
        };
        let key = match Envelope::from(rest) {
            Err(refusal) => refusal,
            Ok(_) if self.envelope.is_open() => "smtp.bad_sequence",
            Ok((_, size)) if size > LARGEST_MESSAGE => "smtp.too_large",
            Ok((envelope, _)) => {
                if let Err(refusal) = self.may_send(LimitAt::Mail, 1) {
                    return self.dialogue.say_line(refusal, how.as_ref()).await;
                }
                self.envelope = envelope;
                return self.fine("250 2.1.0 OK", how.as_ref()).await;
            }
        };
        self.dialogue.say_line(line(key), how.as_ref()).await
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<Turn> {
        if let Some(refusal) = self.too_early() {
            return self.refuse(At::Rcpt, refusal).await;
        }
        let how = match self.dialogue.fate(At::Rcpt).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(how) => how,
        };
        let known = |recipient: &str| self.dialogue.world.recipient(recipient);
        let key = match envelope::recipient(rest) {
            _ if !self.envelope.is_open() => "smtp.mail_first",
            Err(refusal) => refusal,
            Ok(_) if self.envelope.recipients.len() >= MOST_RECIPIENTS => {
                "smtp.too_many_recipients"
            }
            Ok(recipient) => match known(&recipient) {
                Recipient::Full(refusal) => refusal,
                Recipient::Nobody => "smtp.rcpt_no_such_user",
                Recipient::Elsewhere | Recipient::Here => {
                    let count = self.envelope.recipients.len() + 1;
                    if let Err(refusal) = self.may_send(LimitAt::Rcpt, count) {
                        return self.dialogue.say_line(refusal, how.as_ref()).await;
                    }
                    self.envelope.recipients.push(recipient);
                    return self.fine("250 2.1.5 OK", how.as_ref()).await;
                }
            },
        };
        self.dialogue.say_line(line(key), how.as_ref()).await
    }

    async fn data(&mut self) -> io::Result<Turn> {
        if let Some(refusal) = self.too_early() {
            return self.refuse(At::Data, refusal).await;
        }
        if self.envelope.recipients.is_empty() {
            return self.refuse(At::Data, "smtp.rcpt_first").await;
        }
        let how = match self.dialogue.fate(At::Data).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(how) => how,
        };
        if let Err(refusal) = self.may_send(LimitAt::Data, self.envelope.recipients.len()) {
            return self.dialogue.say_line(refusal, how.as_ref()).await;
        }
        let id = self.dialogue.id();
        let go_ahead = format!("354 Go ahead {id} - gsmtp\r\n");
        if self.dialogue.say_as(go_ahead, how.as_ref()).await? == Turn::Over {
            return Ok(Turn::Over);
        }
        let Some(message) = self.message().await? else { return Ok(Turn::Over) };
        self.dialogue.note(&format!("message of {} bytes", message.len()));
        self.accept(message).await
    }

    /// Reads up to the lone dot and takes the doubled dots back; nothing when the client is gone.
    async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = Vec::new();
        loop {
            let Some(line) = self.dialogue.line().await? else { return Ok(None) };
            let line = match line.strip_prefix(b".") {
                Some(b"") => return Ok(Some(message)),
                Some(rest) => rest,
                None => &line,
            };
            // What is too large is read to its end, and not kept.
            if message.len() <= LARGEST_MESSAGE {
                message.extend_from_slice(line);
                message.extend_from_slice(b"\r\n");
            }
        }
    }

    async fn accept(&mut self, message: Vec<u8>) -> io::Result<Turn> {
        let envelope = std::mem::take(&mut self.envelope);
        let how = match self.dialogue.fate(At::Message).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(how) => how,
        };
        if message.len() > LARGEST_MESSAGE {
            return self.dialogue.say_line(line("smtp.too_large_534"), how.as_ref()).await;
        }
        if let Err(refusal) = self.may_send(LimitAt::Message, envelope.recipients.len()) {
            return self.dialogue.say_line(refusal, how.as_ref()).await;
        }
        let world = self.dialogue.world.clone();
        world.send(self.user(), &envelope.recipients, message);
        let accepted = format!("250 2.0.0 OK  {:.0}", unix(world.now()).floor());
        self.fine(&accepted, how.as_ref()).await
    }

    /// What speaks against a mail transaction at this point.
    fn too_early(&self) -> Option<&'static str> {
        match () {
            () if !self.greeted => Some("smtp.ehlo_first"),
            () if !self.secure => Some("smtp.starttls_required"),
            () if !self.signed_in => Some("smtp.auth_required"),
            () => None,
        }
    }

    fn may_send(&self, at: LimitAt, recipients: usize) -> Result<(), &'static Line> {
        self.dialogue.world.may_send(self.user(), at, recipients)
    }

    fn user(&self) -> &str {
        self.dialogue.address.as_deref().unwrap_or_default()
    }

    async fn unknown(&mut self) -> io::Result<Turn> {
        self.unknown += 1;
        if self.unknown < MOST_UNKNOWN {
            return self.refuse(At::Command, "smtp.unrecognized").await;
        }
        self.refuse(At::Command, "smtp.goodbye").await
    }

    /// Says that it worked, with Google's tail.
    async fn fine(&mut self, start: &str, how: Option<&What>) -> io::Result<Turn> {
        let text = format!("{start} {} - gsmtp\r\n", self.dialogue.id());
        self.dialogue.say_as(text, how).await
    }

    /// Says a usual reply, unless a fault has something else in mind.
    async fn reply(&mut self, at: At, usual: String) -> io::Result<Turn> {
        match self.dialogue.fate(at).await? {
            Fate::Replaced(turn) => Ok(turn),
            Fate::CarryOut(how) => self.dialogue.say_as(usual, how.as_ref()).await,
        }
    }

    /// Says a line of the catalogue, unless a fault has something else in mind.
    async fn refuse(&mut self, at: At, key: &str) -> io::Result<Turn> {
        match self.dialogue.fate(at).await? {
            Fate::Replaced(turn) => Ok(turn),
            Fate::CarryOut(how) => self.dialogue.say_line(line(key), how.as_ref()).await,
        }
    }
}
