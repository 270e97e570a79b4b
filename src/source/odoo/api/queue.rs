//! The outgoing queue, as the API tells it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    ask::{Ask, Search},
    rows,
    session::{Line, Session},
    trouble::Trouble,
};
use crate::{
    domain::clock::Timestamp,
    source::odoo::{
        cause,
        database::{Cause, Queue},
    },
};

/// But for what was sent.
pub(super) async fn read(
    session: &Session,
    line: Line<'_>,
    now: Timestamp,
) -> Result<Queue, Trouble> {
    let mut queue = Queue { messages: messages(session, line).await?, ..Queue::default() };
    let states = queue.messages.keys().map(|(state, _)| state.clone());
    for state in states.collect::<BTreeSet<_>>() {
        if let Some(oldest) = oldest(session, line, &state).await? {
            queue.oldest.insert(state, oldest);
        }
    }
    if queue.oldest.contains_key(FAILED) {
        failures(session, line, now, &mut queue).await?;
    }
    Ok(queue)
}

pub(super) const MODEL: &str = "mail.mail";

const FAILED: &str = "exception";

async fn messages(
    session: &Session,
    line: Line<'_>,
) -> Result<BTreeMap<(String, String), u64>, Trouble> {
    let domain = json!([["state", "in", ["outgoing", FAILED]]]);
    let ask = Ask::CountBy { domain, by: &["state", "failure_type"] };
    let groups = session.rows(line, MODEL, ask).await?;
    let group = |row: &Value| {
        let failure_type = rows::text(row, "failure_type");
        let failure_type = cause::failure_type(failure_type.as_deref()).to_owned();
        Some(((rows::text(row, "state")?, failure_type), row.get("__count")?.as_u64()?))
    };
    let mut messages = BTreeMap::new();
    // Types that nobody knows are one.
    for (kind, count) in groups.iter().filter_map(group) {
        *messages.entry(kind).or_default() += count;
    }
    Ok(messages)
}

async fn oldest(
    session: &Session,
    line: Line<'_>,
    state: &str,
) -> Result<Option<Timestamp>, Trouble> {
    let search = Search::new(json!([["state", "=", state]]), &["create_date"]);
    let search = search.by("create_date, id").page(0, 1);
    let rows = session.rows(line, MODEL, Ask::SearchRead(search)).await?;
    Ok(rows.first().and_then(|row| rows::time(row, "create_date")))
}

/// The newest first, a page at a time. No message is kept, only what happened to it, and when.
async fn failures(
    session: &Session,
    line: Line<'_>,
    now: Timestamp,
    queue: &mut Queue,
) -> Result<(), Trouble> {
    for offset in (0..Queue::STUCK).step_by(PAGE) {
        let fields = &["failure_reason", "failure_type", "write_date"];
        let search = Search::new(json!([["state", "=", FAILED]]), fields);
        let search = search.by("write_date desc, id desc").page(offset, PAGE);
        let page = session.rows(line, MODEL, Ask::SearchRead(search)).await?;
        for row in &page {
            let Some(at) = rows::time(row, "write_date") else { continue };
            let text = |field| rows::text(row, field).unwrap_or_default();
            let cause = cause::cause(&text("failure_reason"), &text("failure_type"));
            if now.since(at) <= DAY {
                *queue.failed.entry(cause).or_default() += 1;
            }
            if LEFT_BEHIND.contains(&cause) {
                queue.stuck.push(at);
            }
        }
        if page.len() < PAGE {
            break;
        }
    }
    Ok(())
}

/// What was sent and left a trace: mostly nothing else of a message stays.
pub(super) async fn sent(
    session: &Session,
    line: Line<'_>,
    now: Timestamp,
) -> Result<Option<u64>, Trouble> {
    let domain = json!([
        ["notification_type", "=", "email"],
        ["notification_status", "=", "sent"],
        ["mail_message_id.date", ">=", rows::written(now - DAY)],
    ]);
    Ok(session.ask(line, "mail.notification", Ask::SearchCount { domain }).await?.as_u64())
}

/// What fails of a message because its server's link is broken.
const LEFT_BEHIND: &[Cause] = &[Cause::Network, Cause::Quota, Cause::Token];

/// Some 600 KB, as long as the reasons mostly are.
const PAGE: usize = 2000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
