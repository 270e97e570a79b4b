//! The table of reasons as a page for people: `docs/reasons.md`.

use std::fmt::Write as _;

use super::{Again, Class, Reason};

/// `docs/reasons.md`.
pub fn reasons_page() -> String {
    let mut page = String::from(INTRODUCTION);
    for class in Class::ALL {
        let (who, alert) = (class.who(), class.alert());
        let _ = write!(
            page,
            "\n## {class}\n\nWho acts: {who}. Runbook: [{alert}](runbooks/{alert}.md).\n\n{HEAD}"
        );
        for reason in Reason::ALL.iter().filter(|reason| reason.class() == class) {
            let (meaning, next_step) = (cell(reason.meaning()), cell(reason.next_step()));
            let again = again(reason.again());
            let _ = writeln!(page, "| `{reason}` | {meaning} | {next_step} | {again} |");
        }
    }
    page
}

/// What would end a cell, or be taken for a tag.
fn cell(words: &str) -> String {
    words.replace('|', "\\|").replace('<', "&lt;").replace('>', "&gt;")
}

fn again(again: Again) -> &'static str {
    match again {
        Again::Now => "at once, and on schedule",
        Again::OnSchedule => "on schedule",
        Again::AfterPause => "after a pause, since sooner would prolong the trouble",
        Again::WhenMended => {
            "ever more rarely, up to every 6 hours; at once when the link changes or a person asks"
        }
    }
}

const INTRODUCTION: &str = "\
# Reasons

*Made from `src/domain/reason/table.rs` by `make docs`; change it there.*

Every failure has exactly one reason, and every reason one class: who has to act. Both are label values of
[`mailbox_failing`](metrics.md). What does not pass by itself is asked again seldom, and stays failing meanwhile.
";

const HEAD: &str = "\
| reason | what is the case | next step | asked again |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_row_under_its_class() {
        let page = reasons_page();
        let mut sections = page.split("\n## ").skip(1);
        for class in Class::ALL {
            let section = sections.next().unwrap();
            assert!(section.starts_with(class.name()));
            let rows = section.lines().filter(|line| line.starts_with("| `")).count();
            let reasons = Reason::ALL.iter().filter(|reason| reason.class() == class).count();
            assert_eq!(rows, reasons, "{class}");
        }
    }

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        for line in reasons_page().lines().filter(|line| line.starts_with("| ")) {
            assert_eq!(line.replace("\\|", "").matches('|').count(), 5, "{line}");
        }
    }
}
