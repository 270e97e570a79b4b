//! Addresses that a consent ends at, and texts that are none.

use super::*;

const STATE: &str = "s5f0q-state-of-this-attempt";

fn parse(text: &str) -> Result<Callback, Mistake> {
    Callback::parse(text, &Redactor::default())
}

fn answer(text: &str) -> Result<Answer, Mistake> {
    parse(text)?.answer_to(&Secret::new(STATE))
}

fn refused(text: &str) -> Refusal {
    match answer(text) {
        Ok(Answer::Refused(refusal)) => refusal,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_code_is_found_in_whatever_was_pasted_or_received() {
    let query = format!("state={STATE}&code=4/0Ab_32-x&scope=https://mail.google.com/");
    let texts = [
        format!("http://127.0.0.1:40000/?{query}"),
        format!("http://localhost:40000?{query}#"),
        format!("localhost:40000/?{query}"),
        format!("https://odoo.example.com/google_gmail/confirm?{query}"),
        format!("/?{query}"),
        format!("?{query}"),
        query.clone(),
        format!("  http://127.0.0.1:40000/?{query}\r\n"),
        "http://127.0.0.1:40000/?state=s5f0q-state-of-\n  this-attempt&code=4%2F0Ab_32-x"
            .to_owned(),
        format!("/?code=4%2f0Ab_32-x&state={STATE}&authuser=0&prompt=consent&hd=example.com"),
        format!("/?error=&code=4/0Ab_32-x&state={STATE}"),
    ];
    for text in texts {
        assert_eq!(answer(&text), Ok(Answer::Agreed(Secret::new("4/0Ab_32-x"))), "{text}");
    }
}

#[test]
fn a_refusal_has_its_reason() {
    let cases = [
        ("access_denied", "consent_cancelled"),
        ("admin_policy_enforced", "admin_policy"),
        ("org_internal", "org_internal"),
        ("policy_enforced", "advanced_protection"),
        ("invalid_scope", "request_invalid"),
        ("invalid_request", "request_invalid"),
        ("redirect_uri_mismatch", "redirect_uri_mismatch"),
        ("deleted_client", "client_deleted"),
        ("disabled_client", "client_disabled"),
        ("server_error", "google_outage"),
        ("temporarily_unavailable", "google_outage"),
        ("rate_limit_exceeded", "google_rate_limited"),
        ("disallowed_useragent", "consent_not_asked"),
        ("immediate_failed", "consent_not_asked"),
        ("consent_required", "consent_not_asked"),
        ("login_required", "consent_not_asked"),
        ("interaction_required", "consent_not_asked"),
        ("account_selection_required", "consent_not_asked"),
        ("access-denied", "unknown"),
        ("a_new_one", "unknown"),
    ];
    for (error, reason) in cases {
        let refusal = refused(&format!("/?error={error}&state={STATE}"));
        assert_eq!((refusal.reason.name(), &*refusal.error), (reason, error));
        assert_eq!(refusal.description, None);
    }
    let told = refused(&format!("/?error=x&error_description=no+way%0A&state={STATE}"));
    assert_eq!(told.description.as_deref(), Some("no way"));
}

#[test]
fn an_answer_counts_only_with_the_state_that_was_asked_with() {
    let longer = format!("{STATE}x");
    let states =
        ["", "x", &STATE[1..], &STATE[..STATE.len() - 1], &longer, "S5F0Q-STATE-OF-THIS-ATTEMPT"];
    for answered in ["code=4/0Ab", "error=access_denied"] {
        assert!(answer(&format!("{answered}&state={STATE}")).is_ok());
        assert_eq!(answer(&format!("/?{answered}")), Err(Mistake::OtherState));
        for state in states {
            let text = format!("/?{answered}&state={state}");
            assert_eq!(answer(&text), Err(Mistake::OtherState), "{text}");
        }
        // Whoever asked without a state believes nobody.
        let none = parse(&format!("/?{answered}&state=")).unwrap().answer_to(&Secret::new(""));
        assert_eq!(none, Err(Mistake::OtherState));
    }
}

#[test]
fn an_error_page_of_googles_says_its_reason_without_a_state() {
    let page = "https://accounts.google.com/signin/oauth/error?authError=Cg5pbnZhbGlkX2NsaWVudBIfVGhlIE9BdXRoIGNsaWVudCB3YXMgbm90IGZvdW5kLiCRAw&flowName=GeneralOAuthFlow";
    let told = refused(page);
    assert_eq!((told.reason, &*told.error), (Reason::ClientUnknown, "invalid_client"));
    assert_eq!(told.description.as_deref(), Some("The OAuth client was not found."));
    // On the page, nobody has cancelled: it is the list of test users. {"access_denied", 403}
    let tester =
        "https://accounts.google.com/signin/oauth/error/v2?authError=Cg1hY2Nlc3NfZGVuaWVkIJMD";
    assert_eq!(refused(tester).reason, Reason::ConsentTestUser);
    // What stands behind a page of Google's is no answer, whatever it looks like.
    let odd = format!("https://accounts.google.com/signin/oauth/error?code=4/0Ab&state={STATE}");
    assert!(matches!(answer(&odd), Err(Mistake::UnknownPage(_))), "{odd}");
    let consent =
        format!("https://accounts.google.com/signin/oauth/consent?code=4/0Ab&state={STATE}");
    assert_eq!(answer(&consent), Err(Mistake::NotOver));
    let elsewhere = page.replace("accounts.google.com", "accounts.google.com.example.com");
    assert_eq!(answer(&elsewhere), Err(Mistake::NoAnswer));
}

#[test]
fn what_is_no_answer_is_said_to_be_none() {
    let state = format!("state={STATE}");
    let cases = [
        (String::new(), Mistake::Empty),
        (" \n".to_owned(), Mistake::Empty),
        ("x".repeat(LONGEST + 1), Mistake::TooLong),
        ("4/0Ab_32-x".to_owned(), Mistake::CodeAlone),
        ("yes".to_owned(), Mistake::NoAnswer),
        ("/favicon.ico".to_owned(), Mistake::NoAnswer),
        ("http://127.0.0.1:40000/".to_owned(), Mistake::NoAnswer),
        (format!("/?{state}"), Mistake::NoAnswer),
        (format!("/?code=&{state}"), Mistake::NoAnswer),
        (format!("/#code=4/0Ab&{state}"), Mistake::NoAnswer),
        (format!("/?x=y#code=4/0Ab&{state}"), Mistake::NoAnswer),
        (format!("/?Code=4/0Ab&{state}"), Mistake::NoAnswer),
        (format!("/?code=4/0Ab&code=4/0Ac&{state}"), Mistake::Ambiguous),
        (format!("/?code=4/0Ab&{state}&{state}"), Mistake::Ambiguous),
        (format!("/?code=4/0Ab&error=access_denied&{state}"), Mistake::Ambiguous),
        (format!("/?error=a&error=b&{state}"), Mistake::Ambiguous),
    ];
    for (text, mistake) in cases {
        assert!(mistake.to_string().ends_with('.'), "{mistake}");
        assert_eq!(answer(&text), Err(mistake), "{text:.100}");
    }
}

#[test]
fn nothing_of_it_prints_a_code_or_a_state() {
    let callback = parse(&format!("/?code=4/0Ab_32-x&state={STATE}")).unwrap();
    let printed = format!("{callback:?}");
    assert!(!printed.contains("0Ab") && !printed.contains(STATE), "{printed}");
    let told = refused(&format!(
        "/?error=no%0Dya29.a0AfB_byC&error_description=1//0gabc-DEF_9&{}",
        format_args!("state={STATE}")
    ));
    assert_eq!(told.error, "no ****");
    assert_eq!(told.description.as_deref(), Some("****"));
    assert!(refused(&format!("/?error={}&state={STATE}", "x+".repeat(4000))).error.len() < 1100);
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(text: String) {
        for text in [text.clone(), format!("/?code={text}"), format!("/?error={text}&state={text}"), format!("https://accounts.google.com/{text}")] {
            proptest::prop_assert!(!matches!(answer(&text), Ok(Answer::Agreed(_))));
        }
    }
}
