//! `authError`: base64 of a protobuf that Google does not document. What the fields are was read out of captures:
//! 1 the code, 2 the message, 3 a page, 4 the status, 5 what the request said, 6 the message once more.

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use crate::{
    lines::Said,
    world::{ErrorForm, Refused},
};

/// What the error page shows.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Shown {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) status: u64,
}

/// Base64, not yet escaped for a URL.
pub(super) fn write(refused: &Refused, form: &ErrorForm) -> String {
    let Said::AuthError { status, code, documentation, .. } = refused.line.said else {
        return String::new();
    };
    let mut fields = vec![bytes(1, code.as_bytes())];
    fields.push(bytes(2, refused.message.as_bytes()));
    fields.extend(documentation.map(|page| bytes(3, page.as_bytes())));
    fields.push(number(4, status.into()));
    if form.details {
        let details = refused.details.iter();
        fields.extend(details.map(|(name, value)| {
            bytes(5, &[bytes(1, name.as_bytes()), bytes(2, value.as_bytes())].concat())
        }));
        let mut again = [number(1, 1), bytes(2, refused.message.as_bytes())].concat();
        again.extend(documentation.iter().flat_map(|page| bytes(3, page.as_bytes())));
        fields.push(bytes(6, &again));
    }
    if form.reversed {
        fields.reverse();
    }
    engine(form.standard_alphabet, form.padded).encode(fields.concat())
}

/// What it says, however it is written; nothing where it is no `authError`.
pub(super) fn read(text: &str) -> Option<Shown> {
    let standard = text.contains(['+', '/']);
    let bytes = engine(standard, false).decode(text.trim_end_matches('=')).ok()?;
    let mut shown = Shown::default();
    let mut rest = &*bytes;
    while !rest.is_empty() {
        let key = take_number(&mut rest)?;
        let value = take_number(&mut rest)?;
        match (key >> 3, key & 7) {
            (4, 0) => shown.status = value,
            (_, 0) => {}
            (field, 2) => {
                let (value, after) = rest.split_at_checked(usize::try_from(value).ok()?)?;
                rest = after;
                match field {
                    1 => shown.code = String::from_utf8(value.to_vec()).ok()?,
                    2 => shown.message = String::from_utf8(value.to_vec()).ok()?,
                    _ => {}
                }
            }
            _ => return None,
        }
    }
    (!shown.code.is_empty()).then_some(shown)
}

fn engine(standard: bool, padded: bool) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(padded)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(if standard { &STANDARD } else { &URL_SAFE }, config)
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], varint(value.len() as u64), value.to_vec()].concat()
}

fn number(field: u8, value: u64) -> Vec<u8> {
    [vec![field << 3], varint(value)].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for place in 0..10 {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f).checked_shl(7 * place)?;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Wish, line};

    fn refused(key: &str) -> Refused {
        Wish::parse("redirect_uri=https://a.example.com/?x>>~").refused(line(key), None, "")
    }

    #[test]
    fn what_was_captured_is_written_to_the_byte() {
        let captured = [
            (
                "authorization.client_not_found",
                "Cg5pbnZhbGlkX2NsaWVudBIfVGhlIE9BdXRoIGNsaWVudCB3YXMgbm90IGZvdW5kLiCRAw",
            ),
            (
                "authorization.response_type_missing",
                "Cg9pbnZhbGlkX3JlcXVlc3QSLFJlcXVpcmVkIHBhcmFtZXRlciBpcyBtaXNzaW5nOiByZXNwb25zZV90eXBlGjdodHRwczovL2RldmVsb3BlcnMuZ29vZ2xlLmNvbS9pZGVudGl0eS9wcm90b2NvbHMvb2F1dGgyIJAD",
            ),
        ];
        for (key, bytes) in captured {
            assert_eq!(write(&refused(key), &ErrorForm::default()), bytes);
        }
    }

    #[test]
    fn it_is_read_however_it_is_written() {
        let refused = refused("authorization.redirect_uri_mismatch");
        for bits in 0..16_u8 {
            let form = ErrorForm {
                details: bits & 1 > 0,
                padded: bits & 2 > 0,
                reversed: bits & 4 > 0,
                standard_alphabet: bits & 8 > 0,
                ..ErrorForm::default()
            };
            let shown = read(&write(&refused, &form)).unwrap();
            assert_eq!((&*shown.code, shown.status), ("redirect_uri_mismatch", 400), "{form:?}");
            assert!(shown.message.starts_with("You can't sign in"), "{shown:?}");
        }
        let plain = write(&refused, &ErrorForm::default());
        let reversed = ErrorForm { reversed: true, ..ErrorForm::default() };
        assert!(plain.starts_with("ChVyZWRpcmVjdF91cmlfbWlzbWF0Y2gS"), "{plain}");
        assert!(!write(&refused, &reversed).starts_with("Ch"));
        assert_eq!(read("+notAprotobuf!!"), None);
        assert_eq!(read(""), None);
    }
}
