//! Whose consent pages are looked at: every OAuth client that links are made by, once, with all redirect URIs that are
//! known of it.

use std::{collections::BTreeMap, sync::Arc};

use super::{Shard, odoo};
use crate::{
    check::{Watched, consent::Applicant, consent::RedirectUri},
    domain::link::{Client, Grant},
};

/// The applicants among the clients of these links, by name; of two clients of one name the first. Those that belong to
/// another shard are left out, and service accounts, for which nobody consents.
pub(super) fn applicants<'a>(
    links: impl Iterator<Item = &'a Watched>,
    odoos: &BTreeMap<Arc<str>, Arc<odoo::Seen>>,
    shard: Shard,
) -> BTreeMap<Arc<str>, Applicant> {
    let mut applicants = BTreeMap::new();
    let mut last: Option<&Arc<Client>> = None;
    for watched in links {
        let link = &watched.link;
        // Ten thousand links have few clients, mostly in a row.
        if last.is_some_and(|last| Arc::ptr_eq(last, &link.client)) {
            continue;
        }
        last = Some(&link.client);
        let is_for_people = !matches!(link.grant, Grant::ServiceAccount(_));
        let (name, client) = (&link.client.name, &link.client);
        if !is_for_people || !shard.keeps_client(name) || applicants.contains_key(name) {
            continue;
        }
        let mut uris: Vec<RedirectUri> = Vec::new();
        // Only an Odoo's own client is made of its database.
        let odoo = odoos.get(&link.source).filter(|_| **name == *odoo::client_name(&link.source));
        uris.extend(odoo.and_then(|seen| seen.base_url()).map(RedirectUri::of_odoo));
        for uri in &client.redirect_uris {
            if uris.iter().all(|known| known.uri != uri.as_str()) {
                uris.push(RedirectUri { uri: uri.to_string(), odoo: None });
            }
        }
        let applicant = Applicant { client: client.clone(), google: link.google.clone(), uris };
        applicants.insert(name.clone(), applicant);
    }
    applicants
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::{
        check::tests::watched,
        domain::link::Link,
        source::odoo::{Seen, healthy, version::Series},
    };

    fn of(client: &str, source: &str, uris: &[&str]) -> Watched {
        let watched = watched("a@example.com");
        let client = Client {
            name: client.into(),
            redirect_uris: uris.iter().map(|uri| Url::parse(uri).unwrap()).collect(),
            ..Client::clone(&watched.link.client)
        };
        let link =
            Link { client: Arc::new(client), source: source.into(), ..Link::clone(&watched.link) };
        Watched { link: Arc::new(link), ..watched }
    }

    fn told(links: &[Watched], odoos: &BTreeMap<Arc<str>, Arc<Seen>>) -> Vec<String> {
        let applicants = applicants(links.iter(), odoos, Shard::default());
        let line = |(name, it): (Arc<str>, Applicant)| {
            let uris: Vec<_> = it.uris.iter().map(|uri| uri.uri.as_str()).collect();
            format!("{name}: {}", uris.join(" "))
        };
        applicants.into_iter().map(line).collect()
    }

    #[test]
    fn each_client_stands_once_with_what_was_configured_and_what_its_odoo_sends() {
        let mut database = healthy(Series::V18);
        let base = "https://odoo.example.com".to_owned();
        database.parameters.insert("web.base.url".to_owned(), base);
        let seen = Seen { database: Some(Arc::new(database)), ..Seen::default() };
        let odoos = BTreeMap::from([("erp".into(), Arc::new(seen))]);
        let same = "https://odoo.example.com/google_gmail/confirm";
        let links = [
            of("own", "file", &["https://a.example.com/cb", "https://a.example.com/cb"]),
            of("own", "file", &["https://b.example.com/cb"]),
            of("odoo/erp", "erp", &[same, "https://old.example.com/google_gmail/confirm"]),
            of("odoo/shop", "shop", &[]),
        ];
        let expected = [
            format!("odoo/erp: {same} https://old.example.com/google_gmail/confirm"),
            "odoo/shop: ".to_owned(),
            "own: https://a.example.com/cb".to_owned(),
        ];
        assert_eq!(told(&links, &odoos), expected);
    }

    #[test]
    fn of_all_shards_one_asks_for_a_client() {
        let links = [of("odoo", "file", &["https://a.example.com/cb"])];
        let asks = |shard: &str| {
            let shard = Shard::parse(shard).unwrap();
            applicants(links.iter(), &BTreeMap::new(), shard).len()
        };
        assert_eq!(["0/3", "1/3", "2/3"].map(asks).iter().sum::<usize>(), 1);
    }
}
