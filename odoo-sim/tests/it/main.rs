//! The simulator from outside: HTTP over sockets, as a client sees it.

#![expect(clippy::unwrap_used, reason = "a test may; clippy knows only the #[test] functions")]

mod domains;
mod faults;
mod fresh;
mod grouping;
mod json2;
mod jsonrpc;
mod rights;
mod support;
mod versions;
