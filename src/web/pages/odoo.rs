//! What was found beside Odoo's own screens, on the status page and on a link's own.

use std::collections::BTreeMap;

use super::{Piece, Tone, href, pieces};
use crate::{
    domain::link::LinkId,
    engine::{
        beside::{Beside, beside},
        state::Snapshot,
    },
    metrics::MailboxLabel,
    source::odoo::{Seen, finding::What},
    web::Front,
};

/// One Odoo.
pub(super) struct Odoo {
    pub(super) name: String,
    pub(super) tone: Tone,
    /// Its version, and what stands in its queue.
    pub(super) about: String,
    pub(super) kinds: Vec<Kind>,
}

/// One kind of finding, and what it was found of.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) count: usize,
    pub(super) meaning: &'static str,
    pub(super) next_step: Vec<Piece>,
    pub(super) places: Vec<Place>,
    /// How many more there are.
    pub(super) more: usize,
}

/// One server, or the whole database where it has no name.
pub(super) struct Place {
    pub(super) name: Option<String>,
    /// Its page here, where it is watched.
    pub(super) href: Option<String>,
    /// Its form in Odoo.
    pub(super) form: Option<String>,
    pub(super) detail: Option<String>,
}

/// All of them, with all that was found.
pub(super) fn odoos(front: &Front, snapshot: &Snapshot) -> Vec<Odoo> {
    let tells = tells(front);
    let told = beside(snapshot).into_iter().filter_map(|(source, found)| {
        let seen = snapshot.odoos.get(source)?;
        let mut kinds = BTreeMap::<What, Vec<Beside<'_>>>::new();
        for beside in found {
            kinds.entry(beside.what).or_default().push(beside);
        }
        let kinds = kinds.into_iter().map(|(what, found)| {
            let place = |beside: &Beside<'_>| Place::new(beside, front, snapshot, seen, tells);
            Kind {
                name: what.name(),
                count: found.len(),
                meaning: what.meaning(),
                next_step: pieces(what.next_step()),
                places: found.iter().take(MOST).map(place).collect(),
                more: found.len().saturating_sub(MOST),
            }
        });
        let kinds: Vec<_> = kinds.collect();
        Some(Odoo { name: source.to_string(), tone: tone(seen, &kinds), about: about(seen), kinds })
    });
    told.collect()
}

/// What was found of one link, and where it is linked again.
pub(super) fn of_link(
    front: &Front,
    snapshot: &Snapshot,
    id: &LinkId,
) -> (Option<String>, Vec<Kind>) {
    let Some(link) = snapshot.links.get(id) else { return (None, Vec::new()) };
    let Some(seen) = snapshot.odoos.get(&link.watched.link.source) else {
        return (None, Vec::new());
    };
    let tells = tells(front);
    let found = beside(snapshot).remove(&link.watched.link.source).unwrap_or_default();
    let kinds = found.iter().filter(|beside| beside.link.as_ref() == Some(id)).map(|beside| Kind {
        name: beside.what.name(),
        count: 1,
        meaning: beside.what.meaning(),
        next_step: pieces(beside.what.next_step()),
        // On its own page, it need not be named.
        places: vec![Place { name: None, ..Place::new(beside, front, snapshot, seen, tells) }],
        more: 0,
    });
    (seen.form(id).map(String::from), kinds.collect())
}

impl Place {
    fn new(
        beside: &Beside<'_>,
        front: &Front,
        snapshot: &Snapshot,
        seen: &Seen,
        tells: bool,
    ) -> Self {
        let link = beside.link.as_ref();
        let watched = link.filter(|id| snapshot.links.contains_key(*id));
        Self {
            name: link.map(ToString::to_string),
            href: watched.map(|id| href(&front.prefix, "/links/", id)),
            form: link.and_then(|id| seen.form(id)).map(String::from),
            detail: beside.detail.as_deref().filter(|_| tells).map(str::to_owned),
        }
    }
}

/// Whether what a finding rests on may be shown: it may name addresses.
fn tells(front: &Front) -> bool {
    matches!(front.site.applied.load().privacy.mailbox_label, MailboxLabel::Address)
}

fn tone(seen: &Seen, kinds: &[Kind]) -> Tone {
    match (&seen.up, kinds.is_empty()) {
        (None, _) => Tone::Idle,
        (Some(Err(_)), _) => Tone::Bad,
        (Some(Ok(())), false) => Tone::Warn,
        (Some(Ok(())), true) => Tone::Good,
    }
}

fn about(seen: &Seen) -> String {
    let version = seen.database.as_ref().map(|database| format!("Odoo {}", database.version));
    let queue = seen.queue.as_ref().map(|queue| {
        let count = |state: &str| {
            let of = queue.messages.iter().filter(|((known, _), _)| known == state);
            of.map(|(_, messages)| messages).sum::<u64>()
        };
        format!("{} messages wait, {} failed", count("outgoing"), count("exception"))
    });
    let known: Vec<_> = version.into_iter().chain(queue).collect();
    match known.is_empty() {
        true => "nothing is known of it so far".to_owned(),
        false => known.join(" · "),
    }
}

/// Servers named under one finding.
const MOST: usize = 10;
