//! How the fleet is: what is read from across the room.

use crate::{
    engine::{
        report::{Present, up},
        state::Snapshot,
    },
    web::pages::Tone,
};

/// How the fleet is.
pub(super) struct Tally {
    pub(super) links: usize,
    failing: usize,
    waiting: usize,
    /// Those that fail for something that does not pass by itself.
    bad: usize,
}

impl Tally {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut tally = Self { links: snapshot.links.len(), failing: 0, waiting: 0, bad: 0 };
        for state in snapshot.links.values() {
            let mut tones = state.checks.values().map(|check| Tone::of_check(Present::of(check)));
            match up(state) {
                None => tally.waiting += 1,
                Some(true) => {}
                Some(false) => {
                    tally.failing += 1;
                    tally.bad += usize::from(tones.any(|tone| tone == Tone::Bad));
                }
            }
        }
        tally
    }

    pub(super) fn tone(&self) -> Tone {
        match self {
            Self { bad: 1.., .. } => Tone::Bad,
            Self { failing: 1.., .. } => Tone::Warn,
            Self { links, waiting, .. } if links > waiting => Tone::Good,
            _ => Tone::Idle,
        }
    }

    pub(super) fn headline(&self) -> String {
        let Self { links, failing, waiting, .. } = *self;
        match (links, failing) {
            (0, _) => "No link is watched".to_owned(),
            (1, 0) if waiting == 0 => "The link works".to_owned(),
            (1, 1) => "The link does not work".to_owned(),
            (_, 0) if waiting == 0 => format!("All {links} links work"),
            (_, 0) if waiting == links => "No link was examined yet".to_owned(),
            (_, 0) => format!("{} links work", links - waiting),
            (_, 1) => format!("1 of {links} links does not work"),
            _ => format!("{failing} of {links} links do not work"),
        }
    }

    pub(super) fn aside(&self) -> Option<String> {
        let transient = self.failing - self.bad;
        let mut said = Vec::new();
        if self.failing > 0 && self.bad == 0 {
            said.push("What ails them should pass by itself".to_owned());
        } else if transient > 0 {
            let selves = if transient == 1 { "itself" } else { "themselves" };
            said.push(format!("{transient} of them should recover by {selves}"));
        }
        if self.waiting > 0 && self.waiting < self.links {
            said.push(format!("{} not examined yet", self.waiting));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}
