//! For people: what is worst first, within 100 columns, and the advice under each line.

use std::io::{self, Write};

use super::row::Row;
use crate::domain::sending::{Of, review::Outlook};

pub(super) fn write(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let longest = rows.iter().map(|row| row.mailbox.as_str().chars().count()).max().unwrap_or(0);
    let width = longest.clamp("mailbox".len(), WIDEST);
    writeln!(out, "{}", line("mailbox", width, &HEAD.map(str::to_owned)))?;
    for row in rows {
        let name = row.mailbox.as_str();
        match &row.reviewed {
            None => writeln!(out, "{name}")?,
            Some((_, review)) => {
                let outlook = review.nearest().unwrap_or(&review.each[0]);
                let cells = cells(outlook);
                // A long name has a line of its own.
                let name = match name.chars().count() > width {
                    true => {
                        writeln!(out, "{name}")?;
                        ""
                    }
                    false => name,
                };
                writeln!(out, "{}", line(name, width, &cells))?;
                if outlook.trend.is_none() {
                    paragraph("Too little history for a trend: it takes four weeks.", out)?;
                }
                for advice in &review.advice {
                    paragraph(advice.sentence(), out)?;
                }
            }
        }
        if let Some(trouble) = &row.trouble {
            paragraph(trouble, out)?;
        }
    }
    writeln!(out)?;
    LEGEND.iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn cells(outlook: &Outlook) -> [String; HEAD.len()] {
    let absent = || "-".to_owned();
    let daily = |value: Option<u64>| value.map_or_else(absent, |value| value.to_string());
    [
        short(outlook.of).to_owned(),
        daily(outlook.daily.map(|daily| daily.p50)),
        daily(outlook.daily.map(|daily| daily.p95)),
        daily(outlook.daily.map(|daily| daily.max)),
        daily(outlook.peak_at.map(|_| outlook.peak)),
        daily(outlook.limit),
        outlook.share().map_or_else(absent, |share| format!("{:.0}%", share * 100.0)),
        outlook.trend.map_or_else(absent, |trend| signed(trend.per_month())),
        outlook.meets.map_or_else(absent, |day| day.to_string()),
    ]
}

fn signed(growth: f64) -> String {
    match growth.round() {
        0.0 => "0".to_owned(),
        growth => format!("{growth:+}"),
    }
}

fn short(of: Of) -> &'static str {
    match of {
        Of::Messages => "messages",
        Of::Recipients => "recipients",
        Of::ExternalRecipients => "external",
        Of::UniqueRecipients => "unique",
        Of::UniqueExternalRecipients => "unique ext.",
    }
}

/// Words to the left, numbers to the right.
fn line(name: &str, width: usize, cells: &[String; HEAD.len()]) -> String {
    let [of, numbers @ ..] = cells;
    let mut line = format!("{name:width$} {of:11}");
    for (number, width) in numbers.iter().zip(WIDTHS) {
        line += &format!(" {number:>width$}");
    }
    line.trim_end().to_owned()
}

/// Indented, and broken between words.
fn paragraph(text: &str, out: &mut impl Write) -> io::Result<()> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && INDENT.len() + line.chars().count() + 1 + word.chars().count() > 100
        {
            writeln!(out, "{INDENT}{line}")?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    writeln!(out, "{INDENT}{line}")
}

const HEAD: [&str; 9] =
    ["of", "p50", "p95", "max", "peak", "limit", "share", "growth", "limit met"];

const LEGEND: [&str; 2] = [
    "p50, p95 and max are of days; peak is of the busiest 24 hours, which is what Google limits.",
    "growth is of weekly peaks, a month; share and limit met are of the peak and of where it leads.",
];

/// Of the numbers.
const WIDTHS: [usize; HEAD.len() - 1] = [6, 6, 6, 6, 6, 5, 7, 10];

/// With the widest name a line has 100 columns.
const WIDEST: usize = 100 - 12 - (6 + 6 + 6 + 6 + 6 + 5 + 7 + 10) - 8;

const INDENT: &str = "  ";
