//! The smallest HTTP client that does for servers on this machine.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

pub(crate) fn get(port: u16, path: &str) -> io::Result<String> {
    exchange(port, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"))
}

pub(crate) fn post(port: u16, path: &str, form: &str) -> io::Result<String> {
    post_as(port, path, "application/x-www-form-urlencoded", form)
}

pub(crate) fn post_json(port: u16, path: &str, json: &serde_json::Value) -> io::Result<String> {
    post_as(port, path, "application/json", &json.to_string())
}

fn post_as(port: u16, path: &str, kind: &str, body: &str) -> io::Result<String> {
    let length = body.len();
    exchange(
        port,
        &format!(
            "POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ),
    )
}

/// The body of a good answer. HTTP/1.0, so that the answer ends where the connection does.
fn exchange(port: u16, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.contains(" 200 ") => Ok(body.to_owned()),
        _ => Err(io::Error::other(answer)),
    }
}
