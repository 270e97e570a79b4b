//! A server for tests that plays one conversation, line by line, and fails the test where the client says anything else.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::dialogue::Dialogue;

/// What is played. The lines begin with `S: ` (said), `C: ` (expected), or are `CUT`: the connection ends.
pub(crate) struct Script(JoinSet<()>);

impl Script {
    pub(super) async fn play(lines: &str) -> (Self, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let lines: Vec<_> = lines.lines().map(|line| line.trim_start().to_owned()).collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            // What is said in a row arrives at once.
            let mut saying = String::new();
            for line in lines.iter().filter(|line| !line.is_empty()) {
                if let Some(said) = line.strip_prefix("S: ") {
                    saying += &format!("{said}\r\n");
                    continue;
                }
                stream.write_all(std::mem::take(&mut saying).as_bytes()).await.unwrap();
                if let Some(expected) = line.strip_prefix("C: ") {
                    let mut heard = String::new();
                    stream.read_line(&mut heard).await.unwrap();
                    assert_eq!(heard.trim_end_matches(['\r', '\n']), expected);
                } else {
                    assert_eq!(line, "CUT");
                    return;
                }
            }
            stream.write_all(saying.as_bytes()).await.unwrap();
            // Whatever is said after the script is too much.
            let mut heard = String::new();
            let _ = stream.read_line(&mut heard).await;
            assert_eq!(heard, "");
        });
        (Self(tasks), TcpStream::connect(address).await.unwrap())
    }

    /// Waits for the end, once the client has let go of its session.
    pub(crate) async fn over(mut self) {
        while let Some(played) = self.0.join_next().await {
            played.unwrap();
        }
    }
}

/// With time enough for any script.
pub(crate) fn dialogue() -> Dialogue {
    Dialogue::new(Duration::from_secs(60), Default::default())
}
