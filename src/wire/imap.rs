//! An IMAP session, command by command: async-imap frames and parses, we decide about tags, refusals, notices and the
//! session's end.
//!
//! Invariant: a folder is opened for writing only to remove messages that carry our own mark (`own.rs`); whoever only reads
//! opens it by EXAMINE. Nothing is fetched that would mark a message as seen.

mod answer;
mod folders;
mod idle;
mod inbox;
mod own;
mod remove;
mod sent;

use std::{fmt, io, panic::AssertUnwindSafe};

use async_imap::{Client, imap_proto::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::FutureExt;
use tokio::io::AsyncWriteExt;

use answer::{Answer, Learnt, learn, notice};

use super::{
    dial::{self, Dialer},
    dialogue::Dialogue,
    socket::{Limits, Socket, Stream},
    xoauth2,
};
use crate::domain::{
    link::{Address, ImapServer},
    outcome::{Evidence, Failure, Phase, Reply, Told},
    reason::{At, Protocol, Reason, Said},
    secret::Secret,
};

pub(crate) use folders::{Folder, Folders};
pub(crate) use idle::{Idled, LONGEST};
pub(crate) use own::{Own, Wanted};
pub(crate) use remove::Removed;
pub(crate) use sent::Listed;

/// A session that was greeted over TLS.
pub(crate) struct Session {
    client: Client<Stream>,
    socket: Socket,
    commands: u32,
    capabilities: Vec<String>,
    /// What came beside the answers since the last command.
    asides: Vec<Answer>,
    at: At,
    /// The folder that is open for writing.
    opened: Option<own::Opened>,
    /// Whether messages arrived in the folder that is open, since they were last looked for.
    news: bool,
    /// Whether the server waits for our DONE.
    idling: bool,
}

impl Session {
    /// Connects, and learns what the server can do.
    pub(crate) async fn open(
        dialer: &Dialer,
        server: &ImapServer,
        dialogue: &mut Dialogue,
    ) -> Result<Self, Failure> {
        let ImapServer { host, port } = server;
        let tcp = dialer.tcp(host, *port, dialogue).await?;
        let (socket, stream) = Socket::new(tcp, LIMITS).map_err(|error| dial::failure(&error))?;
        dialer.tls(&socket, host, *port, dialogue).await?;
        let mut session = Self {
            client: Client::new(stream),
            socket,
            commands: 0,
            capabilities: Vec::new(),
            asides: Vec::new(),
            at: At::SignIn,
            opened: None,
            news: false,
            idling: false,
        };
        session.greeting(dialogue).await?;
        if session.capabilities.is_empty()
            && let Err(failure) = session.say(Phase::Capability, "CAPABILITY", dialogue).await
        {
            session.logout(dialogue).await;
            return Err(failure);
        }
        Ok(session)
    }

    async fn greeting(&mut self, dialogue: &mut Dialogue) -> Result<(), Failure> {
        let greeted = dialogue.phase(Phase::Greeting, async { self.next(learn).await }).await;
        self.heard(dialogue);
        let learnt = greeted?;
        self.capabilities = learnt.capabilities.unwrap_or_default();
        match learnt.answer {
            Some(answer) if answer.status == "OK" => Ok(()),
            Some(answer) => Err(self.refusal(&answer, dialogue)),
            None => Err(Failure::own(Reason::GarbledAnswer, "the greeting is no greeting")),
        }
        .map_err(|failure| Failure { phase: Some(Phase::Greeting), ..failure })
    }

    /// Signs in by XOAUTH2. A challenge is Google's way to say no, and wants an empty answer before the reason comes.
    /// https://developers.google.com/workspace/gmail/imap/xoauth2-protocol#error_response
    pub(crate) async fn sign_in(
        &mut self,
        mailbox: &Address,
        token: &Secret,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        if !self.can("AUTH=XOAUTH2") {
            let words = "the server's capabilities do not name AUTH=XOAUTH2";
            let failure = Failure::own(Reason::OauthNotOffered, words);
            return Err(Failure { phase: Some(Phase::Auth), ..failure });
        }
        let initial = xoauth2(mailbox, token);
        dialogue.redactor.hide(&initial);
        let mut unsent = (!self.can("SASL-IR")).then(|| initial.expose().to_owned());
        let command = match unsent {
            None => format!("AUTHENTICATE XOAUTH2 {}", initial.expose()),
            Some(_) => "AUTHENTICATE XOAUTH2".to_owned(),
        };
        let mut challenge = None;
        let answer_to = |asked: &str| match unsent.take() {
            Some(initial) => initial,
            None => {
                challenge = STANDARD.decode(asked).ok();
                String::new()
            }
        };
        let before = std::mem::take(&mut self.capabilities);
        let done = self.exchange(Phase::Auth, &command, dialogue, answer_to, |_| {}).await;
        if let Some(challenge) = challenge {
            dialogue.note(&format!("-- challenge {}", String::from_utf8_lossy(&challenge)));
        }
        if self.capabilities.is_empty() {
            self.capabilities = before;
        }
        done?;
        self.at = At::Command;
        Ok(())
    }

    /// Says who we are, as Google asks of clients. A server need not like it.
    /// https://developers.google.com/workspace/gmail/imap/imap-extensions#id_extension
    pub(crate) async fn introduce(&mut self, dialogue: &mut Dialogue) -> Result<(), Failure> {
        const ID: &str = concat!(
            r#"ID ("name" "mailbox_exporter" "version" ""#,
            env!("CARGO_PKG_VERSION"),
            r#"")"#
        );
        if !self.can("ID") {
            return Ok(());
        }
        unless_refused(self.say(Phase::Id, ID, dialogue).await).map(|_| ())
    }

    /// Leaves, within two seconds, whatever came before.
    pub(crate) async fn logout(mut self, dialogue: &mut Dialogue) {
        if self.socket.ended() {
            return;
        }
        let tag = self.tag();
        dialogue.note(&format!("C: {tag} LOGOUT"));
        let done = if self.idling { "DONE\r\n" } else { "" };
        let last_words = async {
            if self.write(&format!("{done}{tag} LOGOUT\r\n")).await.is_ok() {
                let is_over = |response: &Response<'_>| matches!(response, Response::Done { tag: done, .. } if done.0 == tag);
                // Whatever else comes is of no interest any more.
                while let Ok(false) = self.next(is_over).await {}
            }
        };
        dialogue.farewell(Phase::Logout, last_words).await;
        self.note_lines(dialogue);
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|known| known.eq_ignore_ascii_case(capability))
    }

    async fn say(
        &mut self,
        phase: Phase,
        command: &str,
        dialogue: &mut Dialogue,
    ) -> Result<Answer, Failure> {
        self.exchange(phase, command, dialogue, none, |_| {}).await
    }

    /// One command and everything until its tagged answer. `answer_to` gives the line for a continuation request;
    /// `told` sees every untagged response.
    async fn exchange(
        &mut self,
        phase: Phase,
        command: &str,
        dialogue: &mut Dialogue,
        answer_to: impl FnMut(&str) -> String,
        told: impl FnMut(&Response<'_>),
    ) -> Result<Answer, Failure> {
        let tag = self.tag();
        dialogue.note(&format!("C: {tag} {command}"));
        let done = dialogue.phase(phase, self.converse(&tag, command, answer_to, told)).await;
        self.heard(dialogue);
        let bye = self.asides.iter().find(|aside| aside.status == "BYE").cloned();
        match (done, bye) {
            (Ok(answer), _) if answer.status == "OK" => Ok(answer),
            (Ok(answer), _) => Err(self.refusal(&answer, dialogue)),
            // The server said why before it closed.
            (Err(_), Some(bye)) => Err(self.refusal(&bye, dialogue)),
            (Err(failure), None) => Err(failure),
        }
        .map_err(|failure| Failure { phase: failure.phase.or(Some(phase)), ..failure })
    }

    async fn converse(
        &mut self,
        tag: &str,
        command: &str,
        mut answer_to: impl FnMut(&str) -> String,
        mut told: impl FnMut(&Response<'_>),
    ) -> Result<Answer, Failure> {
        self.asides.clear();
        self.write(&format!("{tag} {command}\r\n")).await.map_err(|error| self.broken(&error))?;
        loop {
            let learnt = self
                .next(|response| {
                    told(response);
                    let mut learnt = learn(response);
                    if let Response::Continue(outcome) = response {
                        learnt.reply =
                            Some(answer_to(outcome.information.as_deref().unwrap_or("")));
                    }
                    learnt
                })
                .await?;
            self.keep(&learnt);
            if let Some(line) = learnt.reply {
                let written = self.write(&format!("{line}\r\n")).await;
                written.map_err(|error| self.broken(&error))?;
            }
            match (learnt.answer, learnt.tag) {
                (Some(answer), Some(done)) if done == tag => return Ok(answer),
                (Some(_), Some(other)) => {
                    let words = format!("an answer to {other}, which nobody asked");
                    return Err(Failure::own(Reason::GarbledAnswer, words));
                }
                (Some(aside), None) => self.asides.push(aside),
                (None, _) => {}
            }
        }
    }

    /// Remembers what a response says of the session as a whole.
    fn keep(&mut self, learnt: &Learnt) {
        if let Some(capabilities) = &learnt.capabilities {
            self.capabilities.clone_from(capabilities);
        }
        self.news |= learnt.exists;
        if let (Some(opened), Some(validity)) = (&mut self.opened, learnt.validity) {
            opened.validity = Some(validity);
        }
    }

    /// The next response, seen by `look`.
    async fn next<T>(&mut self, look: impl FnOnce(&Response<'_>) -> T) -> Result<T, Failure> {
        // imap-proto panics where a code is followed by a character of several bytes.
        let read = AssertUnwindSafe(self.client.read_response()).catch_unwind().await;
        let Ok(read) = read else {
            let words = "an answer that breaks the parser";
            return Err(Failure::own(Reason::GarbledAnswer, words));
        };
        match read {
            Ok(Some(response)) => Ok(look(response.parsed())),
            Ok(None) => {
                Err(Failure::own(Reason::ConnectionLost, "the server closed the connection"))
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// Why a response could not be read. The error itself may quote anything, so it is not quoted.
    fn broken(&self, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::UnexpectedEof if self.socket.ended() => {
                let words = "the server closed the connection in the middle of an answer";
                Failure::own(Reason::ConnectionLost, words)
            }
            io::ErrorKind::Other => {
                Failure::own(Reason::GarbledAnswer, "an answer that is no IMAP")
            }
            _ => dial::failure(error),
        }
    }

    async fn write(&mut self, line: &str) -> io::Result<()> {
        let stream = self.client.get_mut();
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await
    }

    fn tag(&mut self) -> String {
        self.commands += 1;
        format!("A{}", self.commands)
    }

    /// The same, where the answers tell of people: none of their lines is kept. Where they break off, what comes later may
    /// still be a part of them, so nothing is kept any more.
    async fn exchange_privately(
        &mut self,
        phase: Phase,
        command: &str,
        dialogue: &mut Dialogue,
        told: impl FnMut(&Response<'_>),
    ) -> Result<Answer, Failure> {
        self.socket.keep_private(true);
        let done = self.exchange(phase, command, dialogue, none, told).await;
        match &done {
            Ok(_) => self.socket.keep_private(false),
            Err(failure) => dialogue.note(&format!("-- {failure}")),
        }
        done
    }

    /// Keeps what was said for the transcript, and counts the notices in it.
    fn heard(&mut self, dialogue: &mut Dialogue) {
        self.note_lines(dialogue);
        let told: Vec<_> = self.asides.iter().filter_map(|it| told(it, dialogue)).collect();
        dialogue.notices.extend(told);
    }

    fn note_lines(&mut self, dialogue: &mut Dialogue) {
        for line in self.socket.take_lines() {
            dialogue.note(&format!("S: {}", line.text));
        }
        let unkept = self.socket.take_unkept();
        if unkept > 0 {
            dialogue.note(&format!("S: -- {unkept} lines, not shown"));
        }
        dialogue.traffic += self.socket.take_traffic();
    }

    /// A refusal's reason: of the tagged answer, or, where that says nothing, of what came beside it.
    fn refusal(&self, answer: &Answer, dialogue: &mut Dialogue) -> Failure {
        if answer.status != "BYE" {
            dialogue.notices.extend(told(answer, dialogue));
        }
        let failure = |answer: &Answer| {
            let said = Said {
                protocol: Protocol::Imap,
                at: self.at,
                status: answer.status,
                code: &answer.code,
                key: "",
                text: &answer.text,
            };
            Failure::said(Reply::new(&said, &dialogue.redactor), self.at)
        };
        let tagged = failure(answer);
        let mut asides = self.asides.iter().filter(|aside| aside.status != "OK").map(failure);
        match tagged.reason {
            Reason::Unknown => {
                asides.find(|aside| aside.reason != Reason::Unknown).unwrap_or(tagged)
            }
            _ => tagged,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.socket)
    }
}

/// What is longest is told of sent messages: a line has everybody that one message went to, and Gmail's own pages take
/// 2,000 recipients at about 100 bytes (https://support.google.com/a/answer/166852); an answer has the lines of a batch. A
/// flood does not fit.
const LIMITS: Limits =
    Limits { line: 512 * 1024, answer: 2 * 1024 * 1024, literal: Some(own::MOST as u64) };

fn told(answer: &Answer, dialogue: &Dialogue) -> Option<Told> {
    let words = || dialogue.redactor.clean(&answer.text);
    Some(Told { notice: notice(answer)?, words: words() })
}

/// For commands in which a continuation request has no place: an empty line ends whatever the server waits for.
fn none(_: &str) -> String {
    String::new()
}

/// A refused command is no failure of the session; a broken connection is.
fn unless_refused(done: Result<Answer, Failure>) -> Result<(), Failure> {
    match done {
        Err(Failure { evidence: Some(Evidence::Reply(reply)), .. }) if !reply.ends_session() => {
            Ok(())
        }
        done => done.map(|_| ()),
    }
}

#[cfg(test)]
impl Session {
    /// A session that is past its sign-in, with a server that plays its part by a script.
    pub(crate) async fn scripted(
        capabilities: &str,
        script: &str,
    ) -> (super::script::Script, Self) {
        let (script, tcp) = super::script::Script::play(script).await;
        let (socket, stream) = Socket::new(tcp, LIMITS).expect("a connection has two ends");
        let session = Self {
            client: Client::new(stream),
            socket,
            commands: 0,
            capabilities: capabilities.split(' ').map(str::to_owned).collect(),
            asides: Vec::new(),
            at: At::Command,
            opened: None,
            news: false,
            idling: false,
        };
        (script, session)
    }
}
