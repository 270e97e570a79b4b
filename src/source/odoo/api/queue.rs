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
    source::odoo::{cause, database::Queue, version::Series},
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
        if let Some(oldest) = oldest(session, line, &state, now).await? {
            queue.oldest.insert(state, oldest);
        }
    }
    if queue.messages.keys().any(|(state, _)| state == FAILED) {
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
        let state = rows::text(row, "state")?;
        // Of a message that waits, it is what an earlier try left.
        let failure_type = rows::text(row, "failure_type").filter(|_| state == FAILED);
        let failure_type = cause::failure_type(failure_type.as_deref()).to_owned();
        Some(((state, failure_type), row.get("__count")?.as_u64()?))
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
    now: Timestamp,
) -> Result<Option<Timestamp>, Trouble> {
    let mut domain = vec![json!(["state", "=", state])];
    // One that waits for its time is not late. In 15, that time is text.
    if state != FAILED && session.series >= Series::V16 {
        let due = json!(["scheduled_date", "<=", rows::written(now)]);
        domain.extend([json!("|"), json!(["scheduled_date", "=", false]), due]);
    }
    let search = Search::new(Value::Array(domain), &["create_date"]);
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
            let failure_type = cause::failure_type(rows::text(row, "failure_type").as_deref());
            let reason = rows::text(row, "failure_reason").unwrap_or_default();
            let cause = cause::cause(&reason, failure_type);
            if now.since(at) < DAY {
                *queue.failed.entry(cause).or_default() += 1;
            }
            if cause::may_be_a_links(cause, failure_type) {
                queue.stuck.push(at);
            }
        }
        if page.len() < PAGE {
            break;
        }
    }
    Ok(())
}

/// What was sent and left a trace: a notification that says so, or the message itself. Mostly nothing else stays.
pub(super) async fn sent(
    session: &Session,
    line: Line<'_>,
    now: Timestamp,
) -> Result<u64, Trouble> {
    let since = rows::written(now - DAY);
    let notified = json!([
        ["notification_type", "=", "email"],
        ["notification_status", "=", "sent"],
        ["mail_message_id.date", ">", since],
    ]);
    let kept = json!([
        ["state", "=", "sent"],
        ["is_notification", "=", false],
        ["write_date", ">", since]
    ]);
    let mut sent = 0;
    for (model, domain) in [("mail.notification", notified), (MODEL, kept)] {
        let counted = session.ask(line, model, Ask::SearchCount { domain }).await?.as_u64();
        sent += counted.ok_or_else(|| Trouble::odd(model))?;
    }
    Ok(sent)
}

/// Some 600 KB, as long as the reasons mostly are.
const PAGE: usize = 2000;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
