//! The page as it goes out: rendered once per state, whoever asks and however many do.
//!
//! Invariant: what is kept follows from the state alone; process and configuration are read for every scrape.

use std::{
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use flate2::{Compression, Crc, write::DeflateEncoder};
use tokio::time::Instant;
use url::Url;

use super::{Privacy, Standing, of_exporter, of_state};
use crate::{domain::clock, engine::state::Snapshot};

/// How the page is written to the wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Coding {
    Gzip,
    Identity,
}

/// The page that was rendered last.
#[derive(Debug, Default)]
pub struct Exposition {
    /// Where people find the exporter's pages.
    base: Option<Url>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    snapshot: Arc<Snapshot>,
    privacy: Privacy,
    /// When the snapshot was taken.
    taken: Option<Instant>,
    identity: Option<Bytes>,
    gzip: Option<Deflated>,
}

impl Exposition {
    pub fn new(base: Option<Url>) -> Self {
        Self { base, kept: Mutex::default() }
    }

    /// The page in two parts: what is kept, and what was made for this scrape.
    ///
    /// It takes milliseconds for a thousand links, so call it where blocking is allowed.
    pub fn page(
        &self,
        state: impl FnOnce() -> Arc<Snapshot>,
        standing: &Standing,
        privacy: &Privacy,
        coding: Coding,
    ) -> (Bytes, Bytes) {
        let asked = clock::instant();
        let head = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            // Who waited for another's rendering gets that one, although the state may have moved on since.
            if kept.taken.is_none_or(|taken| taken < asked) {
                kept.follow(&state(), privacy);
            }
            kept.head(coding, self.base.as_ref())
        };
        let tail = of_exporter(standing);
        match head {
            Head::Identity(head) => (head, tail.into()),
            Head::Gzip(head) => head.ended_by(Deflated::new(&[], |deflate| deflate.write(&tail))),
        }
    }
}

enum Head {
    Gzip(Deflated),
    Identity(Bytes),
}

impl Kept {
    fn follow(&mut self, snapshot: &Arc<Snapshot>, privacy: &Privacy) {
        self.taken = Some(clock::instant());
        if !Arc::ptr_eq(&self.snapshot, snapshot) || self.privacy != *privacy {
            let (snapshot, privacy) = (snapshot.clone(), privacy.clone());
            *self = Self { snapshot, privacy, taken: self.taken, identity: None, gzip: None };
        }
    }

    fn head(&mut self, coding: Coding, base: Option<&Url>) -> Head {
        let Self { snapshot, privacy, .. } = self;
        match coding {
            Coding::Gzip => {
                let rendered = self.gzip.get_or_insert_with(|| {
                    Deflated::new(HEADER, |deflate| {
                        of_state(snapshot, privacy, base, |family| deflate.write(family));
                    })
                });
                Head::Gzip(rendered.clone())
            }
            Coding::Identity => {
                let rendered = self.identity.get_or_insert_with(|| {
                    let mut page = String::new();
                    of_state(snapshot, privacy, base, |family| page.push_str(family));
                    page.into()
                });
                Head::Identity(rendered.clone())
            }
        }
    }
}

/// A piece of a gzip member's body that ends on a byte, so that another may follow.
#[derive(Clone, Debug)]
struct Deflated {
    blocks: Bytes,
    /// Of the text, for the member's trailer.
    crc: Arc<Crc>,
}

impl Deflated {
    fn new(begin: &[u8], write: impl FnOnce(&mut Deflate)) -> Self {
        let mut deflate = Deflate {
            encoder: DeflateEncoder::new(begin.to_vec(), Compression::new(LEVEL)),
            crc: Crc::new(),
        };
        write(&mut deflate);
        deflate.encoder.flush().expect(IN_MEMORY);
        let blocks = std::mem::take(deflate.encoder.get_mut());
        Self { blocks: blocks.into(), crc: Arc::new(deflate.crc) }
    }

    /// One gzip member out of both pieces. https://www.rfc-editor.org/rfc/rfc1952#section-2.3
    fn ended_by(self, last: Self) -> (Bytes, Bytes) {
        let mut crc = Crc::new();
        crc.combine(&self.crc);
        crc.combine(&last.crc);
        let (sum, length) = (crc.sum().to_le_bytes(), crc.amount().to_le_bytes());
        let end = [&last.blocks, FINAL_BLOCK, &sum, &length].concat();
        (self.blocks, end.into())
    }
}

struct Deflate {
    encoder: DeflateEncoder<Vec<u8>>,
    crc: Crc,
}

impl Deflate {
    fn write(&mut self, text: &str) {
        self.crc.update(text.as_bytes());
        self.encoder.write_all(text.as_bytes()).expect(IN_MEMORY);
    }
}

/// Level 6 halves the page once more and takes more than twice the time.
const LEVEL: u32 = 1;

const IN_MEMORY: &str = "memory takes every write";

/// Deflate, no flags, no time, fastest algorithm, unknown system.
const HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff];

/// An empty stored block that says it is the last. https://www.rfc-editor.org/rfc/rfc1951#section-3.2.4
const FINAL_BLOCK: &[u8] = &[1, 0, 0, 0xff, 0xff];
