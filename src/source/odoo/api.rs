//! Reads an Odoo by its external API: JSON-RPC (15 to 18), JSON-2 (19).

use url::Url;

use super::Look;
use crate::{domain::secret::Secret, wire::Wire};

pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) database: Option<String>,
    pub(super) login: Option<String>,
    pub(super) key: Secret,
}

#[derive(Debug)]
pub(super) struct Reader;

impl Reader {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) async fn look(
        &mut self,
        _endpoint: &Endpoint,
        _wire: &Wire,
    ) -> Result<Look, String> {
        Err("not read yet".to_owned())
    }
}
