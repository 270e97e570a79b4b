//! The envelope of a message: MAIL FROM and RCPT TO.

/// A mail transaction.
#[derive(Clone, Debug, Default)]
pub(super) struct Envelope {
    pub(super) recipients: Vec<String>,
    open: bool,
}

impl Envelope {
    /// Opens a transaction with the rest of a MAIL command; with it the size that it announces.
    /// An error is the line to say.
    pub(super) fn from(rest: &str) -> Result<(Self, usize), &'static str> {
        let (_, parameters) = path(rest, "FROM:").ok_or("smtp.syntax")?;
        let size = parameters.split(' ').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.eq_ignore_ascii_case("SIZE").then(|| value.parse().ok())?
        });
        Ok((Self { recipients: Vec::new(), open: true }, size.unwrap_or(0)))
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }
}

/// The address of the rest of an RCPT command. An error is the line to say.
pub(super) fn recipient(rest: &str) -> Result<String, &'static str> {
    let (address, _) = path(rest, "TO:").ok_or("smtp.syntax")?;
    match address.rsplit_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(address.to_owned()),
        _ => Err("smtp.rcpt_address"),
    }
}

/// `FROM:<address> parameters`, taken apart.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let start = rest.get(..keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest[keyword.len()..].trim_start().strip_prefix('<')?;
    let (address, parameters) = rest.split_once('>')?;
    Some((address, parameters.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angle_brackets_are_needed_and_parameters_are_taken_apart() {
        assert_eq!(Envelope::from("FROM:a@b.example").unwrap_err(), "smtp.syntax");
        assert_eq!(Envelope::from("from:<> SIZE=12 BODY=8BITMIME").unwrap().1, 12);
        assert_eq!(recipient("TO:<a@b.example> NOTIFY=NEVER").unwrap(), "a@b.example");
        assert_eq!(recipient("TO:<nobody@>").unwrap_err(), "smtp.rcpt_address");
    }
}
