//! Every hour of the history, as `promtool tsdb create-blocks-from openmetrics` takes it.
//! https://prometheus.io/docs/specs/om/open_metrics_spec/
//!
//! Invariant: the samples of one metric stand together, those of one series in the order of their times. A window that is
//! not wholly known is left out.

use std::io::{self, Write};

use super::row::Row;
use crate::domain::sending::Of;

pub(super) fn write(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    for of in Of::ALL {
        let name = of.name();
        writeln!(out, "# HELP mailbox_sent_{name} What was sent within the window: {}.", told(of))?;
        writeln!(out, "# TYPE mailbox_sent_{name} gauge")?;
        for row in rows {
            let Some((_, review)) = &row.reviewed else { continue };
            let mailbox = escaped(&row.label);
            for (end, sums) in &review.rolling {
                let (value, at) = (sums[of], end.as_millis() / 1000);
                writeln!(
                    out,
                    "mailbox_sent_{name}{{mailbox=\"{mailbox}\",window=\"24h\"}} {value} {at}"
                )?;
            }
        }
    }
    writeln!(out, "# HELP mailbox_sending_limit What Google lets the mailbox send in 24 hours.")?;
    writeln!(out, "# TYPE mailbox_sending_limit gauge")?;
    for row in rows {
        let Some((_, review)) = &row.reviewed else { continue };
        let mailbox = escaped(&row.label);
        for outlook in &review.each {
            let (Some(limit), of) = (outlook.limit, outlook.of.name()) else { continue };
            for (end, _) in &review.rolling {
                let at = end.as_millis() / 1000;
                writeln!(
                    out,
                    "mailbox_sending_limit{{mailbox=\"{mailbox}\",of=\"{of}\"}} {limit} {at}"
                )?;
            }
        }
    }
    writeln!(out, "# EOF")
}

fn told(of: Of) -> &'static str {
    match of {
        Of::Messages => "messages",
        Of::Recipients => "recipients of messages",
        Of::ExternalRecipients => "recipients outside of the mailbox's own domains",
        Of::UniqueRecipients => "recipients, each counted once",
        Of::UniqueExternalRecipients => {
            "recipients outside of the mailbox's own domains, each counted once"
        }
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_end_itself() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
