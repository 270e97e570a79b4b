//! Whoever is told: takes every POST, says 200, and keeps what was posted.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

pub(crate) struct Sink {
    pub(crate) port: u16,
    posts: Receiver<Post>,
}

#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) body: Value,
}

impl Sink {
    /// It listens until the test binary ends.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let (told, posts) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if take(stream, &told).is_none() {
                    return;
                }
            }
        });
        Self { port, posts }
    }

    /// What was posted and not taken yet.
    pub(crate) fn arrived(&self) -> impl Iterator<Item = Post> + '_ {
        self.posts.try_iter()
    }

    /// The next post; none in time is a failure of the test.
    pub(crate) fn next(&self) -> Post {
        self.posts.recv_timeout(DEADLINE).expect("nothing was posted")
    }
}

/// None when nobody is interested any more.
fn take(stream: TcpStream, told: &Sender<Post>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if !reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            break;
        }
        if let Some(said) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = said.trim().parse().unwrap_or_default();
        }
        head += &line;
    }
    let mut body = vec![0; length];
    let whole = reader.read_exact(&mut body).is_ok();
    // Who hangs up now has been heard already.
    let _ = reader.into_inner().write_all(ANSWER);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    match serde_json::from_slice(&body) {
        Ok(body) if whole => told.send(Post { path, body }).ok(),
        _ => Some(()),
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
const DEADLINE: Duration = Duration::from_secs(60);
