//! Every Odoo: whether it can be read, and what is wrong with its own settings.

use super::{
    said::counted,
    step::{Area, Mend, Step},
    walk::Walk,
};
use crate::source::odoo::{
    Seen,
    finding::{Finding, What},
};

/// Lines about every Odoo, or those of the links that were asked about.
pub(super) fn steps(walk: &Walk) -> Vec<Step> {
    let narrowed = walk.chosen.len() != walk.links.watched.len();
    let mut steps = Vec::new();
    for (name, seen) in &walk.links.odoos {
        let of = |watched: &&crate::check::Watched| watched.link.source == *name;
        if narrowed && !walk.chosen.iter().any(|watched| of(&watched)) {
            continue;
        }
        let subject = format!("Odoo {name}");
        match &seen.up {
            Some(Ok(())) => steps.push(Step::ok(Area::Odoo, &*subject, read(seen))),
            _ => {
                let because = format!("source {name}");
                steps.push(Step::skipped(Area::Odoo, &*subject, "its settings are", &because));
            }
        }
        let mut findings: Vec<_> = seen.findings.iter().map(|it| step(name, it)).collect();
        findings.sort_by_key(|step| matches!(step.verdict, super::step::Verdict::Warning(_)));
        steps.extend(findings);
    }
    steps
}

fn read(seen: &Seen) -> String {
    let version = seen.database.as_ref().map(|database| format!("version {}", database.version));
    let links = format!(
        "{} of {}",
        counted(seen.links.len(), "link"),
        counted(seen.rows.len(), "mail server")
    );
    version.into_iter().chain([links]).collect::<Vec<_>>().join(", ")
}

fn step(name: &str, finding: &Finding) -> Step {
    let what = finding.what;
    let subject = match finding.row {
        Some(row) => row.link(name).to_string(),
        None => format!("Odoo {name}"),
    };
    let seen = match &finding.detail {
        Some(detail) => format!("{} ({detail})", what.meaning()),
        None => what.meaning().to_owned(),
    };
    let step = Step::ok(Area::Odoo, subject, seen);
    let mend = Mend { reason: Some(what.name()), next: what.next_step().to_owned() };
    match keeps_mail(what) {
        true => step.wrong(mend),
        false => step.warning(mend),
    }
}

/// Whether mail stays where it is, or nobody can link, until it is mended.
fn keeps_mail(what: What) -> bool {
    match what {
        What::BaseUrlMismatch
        | What::BaseUrlRefused
        | What::ClientMissing
        | What::EncryptionWrong
        | What::FetchFailing
        | What::FetchJobInactive
        | What::FetchJobOverdue
        | What::HostWrong
        | What::ModuleMissing
        | What::NeverLinked
        | What::PasswordAuthentication
        | What::PortWrong
        | What::QueueJobInactive
        | What::QueueJobOverdue
        | What::SetBackToDraft
        | What::TokenColumnsMissing
        | What::TokenOfAnotherAccount
        | What::UsernameMissing => true,
        What::Archived
        | What::BadgeMisleads
        | What::BaseUrlNotFrozen
        | What::DefaultFromDead
        | What::EmptyFromFilter
        | What::FetchDateMisleads
        | What::FromFilterList
        | What::IapManaged
        | What::MailsStuck
        | What::ModuleOutdated
        | What::ModulePending
        | What::Neutralised
        | What::NeverChosen
        | What::NotConfirmed
        | What::PartlyUnreadable
        | What::ServerEnvironment
        | What::UnseenMailGrows
        | What::VersionUnknown => false,
    }
}
