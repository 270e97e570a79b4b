//! Ports for servers that cannot choose their own.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port that nobody listens on. Below the kernel's own choices, which somebody else could be given meanwhile.
pub(crate) fn free() -> u16 {
    let start = 20_000 + (std::process::id() % 10_000) as u16;
    (0..2_000)
        .map(|_| start + NEXT.fetch_add(1, Ordering::Relaxed))
        .find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok())
        .expect("two thousand ports in a row are not all in use")
}

static NEXT: AtomicU16 = AtomicU16::new(0);
