//! THE table of what differs between Odoo's versions, as far as mail servers go.
//!
//! Read in Odoo's sources and seen on running Odoos, 15.0 to 19.0.

use std::fmt;

use url::Url;

use super::database::Row;

/// One of Odoo's yearly versions.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Series {
    V15,
    V16,
    V17,
    V18,
    V19,
}

/// What there is to know of one series.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Of the module `google_gmail`, as this series ships it. An older one misses what Google asks for by now.
    pub gmail_module: &'static str,
    /// The modules that Gmail servers need.
    pub modules: &'static [&'static str],
    /// Whether a column of its own says that a row is Gmail's, instead of its kind.
    pub own_column: bool,
    /// Whether `from_filter` may be a list with commas.
    pub filter_list: bool,
    /// Whether `mail.default.from` is read any more; later, `mail_alias_domain.default_from` is.
    pub default_from_parameter: bool,
    /// The module whose data the job that fetches mail is.
    pub fetch_module: &'static str,
    /// Whether Odoo S.A.'s relay may stand in for an OAuth client (IAP), and users have servers of their own.
    pub personal_and_iap: bool,
    /// Whether the web client's addresses are `/odoo/<model>/<id>`.
    pub short_urls: bool,
    /// Whether there is the JSON-2 API.
    pub json2: bool,
}

impl Series {
    pub const ALL: [Self; 5] = [Self::V15, Self::V16, Self::V17, Self::V18, Self::V19];

    /// Out of a module's version (`18.0.1.3`, `saas~18.2.1.3`) or the server's own (`18.0`). A later one than the latest
    /// known is taken for that.
    ///
    /// # Errors
    /// A sentence, where it is older than the oldest known, or no version.
    pub fn parse(version: &str) -> Result<Self, String> {
        match number(version) {
            Some(15) => Ok(Self::V15),
            Some(16) => Ok(Self::V16),
            Some(17) => Ok(Self::V17),
            Some(18) => Ok(Self::V18),
            Some(19..) => Ok(Self::V19),
            Some(_) => Err(format!("this is Odoo {version}; 15 to 19 are known")),
            None => Err(format!("{version:?} is no version of Odoo")),
        }
    }

    /// Whether that is a version later than all that is known here.
    pub fn is_later(version: &str) -> bool {
        number(version).is_some_and(|number| number > 19)
    }

    pub fn traits(self) -> Traits {
        let since = |series: Self| self >= series;
        Traits {
            gmail_module: match self {
                Self::V15 => "15.0.1.0",
                Self::V16 => "16.0.1.2",
                Self::V17 => "17.0.1.2",
                Self::V18 => "18.0.1.2",
                Self::V19 => "19.0.1.2",
            },
            modules: match self {
                Self::V15 => &["google_gmail", "fetchmail_gmail"],
                _ => &["google_gmail"],
            },
            own_column: !since(Self::V16),
            filter_list: since(Self::V17),
            default_from_parameter: !since(Self::V17),
            fetch_module: if since(Self::V16) { "mail" } else { "fetchmail" },
            personal_and_iap: since(Self::V19),
            short_urls: since(Self::V18),
            json2: since(Self::V19),
        }
    }

    /// The form of this very row in Odoo's web client, below `web.base.url`: where a person links it again.
    pub fn form(self, base: &Url, row: Row) -> Url {
        let mut url = base.clone();
        url.set_query(None);
        url.set_fragment(None);
        let (model, id) = (row.model(), row.id());
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            match self.traits().short_urls {
                true => path.extend(["odoo", model, &id.to_string()]),
                false => path.push("web"),
            };
        }
        if !self.traits().short_urls {
            url.set_fragment(Some(&format!("id={id}&model={model}&view_type=form")));
        }
        url
    }
}

fn number(version: &str) -> Option<u32> {
    version.strip_prefix("saas~").unwrap_or(version).split('.').next()?.parse().ok()
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V15 => "15",
            Self::V16 => "16",
            Self::V17 => "17",
            Self::V18 => "18",
            Self::V19 => "19",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_told_from_what_modules_say() {
        let cases = [
            ("15.0.1.3", Ok(Series::V15)),
            ("18.0", Ok(Series::V18)),
            ("saas~18.2.1.3", Ok(Series::V18)),
            ("19.0.1.3", Ok(Series::V19)),
            ("20.0.1.0", Ok(Series::V19)),
            ("14.0.1.3", Err("this is Odoo 14.0.1.3; 15 to 19 are known".to_owned())),
            ("", Err("\"\" is no version of Odoo".to_owned())),
        ];
        for (version, expected) in cases {
            assert_eq!(Series::parse(version), expected, "{version}");
        }
        assert!(Series::is_later("20.0.1.0") && !Series::is_later("19.0.1.0"));
    }

    #[test]
    fn a_rows_form_has_each_versions_address() {
        let cases = [
            (
                Series::V17,
                "https://e.org",
                "https://e.org/web#id=3&model=ir.mail_server&view_type=form",
            ),
            (Series::V18, "https://e.org/", "https://e.org/odoo/ir.mail_server/3"),
            (Series::V19, "https://e.org/x/?a#b", "https://e.org/x/odoo/ir.mail_server/3"),
        ];
        for (series, base, expected) in cases {
            let url = series.form(&base.parse().unwrap(), Row::Outgoing(3));
            assert_eq!(url.as_str(), expected);
        }
    }
}
