//! The configuration, its secrets, and the sources of links.

use std::path::Path;

use super::{
    said::counted,
    step::{Area, Step},
    walk::Walk,
};
use crate::config::Mistakes;

/// A line a mistake, each with its place.
pub(super) fn mistakes(mistakes: &Mistakes) -> Vec<Step> {
    let step = |mistake: &crate::config::Mistake| {
        let step = Step::ok(Area::Configuration, mistake.place.to_string(), &*mistake.what);
        step.wrong(MEND)
    };
    mistakes.iter().map(step).collect()
}

/// Where the file is right, but nothing can be dialled by it.
pub(super) fn unusable(file: &Path, error: &anyhow::Error) -> Step {
    let step = Step::ok(Area::Configuration, file.display().to_string(), format!("{error:#}"));
    step.wrong(MEND)
}

/// The file, and every source of links.
pub(super) fn steps(walk: &Walk) -> Vec<Step> {
    let file = walk.file.display().to_string();
    let (links, clients) = (walk.links.watched.len(), walk.clients.len());
    let seen = format!(
        "its settings and secrets can be read; {}, {}",
        counted(links, "link"),
        counted(clients, "client")
    );
    let main = Step::ok(Area::Configuration, &*file, seen);
    let mut steps = vec![match links {
        0 => main.warning("Add mailboxes, or see below why the sources give none."),
        _ => main,
    }];
    for (source, state) in &walk.links.sources {
        if let Err(troubles) = state {
            let step = |trouble: &str| {
                let subject = format!("source {source}");
                let step = Step::ok(Area::Configuration, subject, trouble);
                step.wrong(match walk.links.odoos.contains_key(source) {
                    true => ODOO,
                    false => MEND,
                })
            };
            steps.extend(troubles.lines().map(step));
        }
    }
    steps
}

const MEND: &str = "Mend it there; mailbox_exporter check-config says whether all is right then.";

const ODOO: &str = "See that this Odoo runs and can be reached from here, and that the grants or the API key of deploy/odoo/README.md are in force; without it, nothing is known of its links.";
