//! All that is known, for programs. What is not known is absent; keys do not change within a version.

use std::io::{self, Write};

use serde::Serialize;

use super::row::Row;
use crate::domain::sending::{
    Of, Sums,
    review::{Outlook, Review},
};

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    mailboxes: Vec<Mailbox<'a>>,
}

#[derive(Serialize)]
struct Mailbox<'a> {
    mailbox: &'a str,
    account: &'static str,
    /// Whether all that was asked for was read.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    review: Option<Reviewed>,
}

#[derive(Serialize)]
struct Reviewed {
    from: String,
    until: String,
    own_test_messages: u64,
    messages_without_recipients: u64,
    most_recipients_of_a_message: u64,
    /// What is nearest to its limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<&'static str>,
    each: Vec<Each>,
    advice: Vec<Advised>,
    days: Vec<Day>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
struct Each {
    of: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p95: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_24h: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    growth_per_month: Option<f64>,
    /// Whether it grows more steadily than chance would let it.
    #[serde(skip_serializing_if = "Option::is_none")]
    grows: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_met_on: Option<String>,
}

#[derive(Serialize)]
struct Advised {
    advice: &'static str,
    sentence: &'static str,
}

#[derive(Serialize)]
struct Day {
    day: String,
    messages: u64,
    recipients: u64,
    external_recipients: u64,
    unique_recipients: u64,
    unique_external_recipients: u64,
}

pub(super) fn write(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let mailboxes = rows.iter().map(|row| Mailbox {
        mailbox: row.mailbox.as_str(),
        account: row.account.name(),
        complete: row.trouble.is_none(),
        trouble: row.trouble.as_deref(),
        review: row.reviewed.as_ref().map(|(range, review)| Reviewed {
            from: range.start.to_string(),
            until: range.end.to_string(),
            ..Reviewed::of(review)
        }),
    });
    let report = Report { version: 1, mailboxes: mailboxes.collect() };
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)
}

impl Reviewed {
    fn of(review: &Review) -> Self {
        let advice = review.advice.iter();
        Self {
            from: String::new(),
            until: String::new(),
            own_test_messages: review.own,
            messages_without_recipients: review.nameless,
            most_recipients_of_a_message: review.largest,
            nearest: review.nearest().map(|nearest| nearest.of.name()),
            each: review.each.iter().map(each).collect(),
            advice: advice
                .map(|advice| Advised { advice: advice.name(), sentence: advice.sentence() })
                .collect(),
            days: review.days.iter().map(|(day, sums)| of_day(day.to_string(), sums)).collect(),
        }
    }
}

fn each(outlook: &Outlook) -> Each {
    let Outlook { of, daily, peak, peak_at, limit, trend, meets } = outlook;
    Each {
        of: of.name(),
        p50: daily.map(|daily| daily.p50),
        p95: daily.map(|daily| daily.p95),
        max: daily.map(|daily| daily.max),
        peak_24h: peak_at.map(|_| *peak),
        peak_at: peak_at.map(|at| at.to_string()),
        limit: *limit,
        share: outlook.share(),
        growth_per_month: trend.map(|trend| trend.per_month()),
        grows: trend.map(|trend| trend.grows),
        limit_met_on: meets.map(|day| day.to_string()),
    }
}

fn of_day(day: String, sums: &Sums) -> Day {
    Day {
        day,
        messages: sums[Of::Messages],
        recipients: sums[Of::Recipients],
        external_recipients: sums[Of::ExternalRecipients],
        unique_recipients: sums[Of::UniqueRecipients],
        unique_external_recipients: sums[Of::UniqueExternalRecipients],
    }
}
