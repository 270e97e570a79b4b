//! What a person types or pastes, line by line.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _},
    thread,
};

use tokio::sync::mpsc;

/// The standard input.
#[derive(Debug)]
pub(super) struct Typed(mpsc::Receiver<String>);

impl Typed {
    /// Reads from now on. The thread is not awaited: it may wait for the keyboard, and the process does not wait for it.
    pub(super) fn listen() -> Self {
        let (tell, typed) = mpsc::channel(1);
        thread::spawn(move || {
            let mut lines = io::stdin().lock();
            loop {
                let mut line = Vec::new();
                let read = lines.by_ref().take(LONGEST).read_until(b'\n', &mut line);
                let over = !matches!(read, Ok(1..));
                let line = String::from_utf8_lossy(&line).into_owned();
                if over || tell.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self(typed)
    }

    /// The next line; none at the end.
    pub(super) async fn line(&mut self) -> Option<String> {
        self.0.recv().await
    }

    /// Whether somebody can be asked.
    pub(super) fn is_somebody_there() -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

/// In bytes.
const LONGEST: u64 = 64 * 1024;
