//! For spreadsheets: a line for each mailbox and thing that is counted.

use std::io::{self, Write};

use super::row::Row;

pub(super) fn write(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let mut sheet = csv::Writer::from_writer(out);
    sheet.write_record(HEAD)?;
    for row in rows {
        let mailbox = || row.mailbox.to_string();
        let trouble = row.trouble.clone().unwrap_or_default();
        let Some((range, review)) = &row.reviewed else {
            let mut cells = vec![String::new(); HEAD.len() - 1];
            cells[0] = mailbox();
            sheet.write_record(cells.into_iter().chain([trouble]))?;
            continue;
        };
        let advice: Vec<_> = review.advice.iter().map(|advice| advice.name()).collect();
        for outlook in &review.each {
            let daily = |look: fn(&crate::domain::sending::review::Daily) -> u64| {
                outlook.daily.as_ref().map(|daily| look(daily).to_string()).unwrap_or_default()
            };
            sheet.write_record([
                mailbox(),
                outlook.of.name().to_owned(),
                range.start.to_string(),
                range.end.to_string(),
                review.days.len().to_string(),
                daily(|daily| daily.p50),
                daily(|daily| daily.p95),
                daily(|daily| daily.max),
                outlook.peak_at.map(|_| outlook.peak.to_string()).unwrap_or_default(),
                outlook.peak_at.map(|at| at.to_string()).unwrap_or_default(),
                outlook.limit.map(|limit| limit.to_string()).unwrap_or_default(),
                outlook.share().map(|share| format!("{share:.4}")).unwrap_or_default(),
                outlook.trend.map(|trend| format!("{:.1}", trend.per_month())).unwrap_or_default(),
                outlook.meets.map(|day| day.to_string()).unwrap_or_default(),
                advice.join(";"),
                trouble.clone(),
            ])?;
        }
    }
    sheet.flush()
}

const HEAD: [&str; 16] = [
    "mailbox",
    "of",
    "from",
    "until",
    "days",
    "p50",
    "p95",
    "max",
    "peak_24h",
    "peak_at",
    "limit",
    "share",
    "growth_per_month",
    "limit_met_on",
    "advice",
    "trouble",
];
