//! Which Odoo is played.

use serde_json::{Value, json};

/// A major version.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// 15.0
    V15,
    /// 16.0
    V16,
    /// 17.0
    V17,
    /// 18.0
    V18,
    /// 19.0
    V19,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [Self::V15, Self::V16, Self::V17, Self::V18, Self::V19];

    /// `18`
    pub const fn major(self) -> u8 {
        match self {
            Self::V15 => 15,
            Self::V16 => 16,
            Self::V17 => 17,
            Self::V18 => 18,
            Self::V19 => 19,
        }
    }

    /// `18.0`
    pub fn serie(self) -> String {
        format!("{}.0", self.major())
    }

    /// `[18, 0, 0, "final", 0, ""]`
    pub(crate) fn info(self) -> Value {
        json!([self.major(), 0, 0, "final", 0, ""])
    }

    /// What `common.version` answers [RUN18].
    pub(crate) fn answer(self) -> Value {
        json!({
            "server_version": self.serie(),
            "server_version_info": self.info(),
            "server_serie": self.serie(),
            "protocol_version": 1,
        })
    }
}
