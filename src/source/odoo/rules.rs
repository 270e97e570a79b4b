//! What the rows say of themselves: findings that need nothing but what was read.

use url::Url;

use super::{
    database::{Database, Queue},
    finding::Finding,
};
use crate::domain::clock::Timestamp;

pub(super) fn is_neutralised(_database: &Database) -> bool {
    false
}

pub(super) fn findings(_database: &Database, _registered: &[Url], _now: Timestamp) -> Vec<Finding> {
    Vec::new()
}

pub(super) fn stuck(_queue: &Queue) -> Option<Finding> {
    None
}
