//! The keys under a check's name in the configuration: those that every check has, and its own.

/// Declares a check's `Config`: `keys! { ehlo_name: EhloName }`. Serde's `flatten` would say it with a type, and lose where
/// a mistake stands.
macro_rules! keys {
    ($($(#[$about:meta])* $key:ident: $type:ty),* $(,)?) => {
        /// The keys under the check's name.
        #[derive(Clone, Debug, Default, serde::Deserialize, PartialEq)]
        #[serde(deny_unknown_fields, default)]
        pub struct Config {
            pub enabled: Option<bool>,
            pub schedule: Option<$crate::domain::cron::Cron>,
            pub timeout: Option<$crate::check::Span>,
            $($(#[$about])* pub $key: Option<$type>,)*
        }

        impl Config {
            /// This where it says something, else `base`.
            pub(super) fn over(self, base: &Self) -> Self {
                Self {
                    enabled: self.enabled.or(base.enabled),
                    schedule: self.schedule.or_else(|| base.schedule.clone()),
                    timeout: self.timeout.or(base.timeout),
                    $($key: self.$key.or_else(|| base.$key.clone()),)*
                }
            }

            /// When the check runs; by `default` where nobody says.
            fn timing(&self, default: &str, zone: chrono_tz::Tz) -> $crate::check::Timing {
                let schedule = self.schedule.clone();
                $crate::check::Timing::settle(self.enabled, schedule, self.timeout, default, zone)
            }
        }
    };
}

pub(super) use keys;
