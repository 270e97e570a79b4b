//! Handing a message over, and knowing afterwards whether it was taken.

use lettre::transport::smtp::{
    commands::{Data, Mail, Rcpt, Rset},
    extension::MailParameter,
};

use super::{Raw, Session, dial, envelope};
use crate::{
    domain::{
        link::Address,
        outcome::{Evidence, Failure, Phase},
        reason::{At, Reason},
    },
    wire::dialogue::Dialogue,
};

/// Why a message may not be on its way.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// It was not taken.
    Refused(Failure),
    /// The server had all of it and said nothing, or nothing that can be read: only the mailbox can tell.
    Unknown(Failure),
}

impl Session {
    /// Hands a message over. Dropped half-way, it leaves a session that is good for nothing more.
    pub(crate) async fn send(
        &mut self,
        from: &Address,
        to: &Address,
        message: &[u8],
        dialogue: &mut Dialogue,
    ) -> Result<(), Unsent> {
        if let Err(failure) = self.announce(from, to, message.len(), dialogue).await {
            self.take_back(&failure, dialogue).await;
            return Err(Unsent::Refused(failure));
        }
        dialogue.note(&format!("-- message of {} bytes", message.len()));
        let socket = self.socket.clone();
        let text = stuffed(message);
        // From here to the dot, whatever is said is text.
        self.midway = true;
        let written = async { socket.write(&text).await.map_err(|error| dial::failure(&error)) };
        dialogue.phase(Phase::Data, written).await.map_err(Unsent::Refused)?;
        self.midway = false;
        let answer = self.say(Phase::Data, At::Message, Raw(".\r\n".into()), dialogue).await;
        match answer {
            Ok(answer) if answer.has_code(250) => Ok(()),
            Ok(answer) => {
                let words = format!("{} to the message is neither a yes nor a no", answer.code());
                let failure = Failure::own(Reason::GarbledAnswer, words);
                Err(Unsent::Unknown(Failure { phase: Some(Phase::Data), ..failure }))
            }
            Err(failure) if was_said(&failure) => Err(Unsent::Refused(failure)),
            Err(failure) => Err(Unsent::Unknown(failure)),
        }
    }

    /// Everything up to the server's leave to send.
    async fn announce(
        &mut self,
        from: &Address,
        to: &Address,
        size: usize,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        let parameters = self.size.then_some(MailParameter::Size(size)).into_iter().collect();
        let mail = Mail::new(Some(envelope(from)?), parameters);
        self.say(Phase::Mail, At::Sender, mail, dialogue).await?;
        let rcpt = Rcpt::new(envelope(to)?, Vec::new());
        self.say(Phase::Rcpt, At::Recipient, rcpt, dialogue).await?;
        let answer = self.say(Phase::Data, At::Message, Data, dialogue).await?;
        if answer.has_code(354) {
            return Ok(());
        }
        let words = format!("{} to DATA is neither a yes nor a no", answer.code());
        let failure = Failure::own(Reason::GarbledAnswer, words);
        Err(Failure { phase: Some(Phase::Data), ..failure })
    }

    /// After a refusal that leaves the session open, so that nothing of the message stays in it.
    async fn take_back(&mut self, failure: &Failure, dialogue: &mut Dialogue) {
        let over = match &failure.evidence {
            Some(Evidence::Reply(reply)) => reply.ends_session(),
            _ => true,
        };
        if !over && !self.socket.ended() {
            // The refusal is what counts; the session ends right after this.
            let _ = self.say(Phase::Reset, At::Command, Rset, dialogue).await;
        }
    }
}

fn was_said(failure: &Failure) -> bool {
    matches!(failure.evidence, Some(Evidence::Reply(_)))
}

/// The text as it goes over the wire: no line of it is a lonely dot, and the last one has its end.
/// https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            text.push(b'.');
        }
        text.extend_from_slice(line);
    }
    if !text.ends_with(b"\r\n") {
        text.extend_from_slice(b"\r\n");
    }
    text
}

#[cfg(test)]
mod tests;
