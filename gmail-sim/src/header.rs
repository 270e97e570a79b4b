//! The header of a message, taken apart.

/// The header and the body of a message; the empty line belongs to the header.
pub(crate) fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    match raw.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(end) => raw.split_at(end + 4),
        None => (raw, b""),
    }
}

/// The fields of a header: name, and the field with its lines.
pub(crate) fn fields(raw: &[u8]) -> Vec<(String, String)> {
    let header = String::from_utf8_lossy(split(raw).0).into_owned();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in header.split_inclusive("\r\n") {
        if line.starts_with([' ', '\t']) {
            if let Some((_, field)) = fields.last_mut() {
                field.push_str(line);
            }
        } else if let Some((name, _)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), line.to_owned()));
        }
    }
    fields
}

/// The value of the first field of this name, unfolded. A search asks this of every message.
pub(crate) fn value(raw: &[u8], name: &str) -> Option<String> {
    let mut lines =
        raw.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut value = loop {
        let line = lines.next().filter(|line| !line.is_empty())?;
        let colon = line.iter().position(|&byte| byte == b':');
        if let Some((start, rest)) = colon.map(|at| line.split_at(at))
            && start.trim_ascii().eq_ignore_ascii_case(name.as_bytes())
            && !line.starts_with(b" ")
            && !line.starts_with(b"\t")
        {
            break rest[1..].to_vec();
        }
    };
    for more in lines.take_while(|line| line.starts_with(b" ") || line.starts_with(b"\t")) {
        value.extend(more);
    }
    Some(String::from_utf8_lossy(&value).trim().to_owned())
}

/// The bare address of a `From` or `To` with one mailbox in it.
pub(crate) fn bare_address(value: &str) -> &str {
    let bare = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
    bare.map_or(value, |(address, _)| address).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_unfolded_and_the_body_has_none() {
        let raw = b"A: 1\r\n x: y\r\nX : two\r\n  lines\r\nX: later\r\n\r\nBody: 3\r\n";
        assert_eq!(value(raw, "x").as_deref(), Some("two  lines"));
        assert_eq!(value(raw, "a").as_deref(), Some("1 x: y"));
        assert_eq!(value(raw, "Body"), None);
        assert_eq!(bare_address("\"A <b>\" <a@x.example>"), "a@x.example");
        assert_eq!(bare_address(" a@x.example "), "a@x.example");
    }
}
