//! Redirect URIs by the rule that they break, each rule with its near misses.

use super::*;

/// What breaks this rule and no other, and what comes near it and is fine. One a word.
struct Case {
    rule: Rule,
    broken: &'static str,
    fine: &'static str,
}

const CASES: &[Case] = &[
    Case {
        rule: Rule::NotAbsolute,
        broken: "odoo.example.com odoo.example.com/google_gmail/confirm localhost:8069/google_gmail/confirm /google_gmail/confirm
            //odoo.example.com/google_gmail/confirm https:odoo.example.com/cb https:/odoo.example.com/cb ://odoo.example.com/cb
            postmessage urn:ietf:wg:oauth:2.0:oob com.example.app:/oauth2redirect mailto:a@example.com 1https://odoo.example.com/cb
            ht!tps://odoo.example.com/cb https;//odoo.example.com/cb False None https:\\\\odoo.example.com\\cb",
        fine: "https://odoo.example.com/cb https://odoo.example.com//cb https://odoo.example.com/https:cb",
    },
    Case {
        rule: Rule::Unreadable,
        broken: "https:// https:///cb https://:443/cb https://odoo.example.com:99999/cb https://odoo.example.com:port/cb
            https://[::1/cb https://[gg::1]/cb https://odoo<example.com/cb https://odoo|x.example.com/cb https://1.2.3.4.5/cb
            https://256.256.256.256/cb https://odoo^x.example.com/cb https://[odoo.example.com]/cb https://xn--a/cb https://odoo.xn--zzzzzz/cb file:///cb http://?cb",
        fine: "https://odoo.example.com:1/cb https://odoo.example.com:65535/cb https://a-b.example.com/cb https://a_b.example.com/cb",
    },
    Case {
        rule: Rule::Userinfo,
        broken: "https://bot@odoo.example.com/cb https://bot:pass@odoo.example.com/cb https://@odoo.example.com/cb
            https://:@odoo.example.com/cb https://:pass@odoo.example.com/cb https://a%40b@odoo.example.com/cb
            http://bot@localhost:8069/cb https://a@b@odoo.example.com/cb",
        fine: "https://odoo.example.com/@bot https://odoo.example.com/cb?a=b@c https://odoo.example.com/bot:pass@x https://odoo.example.com/%40",
    },
    Case {
        rule: Rule::Fragment,
        broken: "https://odoo.example.com/cb# https://odoo.example.com/cb#top https://odoo.example.com/web#action=1&cids=1
            https://odoo.example.com#/cb http://localhost:8069/web# https://odoo.example.com/cb?a=b#c",
        fine: "https://odoo.example.com/cb%23top https://odoo.example.com/cb?a=%23",
    },
    Case {
        rule: Rule::Wildcard,
        broken: "https://*.example.com/cb https://odoo.example.com/* https://odoo.example.com/cb?a=* https://odoo.example.com/c*b http://localhost/*",
        fine: "https://odoo.example.com/%2A https://odoo.example.com/cb?a=%2a https://odoo.example.com/cb?a=x",
    },
    Case {
        rule: Rule::RawAddress,
        broken: "https://192.0.2.7/cb https://192.0.2.7:8443/cb https://10.0.0.7/cb https://172.16.0.1/cb https://192.168.1.10/cb
            https://8.8.8.8/cb https://0.0.0.0/cb https://[2001:db8::7]/cb https://[fe80::1]/cb https://[::]/cb https://[fd00::1]:8069/cb
            https://3232235777/cb https://0xc0a80101/cb https://0300.0250.1.1/cb https://192.168.257/cb https://[::ffff:192.0.2.7]/cb
            https://[::ffff:7f00:1]/cb https://128.0.0.1/cb https://126.255.255.255/cb https://[::2]/cb https://169.254.169.254/cb",
        fine: "https://127.0.0.1/cb http://127.0.0.1/cb http://127.0.0.1:8069/cb http://127.8.8.8:1/cb http://[::1]/cb http://[::1]:8069/cb
            https://[::1]/cb https://192.0.2.7.example.com/cb https://192-0-2-7.example.com/cb https://7.2.0.192.in-addr.arpa/cb
            https://a.10.example.com/cb",
    },
    Case {
        rule: Rule::NotPublic,
        broken: "https://odoo/cb https://odoo:8069/cb https://intranet/cb https://com/cb https://odoo.local/cb https://odoo.local./cb
            https://odoo.corp.lan/cb https://odoo.internal/cb https://odoo.internal.:8443/cb https://x.localhost/cb https://localhost./cb
            https://odoo.localdomain/cb https://odoo.home/cb https://odoo.corp/cb https://odoo.intranet/cb https://odoo.private/cb
            https://odoo.test/cb https://odoo.example/cb https://odoo.invalid/cb https://odoo.server/cb https://odoo.firma/cb
            https://odoo.fritz.box.lan/cb https://odoo.domain/cb https://odoo.dmz/cb https://odoo.vpn/cb https://odoo.k8s/cb
            https://odoo.default.svc.cluster.local/cb https://odoo.consul/cb https://odoo.docker/cb https://odoo.lxd/cb https://odoo.comm/cb
            https://odoo.exmaple.con/cb https://odoo.xn--p1aii.lan/cb https://mydomain.tld/cb https://mail.gmial/cb https://odoo.ads.priv/cb",
        fine: "https://example.com/cb https://odoo.example.com/cb https://odoo.example.com./cb https://odoo.example.co.uk/cb
            https://odoo.example.org/cb https://odoo.example.net/cb https://odoo.example.de/cb https://odoo.example.be/cb
            https://odoo.example.fr/cb https://odoo.example.io/cb https://odoo.example.dev/cb https://odoo.example.app/cb
            https://odoo.example.zip/cb https://odoo.example.museum/cb https://odoo.example.com.br/cb https://odoo.example.co.jp/cb
            https://odoo.example.kawasaki.jp/cb https://city.kawasaki.jp/cb https://www.ck/cb https://odoo.example.ck/cb
            https://odoo.example.bd/cb https://shop.odoo.com/cb https://shop.dev.odoo.com/cb https://shop.github.io/cb
            https://shop.herokuapp.com/cb https://shop.run.app/cb https://local.example.com/cb https://lan.example.com/cb
            https://internal.example.com/cb https://odoo.local.example.com/cb https://localhost.example.com/cb https://odoo.home.arpa/cb
            https://odoo.xn--fiqs8s/cb https://xn--mnchen-3ya.de/cb https://odoo.example.xn--p1ai/cb https://odoo.fritz.box/cb
            https://localhost/cb http://localhost/cb http://localhost:8069/cb https://odoo.example.ch/cb https://odoo.example.at/cb
            https://odoo.example.nl/cb https://odoo.example.it/cb https://odoo.example.es/cb https://odoo.example.eu/cb
            https://odoo.example.in/cb https://odoo.example.com.au/cb https://odoo.example.co.za/cb https://odoo.example.co.in/cb
            https://odoo.example.com.mx/cb https://odoo.example.cloud/cb https://odoo.example.online/cb https://odoo.example.shop/cb",
    },
    Case {
        rule: Rule::Googleusercontent,
        broken: "https://googleusercontent.com/cb https://a.googleusercontent.com/cb https://1234-abc.apps.googleusercontent.com/cb
            https://7.2.0.192.bc.googleusercontent.com/cb https://googleusercontent.com./cb https://lh3.googleusercontent.com:8443/cb",
        fine: "https://notgoogleusercontent.com/cb https://googleusercontent.com.example.com/cb https://googleusercontent.de/cb
            https://odoo.example.com/googleusercontent.com https://google.com/cb",
    },
    Case {
        rule: Rule::Shortener,
        broken: "https://goo.gl/cb https://goo.gl/ https://bit.ly/abc https://www.bit.ly/abc https://tinyurl.com/cb https://t.co/cb
            https://is.gd/cb https://ow.ly/cb https://buff.ly/cb https://rebrand.ly/cb https://cutt.ly/cb https://rb.gy/cb https://v.gd/cb
            https://tiny.cc/cb https://lnkd.in/cb https://goo.gl./cb https://x.app.goo.gl/cb https://goo.gl/google-callbacks
            https://goo.gl/agoogle-callback https://goo.gl/cb?a=/google-callback https://goo.gl:8443/cb",
        fine: "https://goo.gl/google-callback https://goo.gl/a/google-callback https://goo.gl/google-callback/x https://goo.gl/a/google-callback/b?c=d
            https://notbit.ly/cb https://bit.ly.example.com/cb https://xgoo.gl/cb https://mytinyurl.com/cb https://at.co/cb https://example.com/goo.gl",
    },
    Case {
        rule: Rule::Scheme,
        broken: "http://odoo.example.com/cb http://odoo.example.com:8069/google_gmail/confirm ftp://odoo.example.com/cb ws://odoo.example.com/cb
            wss://odoo.example.com/cb myapp://callback com.example.app://cb chrome-extension://abc/cb odoo://odoo.example.com/cb
            http://www.example.co.uk/cb httpss://odoo.example.com/cb ftp://localhost/cb storagerelay://https/odoo.example.com?id=auth1",
        fine: "https://odoo.example.com/cb http://localhost/cb http://127.0.0.1:8069/cb http://[::1]:8069/cb https://odoo.example.com/http",
    },
    Case {
        rule: Rule::Traversal,
        broken: "https://odoo.example.com/../cb https://odoo.example.com/a/../cb https://odoo.example.com/a/.. https://odoo.example.com/..
            https://odoo.example.com/..a https://odoo.example.com/a/..;/cb https://odoo.example.com/a\\..\\cb https://odoo.example.com\\..\\cb
            https://odoo.example.com/%2e%2e/cb https://odoo.example.com/%2E%2E/cb https://odoo.example.com/.%2e/cb https://odoo.example.com/%2e./cb
            https://odoo.example.com/a%2f../cb https://odoo.example.com/a%2F%2e%2E/cb https://odoo.example.com/a%5c..%5ccb https://odoo.example.com/a%5C%2e%2e
            https://odoo.example.com/a%252e%252e/cb/%252e%252e https://odoo.example.com/%252e%252e%252f https://odoo.example.com/%25252e%25252e/
            https://odoo.example.com/%c0%ae%c0%ae/cb https://odoo.example.com/a%c0%af..%c0%af https://odoo.example.com/a%C1%9C..%C1%9C
            https://odoo.example.com/a%e0%80%af.. https://odoo.example.com/%f0%80%80%ae%c0%ae/cb https://odoo.example.com/%25c0%25ae%c0%ae/
            http://localhost:8069/a/../cb https://odoo.example.com/%2525252525252525252541",
        fine: "https://odoo.example.com/a..b/cb https://odoo.example.com/a../cb https://odoo.example.com/.well-known/cb https://odoo.example.com/.a/x..%20.
            https://odoo.example.com/a%252eb https://odoo.example.com/cb?a=/.. https://odoo.example.com/%25%32%35 https://odoo.example.com/a.%2fb
            https://odoo.example.com/%c3%a4.. https://odoo.example.com/a%C0..",
    },
    Case {
        rule: Rule::OpenRedirect,
        broken: "https://odoo.example.com/cb?next=https://evil.example.com https://odoo.example.com/cb?next=https%3A%2F%2Fevil.example.com
            https://odoo.example.com/cb?a=b&url=http://evil.example.com https://odoo.example.com/cb?r=//evil.example.com
            https://odoo.example.com/cb?r=%2F%2Fevil.example.com https://odoo.example.com/cb?r=HTTPS://evil.example.com
            https://odoo.example.com/cb?r=%5c%5cevil.example.com https://odoo.example.com/cb?r=/%5Cevil.example.com
            https://odoo.example.com/cb?r=%20https://evil.example.com https://odoo.example.com/cb?r=https:/evil.example.com",
        fine: "https://odoo.example.com/cb?next=/web https://odoo.example.com/cb?a=https https://odoo.example.com/cb?https://x
            https://odoo.example.com/cb?db=shop https://odoo.example.com/https://x https://odoo.example.com/cb?q=see+https://x https://odoo.example.com/cb?",
    },
    Case {
        rule: Rule::Null,
        broken: "https://odoo.example.com/cb%00 https://odoo.example.com/%00/cb https://odoo.example.com/cb?a=%00 https://odoo.example.com/cb%C0%80
            https://odoo.example.com/cb%c0%80 https://odoo.example.com/cb?a=%E0%80%80 https://odoo.example.com/%F0%80%80%80 http://localhost/%00",
        fine: "https://odoo.example.com/cb%20 https://odoo.example.com/cb%C3%80 https://odoo.example.com/cb%80%C0 https://odoo.example.com/00
            https://odoo.example.com/%E0%A0%80 https://odoo.example.com/%01",
    },
    Case {
        rule: Rule::PercentEncoding,
        broken: "https://odoo.example.com/% https://odoo.example.com/%2 https://odoo.example.com/100%/cb https://odoo.example.com/%zz
            https://odoo.example.com/%u0041 https://odoo.example.com/cb?a=% https://odoo.example.com/cb?a=50%off https://odoo.example.com/%%20
            https://odoo.example.com/%2G https://odoo.example.com/%+1 http://localhost:8069/%",
        fine: "https://odoo.example.com/%25 https://odoo.example.com/%2520 https://odoo.example.com/%aA https://odoo.example.com/cb?a=50%25",
    },
    Case {
        rule: Rule::Rewritten,
        broken: "HTTPS://odoo.example.com/cb Https://odoo.example.com/cb https://Odoo.Example.com/cb https://ODOO.example.com/cb
            https://odoo.example.com https://odoo.example.com?a=b http://localhost http://localhost:80/cb https://odoo.example.com:443/cb
            https://odoo.example.com:/cb https://odoo.example.com:08443/cb https://odoo.example.com/./cb https://odoo.example.com/a\\b
            https://odoo.example.com/%2e/cb https://m\u{fc}nchen.de/cb https://odoo.example.com/gr\u{fc}n https://odoo.example.com/a\"b
            https://odoo.example.com/<cb> https://odoo.example.com/{db} https://odoo.example.com/cb?a=\"b\" https://%6fdoo.example.com/cb
            http://2130706433/cb http://0x7f.1/cb http://127.1/cb http://[0:0:0:0:0:0:0:1]/cb http://[::0001]/cb https://odoo.example.com\\cb
            https://odoo.example.com/cb?a=\u{e4} https://odoo\u{3002}example.com/cb https://odoo.example.com/`",
        fine: "https://odoo.example.com/Cb https://odoo.example.com/ https://odoo.example.com:80/cb http://localhost:443/cb https://odoo.example.com/cb/
            https://odoo.example.com/%C3%BC https://odoo.example.com/%c3%bc https://odoo.example.com/a;b=c,d:e@f!$&'()+~",
    },
];

fn broken(uri: &str) -> Vec<Rule> {
    examine(uri).iter().map(|broken| broken.rule).collect()
}

#[test]
fn each_rule_refuses_what_breaks_it_and_lets_the_near_misses_be() {
    let mut wrong = Vec::new();
    for Case { rule, broken: bad, fine } in CASES {
        for uri in bad.split_whitespace() {
            if broken(uri) != [*rule] {
                wrong.push(format!("{uri}: {:?}, not {rule:?}", broken(uri)));
            }
        }
        for uri in fine.split_whitespace() {
            if !broken(uri).is_empty() {
                wrong.push(format!("{uri}: {:?}, near {rule:?}", broken(uri)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let count: usize = CASES
        .iter()
        .map(|case| case.broken.split_whitespace().count() + case.fine.split_whitespace().count())
        .sum();
    assert!(count > 300, "{count}");
}

#[test]
fn what_no_table_of_words_can_hold_is_refused_too() {
    let cases: &[(&str, &[Rule])] = &[
        ("", &[Rule::NotAbsolute]),
        ("https://odoo.example.com/c\tb", &[Rule::NonPrintable]),
        ("https://odoo.example.com/cb\n", &[Rule::NonPrintable]),
        ("https://odoo.example.com/cb\r\n", &[Rule::NonPrintable]),
        ("https://odoo.exam\nple.com/cb", &[Rule::NonPrintable]),
        ("https://odoo.example.com/cb\x7f", &[Rule::NonPrintable]),
        ("https://odoo.example.com/\x1b[0m", &[Rule::NonPrintable]),
        ("https://odoo.example.com/cb?a=\x01", &[Rule::NonPrintable]),
        ("https://odoo.example.com/.\t./cb", &[Rule::NonPrintable]),
        ("\thttps://odoo.example.com/cb", &[Rule::NotAbsolute, Rule::NonPrintable]),
        ("https://odoo.example.com/cb\0", &[Rule::Null]),
        // A space prints.
        ("https://odoo.example.com/c b", &[Rule::Rewritten]),
        ("https://odoo.example.com/cb ", &[Rule::Rewritten]),
        (" https://odoo.example.com/cb", &[Rule::NotAbsolute]),
        ("https://odoo .example.com/cb", &[Rule::Unreadable]),
        ("https://odoo.example.com/\u{a0}", &[Rule::Rewritten]),
    ];
    for (uri, rules) in cases {
        assert_eq!(broken(uri), *rules, "{uri:?}");
    }
}

#[test]
fn several_faults_are_all_named_the_telling_one_first() {
    let cases: &[(&str, &[Rule])] = &[
        ("http://10.0.0.7:8069/cb", &[Rule::RawAddress, Rule::Scheme]),
        ("http://odoo.lan/cb", &[Rule::NotPublic, Rule::Scheme]),
        (
            "http://bot:1@odoo.lan/*#",
            &[Rule::Userinfo, Rule::Fragment, Rule::Wildcard, Rule::NotPublic, Rule::Scheme],
        ),
        (
            "https://Odoo.local/../%00%",
            &[Rule::NotPublic, Rule::Traversal, Rule::Null, Rule::PercentEncoding],
        ),
    ];
    for (uri, rules) in cases {
        assert_eq!(broken(uri), *rules, "{uri}");
    }
}

#[test]
fn every_rule_is_broken_somewhere_and_says_what_it_is() {
    for rule in Rule::ALL {
        let has_case = CASES.iter().any(|case| case.rule == rule) || rule == Rule::NonPrintable;
        assert!(has_case, "{rule:?}");
        assert!(rule.says().ends_with('.'), "{rule:?}");
    }
    assert!(Rule::ALL.is_sorted());
}

#[test]
fn what_is_wrong_is_said_with_the_host_and_without_the_rest() {
    let cases = [
        ("https://odoo.lan/cb", "odoo.lan is no public name"),
        ("https://192.0.2.7/cb", "192.0.2.7 is an IP address"),
        ("http://odoo.example.com/cb", "it is http, not https"),
        ("https://odoo.example.com:443/cb", "its host or port is not written as programs write it"),
        ("https://odoo.example.com", "its path is not written as programs write it"),
        ("https://odoo.example.com/?\u{e4}", "its query is not written as programs write it"),
        ("HTTPS://odoo.example.com/", "its scheme is not written as programs write it"),
        ("https://bot:hunter2@odoo.example.com/cb", "it holds a user name"),
    ];
    for (uri, said) in cases {
        assert_eq!(examine(uri)[0].to_string(), said);
    }
}

#[test]
fn what_is_right_for_an_odoo_is_said_where_its_host_can_have_it() {
    let cases = [
        ("https://odoo.example.com", Some("https://odoo.example.com/google_gmail/confirm")),
        ("https://odoo.example.com/", Some("https://odoo.example.com/google_gmail/confirm")),
        (
            "https://odoo.example.com:8443",
            Some("https://odoo.example.com:8443/google_gmail/confirm"),
        ),
        (
            "https://bot:x@odoo.example.com/a?b#c",
            Some("https://odoo.example.com/google_gmail/confirm"),
        ),
        // Odoo's own port speaks no TLS.
        ("http://odoo.example.com:8069", Some("https://odoo.example.com/google_gmail/confirm")),
        ("http://localhost:8069", Some("http://localhost:8069/google_gmail/confirm")),
        ("https://localhost", Some("https://localhost/google_gmail/confirm")),
        ("http://127.0.0.1:8069", Some("http://127.0.0.1:8069/google_gmail/confirm")),
        ("http://[::1]:8069", Some("http://[::1]:8069/google_gmail/confirm")),
        ("http://10.0.0.7:8069", None),
        ("https://odoo.local", None),
        ("http://odoo:8069", None),
        ("https://bit.ly", None),
        ("mailto:a@example.com", None),
    ];
    for (base, right) in cases {
        let base = Url::parse(base).unwrap();
        assert_eq!(right_for_odoo(&base).as_ref().map(Url::as_str), right, "{base}");
        assert_eq!(advice(&base).contains("<that name>"), right.is_none(), "{base}");
    }
    let said = advice(&Url::parse("http://odoo.example.com:8069").unwrap());
    assert_eq!(
        said,
        "Set web.base.url to https://odoo.example.com and register https://odoo.example.com/google_gmail/confirm, letter by letter, at https://console.cloud.google.com/auth/clients."
    );
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(text: String) {
        holds(&text);
        holds(&format!("https://{text}"));
        holds(&format!("https://odoo.example.com/{text}"));
    }

    #[test]
    fn what_looks_like_a_uri_is_accepted_only_as_programs_write_it(
        uri in "(https?|HTTPS)://[a-z0-9A-Z.:@\\[\\]%_-]{0,12}(localhost|127\\.0\\.0\\.1|example\\.com)(:[0-9]{0,5})?[/\\\\a-zA-Z0-9%.?=&#* ü+-]{0,20}"
    ) {
        holds(&uri);
    }
}

/// What is accepted is what Google would be sent, and is refused once a rule is broken in it.
fn holds(uri: &str) {
    if examine(uri).is_empty() {
        let url = Url::parse(uri).unwrap();
        assert_eq!(url.as_str(), uri);
        assert!(matches!(url.scheme(), "http" | "https"), "{uri}");
        assert_eq!(broken(&format!("{uri}#")), [Rule::Fragment]);
        assert_eq!(broken(&format!("{uri}%00")), [Rule::Null]);
        assert!(right_for_odoo(&url).is_none_or(|right| examine(right.as_str()).is_empty()));
    }
}
