//! What is said of the steps: for people, and as JSON.

use serde::Serialize;

use super::step::{Step, Verdict};

/// A line a step, under its area, with the next click; and at the end where to begin.
pub(super) fn text(steps: &[Step]) -> String {
    let mut said = String::new();
    let mut area = None;
    for step in steps {
        if area != Some(step.area) {
            area = Some(step.area);
            let gap = if said.is_empty() { "" } else { "\n" };
            said += &format!("{gap}{}\n", step.area.name());
        }
        let Step { subject, seen, verdict, .. } = step;
        let mark = match verdict {
            Verdict::Wrong(_) => "WRONG",
            other => other.name(),
        };
        let reason = verdict.mend().and_then(|mend| mend.reason);
        let reason = reason.map(|reason| format!(" [{reason}]")).unwrap_or_default();
        said += &format!("  {mark:<8} {subject}: {seen}{reason}\n");
        if let Some(mend) = verdict.mend() {
            said += &format!("           Next: {}\n", mend.next);
        }
    }
    format!("{said}\n{}\n", verdict(steps))
}

/// The sentence at the end.
pub(super) fn verdict(steps: &[Step]) -> String {
    let of = |is: fn(&Verdict) -> bool| steps.iter().filter(|step| is(&step.verdict)).count();
    let warnings = of(|verdict| matches!(verdict, Verdict::Warning(_)));
    let unknown = of(|verdict| matches!(verdict, Verdict::Unknown(_)));
    let beside = [
        (warnings > 0).then(|| counted(warnings, "warning")),
        (unknown > 0).then(|| format!("{unknown} unknown")),
    ];
    let beside: Vec<_> = beside.into_iter().flatten().collect();
    let beside = match beside.is_empty() {
        true => String::new(),
        false => format!(" ({})", beside.join(", ")),
    };
    let mut wrong = steps.iter().filter_map(|step| match &step.verdict {
        Verdict::Wrong(mend) => Some((step, mend)),
        _ => None,
    });
    match wrong.next() {
        None => format!("Nothing to mend{beside}."),
        Some((first, mend)) => {
            let things = counted(wrong.count() + 1, "thing");
            format!("{things} to mend{beside}; begin with {}: {}", first.subject, mend.next)
        }
    }
}

/// `1 link`, `2 links`.
pub(super) fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

pub(super) fn json(steps: &[Step]) -> String {
    let all = All { steps, ok: is_well(steps) };
    serde_json::to_string_pretty(&all).expect("steps have string keys only") + "\n"
}

#[derive(Serialize)]
struct All<'a> {
    steps: &'a [Step],
    ok: bool,
}

/// Whether nothing has to be mended. Warnings may be.
pub(super) fn is_well(steps: &[Step]) -> bool {
    !steps.iter().any(|step| matches!(step.verdict, Verdict::Wrong(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::doctor::step::Area,
        domain::{outcome::Failure, reason::Reason},
    };

    #[test]
    fn the_end_says_where_to_begin() {
        let well = Step::ok(Area::Network, "smtp", "answers");
        assert_eq!(verdict(std::slice::from_ref(&well)), "Nothing to mend.");
        let warning = well.clone().warning("Look.");
        let unknown = well.clone().unknown("Ask.");
        let two = [warning.clone(), unknown];
        assert_eq!(verdict(&two), "Nothing to mend (1 warning, 1 unknown).");
        let steps = [warning, well.clone().wrong("Mend it."), well.wrong("Later.")];
        assert_eq!(verdict(&steps), "2 things to mend (1 warning); begin with smtp: Mend it.");
        assert!(!is_well(&steps) && is_well(&two));
    }

    #[test]
    fn what_is_not_known_is_absent_from_json() {
        let failure = Failure::own(Reason::DnsFailed, "no such name");
        let steps = [
            Step::ok(Area::Clock, "clock", "right"),
            Step::failed(Area::Network, "smtp", &failure),
            Step::skipped(Area::Links, "a@example.com", "smtp", "smtp.example.com"),
        ];
        let told: serde_json::Value = serde_json::from_str(&json(&steps)).unwrap();
        let keys = |at: usize| told["steps"][at].as_object().unwrap().keys().cloned();
        let all = ["area", "subject", "seen", "verdict", "reason", "next"];
        assert_eq!(keys(0).collect::<Vec<_>>(), all[..4]);
        assert_eq!(keys(1).collect::<Vec<_>>(), all);
        assert_eq!(told["steps"][2]["verdict"], "skipped");
        assert_eq!(told["ok"], false);
    }
}
