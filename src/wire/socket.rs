//! One socket, seen twice: a protocol crate owns the [`Stream`], we keep the [`Socket`].
//!
//! By our handle the socket becomes TLS in place, and everything the server said is at hand line by line with its time
//! of arrival, whatever the crate makes of it. What we write is never kept.
//!
//! Invariant: what a server can make us hold is bounded, line by line and between two commands.

use std::{
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::client::TlsStream;

use crate::domain::{clock, outcome::Traffic};

/// Our handle of a socket.
#[derive(Clone)]
pub(super) struct Socket(Arc<Mutex<Inner>>);

/// What the protocol crate reads and writes.
pub(super) struct Stream(Arc<Mutex<Inner>>);

struct Inner {
    transport: Transport,
    peer: SocketAddr,
    limits: Limits,
    /// Complete lines since they were last taken.
    lines: Vec<Line>,
    /// The line that is still under way.
    partial: Vec<u8>,
    /// Bytes read since the lines were last taken.
    read: usize,
    /// Bytes of a literal that are still to come; they are no lines.
    literal: u64,
    ended: bool,
    /// Since it was last taken.
    traffic: Traffic,
    /// Whether what is said is counted, and not kept.
    private: bool,
    /// How many lines were not kept, since they were last counted.
    unkept: usize,
    /// Whether writing ends with the first refusal.
    hush: bool,
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// While a handshake owns the connection, and after one that failed.
    Gone,
}

/// How much a server may say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of one line.
    pub(super) line: usize,
    /// Bytes between two commands.
    pub(super) answer: usize,
    /// Bytes of one literal; none where the protocol has no literals.
    pub(super) literal: Option<u64>,
}

/// A line as it came, without its line end.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) at: Instant,
    pub(super) text: String,
}

impl Socket {
    pub(super) fn new(tcp: TcpStream, limits: Limits) -> io::Result<(Self, Stream)> {
        let inner = Arc::new(Mutex::new(Inner {
            peer: tcp.peer_addr()?,
            transport: Transport::Plain(tcp),
            limits,
            lines: Vec::new(),
            partial: Vec::new(),
            read: 0,
            literal: 0,
            ended: false,
            traffic: Traffic::default(),
            private: false,
            unkept: 0,
            hush: false,
        }));
        Ok((Self(inner.clone()), Stream(inner)))
    }

    /// The plain connection, for a TLS handshake; it comes back by [`Self::secured`].
    ///
    /// # Errors
    /// Where the server pushed bytes behind its answer, which would be taken for words said inside TLS, or where the
    /// connection is TLS already.
    pub(super) fn take_plain(&self) -> io::Result<TcpStream> {
        let mut inner = self.lock();
        if !inner.partial.is_empty() || !inner.lines.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "plaintext before TLS began"));
        }
        match std::mem::replace(&mut inner.transport, Transport::Gone) {
            Transport::Plain(tcp) => Ok(tcp),
            other => {
                inner.transport = other;
                Err(io::Error::other("the connection is TLS already"))
            }
        }
    }

    pub(super) fn secured(&self, tls: TlsStream<TcpStream>) {
        self.lock().transport = Transport::Tls(Box::new(tls));
    }

    /// The complete lines since the last time, and leave to say as much again.
    pub(super) fn take_lines(&self) -> Vec<Line> {
        let mut inner = self.lock();
        inner.read = 0;
        std::mem::take(&mut inner.lines)
    }

    /// The bytes that were moved since the last time.
    pub(super) fn take_traffic(&self) -> Traffic {
        std::mem::take(&mut self.lock().traffic)
    }

    /// While set, what the server says is of people: its lines are counted, and not kept.
    pub(super) fn keep_private(&self, private: bool) {
        self.lock().private = private;
    }

    /// How many lines were not kept since the last time.
    pub(super) fn take_unkept(&self) -> usize {
        std::mem::take(&mut self.lock().unkept)
    }

    /// What came of a line that never ended.
    pub(super) fn partial(&self) -> String {
        String::from_utf8_lossy(&self.lock().partial).into_owned()
    }

    /// While set, nothing more is written once the server has refused something (an SMTP reply of 4xx or 5xx).
    pub(super) fn hush_when_refused(&self, hush: bool) {
        self.lock().hush = hush;
    }

    /// Writes past the protocol crate.
    pub(super) async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        Stream(self.0.clone()).write_all(bytes).await
    }

    /// Whether the server has closed the connection.
    pub(super) fn ended(&self) -> bool {
        self.lock().ended
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0)
    }
}

/// A panic elsewhere leaves nothing half-written here that the next reader could not take.
fn lock(inner: &Arc<Mutex<Inner>>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inner {
    fn heard(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.ended |= bytes.is_empty();
        self.read += bytes.len();
        self.traffic.down += bytes.len() as u64;
        if self.read > self.limits.answer {
            return Err(too_long("an answer", self.limits.answer));
        }
        while !bytes.is_empty() {
            if self.literal > 0 {
                let skipped = usize::try_from(self.literal).unwrap_or(usize::MAX).min(bytes.len());
                self.literal -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (line, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
            self.partial.extend_from_slice(line);
            bytes = rest;
            if self.partial.len() > self.limits.line {
                return Err(too_long("a line", self.limits.line));
            }
            if end.is_some() {
                self.line_ended()?;
            }
        }
        Ok(())
    }

    fn hushed(&self) -> bool {
        self.hush && self.lines.last().is_some_and(|line| line.text.starts_with(['4', '5']))
    }

    fn line_ended(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.partial);
        let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        if let Some(limit) = self.limits.literal
            && let Some(announced) = announced_literal(&text)
        {
            if announced > limit {
                return Err(too_long("a literal", limit as usize));
            }
            self.literal = announced;
        }
        match self.private {
            true => self.unkept += 1,
            false => self.lines.push(Line { at: clock::instant(), text }),
        }
        Ok(())
    }
}

/// The length in `{n}` at a line's end.
/// https://www.rfc-editor.org/rfc/rfc3501#section-4.3
fn announced_literal(line: &str) -> Option<u64> {
    line.strip_suffix('}')?.rsplit_once('{')?.1.parse().ok()
}

fn too_long(what: &str, limit: usize) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} of more than {limit} bytes"))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        let before = buffer.filled().len();
        let polled = match &mut inner.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Transport::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
            Transport::Gone => gone(),
        };
        polled.map(|read| read.and_then(|()| inner.heard(&buffer.filled()[before..])))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = lock(&self.0);
        if inner.hushed() {
            return gone();
        }
        let written = match &mut inner.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Transport::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
            Transport::Gone => gone(),
        };
        if let Poll::Ready(Ok(count)) = written {
            inner.traffic.up += count as u64;
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut lock(&self.0).transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(context),
            Transport::Gone => gone(),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = lock(&self.0);
        if inner.hushed() {
            return gone();
        }
        match &mut inner.transport {
            Transport::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Transport::Tls(tls) => Pin::new(tls).poll_shutdown(context),
            Transport::Gone => gone(),
        }
    }
}

fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl lettre::transport::smtp::client::AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(lock(&self.0).peer)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({})", self.lock().peer)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({})", lock(&self.0).peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_announced_at_a_lines_end_only() {
        assert_eq!(announced_literal("* 1 FETCH (BODY[] {400000000}"), Some(400_000_000));
        assert_eq!(announced_literal("* OK {12} octets"), None);
        assert_eq!(announced_literal("* OK {x}"), None);
    }
}
