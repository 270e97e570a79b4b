//! How many messages of the last 24 hours have left a trace as sent. `mail_notification` has no dates and no index on
//! them, so that the first message of those hours is searched for by bisection over the primary keys.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    columns::{self, Columns},
    queue::ask,
    said,
};
use crate::{
    domain::clock,
    source::odoo::version::Series,
    wire::postgres::{Connection, Parameter, Trouble},
};

/// Where the last 24 hours begin, and what was counted in them.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The last message before them.
    message: i64,
    /// The last notification that is about one before them.
    notification: i64,
    counted: Option<u64>,
    at: Option<Instant>,
}

impl Sent {
    /// None where it may not be read.
    ///
    /// # Errors
    /// Why it cannot be read at the moment.
    pub(super) async fn look(
        &mut self,
        connection: &mut Connection,
        columns: &Columns,
        series: Series,
    ) -> Result<Option<u64>, String> {
        for table in [columns::MESSAGES, columns::NOTIFICATIONS] {
            if columns.select(table, series, &mut Vec::new())?.is_none() {
                return Ok(None);
            }
        }
        let now = clock::instant();
        if self.at.is_none_or(|at| now.duration_since(at) >= EVERY) {
            self.message = begin(connection, MESSAGE, &[], self.message)
                .await
                .map_err(said(columns::MESSAGES))?;
            let of = said(columns::NOTIFICATIONS);
            let message = [Parameter::Number(&self.message)];
            self.notification =
                begin(connection, NOTIFICATION, &message, self.notification).await.map_err(&of)?;
            let from = [Parameter::Number(&self.notification), Parameter::Number(&self.message)];
            let rows = ask(connection, COUNT, &from).await.map_err(&of)?;
            let counted = rows.first().map(|row| row.number("sent")).transpose().map_err(&of)?;
            self.counted = counted.flatten().and_then(|sent| u64::try_from(sent).ok());
            self.at = Some(now);
        }
        Ok(self.counted)
    }
}

/// The last id before the 24 hours. `first_from` gives the first row from an id on, and whether it is late enough.
async fn begin(
    connection: &mut Connection,
    first_from: &str,
    more: &[Parameter<'_>],
    known: i64,
) -> Result<i64, Trouble> {
    let mut bisection = Bisection::from(known);
    while let Some(id) = bisection.next() {
        let mut parameters = vec![Parameter::Number(&id)];
        parameters.extend(more);
        let rows = ask(connection, first_from, &parameters).await?;
        let row = rows.first();
        let found = row.map(|row| Ok((row.number("id")?.unwrap_or(id), row.flag("late")?)));
        bisection.told(id, found.transpose()?);
    }
    Ok(bisection.early)
}

/// A search for the first late one among ids that have gaps: early ones first, late ones after them.
#[derive(Debug)]
struct Bisection {
    /// Early, or before all.
    early: i64,
    /// From here on there is no early one.
    late: Option<i64>,
    stride: i64,
}

impl Bisection {
    /// What was early once stays early.
    fn from(early: i64) -> Self {
        Self { early, late: None, stride: 1024 }
    }

    /// The id from which on to ask for the first row; none at the end.
    fn next(&self) -> Option<i64> {
        match self.late {
            None => Some(self.early.saturating_add(self.stride)),
            Some(late) if late - self.early <= 1 => None,
            Some(late) => Some(self.early + (late - self.early) / 2),
        }
    }

    /// The first row from `asked` on, and whether it is late.
    fn told(&mut self, asked: i64, first: Option<(i64, bool)>) {
        match first {
            Some((id, false)) => {
                self.early = self.early.max(id);
                self.stride = self.stride.saturating_mul(8);
            }
            Some((_, true)) | None => self.late = Some(asked),
        }
    }
}

/// `ORDER BY "id"` alone would be by what is selected, which no index has.
const MESSAGE: &str = "SELECT m.\"id\"::int8 AS id, coalesce(\"create_date\" > \
     (now() AT TIME ZONE 'UTC') - interval '24 hours', false) AS late \
     FROM public.mail_message m WHERE m.\"id\" >= $1 ORDER BY m.\"id\" LIMIT 1";

const NOTIFICATION: &str = "SELECT n.\"id\"::int8 AS id, n.\"mail_message_id\" > $2 AS late \
     FROM public.mail_notification n WHERE n.\"id\" >= $1 ORDER BY n.\"id\" LIMIT 1";

/// The latest of them, at most 200,000: that many messages no mailbox sends in a day.
const COUNT: &str = "SELECT count(*) FILTER (WHERE \"mail_message_id\" > $2 AND \"notification_type\" = 'email' \
     AND \"notification_status\" = 'sent') AS sent \
     FROM (SELECT \"mail_message_id\", \"notification_type\", \"notification_status\" FROM public.mail_notification \
           WHERE \"id\" > $1 ORDER BY \"id\" DESC LIMIT 200000) AS latest";

/// It is a gauge of a day.
const EVERY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    /// The last early id, and how often was asked.
    fn search(ids: &[i64], first_late: i64, known: i64) -> (i64, u32) {
        let mut bisection = Bisection::from(known);
        let mut asked = 0;
        while let Some(id) = bisection.next() {
            asked += 1;
            let first = ids.iter().copied().find(|there| *there >= id);
            bisection.told(id, first.map(|there| (there, there >= first_late)));
        }
        (bisection.early, asked)
    }

    #[test]
    fn the_first_late_row_is_found_among_gaps() {
        let cases: &[(&[i64], i64, i64)] = &[
            (&[], 10, 0),
            (&[1], 1, 0),
            (&[1], 2, 1),
            (&[3, 900, 901, 50_000, 7_000_000], 901, 900),
            (&[3, 900, 901, 50_000, 7_000_000], 7_000_000, 50_000),
            (&[3, 900, 901, 50_000, 7_000_000], 7_000_001, 7_000_000),
        ];
        for (ids, first_late, expected) in cases {
            let (early, _) = search(ids, *first_late, 0);
            // Whatever it says, no row lies between it and the first late one.
            let between = |id: &&i64| **id > early && **id < *first_late;
            assert_eq!(ids.iter().filter(between).count(), 0, "{ids:?}: {early}");
            assert!(early < *first_late && early <= *expected, "{ids:?}: {early}");
        }
    }

    #[test]
    fn a_few_dozen_questions_are_enough_and_fewer_from_what_is_known() {
        let ids: Vec<i64> = (1..2_000_000).collect();
        let (early, asked) = search(&ids, 1_900_000, 0);
        assert_eq!(early, 1_899_999);
        assert!(asked < 40, "{asked}");
        let (_, asked) = search(&ids, 1_900_010, early);
        assert!(asked < 15, "{asked}");
    }
}
