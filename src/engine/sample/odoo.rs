//! A hand-made Odoo of the state's: it was read, and cannot be any more.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::NOW;
use crate::{
    domain::{clock::Timestamp, secret::Secret},
    source::odoo::{
        Seen,
        database::{Cause, Database, Outgoing, Queue, Row},
        finding::{Finding, What},
        healthy,
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
    let mut database = healthy(Series::V18);
    let token = Some(Secret::new("1//refresh-token-of-odoo"));
    database.client_secret = Some(Secret::new("GOCSPX-client-secret-of-odoo"));
    database.outgoing[0].id = 3;
    database.outgoing[0].token = token.clone();
    let never_linked = Outgoing { id: 4, token: None, ..database.outgoing[0].clone() };
    database.outgoing.push(never_linked);
    database.incoming[0].id = 7;
    database.incoming[0].token = token;
    database.incoming[0].fetched = Some(ago(30));
    database
}
