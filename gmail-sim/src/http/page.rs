//! Pages for people: plain HTML that needs no script, with ids that stay.

use super::Answer;
use crate::fault::Mistake;

/// A whole page.
pub(super) fn page(status: u16, title: &str, body: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n{body}</body></html>\n",
        text(title)
    );
    Answer::html(status, &page)
}

/// Text, and values in double quotes.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Back to where the client wants people.
pub(super) fn go(back: Result<String, Mistake>) -> Answer {
    match back {
        Ok(back) => Answer::redirect(&back),
        Err(mistake) => page(400, "Error", &format!("<p>{}</p>\n", text(&mistake.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(text("<b a=\"1\">&"), "&lt;b a=&quot;1&quot;&gt;&amp;");
    }
}
