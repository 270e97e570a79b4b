//! `Authentication-Results`: what the receiving server thinks of a message's sender.
//! https://www.rfc-editor.org/rfc/rfc8601#section-2.2

/// The verdicts on SPF, DKIM and DMARC. What the server did not judge is absent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Authentication {
    pub spf: Option<Verdict>,
    pub dkim: Option<Verdict>,
    pub dmarc: Option<Verdict>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    Pass,
    /// Everything that is not a pass: `fail`, `softfail`, `neutral`, `none`, `temperror` …
    NotPassed,
}

/// The value of one header field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Results {
    /// The server that judged.
    pub server: String,
    pub authentication: Authentication,
}

impl Results {
    /// None where it is not written as the standard has it.
    pub fn parse(value: &str) -> Option<Self> {
        let tokens = tokens(value)?;
        let mut parts = tokens.split(|token| *token == Token::Mark(';'));
        // Behind the server's name there may be the version of the format.
        let Some(Token::Word(server)) = parts.next()?.first() else { return None };
        let mut authentication = Authentication::default();
        for part in parts {
            let [Token::Word(method), rest @ ..] = part else { continue };
            // dkim/1=pass: a method may have a version.
            let rest = match rest {
                [Token::Mark('/'), Token::Word(_), rest @ ..] => rest,
                rest => rest,
            };
            let [Token::Mark('='), Token::Word(result), ..] = rest else { continue };
            let passed = result.eq_ignore_ascii_case("pass");
            let verdict = if passed { Verdict::Pass } else { Verdict::NotPassed };
            let place = match method.to_ascii_lowercase().as_str() {
                "spf" => &mut authentication.spf,
                "dkim" => &mut authentication.dkim,
                "dmarc" => &mut authentication.dmarc,
                _ => continue,
            };
            // A message may be signed twice; one good signature is what DMARC wants too.
            if *place != Some(Verdict::Pass) {
                *place = Some(verdict);
            }
        }
        Some(Self { server: server.clone(), authentication })
    }
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Token {
    Word(String),
    Mark(char),
}

/// Words and the marks between them; comments and white space are left out. None where a comment or a quoted string has
/// no end.
fn tokens(value: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '(' => skip_comment(&mut letters)?,
            '"' => tokens.push(Token::Word(quoted(&mut letters)?)),
            ';' | '=' | '/' => tokens.push(Token::Mark(letter)),
            blank if blank.is_whitespace() => {}
            first => {
                let mut word = String::from(first);
                let ends = |c: char| "();=/\"".contains(c) || c.is_whitespace();
                while let Some(next) = letters.next_if(|next| !ends(*next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Some(tokens)
}

/// Comments nest.
fn skip_comment(letters: &mut impl Iterator<Item = char>) -> Option<()> {
    let mut depth = 1;
    while depth > 0 {
        match letters.next()? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(letters.next()?),
            _ => {}
        }
    }
    Some(())
}

fn quoted(letters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(text),
            '\\' => text.push(letters.next()?),
            letter => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdicts(value: &str) -> Option<(String, String)> {
        let Results { server, authentication: Authentication { spf, dkim, dmarc } } =
            Results::parse(value)?;
        let letter = |verdict| match verdict {
            None => '-',
            Some(Verdict::NotPassed) => 'n',
            Some(Verdict::Pass) => 'p',
        };
        Some((server, [spf, dkim, dmarc].map(letter).iter().collect()))
    }

    #[test]
    fn verdicts_are_read_in_everybodys_spelling() {
        let cases = [
            // Google's form, folded, with comments that look like results.
            (
                "mx.google.com;\r\n       dkim=pass header.i=@example-com.20230601.gappssmtp.com \
                 header.s=20230601 header.b=\"q9/zA=\";\r\n       spf=pass (google.com: domain of sales@example.com \
                 designates 209.85.220.41 as permitted sender; dkim=fail) smtp.mailfrom=sales@example.com;\r\n       \
                 dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=example.com",
                "mx.google.com",
                "ppp",
            ),
            // OpenDKIM's, in which a signature that nobody needs is bad.
            (
                "mail.example.com; dkim=fail reason=\"signature; spf=pass\" header.d=a; dkim=pass header.d=b; \
                 dmarc=none",
                "mail.example.com",
                "-pn",
            ),
            ("mail.example.com 1; none", "mail.example.com", "---"),
            ("mail.example.com; SPF=SoftFail; DKIM/1 = Pass", "mail.example.com", "np-"),
            (
                "\"mail.example.com\"; spf=permerror (a (nested \\) ) one; dkim=pass)",
                "mail.example.com",
                "n--",
            ),
            ("mail.example.com; auth=pass smtp.auth=spf=pass", "mail.example.com", "---"),
            ("mail.example.com; spf=passable; dkim", "mail.example.com", "n--"),
            ("mail.example.com", "mail.example.com", "---"),
        ];
        for (value, server, expected) in cases {
            let read = Some((server.to_owned(), expected.to_owned()));
            assert_eq!(verdicts(value), read, "{value}");
        }
        for value in ["", "; spf=pass", "(a.example", "a.example; spf=\"pass", "=; spf=pass"] {
            assert_eq!(verdicts(value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_reader(value in "[\\PC();=/\"\\\\ ]{0,80}") {
            let _ = Results::parse(&value);
        }
    }
}
