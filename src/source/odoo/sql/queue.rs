//! The outgoing queue of an Odoo, piece by piece: `mail_mail` may have millions of rows and has no index on their state.
//!
//! The rows are gone through by their primary key, a few thousand at a time, round and round. Those that stand in the
//! queue are kept, and asked again by their ids; so are those that are new since the last look.
//!
//! Invariant: every statement goes by the primary key, over a bounded number of rows, in a transaction of its own.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    columns::{self, Columns},
    said,
    sent::Sent,
};
use crate::{
    domain::clock::{self, Timestamp},
    source::odoo::{
        cause,
        database::{Cause, Queue},
        version::Series,
    },
    wire::postgres::{Connection, Parameter, Row, Scans, Trouble},
};

/// What is known of the queue so far.
#[derive(Debug)]
pub(super) struct Backlog {
    open: BTreeMap<i64, Open>,
    /// Messages that were sent and stay, with the time.
    kept: BTreeMap<i64, Timestamp>,
    /// The last row of the round that is under way, and when its last step was.
    reached: i64,
    stepped: Option<Instant>,
    /// Whether a round is done.
    complete: bool,
    /// The highest id at the last look.
    highest: i64,
    /// The last of the open rows that was asked again.
    asked: i64,
    /// How many rows one statement goes through: fewer, on a database that is too slow for that.
    chunk: i64,
    sent: Sent,
    summary: Option<Arc<Queue>>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            kept: BTreeMap::new(),
            reached: 0,
            stepped: None,
            complete: false,
            highest: 0,
            asked: 0,
            chunk: CHUNK,
            sent: Sent::default(),
            summary: None,
        }
    }
}

/// A message that waits or failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Open {
    state: State,
    failure_type: &'static str,
    cause: Cause,
    made: Option<Timestamp>,
    /// When it got its state, as far as Odoo tells.
    written: Option<Timestamp>,
    /// Not to be sent before.
    scheduled: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum State {
    Exception,
    Outgoing,
}

impl Backlog {
    /// Looks on, and says what stands in the queue; none before all was seen once, or where it may not be read.
    ///
    /// # Errors
    /// Why that is not possible at the moment, in a sentence.
    pub(super) async fn look(
        &mut self,
        connection: &mut Connection,
        columns: &Columns,
        series: Series,
    ) -> Result<Option<Arc<Queue>>, String> {
        let list = columns.select(columns::MAILS, series, &mut Vec::new())?;
        let Some(list) = list else { return Ok(None) };
        let looked = self.pieces(connection, &list).await;
        if looked == Err(Trouble::Slow) {
            self.chunk = (self.chunk / 2).max(SMALLEST_CHUNK);
        }
        let now = looked.map_err(said(columns::MAILS))?;
        let notified = self.sent.look(connection, columns, series).await?;
        if !self.complete {
            return Ok(None);
        }
        let queue = self.summarise(now, notified);
        let same = self.summary.take().filter(|before| **before == queue);
        let queue = same.unwrap_or_else(|| Arc::new(queue));
        self.summary = Some(queue.clone());
        Ok(Some(queue))
    }

    async fn pieces(
        &mut self,
        connection: &mut Connection,
        list: &str,
    ) -> Result<Timestamp, Trouble> {
        let start = clock::instant();
        let now = if self.complete {
            self.ask_again(connection, list).await?;
            self.ask_for_new(connection, list, start).await?
        } else {
            database_time(connection).await?
        };
        let due = self.stepped.is_none_or(|last| start.duration_since(last) >= STEP_EVERY);
        let steps = match (self.complete, due) {
            (false, _) => STEPS,
            (true, true) => 1,
            (true, false) => 0,
        };
        for _ in 0..steps {
            self.stepped = Some(start);
            let step = self.step(connection, list, self.reached).await?;
            self.highest = self.highest.max(step.last);
            if step.rows < self.chunk {
                (self.reached, self.complete) = (0, true);
                break;
            }
            self.reached = step.last;
            if clock::instant().duration_since(start) >= PATIENCE {
                break;
            }
        }
        Ok(now)
    }

    /// The open rows again, by their ids; the next ones next time where they are very many.
    async fn ask_again(&mut self, connection: &mut Connection, list: &str) -> Result<(), Trouble> {
        let most = usize::try_from(self.chunk).unwrap_or(usize::MAX);
        let rest = self.open.range((Excluded(self.asked), Unbounded));
        let ids: Vec<i64> = rest.map(|(id, _)| *id).take(most).collect();
        self.asked = if ids.len() < most { 0 } else { ids.last().copied().unwrap_or_default() };
        if ids.is_empty() {
            return Ok(());
        }
        let sql = format!("SELECT {list} FROM public.mail_mail WHERE \"id\" = ANY ($1)");
        let rows = ask(connection, &sql, &[Parameter::Numbers(&ids)]).await?;
        for id in ids {
            self.open.remove(&id);
        }
        self.take(&rows)
    }

    /// Rows since the last look, and some before them: a transaction may be done long after it got its ids.
    async fn ask_for_new(
        &mut self,
        connection: &mut Connection,
        list: &str,
        start: Instant,
    ) -> Result<Timestamp, Trouble> {
        let now = ask(connection, HIGHEST, &[]).await?;
        let highest = now.first().map(|row| row.number("highest")).transpose()?.flatten();
        let highest = highest.unwrap_or_default();
        let mut from = self.highest.min(highest).saturating_sub(OVERLAP);
        while from < highest && clock::instant().duration_since(start) < PATIENCE {
            let step = self.step(connection, list, from).await?;
            if step.rows < self.chunk {
                from = highest;
                break;
            }
            from = step.last;
        }
        self.highest = from.min(highest);
        now.first().and_then(|row| row.time("now").transpose()).unwrap_or_else(|| {
            Err(Trouble::Other("the database did not say what time it is".to_owned()))
        })
    }

    /// The next rows after an id.
    async fn step(
        &mut self,
        connection: &mut Connection,
        list: &str,
        after: i64,
    ) -> Result<Step, Trouble> {
        let from = [Parameter::Number(&after), Parameter::Number(&self.chunk)];
        let found = ask(connection, NEXT, &from).await?;
        let row = found.first();
        let number = |column| Ok(row.map(|row: &Row| row.number(column)).transpose()?.flatten());
        let (last, rows) = (number("last")?.unwrap_or(after), number("rows")?.unwrap_or_default());
        let sql = format!("SELECT {list} FROM public.mail_mail WHERE {OF_INTEREST}");
        let read =
            ask(connection, &sql, &[Parameter::Number(&after), Parameter::Number(&last)]).await?;
        let gone: Vec<i64> = self
            .open
            .range((Excluded(after), Unbounded))
            .map(|(id, _)| *id)
            .take_while(|id| *id <= last)
            .collect();
        for id in gone {
            self.open.remove(&id);
        }
        self.take(&read)?;
        Ok(Step { last, rows })
    }

    /// Keeps what stands in the queue, and what was sent.
    fn take(&mut self, rows: &[Row]) -> Result<(), Trouble> {
        for row in rows {
            let Some(id) = row.number("id")? else { continue };
            let written = row.time("write_date")?;
            let state = match row.text("state")?.as_deref() {
                Some("exception") => State::Exception,
                Some("outgoing") => State::Outgoing,
                Some("sent") if !row.flag("is_notification")? => {
                    self.kept.extend(written.map(|written| (id, written)));
                    continue;
                }
                _ => continue,
            };
            let failure_type = match state {
                State::Exception => cause::failure_type(row.text("failure_type")?.as_deref()),
                // What an earlier try left.
                State::Outgoing => "",
            };
            let reason = row.text("failure_reason")?.unwrap_or_default();
            let open = Open {
                state,
                failure_type,
                cause: cause::cause(&reason, failure_type),
                made: row.time("create_date")?,
                written,
                scheduled: row.time("scheduled_date")?,
            };
            self.open.insert(id, open);
        }
        Ok(())
    }

    fn summarise(&mut self, now: Timestamp, notified: Option<u64>) -> Queue {
        let day_ago = now - DAY;
        self.kept.retain(|_, written| *written > day_ago);
        let mut queue = Queue::default();
        for open in self.open.values() {
            let state = open.state.name();
            let messages = (state.to_owned(), open.failure_type.to_owned());
            *queue.messages.entry(messages).or_default() += 1;
            // One that waits for its time is not late.
            let waits = open.state == State::Outgoing && open.scheduled.is_some_and(|at| at > now);
            if let Some(made) = open.made.filter(|_| !waits) {
                let oldest = queue.oldest.entry(state.to_owned()).or_insert(made);
                *oldest = made.min(*oldest);
            }
            let Some(failed) = open.written.filter(|_| open.state == State::Exception) else {
                continue;
            };
            if failed > day_ago {
                *queue.failed.entry(open.cause).or_default() += 1;
            }
            if cause::may_be_a_links(open.cause, open.failure_type) {
                queue.stuck.push(failed);
            }
        }
        queue.stuck.sort_unstable_by(|one, two| two.cmp(one));
        queue.stuck.truncate(Queue::STUCK);
        queue.sent_at_least = notified.map(|notified| notified + self.kept.len() as u64);
        queue
    }
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Exception => "exception",
            Self::Outgoing => "outgoing",
        }
    }
}

/// How far one statement came, and over how many rows.
struct Step {
    last: i64,
    rows: i64,
}

/// One statement in a transaction of its own, by the primary key.
pub(super) async fn ask(
    connection: &mut Connection,
    sql: &str,
    parameters: &[Parameter<'_>],
) -> Result<Vec<Row>, Trouble> {
    let transaction = connection.begin(Scans::ByIndex).await?;
    let rows = transaction.rows(sql, parameters).await?;
    transaction.end().await?;
    Ok(rows)
}

async fn database_time(connection: &mut Connection) -> Result<Timestamp, Trouble> {
    let rows =
        ask(connection, "SELECT (extract(epoch FROM now()) * 1000)::int8 AS now", &[]).await?;
    let now = rows.first().map(|row| row.time("now")).transpose()?.flatten();
    Ok(now.unwrap_or(Timestamp::from_secs(0)))
}

const HIGHEST: &str = "SELECT max(\"id\")::int8 AS highest, \
     (extract(epoch FROM now()) * 1000)::int8 AS now FROM public.mail_mail";

const NEXT: &str = "SELECT max(\"id\")::int8 AS last, count(*) AS rows FROM \
     (SELECT \"id\" FROM public.mail_mail WHERE \"id\" > $1 ORDER BY \"id\" LIMIT $2) AS next";

const OF_INTEREST: &str = "\"id\" > $1 AND \"id\" <= $2 AND (\"state\" IN ('exception', 'outgoing') \
     OR \"state\" = 'sent' AND \"is_notification\" IS NOT TRUE \
     AND \"write_date\" > (now() AT TIME ZONE 'UTC') - interval '24 hours')";

/// Rows. Some tenths of a second on a slow disk.
const CHUNK: i64 = 20_000;
const SMALLEST_CHUNK: i64 = 200;

/// Of one look, before all was seen once.
const STEPS: usize = 10;

/// No statement is begun any more after that.
const PATIENCE: Duration = Duration::from_secs(2);

/// After that, the round goes on to find what no other way finds: rows that Odoo puts back into the queue.
const STEP_EVERY: Duration = Duration::from_secs(60);

/// In ids.
const OVERLAP: i64 = 5_000;

const DAY: Duration = Duration::from_secs(24 * 3600);
