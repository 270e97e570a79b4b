//! A hand-made Odoo of the state's: it was read, and cannot be any more.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::NOW;
use crate::{
    domain::{clock::Timestamp, secret::Secret},
    source::odoo::{
        Seen,
        database::{Cause, Database, Incoming, Outgoing, Queue, Row},
        finding::{Finding, What},
        version::Series,
    },
};

/// The one behind the links `odoo/erp/outgoing/3` and `odoo/erp/incoming/7`.
pub(crate) fn erp() -> Seen {
    let ids = [Row::Outgoing(3), Row::Outgoing(4), Row::Incoming(7)];
    let failed = |messages| [(Cause::Token, messages), (Cause::Quota, 1)].into();
    Seen {
        up: Some(Err("connection refused by db.example.com:5432".to_owned())),
        database: Some(Arc::new(database())),
        queue: Some(Arc::new(Queue {
            messages: BTreeMap::from([
                (("exception".to_owned(), String::new()), 12),
                (("exception".to_owned(), "unknown".to_owned()), 1),
                (("outgoing".to_owned(), String::new()), 3),
            ]),
            oldest: BTreeMap::from([("exception".to_owned(), ago(3 * 3600))]),
            failed: failed(12),
            stuck: vec![ago(600); 12],
            sent_at_least: Some(240),
        })),
        findings: vec![
            Finding { row: None, what: What::BaseUrlNotFrozen, detail: None },
            Finding { row: Some(ids[1]), what: What::NeverLinked, detail: None },
        ],
        rows: ids.map(|row| (row.link("erp"), row)).into(),
        links: Vec::new(),
    }
}

fn ago(seconds: u64) -> Timestamp {
    NOW - Duration::from_secs(seconds)
}

fn database() -> Database {
    let token = Some(Secret::new("1//refresh-token-of-odoo"));
    let outgoing = |id: i64, token: Option<Secret>| Outgoing {
        id,
        name: "Gmail".to_owned(),
        active: true,
        sequence: 10,
        from_filter: Some("info@example.org".to_owned()),
        host: Some("smtp.gmail.com".to_owned()),
        port: Some(587),
        encryption: "starttls".to_owned(),
        authentication: "gmail".to_owned(),
        user: Some("info@example.org".to_owned()),
        token,
        owner: None,
    };
    let incoming = Incoming {
        id: 7,
        name: "Gmail".to_owned(),
        active: true,
        confirmed: true,
        host: Some("imap.gmail.com".to_owned()),
        port: Some(993),
        tls: true,
        kind: "gmail".to_owned(),
        user: Some("info@example.org".to_owned()),
        token: token.clone(),
        fetched: Some(ago(30)),
        error: None,
    };
    Database {
        series: Series::V18,
        version: "18.0.1.3".to_owned(),
        modules: BTreeMap::new(),
        parameters: BTreeMap::from([(
            "web.base.url".to_owned(),
            "https://odoo.example.com".to_owned(),
        )]),
        client_secret: Some(Secret::new("GOCSPX-client-secret-of-odoo")),
        outgoing: vec![outgoing(3, token), outgoing(4, None)],
        incoming: vec![incoming],
        jobs: BTreeMap::new(),
        default_senders: Vec::new(),
        has_token_columns: true,
        from_environment: false,
        unread: Vec::new(),
    }
}
