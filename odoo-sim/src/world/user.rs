//! Who asks: login, keys, groups.

/// What a user may do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Group {
    /// `base.group_erp_manager`: Access Rights. Not enough for mail servers [RUN18/19].
    AccessRights,
    /// `mass_mailing.group_mass_mailing_user`
    EmailMarketing,
    /// `base.group_user`
    Internal,
    /// `base.group_system`: Settings. It implies the two of `base`.
    Settings,
}

/// Somebody with a login.
#[derive(Clone, Debug)]
pub struct User {
    pub(crate) api_keys: Vec<String>,
    pub(crate) groups: Vec<Group>,
    pub(crate) login: String,
    pub(crate) password: Option<String>,
    pub(crate) second_factor: bool,
}

impl User {
    /// A Settings administrator.
    pub fn admin(login: &str) -> Self {
        Self::new(login, &[Group::Internal, Group::AccessRights, Group::Settings])
    }

    /// An ordinary internal user.
    pub fn internal(login: &str) -> Self {
        Self::new(login, &[Group::Internal])
    }

    fn new(login: &str, groups: &[Group]) -> Self {
        Self {
            api_keys: Vec::new(),
            groups: groups.to_vec(),
            login: login.to_owned(),
            password: None,
            second_factor: false,
        }
    }

    /// One more API key.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.api_keys.push(key.to_owned());
        self
    }

    /// One more group.
    #[must_use]
    pub fn with_group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// A password.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        Self { password: Some(password.to_owned()), ..self }
    }

    /// Two-factor authentication: the API takes keys only.
    #[must_use]
    pub fn with_second_factor(self) -> Self {
        Self { second_factor: true, ..self }
    }

    pub(crate) fn has(&self, group: Group) -> bool {
        self.groups.contains(&group)
    }

    /// Whether it is in the group of that external id.
    pub(crate) fn has_named(&self, name: &str) -> bool {
        let group = match name {
            "base.group_erp_manager" => Group::AccessRights,
            "base.group_system" => Group::Settings,
            "base.group_user" => Group::Internal,
            "mass_mailing.group_mass_mailing_user" => Group::EmailMarketing,
            _ => return false,
        };
        self.has(group)
    }

    /// `/jsonrpc` takes a key in place of the password [RUN18], and only keys with a second factor.
    pub(crate) fn opens_with(&self, secret: &str) -> bool {
        let password = !self.second_factor && self.password.as_deref() == Some(secret);
        password || self.has_key(secret)
    }

    /// JSON-2 takes keys only.
    pub(crate) fn has_key(&self, secret: &str) -> bool {
        self.api_keys.iter().any(|key| key == secret)
    }
}
