//! THE table of findings: what is wrong with an Odoo's own settings, and what its screens do not tell.
//! `docs/odoo.md` is made of it.

use std::fmt;

use super::database::Row;

/// Something found beside Odoo's screens.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Finding {
    /// None where it is about the whole database.
    pub row: Option<Row>,
    pub what: What,
    /// What it rests on; never a secret.
    pub detail: Option<String>,
}

macro_rules! findings {
    ($($variant:ident, $name:literal, $meaning:literal, $next_step:literal;)*) => {
        /// What was found.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum What {
            $(#[doc = $meaning] $variant,)*
        }

        impl What {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value of the `finding` label.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What is the case, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// What to do about it.
            pub fn next_step(self) -> &'static str {
                match self { $(Self::$variant => $next_step),* }
            }
        }
    };
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

findings! {
    BadgeMisleads, "badge_misleads", "x", "y";
    FetchDateMisleads, "fetch_date_misleads", "x", "y";
    TokenOfAnotherAccount, "token_of_another_account", "x", "y";
    UnseenMailGrows, "unseen_mail_grows", "x", "y";
    Neutralised, "neutralised",
        "This database is a neutralised copy of another one, whose tokens it still holds: none of them is used here.",
        "Take this source out of the configuration, or point it at the production database.";
}
