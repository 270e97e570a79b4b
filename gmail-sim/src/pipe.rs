//! One connection: bytes in, bytes out, TLS on top when it is time.
//!
//! Invariant: reading a line may be given up half-way and taken up again; nothing read is lost.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Pipe {
    stream: Stream,
    unread: Vec<u8>,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pace {
    /// A byte a TCP segment, this long after one another.
    Bytes(Duration),
    /// As usual.
    Whole,
}

/// More than this without a line end, and the client is no client.
const LONGEST_LINE: usize = 256 * 1024;

impl Pipe {
    pub(crate) fn plain(stream: TcpStream) -> Self {
        // Replies are small and in order: waiting for more to send only costs time.
        let _ = stream.set_nodelay(true);
        Self { stream: Stream::Plain(stream), unread: Vec::new() }
    }

    pub(crate) async fn upgrade(self, config: Arc<ServerConfig>) -> io::Result<Self> {
        let Stream::Plain(stream) = self.stream else {
            return Err(io::Error::other("TLS inside TLS"));
        };
        let stream = TlsAcceptor::from(config).accept(stream).await?;
        Ok(Self { stream: Stream::Tls(Box::new(stream)), unread: Vec::new() })
    }

    /// Did the client send more than was read?
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// The next line without its end; nothing when the client went away. Nothing is lost if the
    /// future is dropped.
    pub(crate) async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.unread[searched..].iter().position(|&byte| byte == b'\n') {
                let mut line: Vec<u8> = self.unread.drain(..=searched + end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            searched = self.unread.len();
            if searched > LONGEST_LINE {
                return Err(io::Error::other("a line without end"));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    /// Exactly so many bytes; nothing when the client went away before. Nothing is lost if the
    /// future is dropped.
    pub(crate) async fn exactly(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        while self.unread.len() < count {
            if !self.fill().await? {
                return Ok(None);
            }
        }
        Ok(Some(self.unread.drain(..count).collect()))
    }

    /// Waits until the client goes away.
    pub(crate) async fn until_gone(&mut self) {
        self.unread.clear();
        while matches!(self.fill().await, Ok(true)) {
            self.unread.clear();
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8], pace: Pace) -> io::Result<()> {
        match pace {
            Pace::Whole => {
                self.stream.write_all(bytes).await?;
                self.stream.flush().await
            }
            Pace::Bytes(pause) => {
                for byte in bytes {
                    self.stream.write_all(std::slice::from_ref(byte)).await?;
                    self.stream.flush().await?;
                    tokio::time::sleep(pause).await;
                }
                Ok(())
            }
        }
    }

    /// Ends the connection in order.
    pub(crate) async fn close(mut self) {
        // The client may be gone already, or may never read: neither is our trouble.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.stream.shutdown()).await;
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        // Fails on a socket that is gone, which is as good.
        let _ = self.stream.tcp().set_zero_linger();
    }

    async fn fill(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.unread).await? > 0)
    }
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
