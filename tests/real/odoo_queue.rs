//! What is read of an Odoo's outgoing queue by SQL, and that a million messages in it are no burden.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::domain::clock::Timestamp;
use mailbox_exporter::source::odoo::database::{Cause, Queue};

use crate::odoo_sql::Watch;
use crate::support::{Database, Postgres, VERSIONS};

#[tokio::test]
async fn a_queue_is_counted_in_every_version() {
    let Some(postgres) = Postgres::shared() else { return };
    for version in VERSIONS {
        let (odoo, mut seen) = (postgres.odoo(version), Watch::new(postgres));
        let empty = seen.look(&odoo).await.unwrap().queue.unwrap();
        assert_eq!(*empty, Queue { sent_at_least: Some(0), ..Queue::default() });

        odoo.mail("outgoing", "", "", "3 days");
        odoo.mail("outgoing", "mail_smtp", "what an earlier try left", "1 hour");
        odoo.mail("exception", "", TOKEN, "2 hours");
        odoo.mail("exception", "unknown", QUOTA, "1 hour");
        odoo.mail("exception", "mail_email_invalid", "", "30 hours");
        odoo.mail("exception", "", "Une erreur s'est produite", "40 hours");
        odoo.mail("cancel", "", "", "1 hour");
        odoo.mail("received", "", "", "1 hour");
        odoo.mail("sent", "", "", "1 hour");
        odoo.mail("sent", "", "", "25 hours");
        let queue = seen.look(&odoo).await.unwrap().queue.unwrap();
        let expected = Queue {
            messages: BTreeMap::from([
                (pair("exception", ""), 2),
                (pair("exception", "mail_email_invalid"), 1),
                (pair("exception", "unknown"), 1),
                (pair("outgoing", ""), 2),
            ]),
            oldest: BTreeMap::from([
                ("exception".to_owned(), odoo.made(6)),
                ("outgoing".to_owned(), odoo.made(1)),
            ]),
            failed: BTreeMap::from([(Cause::Quota, 1), (Cause::Token, 1)]),
            // What has no type failed before there was a connection, in whatever language.
            stuck: vec![odoo.made(4), odoo.made(3), odoo.made(6)],
            sent_at_least: Some(1),
        };
        assert_eq!(*queue, expected, "Odoo {version}");
        let again = seen.look(&odoo).await.unwrap().queue.unwrap();
        assert!(Arc::ptr_eq(&queue, &again));
    }
}

#[tokio::test]
async fn messages_that_are_sent_retried_cancelled_or_deleted_leave_the_queue() {
    let Some(postgres) = Postgres::shared() else { return };
    let (odoo, mut seen) = (postgres.odoo(18), Watch::new(postgres));
    for _ in 0..5 {
        odoo.mail("exception", "", TOKEN, "1 hour");
    }
    let queue = seen.look(&odoo).await.unwrap().queue.unwrap();
    assert_eq!((queue.failed[&Cause::Token], queue.stuck.len()), (5, 5));
    let now = "write_date = now() AT TIME ZONE 'UTC'";
    odoo.sql(&format!(
        "UPDATE mail_mail SET state = 'outgoing', {now} WHERE id = 1;
         UPDATE mail_mail SET state = 'sent', {now} WHERE id = 2;
         UPDATE mail_mail SET state = 'cancel', {now} WHERE id = 3;
         DELETE FROM mail_mail WHERE id = 4"
    ));
    let queue = seen.look(&odoo).await.unwrap().queue.unwrap();
    let expected = BTreeMap::from([(pair("exception", ""), 1), (pair("outgoing", ""), 1)]);
    assert_eq!((&queue.messages, queue.sent_at_least), (&expected, Some(1)));
    assert_eq!((queue.failed[&Cause::Token], queue.stuck.len()), (1, 1));
    // One that was cancelled is put back by hand: the round over all rows finds it.
    odoo.sql("UPDATE mail_mail SET state = 'outgoing' WHERE id = 3");
    later().await;
    let queue = seen.look(&odoo).await.unwrap().queue.unwrap();
    assert_eq!(queue.messages[&pair("outgoing", "")], 2);
}

#[tokio::test]
async fn a_message_that_waits_for_its_time_is_not_late() {
    let Some(postgres) = Postgres::shared() else { return };
    for version in VERSIONS {
        let (odoo, mut seen) = (postgres.odoo(version), Watch::new(postgres));
        odoo.mail("outgoing", "", "", "9 days");
        odoo.mail("outgoing", "", "", "1 day");
        odoo.sql("UPDATE mail_mail SET scheduled_date = '2100-01-01 00:00:00' WHERE id = 1");
        let queue = seen.look(&odoo).await.unwrap().queue.unwrap();
        assert_eq!(queue.messages[&pair("outgoing", "")], 2);
        // 15 keeps that time as text, in whatever form somebody gave it.
        let oldest = if version == 15 { 1 } else { 2 };
        assert_eq!(queue.oldest["outgoing"], odoo.made(oldest), "Odoo {version}");
    }
}

#[tokio::test]
async fn what_was_sent_is_counted_once_by_the_traces_it_left() {
    let Some(postgres) = Postgres::shared() else { return };
    let (odoo, mut seen) = (postgres.odoo(18), Watch::new(postgres));
    let notify = |message: i64, kind: &str, status: &str| {
        odoo.sql(&format!(
            "INSERT INTO mail_notification (mail_message_id, notification_type, notification_status)
             VALUES ({message}, '{kind}', '{status}')"
        ));
    };
    odoo.mail("sent", "", "", "30 hours");
    notify(1, "email", "sent");
    odoo.mail("sent", "", "", "2 hours");
    odoo.sql("UPDATE mail_mail SET is_notification = true WHERE id = 2");
    for (kind, status) in
        [("email", "sent"), ("email", "sent"), ("email", "exception"), ("inbox", "sent")]
    {
        notify(2, kind, status);
    }
    odoo.mail("sent", "", "", "1 hour");
    // Two people were notified, and one message was no notification.
    assert_eq!(seen.look(&odoo).await.unwrap().queue.unwrap().sent_at_least, Some(3));
    odoo.mail("exception", "", "", "1 minute");
    notify(4, "email", "sent");
    later().await;
    assert_eq!(seen.look(&odoo).await.unwrap().queue.unwrap().sent_at_least, Some(4));
    odoo.sql(&format!("REVOKE SELECT (create_date) ON mail_message FROM {}", odoo.role));
    later().await;
    let look = seen.look(&odoo).await.unwrap();
    assert_eq!(look.queue.unwrap().sent_at_least, None);
    assert_eq!(look.database.unread, ["mail_message.create_date"]);
}

/// By the plans that the server itself wrote down as it ran the statements.
#[tokio::test(flavor = "multi_thread")]
async fn a_million_messages_are_gone_through_by_the_primary_key_and_stay_in_view() {
    if Postgres::shared().is_none() {
        return;
    }
    let postgres = Postgres::start();
    let odoo = postgres.odoo(18);
    // The checks of foreign keys would be most of the time. Nothing is analysed, so the planner has no idea of the sizes.
    odoo.sql(
        "SET session_replication_role = replica;
         INSERT INTO mail_message (message_type, create_date)
           SELECT 'email', now() AT TIME ZONE 'UTC' - (1000000 - n) * interval '1 second' FROM generate_series(1, 1000000) n;
         INSERT INTO mail_notification (mail_message_id, notification_type, notification_status)
           SELECT n, 'email', 'sent' FROM generate_series(1, 1000000) n;
         INSERT INTO mail_mail (mail_message_id, state, body_html, create_date, write_date)
           SELECT n, CASE n % 10000 WHEN 0 THEN 'exception' WHEN 1 THEN 'outgoing' ELSE 'sent' END, repeat('x', 100),
             '2026-01-01', '2026-01-01' FROM generate_series(1, 1000000) n",
    );
    odoo.sql(&format!(
        "ALTER ROLE {role} SET session_preload_libraries = 'auto_explain';
         ALTER ROLE {role} SET auto_explain.log_min_duration = 0;
         ALTER ROLE {role} SET auto_explain.log_analyze = on",
        role = odoo.role
    ));
    let mut seen = Watch::new(&postgres);
    let mut looks = 0;
    let queue = loop {
        looks += 1;
        if let Some(queue) = seen.look(&odoo).await.unwrap().queue {
            break queue;
        }
        assert!(looks < 100, "a round never ends");
    };
    assert!(looks > 1, "a million rows are not to be gone through in one look");
    let expected = BTreeMap::from([(pair("exception", ""), 100), (pair("outgoing", ""), 100)]);
    assert_eq!(queue.messages, expected);
    // A second a message: those of a day, or one less for what passed since they were made.
    let sent = queue.sent_at_least.unwrap();
    assert!((86_000..=86_400).contains(&sent), "{sent}");
    odoo.mail("exception", "", TOKEN, "1 minute");
    odoo.sql("SET session_replication_role = replica; DELETE FROM mail_mail WHERE id <= 500000");
    let queue = seen.look(&odoo).await.unwrap().queue.unwrap();
    let expected = BTreeMap::from([(pair("exception", ""), 51), (pair("outgoing", ""), 50)]);
    assert_eq!((&queue.messages, queue.failed[&Cause::Token]), (&expected, 1));

    let log = postgres.log();
    for table in ["mail_mail", "mail_message", "mail_notification"] {
        assert!(log.contains(&format!("using {table}_pkey on {table} ")), "{table} was not read");
        assert!(!log.contains(&format!("Bitmap Heap Scan on {table} ")), "{table} was sorted");
        assert!(!log.contains(&format!("Seq Scan on {table} ")), "{table} was read as a whole");
    }
    assert!(!log.contains("canceling statement"));
}

/// So much that what is asked once a minute is asked again.
async fn later() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
}

fn pair(state: &str, failure_type: &str) -> (String, String) {
    (state.to_owned(), failure_type.to_owned())
}

impl Database<'_> {
    /// A message that was made, and got its state, so long ago.
    fn mail(&self, state: &str, failure_type: &str, reason: &str, ago: &str) {
        let at = format!("now() AT TIME ZONE 'UTC' - interval '{ago}'");
        let reason = reason.replace('\'', "''");
        self.sql(&format!(
            "WITH message AS (INSERT INTO mail_message (message_type, create_date)
               VALUES ('email', {at}) RETURNING id)
             INSERT INTO mail_mail (mail_message_id, state, failure_type, failure_reason, create_date, write_date)
             SELECT id, '{state}', nullif('{failure_type}', ''), nullif('{reason}', ''), {at}, {at} FROM message"
        ));
    }

    fn made(&self, id: i64) -> Timestamp {
        let millis = self.sql(&format!(
            "SELECT (extract(epoch FROM create_date) * 1000)::int8 FROM mail_mail WHERE id = {id}"
        ));
        Timestamp::from_millis(millis.parse().expect("a number"))
    }
}

const TOKEN: &str = "An error occurred when fetching the access token.";
const QUOTA: &str =
    "Mail Delivery Failed\nSMTPDataError: (550, b'5.4.5 Daily user sending limit exceeded.')";
