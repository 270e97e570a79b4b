//! An IMAP session, command by command: async-imap frames and parses, we decide about tags, refusals, notices and the
//! session's end.
//!
//! Invariant: nothing is opened but by EXAMINE, and nothing is fetched that would mark a message as seen.

mod answer;

use std::{fmt, io, panic::AssertUnwindSafe};

use async_imap::{
    Client,
    imap_proto::{MailboxDatum, Outcome, Response, ResponseCode, StatusAttribute},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::FutureExt;
use tokio::io::AsyncWriteExt;

use answer::{Answer, internal_date, learn, notice, storage};

use super::{
    dial::{self, Dialer},
    dialogue::Dialogue,
    socket::{Limits, Socket, Stream},
    xoauth2,
};
use crate::domain::{
    clock::Timestamp,
    link::{Address, ImapServer},
    outcome::{Evidence, Failure, Phase, Reply, Storage},
    reason::{At, Protocol, Reason, Said},
    secret::Secret,
};

/// A session that was greeted over TLS.
pub(crate) struct Session {
    client: Client<Stream>,
    socket: Socket,
    commands: u32,
    capabilities: Vec<String>,
    /// What came beside the answers since the last command.
    asides: Vec<Answer>,
    at: At,
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

    /// How much is stored; none where the server does not tell.
    pub(crate) async fn storage(
        &mut self,
        dialogue: &mut Dialogue,
    ) -> Result<Option<Storage>, Failure> {
        if !self.can("QUOTA") {
            return Ok(None);
        }
        let mut found = None;
        let told = |response: &Response<'_>| {
            if let Response::Quota(quota) = response {
                found = quota.resources.iter().find_map(storage).or(found);
            }
        };
        let done = self.exchange(Phase::Quota, "GETQUOTAROOT INBOX", dialogue, none, told).await;
        unless_refused(done)?;
        Ok(found)
    }

    /// How many messages of the inbox are unseen; none where the server does not tell.
    pub(crate) async fn unseen(&mut self, dialogue: &mut Dialogue) -> Result<Option<u64>, Failure> {
        let mut unseen = None;
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Status { status, .. }) = response {
                unseen = status.iter().find_map(|attribute| match attribute {
                    StatusAttribute::Unseen(count) => Some(u64::from(*count)),
                    _ => None,
                });
            }
        };
        self.exchange(Phase::Status, "STATUS INBOX (UNSEEN)", dialogue, none, told).await?;
        Ok(unseen)
    }

    /// Opens the inbox for reading only; gives the number of the first unseen message where the server tells.
    pub(crate) async fn examine(
        &mut self,
        dialogue: &mut Dialogue,
    ) -> Result<Option<u32>, Failure> {
        let mut first_unseen = None;
        let told = |response: &Response<'_>| {
            if let Response::Data {
                outcome: Outcome { code: Some(ResponseCode::Unseen(number)), .. },
                ..
            } = response
            {
                first_unseen = Some(*number);
            }
        };
        self.exchange(Phase::Examine, "EXAMINE INBOX", dialogue, none, told).await?;
        Ok(first_unseen)
    }

    /// The numbers of the unseen messages of the inbox that is open.
    pub(crate) async fn search_unseen(
        &mut self,
        dialogue: &mut Dialogue,
    ) -> Result<Vec<u32>, Failure> {
        let mut unseen = Vec::new();
        let told = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::Search(numbers)) = response {
                unseen.extend_from_slice(numbers);
            }
        };
        self.exchange(Phase::Search, "SEARCH UNSEEN", dialogue, none, told).await?;
        unseen.sort_unstable();
        Ok(unseen)
    }

    /// When the first of these messages of the inbox that is open arrived; numbers need not follow arrival.
    pub(crate) async fn first_arrival(
        &mut self,
        numbers: &[u32],
        dialogue: &mut Dialogue,
    ) -> Result<Option<Timestamp>, Failure> {
        let mut first: Option<Timestamp> = None;
        let told = |response: &Response<'_>| {
            if let Response::Fetch(_, attributes) = response {
                let arrived = attributes.iter().find_map(internal_date);
                first = [first, arrived].into_iter().flatten().min();
            }
        };
        let set: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let command = format!("FETCH {} (INTERNALDATE)", set.join(","));
        self.exchange(Phase::Fetch, &command, dialogue, none, told).await?;
        Ok(first)
    }

    /// Leaves, within two seconds, whatever came before.
    pub(crate) async fn logout(mut self, dialogue: &mut Dialogue) {
        if self.socket.ended() {
            return;
        }
        let tag = self.tag();
        dialogue.note(&format!("C: {tag} LOGOUT"));
        let last_words = async {
            if self.write(&format!("{tag} LOGOUT\r\n")).await.is_ok() {
                let is_over = |response: &Response<'_>| matches!(response, Response::Done { tag: done, .. } if done.0 == tag);
                // Whatever else comes is of no interest any more.
                while let Ok(false) = self.next(is_over).await {}
            }
        };
        dialogue.farewell(Phase::Logout, last_words).await;
        for line in self.socket.take_lines() {
            dialogue.note(&format!("S: {}", line.text));
        }
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
            if let Some(capabilities) = learnt.capabilities {
                self.capabilities = capabilities;
            }
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

    /// Keeps what was said for the transcript, and counts the notices in it.
    fn heard(&mut self, dialogue: &mut Dialogue) {
        for line in self.socket.take_lines() {
            dialogue.note(&format!("S: {}", line.text));
        }
        dialogue.notices.extend(self.asides.iter().filter_map(notice));
    }

    /// A refusal's reason: of the tagged answer, or, where that says nothing, of what came beside it.
    fn refusal(&self, answer: &Answer, dialogue: &mut Dialogue) -> Failure {
        if answer.status != "BYE" {
            dialogue.notices.extend(notice(answer));
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

/// A thousand message numbers, or a long alert, fit; a flood does not.
const LIMITS: Limits = Limits { line: 16 * 1024, answer: 64 * 1024, literal: Some(4096) };

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
