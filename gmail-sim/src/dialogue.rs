//! One conversation with one client: it notes what is asked, and answers as the faults want.

use std::{io, time::Duration};

use crate::{
    fault::{At, Service, What},
    lines::{self, Line},
    pipe::{Pace, Pipe},
    tls::Tls,
    world::World,
};

/// A conversation. Its end is noted when it is dropped, whatever the reason.
#[derive(Debug)]
pub(crate) struct Dialogue {
    pub(crate) address: Option<String>,
    pub(crate) connection: u64,
    /// What the client sent in secret: only ever repeated by [`What::EchoCredentials`].
    pub(crate) credentials: String,
    ended: Option<String>,
    /// Nothing only while TLS is being put on top, and after the end.
    pipe: Option<Pipe>,
    pub(crate) service: Service,
    /// The IMAP tag of the command that is being answered.
    pub(crate) tag: String,
    pub(crate) world: World,
}

/// Whether the conversation goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(crate) enum Turn {
    /// It does.
    GoOn,
    /// It is over.
    Over,
}

/// What a command meets before it is carried out.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is carried out; the fault, if any, changes how the answer arrives.
    CarryOut(Option<What>),
    /// It was not carried out; something else was said or done.
    Replaced(Turn),
}

impl Dialogue {
    /// Takes a connection; nothing if a fault ended it before a word was said.
    pub(crate) async fn begin(
        world: World,
        service: Service,
        pipe: Pipe,
        tls: Option<&Tls>,
    ) -> Option<Self> {
        let mut dialogue = Self::with(world, service, pipe, Some("dropped".to_owned()));
        dialogue.note("connect");
        match dialogue.fate(At::Connect).await {
            Ok(Fate::CarryOut(how)) => dialogue.wait(how.as_ref()).await,
            Ok(Fate::Replaced(Turn::GoOn)) => {}
            Ok(Fate::Replaced(Turn::Over)) | Err(_) => return None,
        }
        match tls {
            Some(tls) => match dialogue.secure(tls).await {
                Ok(Turn::GoOn) => Some(dialogue),
                Ok(Turn::Over) | Err(_) => None,
            },
            None => Some(dialogue),
        }
    }

    /// Takes a connection of which nothing is noted.
    pub(crate) fn unnoted(world: World, pipe: Pipe) -> Self {
        Self::with(world, Service::Control, pipe, None)
    }

    fn with(world: World, service: Service, pipe: Pipe, ended: Option<String>) -> Self {
        Self {
            address: None,
            connection: world.number(),
            credentials: String::new(),
            ended,
            pipe: Some(pipe),
            service,
            tag: "*".to_owned(),
            world,
        }
    }

    /// Puts TLS on top.
    pub(crate) async fn secure(&mut self, tls: &Tls) -> io::Result<Turn> {
        let config = match self.fate(At::Handshake).await? {
            Fate::Replaced(turn) => return Ok(turn),
            Fate::CarryOut(Some(What::BadCertificate(certificate))) => tls.bad(certificate),
            Fate::CarryOut(how) => {
                self.wait(how.as_ref()).await;
                tls.good()
            }
        };
        let Some(pipe) = self.pipe.take() else { return Ok(Turn::Over) };
        match pipe.upgrade(config).await {
            Ok(pipe) => {
                self.pipe = Some(pipe);
                Ok(Turn::GoOn)
            }
            Err(error) => {
                self.ended = Some(format!("tls refused: {error}"));
                Err(error)
            }
        }
    }

    /// Notes what the client asked; credentials must be stars already.
    pub(crate) fn note(&self, what: &str) {
        if self.service == Service::Control {
            return;
        }
        self.world.note(self.service, self.connection, self.address.as_deref(), what);
    }

    /// Says how the conversation ends when it ends now.
    pub(crate) fn ending(&mut self, how: &str) {
        self.ended = Some(how.to_owned());
    }

    /// The next line; nothing when the client is gone.
    pub(crate) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.pipe()?.line().await
    }

    /// The next so many bytes; nothing when the client is gone.
    pub(crate) async fn exactly(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        self.pipe()?.exactly(count).await
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.pipe.as_ref().is_some_and(Pipe::has_unread)
    }

    /// What a command meets at this point of the dialogue.
    pub(crate) async fn fate(&mut self, at: At) -> io::Result<Fate> {
        match self.world.due(self.service, at, self.address.as_deref()) {
            Some(what) if what.replaces() => Ok(Fate::Replaced(self.misbehave(&what).await?)),
            how => Ok(Fate::CarryOut(how)),
        }
    }

    /// Says something as usual.
    pub(crate) async fn say(&mut self, usual: impl AsRef<[u8]>) -> io::Result<Turn> {
        self.say_as(usual, None).await
    }

    /// Says a line of the catalogue.
    pub(crate) async fn say_line(&mut self, line: &Line, how: Option<&What>) -> io::Result<Turn> {
        let id = self.id();
        self.say_as(line.text(&self.tag.clone(), &id), how).await
    }

    /// Says something in the way that the fault wants.
    pub(crate) async fn say_as(
        &mut self,
        usual: impl AsRef<[u8]>,
        how: Option<&What>,
    ) -> io::Result<Turn> {
        self.wait(how).await;
        if let Some(turn) = self.keep_silent(how).await? {
            return Ok(turn);
        }
        let (bytes, pace) = bend(usual.as_ref(), how, &self.tag);
        self.pipe()?.write(&bytes, pace).await?;
        let ends = lines::ends_session(self.service, usual.as_ref());
        if ends || matches!(how, Some(What::CutMidLine)) {
            return Ok(self.hang_up().await);
        }
        Ok(Turn::GoOn)
    }

    /// Writes an HTTP answer in the way that the fault wants.
    pub(crate) async fn put(&mut self, usual: &[u8], how: Option<&What>) -> io::Result<Turn> {
        self.wait(how).await;
        if let Some(turn) = self.keep_silent(how).await? {
            return Ok(turn);
        }
        let (bytes, pace) = bend(usual, how, &self.tag);
        self.pipe()?.write(&bytes, pace).await?;
        if matches!(how, Some(What::CutMidLine)) {
            return Ok(self.hang_up().await);
        }
        Ok(Turn::GoOn)
    }

    /// Ends the conversation from this side.
    pub(crate) async fn hang_up(&mut self) -> Turn {
        if self.ended.as_deref() == Some("dropped") {
            self.ending("closed");
        }
        if let Some(pipe) = self.pipe.take() {
            pipe.close().await;
        }
        Turn::Over
    }

    /// A queue or connection id such as Google's.
    pub(crate) fn id(&self) -> String {
        let number = self.world.number();
        format!("q25-20020a7bce99{number:06x}b003f4268f51f5sm{}wmj.0", 5_731_363 + number)
    }

    async fn wait(&self, how: Option<&What>) {
        match how {
            Some(What::Delay(millis)) => {
                tokio::time::sleep(Duration::from_millis(*millis)).await;
            }
            Some(What::Late(seconds)) => {
                self.world.reached(self.world.now() + Duration::from_secs(*seconds)).await;
            }
            _ => {}
        }
    }

    /// What was done is not answered, where the fault wants that.
    async fn keep_silent(&mut self, how: Option<&What>) -> io::Result<Option<Turn>> {
        match how {
            Some(What::Unanswered) => Ok(Some(self.hang_up().await)),
            Some(What::Withheld) => {
                self.ending("dropped");
                self.pipe()?.until_gone().await;
                Ok(Some(Turn::Over))
            }
            _ => Ok(None),
        }
    }

    fn pipe(&mut self) -> io::Result<&mut Pipe> {
        self.pipe.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Does what the fault wants instead of the usual thing.
    pub(crate) async fn misbehave(&mut self, what: &What) -> io::Result<Turn> {
        match what {
            What::Close | What::Refuse => return Ok(self.hang_up().await),
            What::Reset => {
                self.ending("closed");
                if let Some(pipe) = self.pipe.take() {
                    pipe.reset();
                }
                return Ok(Turn::Over);
            }
            What::Say(key) => {
                let Some(line) = lines::find(key) else { return Ok(Turn::GoOn) };
                return self.say_line(line, None).await;
            }
            What::SayRaw(bytes) => {
                let turn = self.say(bytes).await?;
                // An HTTP client would wait for more of an answer that is none.
                let speaks_on = matches!(self.service, Service::Imap | Service::Smtp);
                return if speaks_on { Ok(turn) } else { Ok(self.hang_up().await) };
            }
            What::EchoCredentials => return self.echo().await,
            What::EndlessLine => self.talk_without_end().await?,
            What::Garbage => self.pipe()?.write(GARBAGE, Pace::Whole).await?,
            What::HugeLiteral(size) => {
                let start = format!("* 1 FETCH (UID 1 BODY[] {{{size}}}\r\n");
                self.pipe()?.write(start.as_bytes(), Pace::Whole).await?;
            }
            // Everything else is silence here.
            _ => {}
        }
        self.ending("dropped");
        self.pipe()?.until_gone().await;
        Ok(Turn::Over)
    }

    /// Repeats what the client sent in secret, as a careless server might.
    async fn echo(&mut self) -> io::Result<Turn> {
        let (tag, secret) = (&self.tag, &self.credentials);
        let text = match self.service {
            Service::Imap => format!("{tag} NO Authentication of {secret} failed (Failure)\r\n"),
            _ => format!("535 5.7.8 Authentication of {secret} failed - gsmtp\r\n"),
        };
        self.say(text).await
    }

    async fn talk_without_end(&mut self) -> io::Result<()> {
        let much = [b'a'; 16 * 1024];
        loop {
            self.pipe()?.write(&much, Pace::Whole).await?;
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            self.note(&format!("ended: {ended}"));
        }
    }
}

const GARBAGE: &[u8] = b"\x00\xff\xfe\x80\x01garbage\x00\r\n\x1b[31m\xc3\x28\r\n";

/// The usual bytes as the fault wants them.
fn bend(usual: &[u8], how: Option<&What>, tag: &str) -> (Vec<u8>, Pace) {
    let text = || String::from_utf8_lossy(usual).into_owned();
    let bytes = match how {
        Some(What::CutMidLine) => cut(usual).to_vec(),
        Some(What::Drip(millis)) => {
            return (usual.to_vec(), Pace::Bytes(Duration::from_millis(*millis)));
        }
        Some(What::InjectAfterStarttls) => [usual, b"250 2.1.0 OK injected - gsmtp\r\n"].concat(),
        Some(What::NoStarttls) => text().replace("250-STARTTLS\r\n", "").into_bytes(),
        Some(What::NoXoauth2) => text().replace(" AUTH=XOAUTH2", "").replace(" XOAUTH2", "").into(),
        Some(What::Segments) => return (usual.to_vec(), Pace::Bytes(Duration::ZERO)),
        Some(What::Untagged(lines)) => {
            let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            [lines.as_bytes(), usual].concat()
        }
        Some(What::WrongTag) => {
            let text = text();
            let (from, to) = (format!("\r\n{tag} "), "\r\nX999 ".to_owned());
            format!("\r\n{text}").replace(&from, &to).as_bytes()[2..].to_vec()
        }
        _ => usual.to_vec(),
    };
    (bytes, Pace::Whole)
}

/// All but the second half of the last line.
fn cut(usual: &[u8]) -> &[u8] {
    let end = usual.len().saturating_sub(2);
    let start = usual[..end].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    &usual[..start + (end - start) / 2]
}
