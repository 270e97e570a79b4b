//! What goes wrong instead of an answer.

/// A misbehaviour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum What {
    /// The proxy reaches no Odoo: 502 and its page.
    BadGateway,
    /// The connection ends without an answer.
    Cut,
    /// The connection ends in the middle of an answer.
    CutInTheMiddle,
    /// Odoo's page of an error that nobody caught: 500.
    Html,
    /// JSON of so many bytes.
    Huge(usize),
    /// 200, and something else than JSON.
    NotJson,
    /// 303 to the login page.
    Redirect,
    /// No answer, ever, on a connection that stays.
    Stall,
    /// 503 while the database is upgraded. What answers so is the proxy [UNVERIFIED].
    Upgrading,
}

/// A misbehaviour, when, how often and for what.
#[derive(Clone, Debug)]
pub struct Fault {
    left: Option<usize>,
    of: Option<String>,
    skip: usize,
    what: What,
}

impl Fault {
    /// Every request, from now on.
    pub fn new(what: What) -> Self {
        Self { left: None, of: None, skip: 0, what }
    }

    /// Only after so many requests that it would have met.
    #[must_use]
    pub fn after(self, requests: usize) -> Self {
        Self { skip: requests, ..self }
    }

    /// Only so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { left: Some(times), ..self }
    }

    /// Only requests for a model; `common` for the sign-in of `/jsonrpc`.
    #[must_use]
    pub fn of(self, model: &str) -> Self {
        Self { of: Some(model.to_owned()), ..self }
    }

    /// What it does to a request; counts it.
    pub(crate) fn meet(&mut self, model: &str) -> Option<What> {
        if self.of.as_deref().is_some_and(|of| of != model) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        match &mut self.left {
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(self.what)
            }
            None => Some(self.what),
        }
    }
}
