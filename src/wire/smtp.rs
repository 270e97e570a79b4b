//! A submission session, command by command: lettre frames and parses, we decide about TLS, XOAUTH2 and refusals.

mod letter;
mod send;

use std::{fmt, net::IpAddr, sync::LazyLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use lettre::transport::smtp::{
    Error,
    authentication::Mechanism,
    client::AsyncSmtpConnection,
    commands::{Ehlo, Mail, Quit, Rcpt, Rset, Starttls},
    extension::{ClientId, Extension, ServerInfo},
    response::Response,
};
use regex::Regex;

use super::{
    dial::{self, Dialer},
    dialogue::Dialogue,
    socket::{Limits, Line, Socket},
    xoauth2,
};
use crate::domain::{
    clock,
    link::{Address, Security, SmtpServer},
    outcome::{Failure, Phase, Reply},
    reason::{At, Protocol, Reason, Said},
    secret::Secret,
};

pub(crate) use letter::message;
pub(crate) use send::Unsent;

/// A session that was greeted and is encrypted.
pub(crate) struct Session {
    connection: AsyncSmtpConnection,
    socket: Socket,
    server: ServerInfo,
    /// Whether the server wants to know a message's size beforehand.
    size: bool,
    /// Whether a message is half written, so that a command would be taken for its text.
    midway: bool,
}

impl Session {
    /// Connects and introduces itself, with TLS before anything that matters.
    pub(crate) async fn open(
        dialer: &Dialer,
        server: &SmtpServer,
        ehlo_name: Option<&str>,
        dialogue: &mut Dialogue,
    ) -> Result<Self, Failure> {
        let SmtpServer { host, port, security } = server;
        let tcp = dialer.tcp(host, *port, dialogue).await?;
        let name = client_id(ehlo_name, tcp.local_addr().ok().map(|local| local.ip()));
        let (socket, stream) = Socket::new(tcp, LIMITS).map_err(|error| dial::failure(&error))?;
        if *security == Security::Tls {
            dialer.tls(&socket, host, *port, dialogue).await?;
        }
        // lettre answers a refused EHLO with a QUIT for whose reply it waits without end; so it may not write then.
        socket.hush_when_refused(true);
        let began = clock::instant();
        let opened = dialogue
            .bounded(AsyncSmtpConnection::connect_with_transport(Box::new(stream), &name))
            .await;
        socket.hush_when_refused(false);
        let lines = socket.take_lines();
        let greeted = lines.iter().position(|line| is_final(&line.text)).map(|last| last + 1);
        let (greeting, rest) = lines.split_at(greeted.unwrap_or(0));
        let welcome = greeting.last().is_some_and(|line| line.text.starts_with('2'));
        let phase = if welcome { Phase::Ehlo } else { Phase::Greeting };
        let said = if welcome || greeting.is_empty() { rest } else { greeting };
        let ehlo_began = greeting.last().map_or(began, |line| line.at);
        if !greeting.is_empty() {
            heard(greeting, dialogue);
            dialogue.passed(Phase::Greeting, ehlo_began - began);
        }
        if welcome {
            dialogue.note(&format!("C: EHLO {name}"));
        }
        dialogue.passed(phase, ehlo_began.elapsed());
        heard(rest, dialogue);
        let connection = match opened {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                let failure = refused(said, &socket, &error, At::SignIn, dialogue);
                let last_words = async {
                    // Whether the server reads them is its affair.
                    let _ = socket.write(b"QUIT\r\n").await;
                };
                dialogue.farewell(Phase::Quit, last_words).await;
                return Err(Failure { phase: Some(phase), ..failure });
            }
            Err(cut) => return Err(dialogue.cut_at(phase, cut)),
        };
        let server = connection.server_info().clone();
        let size = names_size(rest.iter().filter_map(|line| line.text.get(4..)));
        let mut session = Self { connection, socket, server, size, midway: false };
        if *security == Security::Starttls {
            let secured = session.starttls(dialer, host, *port, name, dialogue).await;
            if let Err(failure) = secured {
                session.quit(dialogue).await;
                return Err(failure);
            }
        }
        Ok(session)
    }

    async fn starttls(
        &mut self,
        dialer: &Dialer,
        host: &str,
        port: u16,
        name: ClientId,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        if !self.server.supports_feature(Extension::StartTls) {
            let words = format!("{host}:{port} offers no STARTTLS");
            let failure = Failure::own(Reason::TlsRequired, words);
            return Err(Failure { phase: Some(Phase::Starttls), ..failure });
        }
        self.say(Phase::Starttls, At::SignIn, Starttls, dialogue).await?;
        dialer.tls(&self.socket, host, port, dialogue).await?;
        let answer = self.say(Phase::Ehlo, At::SignIn, Ehlo::new(name), dialogue).await?;
        self.server = ServerInfo::from_response(&answer)
            .map_err(|error| Failure::own(Reason::GarbledAnswer, error))?;
        self.size = names_size(answer.message());
        Ok(())
    }

    /// Signs in by XOAUTH2. A challenge is Google's way to say no, and wants an empty answer before the reason comes.
    /// https://developers.google.com/workspace/gmail/imap/xoauth2-protocol#error_response_2
    pub(crate) async fn sign_in(
        &mut self,
        mailbox: &Address,
        token: &Secret,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        if !self.server.supports_auth_mechanism(Mechanism::Xoauth2) {
            let words = "the server's EHLO answer does not name XOAUTH2";
            let failure = Failure::own(Reason::OauthNotOffered, words);
            return Err(Failure { phase: Some(Phase::Auth), ..failure });
        }
        let initial = xoauth2(mailbox, token);
        dialogue.redactor.hide(&initial);
        let command = Raw(format!("AUTH XOAUTH2 {}\r\n", initial.expose()));
        let mut answer = self.say(Phase::Auth, At::SignIn, command, dialogue).await?;
        if answer.has_code(334) {
            let challenge = answer.first_word().and_then(|word| STANDARD.decode(word).ok());
            let challenge = challenge.map(|json| String::from_utf8_lossy(&json).into_owned());
            dialogue.note(&format!("-- challenge {}", challenge.unwrap_or_default()));
            answer = self.say(Phase::Auth, At::SignIn, Raw("\r\n".into()), dialogue).await?;
        }
        if answer.has_code(235) {
            return Ok(());
        }
        let words = format!("{} to AUTH is neither a yes nor a no", answer.code());
        let failure = Failure::own(Reason::GarbledAnswer, words);
        Err(Failure { phase: Some(Phase::Auth), ..failure })
    }

    /// Asks whether a message would be taken, and takes it back: nothing is sent.
    pub(crate) async fn dry_run(
        &mut self,
        from: &Address,
        to: &Address,
        dialogue: &mut Dialogue,
    ) -> Result<(), Failure> {
        let mail = Mail::new(Some(envelope(from)?), Vec::new());
        self.say(Phase::Mail, At::Sender, mail, dialogue).await?;
        let rcpt = Rcpt::new(envelope(to)?, Vec::new());
        self.say(Phase::Rcpt, At::Recipient, rcpt, dialogue).await?;
        self.say(Phase::Reset, At::Command, Rset, dialogue).await?;
        Ok(())
    }

    /// Leaves, within two seconds, whatever came before.
    pub(crate) async fn quit(mut self, dialogue: &mut Dialogue) {
        if self.socket.ended() || self.midway {
            return;
        }
        dialogue.note("C: QUIT");
        let connection = &mut self.connection;
        let last_words = async {
            // Nobody needs the answer.
            let _ = connection.command(Quit).await;
        };
        dialogue.farewell(Phase::Quit, last_words).await;
        heard(&self.socket.take_lines(), dialogue);
    }

    async fn say(
        &mut self,
        phase: Phase,
        at: At,
        command: impl fmt::Display,
        dialogue: &mut Dialogue,
    ) -> Result<Response, Failure> {
        dialogue.note(&format!("C: {command}"));
        let connection = &mut self.connection;
        let done = dialogue.phase(phase, async { Ok(connection.command(command).await) }).await;
        let lines = self.socket.take_lines();
        heard(&lines, dialogue);
        match done? {
            Ok(answer) if lines.iter().filter(|line| is_final(&line.text)).count() == 1 => {
                Ok(answer)
            }
            Ok(_) => {
                let words = "the server answered more than it was asked";
                Err(Failure::own(Reason::GarbledAnswer, words))
            }
            // lettre wants a space behind the code, which RFC 5321 does not.
            Err(error) => match last_reply(&lines) {
                Some(reply) if reply.is_positive() => Ok(reply),
                _ => Err(refused(&lines, &self.socket, &error, at, dialogue)),
            },
        }
        .map_err(|failure| Failure { phase: Some(phase), ..failure })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.socket)
    }
}

/// Gmail's longest reply has some 600 bytes.
const LIMITS: Limits = Limits { line: 2048, answer: 32 * 1024, literal: None };

/// A line as it is, for what lettre has no command for.
struct Raw(String);

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How this host introduces itself: as it is told to, by its full name, or by its address.
fn client_id(ehlo_name: Option<&str>, local: Option<IpAddr>) -> ClientId {
    let system = rustix::system::uname();
    let own = || system.nodename().to_str().ok().filter(|name| name.contains('.'));
    match (ehlo_name.or_else(own), local) {
        (Some(name), _) => ClientId::Domain(name.to_owned()),
        (None, Some(IpAddr::V4(address))) => ClientId::Ipv4(address),
        (None, Some(IpAddr::V6(address))) => ClientId::Ipv6(address),
        (None, None) => ClientId::default(),
    }
}

/// Whether the lines of an answer to EHLO offer SIZE. https://www.rfc-editor.org/rfc/rfc1870#section-3
fn names_size<'a>(lines: impl Iterator<Item = &'a str>) -> bool {
    let word = |line: &'a str| line.split(' ').next().unwrap_or_default();
    lines.map(word).any(|word| word.eq_ignore_ascii_case("SIZE"))
}

fn envelope(address: &Address) -> Result<lettre::Address, Failure> {
    address.as_str().parse().map_err(|error| Failure::own(Reason::RequestInvalid, error))
}

/// The last line of a reply has a space, or nothing, behind its code.
fn is_final(line: &str) -> bool {
    line.as_bytes().get(3).is_none_or(|byte| *byte == b' ')
}

/// Whether a line begins as every line of a reply does.
fn is_reply(line: &str) -> bool {
    line.len() >= 3 && line.bytes().take(3).all(|byte| byte.is_ascii_digit())
}

fn heard(lines: &[Line], dialogue: &mut Dialogue) {
    for line in lines {
        dialogue.note(&format!("S: {}", line.text));
    }
}

/// Why lettre has no good answer for us: what was said decides, then how the connection ended.
fn refused(lines: &[Line], socket: &Socket, error: &Error, at: At, dialogue: &Dialogue) -> Failure {
    if let Some(reply) = last_reply(lines).filter(|reply| !reply.is_positive()) {
        return Failure::said(quote(&reply, at, dialogue), at);
    }
    let foreign = lines.iter().any(|line| !is_reply(&line.text));
    let unread = raw(lines) + &socket.partial();
    let unread = dialogue.redactor.clean(&unread);
    match (unread.is_empty(), socket.ended()) {
        (true, true) => Failure::own(Reason::ConnectionLost, "the server closed the connection"),
        (true, false) => dial::failure(error),
        (false, true) if !foreign => {
            let words = format!("the server closed the connection in the middle of {unread:?}");
            Failure::own(Reason::ConnectionLost, words)
        }
        (false, _) => Failure::own(Reason::GarbledAnswer, format!("no SMTP: {unread:?}")),
    }
}

/// The last whole reply among these lines.
fn last_reply(lines: &[Line]) -> Option<Response> {
    let last = lines.iter().rposition(|line| is_final(&line.text))?;
    let before = lines[..last].iter().rposition(|line| is_final(&line.text));
    let first = before.map_or(0, |before| before + 1);
    raw(&lines[first..=last]).parse().ok()
}

/// The lines as lettre's parser takes them.
fn raw(lines: &[Line]) -> String {
    let ended = |line: &Line| match line.text.len() {
        3 => format!("{} \r\n", line.text),
        _ => format!("{}\r\n", line.text),
    };
    lines.iter().map(ended).collect()
}

/// A reply in its parts; each line of Google's repeats the enhanced code.
fn quote(reply: &Response, at: At, dialogue: &Dialogue) -> Reply {
    let mut code = "";
    let mut texts = Vec::new();
    for line in reply.message() {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if ENHANCED.is_match(first) {
            code = first;
            texts.push(rest.trim());
        } else {
            texts.push(line.trim());
        }
    }
    let text = texts.join(" ");
    let said = Said {
        protocol: Protocol::Smtp,
        at,
        status: &reply.code().to_string(),
        code,
        key: KEY.captures(&text).and_then(|key| key.get(1)).map_or("", |key| key.as_str()),
        text: &text,
    };
    Reply::new(&said, &dialogue.redactor)
}

/// https://www.rfc-editor.org/rfc/rfc3463#section-2
static ENHANCED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[245]\.\d{1,3}\.\d{1,3}$").expect("a test compiles it"));

/// Google's own name of what happened, in the address of its help page.
static KEY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[?&]p=(\w+)").expect("a test compiles it"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_taken_apart_into_code_key_and_words() {
        let raw = "535-5.7.8 Username and Password not accepted. For more information, go to\r\n\
                   535 5.7.8  https://support.google.com/mail/?p=BadCredentials x1 - gsmtp\r\n";
        let dialogue = Dialogue::new(std::time::Duration::from_secs(1), Default::default());
        let reply = quote(&raw.parse().unwrap(), At::SignIn, &dialogue);
        assert_eq!(
            reply.to_string(),
            "535 5.7.8 Username and Password not accepted. For more information, go to \
             https://support.google.com/mail/?p=BadCredentials - gsmtp"
        );
        assert_eq!(Failure::said(reply, At::SignIn).reason, Reason::AuthRejected);
    }

    #[test]
    fn this_host_introduces_itself_as_it_is_told() {
        let told = client_id(Some("mail.example.com"), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(told.to_string(), "mail.example.com");
    }
}
