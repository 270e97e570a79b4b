use crate::domain::{clock::Timestamp, secret::Secret};

/// An access token in hand.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub secret: Secret,
    pub expires: Timestamp,
}
