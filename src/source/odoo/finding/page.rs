//! The table of findings as a page for people: `docs/odoo-findings.md`.

use std::fmt::Write as _;

use super::{About, What};

/// `docs/odoo-findings.md`.
pub fn findings_page() -> String {
    let mut page = String::from(INTRODUCTION);
    for about in About::ALL {
        let _ = write!(page, "\n## {}\n\n{HEAD}", heading(about));
        for what in What::ALL.iter().filter(|what| what.about() == about) {
            let [meaning, how, next_step] =
                [what.meaning(), what.how(), what.next_step()].map(cell);
            let _ = writeln!(page, "| `{what}` | {meaning} | {how} | {next_step} |");
        }
    }
    page
}

fn heading(about: About) -> &'static str {
    match about {
        About::Database => "The whole database",
        About::Server => "A mail server, by its row",
        About::Truth => "What Odoo shows against what Google says",
    }
}

/// What would end a cell, or be taken for a tag or an emphasis. A `>` between menus is neither.
fn cell(words: &str) -> String {
    words.replace('|', "\\|").replace('<', "&lt;").replace('_', "\\_")
}

const INTRODUCTION: &str = "\
# What is found beside Odoo's screens

*Made from `src/source/odoo/finding.rs` by `make docs`; change it there.*

A finding is no failure of a link: it says what is wrong with an Odoo's own settings, or what its screens do not tell. Each is
a value of the label `finding` of `mailbox_odoo_finding`. What could not be read is never a reason for one, but for
`partly_unreadable`.

\"Developer mode\" is switched on at the end of Odoo's Settings: Activate the developer mode. Only then is there a menu
Technical.
";

const HEAD: &str = "\
| finding | what is the case | found by | next step |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_has_its_row_and_every_row_its_cells() {
        let page = findings_page();
        for what in What::ALL {
            assert_eq!(page.matches(&format!("\n| `{what}` |")).count(), 1, "{what}");
        }
        for line in page.lines().filter(|line| line.starts_with("| ")) {
            assert_eq!(line.replace("\\|", "").matches('|').count(), 5, "{line}");
        }
    }
}
