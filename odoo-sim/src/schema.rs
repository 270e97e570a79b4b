//! Models and fields: which a database has, by its version and its modules.

mod selection;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::version::Version;

/// What a field holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `true` or `false`
    Boolean,
    /// A line of text.
    Char,
    /// `2026-01-31 12:00:00`, UTC.
    Datetime,
    /// A number.
    Float,
    /// A whole number.
    Integer,
    /// Rows of another model.
    Many2many(&'static str),
    /// A row of another model.
    Many2one(&'static str),
    /// One of some words.
    Selection,
    /// Text.
    Text,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Char => "char",
            Self::Datetime => "datetime",
            Self::Float => "float",
            Self::Integer => "integer",
            Self::Many2many(_) => "many2many",
            Self::Many2one(_) => "many2one",
            Self::Selection => "selection",
            Self::Text => "text",
        }
    }

    /// What `read` shows where the database holds nothing.
    pub(crate) fn nothing(self) -> Value {
        match self {
            Self::Float => json!(0.0),
            Self::Integer => json!(0),
            Self::Many2many(_) => json!([]),
            _ => json!(false),
        }
    }
}

/// A field of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    from: Version,
    pub(crate) kind: Kind,
    /// The module that brings it, if it is not the model's own.
    module: Option<&'static str>,
    pub(crate) name: &'static str,
    stored: bool,
    /// For `base.group_system` alone.
    pub(crate) system: bool,
    to: Version,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        from: Version::V15,
        kind,
        module: None,
        name,
        stored: true,
        system: false,
        to: Version::V19,
    }
}

impl Field {
    const fn computed(self) -> Self {
        Self { stored: false, ..self }
    }

    const fn of(self, module: &'static str) -> Self {
        Self { module: Some(module), ..self }
    }

    const fn since(self, from: Version) -> Self {
        Self { from, ..self }
    }

    const fn system(self) -> Self {
        Self { system: true, ..self }
    }

    const fn until(self, to: Version) -> Self {
        Self { to, ..self }
    }
}

/// Who may read a model.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Readers {
    /// Every internal user.
    Internal,
    /// Administrators, and with `mass_mailing` those of Email Marketing.
    Marketing,
    /// Administrators.
    System,
}

/// A model.
#[derive(Debug)]
pub(crate) struct Model {
    fields: &'static [&'static [Field]],
    from: Version,
    pub(crate) label: &'static str,
    /// The module that brings it.
    module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) order: &'static str,
    pub(crate) readers: Readers,
}

/// What one database has.
#[derive(Debug)]
pub(crate) struct Schema {
    absent: BTreeSet<(String, String)>,
    added: BTreeMap<(String, &'static str), Kind>,
    installed: BTreeSet<String>,
    pub(crate) version: Version,
}

impl Schema {
    pub(crate) fn new(
        version: Version,
        installed: BTreeSet<String>,
        absent: BTreeSet<(String, String)>,
        added: BTreeMap<(String, &'static str), Kind>,
    ) -> Self {
        Self { absent, added, installed, version }
    }

    pub(crate) fn has_module(&self, name: &str) -> bool {
        self.installed.contains(name)
    }

    pub(crate) fn model(&self, name: &str) -> Option<&'static Model> {
        tables::MODELS.iter().find(|model| {
            // The incoming servers had a module of their own in 15.
            let own = model.name == "fetchmail.server" && self.version == Version::V15;
            let module = if own { "fetchmail" } else { model.module };
            model.name == name && self.version >= model.from && self.has_module(module)
        })
    }

    /// The fields that a model has here.
    pub(crate) fn fields(&self, model: &Model) -> Vec<Field> {
        let of_tables = model.fields.iter().flat_map(|fields| fields.iter().copied());
        let mut fields: Vec<Field> =
            of_tables.filter(|field| self.has(model.name, field)).collect();
        let added = self.added.iter().filter(|added| added.0.0 == model.name);
        fields.extend(added.map(|((_, name), kind)| field(name, *kind)));
        fields
    }

    pub(crate) fn field(&self, model: &Model, name: &str) -> Option<Field> {
        self.fields(model).into_iter().find(|field| field.name == name)
    }

    fn has(&self, model: &str, field: &Field) -> bool {
        let module = field.module.map(|module| {
            let incoming = model == "fetchmail.server" && self.version == Version::V15;
            match module {
                "google_gmail" if incoming => "fetchmail_gmail",
                "microsoft_outlook" if incoming => "fetchmail_outlook",
                module => module,
            }
        });
        (field.from..=field.to).contains(&self.version)
            && module.is_none_or(|module| self.has_module(module))
            && !self.absent.iter().any(|absent| absent.0 == model && absent.1 == field.name)
    }

    /// The words that a selection field takes; nothing if any.
    pub(crate) fn words(&self, model: &str, field: &str) -> Option<Vec<&'static str>> {
        selection::words(self, model, field)
    }

    /// What `fields_get` tells of a field. The label is made of the name [UNVERIFIED].
    pub(crate) fn describe(&self, model: &Model, field: &Field) -> Value {
        let mut label = field.name.replace('_', " ");
        if let Some(first) = label.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let mut told = json!({
            "type": field.kind.name(),
            "string": label,
            "store": field.stored,
            "readonly": !field.stored || field.name == "id",
            "required": false,
            "searchable": field.stored,
            "sortable": field.stored,
        });
        if let Kind::Many2many(other) | Kind::Many2one(other) = field.kind {
            told["relation"] = json!(other);
        }
        if field.kind == Kind::Selection {
            let words = self.words(model.name, field.name).unwrap_or_default();
            told["selection"] = words.iter().map(|word| json!([word, word])).collect();
        }
        if field.system {
            told["groups"] = json!("base.group_system");
        }
        told
    }
}
