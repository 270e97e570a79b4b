//! The manual as pages: what stands below `docs` goes with the binary, so that a runbook is there when the network is not.
//!
//! Invariant: a link leads to a page that is carried, to an address on the web, or is no link but words.

use std::collections::BTreeMap;

use askama::Template;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};
use url::Url;

use super::{Frame, Tone};
use crate::web::Front;

#[derive(Template)]
#[template(path = "manual.html")]
pub(super) struct Page {
    frame: Frame,
    title: String,
    body: String,
}

/// The page at a path below `docs`; a folder's is its README.
pub(super) fn page(front: &Front, path: &str) -> Option<Page> {
    let path = if path.is_empty() || path.ends_with('/') {
        format!("{path}README.md")
    } else {
        path.to_owned()
    };
    let (_, text) = PAGES.iter().find(|(known, _)| *known == path)?;
    let title = text.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or(&path);
    Some(Page {
        frame: Frame::new(front, Tone::Idle, front.site.clock.now()),
        title: title.to_owned(),
        body: body(&path, text),
    })
}

fn body(path: &str, text: &str) -> String {
    let mut events: Vec<_> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    name_headings(&mut events);
    unlink_what_is_not_carried(path, &mut events);
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    body
}

/// Links name headings as Git hosts do: in lower case, with dashes for blanks, without other signs. One that comes again
/// gets a number.
fn name_headings(events: &mut [Event<'_>]) {
    let mut seen = BTreeMap::<String, u32>::new();
    for start in 0..events.len() {
        let Event::Start(Tag::Heading { .. }) = events[start] else { continue };
        let words = events[start..].iter().take_while(|event| !is_end_of_heading(event));
        let words = words.filter_map(|event| match event {
            Event::Code(words) | Event::Text(words) => Some(&**words),
            _ => None,
        });
        let kept = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
        let name: String = words.flat_map(str::chars).filter(kept).collect();
        let name = name.to_lowercase().replace(' ', "-");
        let times = seen.entry(name.clone()).or_default();
        let name = if *times == 0 { name } else { format!("{name}-{times}") };
        *times += 1;
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[start] {
            *id = Some(name.into());
        }
    }
}

fn is_end_of_heading(event: &Event<'_>) -> bool {
    matches!(event, Event::End(TagEnd::Heading(_)))
}

/// What leads out of `docs` into the sources is not here.
fn unlink_what_is_not_carried(path: &str, events: &mut [Event<'_>]) {
    let nothing = || Event::Text(CowStr::Borrowed(""));
    let mut dropped = false;
    for event in events {
        match event {
            Event::Start(Tag::Link { dest_url, .. }) if !is_carried(path, dest_url) => {
                dropped = true;
                *event = nothing();
            }
            Event::End(TagEnd::Link) if dropped => {
                dropped = false;
                *event = nothing();
            }
            _ => {}
        }
    }
}

fn is_carried(path: &str, link: &str) -> bool {
    let here = format!("{ROOT}{path}");
    let Ok(to) = Url::parse(&here).and_then(|here| here.join(link)) else { return false };
    match to.as_str().strip_prefix(ROOT) {
        None => to.host_str() != Some(HOST),
        Some(_) => {
            let to = to.path().trim_start_matches("/docs/");
            PAGES.iter().any(|(known, _)| *known == to)
        }
    }
}

/// A place for relative links to start from.
const ROOT: &str = "http://manual/docs/";
const HOST: &str = "manual";

/// By their paths below `docs`.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/manual.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_names_that_links_lead_to() {
        let body = body("reasons.md", "# What `mailbox` is\n\n## A, b\n\n## A b\n\n## A b\n");
        for name in ["what-mailbox-is", "a-b", "a-b-1", "a-b-2"] {
            assert!(body.contains(&format!("id=\"{name}\"")), "{name}: {body}");
        }
    }

    #[test]
    fn a_link_leads_to_what_is_here_or_to_the_web_and_is_else_words() {
        let cases = [
            ("id/README.md", "../reasons.md#relink", true),
            ("id/README.md", "#words", true),
            ("id/README.md", "https://www.google.com/appsstatus/dashboard/", true),
            ("id/README.md", "../../README.md", false),
            ("doctor.md", "../examples/full.yaml", false),
            ("doctor.md", "no-such-page.md", false),
        ];
        for (path, link, leads) in cases {
            let body = body(path, &format!("see [this]({link})."));
            assert_eq!(body.contains("href"), leads, "{path} {link}: {body}");
            assert!(body.contains("this"), "{body}");
        }
    }

    #[test]
    fn no_link_between_pages_is_broken() {
        let mut broken = Vec::new();
        for (path, text) in PAGES {
            for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
                let Event::Start(Tag::Link { dest_url, .. }) = event else { continue };
                if !is_whole(path, &dest_url) {
                    broken.push(format!("{path}: {dest_url}"));
                }
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    /// Whether page and heading are there; of what is not carried, whether the file is.
    fn is_whole(path: &str, link: &str) -> bool {
        let to = Url::parse(&format!("{ROOT}{path}")).unwrap().join(link).unwrap();
        if to.host_str() != Some(HOST) {
            return true;
        }
        let below = to.path().trim_start_matches("/docs/");
        match PAGES.iter().find(|(known, _)| *known == below) {
            None => std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(&to.path()[1..]).exists(),
            Some((path, text)) => to
                .fragment()
                .is_none_or(|name| body(path, text).contains(&format!("id=\"{name}\""))),
        }
    }
}
