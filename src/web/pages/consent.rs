//! On the status page: clients by which nobody can link, though their links may all work.

use crate::engine::{consents::Consent, state::Snapshot};

/// A sentence for every redirect URI that Google refuses; the first few, since the metric has them all. A client that is
/// refused itself stands on the page already, above its links.
pub(super) fn refused(snapshot: &Snapshot) -> Vec<String> {
    let told = snapshot.consents.iter().flat_map(|(client, known)| of_client(client, known));
    told.take(MOST_TOLD).collect()
}

fn of_client(client: &str, known: &Consent) -> Vec<String> {
    let refused = known.refused().filter(|(_, reason, _)| !reason.refuses_client());
    let told = refused.map(|(uri, reason, _)| {
        let next_step = uri.advice().unwrap_or_else(|| reason.next_step().to_owned());
        let again = known.next.map(|next| format!(" Google is asked again at {next}."));
        format!(
            "Nobody can link a mailbox by the client {client} with {} ({reason}): {} Links that exist work on. {next_step}{}",
            uri.shown(),
            reason.meaning(),
            again.unwrap_or_default(),
        )
    });
    told.collect()
}

const MOST_TOLD: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sample;

    #[test]
    fn the_uri_the_reason_and_what_would_be_right_are_said() {
        let said = refused(&sample::snapshot());
        let [own, shop] = &*said else { panic!("{said:?}") };
        for words in [
            "client odoo with https://new.example.com/google_gmail/confirm (redirect_uri_mismatch): ",
            "Links that exist work on. Add the exact URI",
            "Google is asked again at 2026-11-23T04:50:00Z.",
        ] {
            assert!(own.contains(words), "{own}");
        }
        for words in [
            "client odoo/shop with http://shop.example.com:8069/google_gmail/confirm (redirect_uri_policy): ",
            "Set web.base.url to https://shop.example.com and register https://shop.example.com/google_gmail/confirm, letter by letter",
        ] {
            assert!(shop.contains(words), "{shop}");
        }
    }
}
