//! Which outgoing server Odoo takes for a sender: `_find_mail_server` of each version.
//!
//! A template or a mailing that names its server is not asked about: it skips all this.

use std::collections::HashSet;

use super::{database::Outgoing, version::Series};

/// A message, as far as the choice of its server goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub sender: &'a str,
    /// The user who wrote it, whose personal server it may take (19).
    pub author: Option<i64>,
    /// What its company sends from where the sender's own address fits no server.
    pub default_sender: Option<&'a str>,
}

/// The server that Odoo takes, and the From that it writes; none where it has no active server.
pub(super) fn choose(
    servers: &[Outgoing],
    series: Series,
    message: Message<'_>,
) -> Option<(i64, String)> {
    let servers = in_order(servers, series);
    let own = |server: &&Server| server.owner.is_none() || server.owner == message.author;
    let (sender, own) = (Entry::of_address(message.sender), servers.iter().filter(own));
    if let Some(server) = sender.and_then(|sender| first_match(own, &sender)) {
        return Some((server.id, message.sender.to_owned()));
    }
    let shared = || servers.iter().filter(|server| server.owner.is_none());
    let default = message.default_sender.and_then(Entry::of_address);
    let from = message.default_sender.unwrap_or(message.sender).to_owned();
    let server = default
        .and_then(|default| first_match(shared(), &default))
        .or_else(|| shared().find(|server| server.takes_any))
        .or_else(|| shared().next())?;
    Some((server.id, from))
}

/// The active servers that no sender whatsoever reaches: others take every entry of their filters first, and they are
/// not what is taken where nothing fits.
pub(super) fn never_chosen(servers: &[Outgoing], series: Series) -> Vec<i64> {
    let servers = in_order(servers, series);
    let shared = || servers.iter().filter(|server| server.owner.is_none());
    let fallback = shared().find(|server| server.takes_any).or_else(|| shared().next());
    let mut taken = HashSet::new();
    let mut never = Vec::new();
    for server in &servers {
        let fits = server.entries.iter().any(|entry| !taken.contains(entry));
        if !fits && fallback.is_none_or(|fallback| fallback.id != server.id) {
            never.push(server.id);
        }
        // A personal server takes nothing from anybody but its owner, and one user has only one.
        if server.owner.is_none() {
            taken.extend(&server.entries);
        }
    }
    never
}

/// What mail is sent from where the sender's own address fits no server; one of them for each company that has any.
pub(super) fn default_senders(database: &super::database::Database) -> Vec<String> {
    if !database.series.traits().default_from_parameter {
        return database.default_senders.clone();
    }
    let parameter = |key| database.parameters.get(key).map(String::as_str);
    match (parameter("mail.default.from"), parameter("mail.catchall.domain")) {
        (Some(from), _) if from.contains('@') => vec![from.to_owned()],
        (Some(from), Some(domain)) => vec![format!("{from}@{domain}")],
        _ => Vec::new(),
    }
}

/// Whether two spellings are one sender to Odoo.
pub(super) fn is_same_sender(one: &str, other: &str) -> bool {
    address(one).is_some_and(|one| address(other).as_ref() == Some(&one))
}

/// An active server, its filter taken apart.
struct Server {
    id: i64,
    owner: Option<i64>,
    entries: Vec<Entry>,
    /// It has no filter at all. One without a usable entry is something else: it fits nobody.
    takes_any: bool,
}

/// What a filter lets through. Subdomains are other domains.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Entry {
    Address(String),
    Domain(String),
}

impl Entry {
    fn of_address(written: &str) -> Option<Self> {
        address(written).map(Self::Address)
    }

    fn parse(written: &str) -> Option<Self> {
        if written.contains('@') {
            return Self::of_address(written);
        }
        let odd = |c: char| c == ',' || c.is_whitespace();
        (!written.is_empty() && !written.contains(odd))
            .then(|| Self::Domain(written.to_lowercase()))
    }
}

/// As Odoo tries them.
fn in_order(servers: &[Outgoing], series: Series) -> Vec<Server> {
    let mut servers: Vec<&Outgoing> = servers.iter().filter(|server| server.active).collect();
    servers.sort_by_key(|server| (server.sequence, server.id));
    let apart = |server: &Outgoing| {
        let filter = server.from_filter.as_deref().unwrap_or_default();
        let entries = match series.traits().filter_list {
            true => filter.split(',').filter_map(|entry| Entry::parse(entry.trim())).collect(),
            false => Entry::parse(filter).into_iter().collect(),
        };
        Server { id: server.id, owner: server.owner, entries, takes_any: filter.is_empty() }
    };
    servers.into_iter().map(apart).collect()
}

/// The first that names the address, else the first that names its domain.
fn first_match<'a>(
    servers: impl Iterator<Item = &'a Server> + Clone,
    sender: &Entry,
) -> Option<&'a Server> {
    let Entry::Address(address) = sender else { return None };
    let domain = address.rsplit('@').next().map(|domain| Entry::Domain(domain.to_owned()));
    let first = |entry: &Entry| servers.clone().find(|server| server.entries.contains(entry));
    first(sender).or_else(|| first(&domain?))
}

/// The one address in it, as Odoo compares it: `Sales <Sales@Example.com>` is `sales@example.com`.
fn address(written: &str) -> Option<String> {
    let bare = match written.trim().strip_suffix('>') {
        Some(named) => named.rsplit_once('<')?.1,
        None => written.trim(),
    };
    let (local, domain) = bare.split_once('@')?;
    let odd = |c: char| matches!(c, ',' | '@' | '<' | '>') || c.is_whitespace();
    let fits = |part: &str| !part.is_empty() && !part.contains(odd);
    (fits(local) && fits(domain)).then(|| bare.to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::{collection, option, prelude::*, sample::select};

    use super::*;

    fn server(id: i64, sequence: i64, filter: Option<&str>) -> Outgoing {
        Outgoing {
            id,
            name: format!("server {id}"),
            active: true,
            sequence,
            from_filter: filter.map(str::to_owned),
            host: None,
            port: None,
            encryption: "starttls".to_owned(),
            authentication: "gmail".to_owned(),
            user: None,
            token: None,
            owner: None,
        }
    }

    fn message<'a>(sender: &'a str, default_sender: Option<&'a str>) -> Message<'a> {
        Message { sender, author: None, default_sender }
    }

    #[test]
    fn each_step_of_the_choice_is_odoos() {
        let filters = |filters: &[Option<&str>]| -> Vec<Outgoing> {
            (1..).zip(filters).map(|(id, filter)| server(id, 10, *filter)).collect()
        };
        let (v16, v17) = (Series::V16, Series::V17);
        let cases = [
            ("an address", v17, filters(&[Some("b.c"), Some("a@b.c")]), "a@b.c", None, 2, "a@b.c"),
            ("a domain", v17, filters(&[None, Some("b.c")]), "A@B.C", None, 2, "A@B.C"),
            ("no subdomain", v17, filters(&[Some("b.c"), None]), "a@x.b.c", None, 2, "a@x.b.c"),
            (
                "a named one",
                v17,
                filters(&[None, Some("a@b.c")]),
                "A <a@b.c>",
                None,
                2,
                "A <a@b.c>",
            ),
            ("a list", v17, filters(&[None, Some("x.y, b.c")]), "a@b.c", None, 2, "a@b.c"),
            ("no list", v16, filters(&[None, Some("x.y,b.c")]), "a@b.c", None, 1, "a@b.c"),
            (
                "the default's",
                v17,
                filters(&[None, Some("n@b.c")]),
                "z@z.z",
                Some("n@b.c"),
                2,
                "n@b.c",
            ),
            (
                "its domain's",
                v17,
                filters(&[None, Some("b.c")]),
                "z@z.z",
                Some("n@b.c"),
                2,
                "n@b.c",
            ),
            (
                "an empty one",
                v17,
                filters(&[Some("b.c"), None]),
                "z@z.z",
                Some("n@y.y"),
                2,
                "n@y.y",
            ),
            ("the first", v17, filters(&[Some("b.c"), Some("d.e")]), "z@z.z", None, 1, "z@z.z"),
            ("none by commas", v17, filters(&[Some("b.c"), Some(",")]), "z@z.z", None, 1, "z@z.z"),
        ];
        for (case, series, servers, sender, default, id, from) in cases {
            let chosen = choose(&servers, series, message(sender, default));
            assert_eq!(chosen, Some((id, from.to_owned())), "{case}");
        }
        assert_eq!(choose(&[], v17, message("a@b.c", None)), None);
    }

    #[test]
    fn archived_servers_are_out_and_the_sequence_goes_before_the_id() {
        let mut servers = vec![server(1, 20, None), server(2, 10, None), server(3, 5, None)];
        servers[2].active = false;
        let chosen = choose(&servers, Series::V18, message("a@b.c", None));
        assert_eq!(chosen.unwrap().0, 2);
        assert_eq!(never_chosen(&servers, Series::V18), [1]);
    }

    #[test]
    fn a_personal_server_is_its_owners_and_nobodys_fallback() {
        let mut personal = server(1, 1, Some("a@b.c"));
        personal.owner = Some(7);
        let servers = [personal, server(2, 10, Some("a@b.c"))];
        let by = |author| Message { author, ..message("a@b.c", None) };
        assert_eq!(choose(&servers, Series::V19, by(Some(7))).unwrap().0, 1);
        assert_eq!(choose(&servers, Series::V19, by(Some(8))).unwrap().0, 2);
        assert_eq!(choose(&servers, Series::V19, message("z@z.z", None)).unwrap().0, 2);
        assert_eq!(choose(&servers[..1], Series::V19, message("z@z.z", None)), None);
        assert!(never_chosen(&servers, Series::V19).is_empty());
        // A shared one that is asked first takes the owner's mail, too.
        let (mut personal, shared) = (servers[0].clone(), servers[1].clone());
        personal.sequence = 20;
        assert_eq!(never_chosen(&[personal, shared], Series::V19), [1]);
    }

    #[test]
    fn default_senders_are_where_each_version_has_them() {
        use super::super::rules::tests::{healthy, with};

        let parameters = [("mail.default.from", "n"), ("mail.catchall.domain", "b.c")];
        let old = with(healthy(Series::V16), |database| {
            database.parameters.extend(parameters.map(|(key, value)| (key.into(), value.into())));
        });
        assert_eq!(default_senders(&old), ["n@b.c"]);
        let whole = with(old.clone(), |database| {
            database.parameters.insert("mail.default.from".into(), "x@y.z".into());
        });
        assert_eq!(default_senders(&whole), ["x@y.z"]);
        let new = with(old, |database| {
            database.series = Series::V17;
            database.default_senders = vec!["m@d.e".into()];
        });
        assert_eq!(default_senders(&new), ["m@d.e"]);
    }

    /// Addresses and domains that meet one another, and what is neither.
    const ENTRIES: &[&str] = &[
        "a@b.c",
        "A@b.c",
        "S <a@b.c>",
        "d@b.c",
        "a@e.f",
        "b.c",
        "B.C",
        "e.f",
        "",
        " ",
        "@",
        "x y",
    ];

    prop_compose! {
        fn any_server()(
            entries in collection::vec(select(ENTRIES), 0..4),
            sequence in 1..4i64,
            active in prop::bool::weighted(0.9),
            owner in option::weighted(0.3, 1..4i64),
        ) -> Outgoing {
            let filter = (!entries.is_empty()).then(|| entries.join(","));
            Outgoing { active, owner, ..server(0, sequence, filter.as_deref()) }
        }
    }

    proptest! {
        #[test]
        fn never_is_what_no_sender_brings(
            mut servers in collection::vec(any_server(), 0..6),
            series in select(&Series::ALL),
        ) {
            let mut owners = HashSet::new();
            for (id, server) in (1..).zip(&mut servers) {
                server.id = id;
                // The column is unique.
                server.owner = server.owner.filter(|owner| owners.insert(*owner));
            }
            let senders = ["a@b.c", "d@b.c", "a@e.f", "new@b.c", "new@e.f", "out@side.example"];
            let mut reached = HashSet::new();
            for sender in senders {
                for author in [None, Some(1), Some(2), Some(3)] {
                    for default_sender in [None, Some("a@b.c"), Some("new@e.f"), Some("n@x.y")] {
                        let message = Message { sender, author, default_sender };
                        reached.extend(choose(&servers, series, message).map(|(id, _)| id));
                    }
                }
            }
            let active = servers.iter().filter(|server| server.active).map(|server| server.id);
            let never: HashSet<i64> = active.filter(|id| !reached.contains(id)).collect();
            let said: HashSet<i64> = never_chosen(&servers, series).into_iter().collect();
            prop_assert_eq!(said, never);
        }
    }
}
