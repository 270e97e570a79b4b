//! The keys of one of `sources`, and the source that they make.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;

use super::{Defaults, Source, directory, file, odoo};
use crate::{
    domain::link::LinkId,
    yaml::{At, Reading},
};

/// A directory of files, or an Odoo.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    directory: Option<At<String>>,
    /// Of a directory, its name in metrics and pages; the last part of the path, if not given.
    name: Option<At<String>>,
    odoo: Option<odoo::keys::Config>,
}

/// Sources with different names, in the order in which they are listed.
pub(crate) fn settle(
    listed: Vec<At<Config>>,
    defaults: &Defaults,
    reading: &mut Reading,
) -> Vec<Source> {
    let mut names = HashMap::new();
    let mut sources = Vec::new();
    for at in listed {
        let whole = place_of(&at);
        let Config { directory, name, odoo } = at.value;
        let (source, named) = match (directory, odoo) {
            (Some(path), None) => {
                let named = place_of(name.as_ref().unwrap_or(&path));
                (self::directory(&path, name.as_ref(), reading), named)
            }
            (None, Some(odoo)) if name.is_none() => {
                let named = place_of(&odoo.name);
                (odoo.settle(&whole, defaults, reading).map(Source::Odoo), named)
            }
            (None, Some(_)) => {
                reading.wrong(&whole, "the name of an Odoo stands under odoo:; move it there");
                continue;
            }
            (Some(_), Some(_)) | (None, None) => {
                reading.wrong(&whole, "a source is a directory: or an odoo:; write one of the two");
                continue;
            }
        };
        let Some(source) = source else { continue };
        let name = source.name().clone();
        if &*name == file::MAIN {
            reading.wrong(
                &named,
                "\"file\" is the name of this file as a source; add name: with another",
            );
        } else if let Some(first) = names.insert(name.clone(), reading.place(&named)) {
            let what =
                format!("{name} is the name of the source at {first}, too; add name: with another");
            reading.wrong(&named, what);
        }
        sources.push(source);
    }
    sources
}

/// The place alone.
fn place_of<T>(at: &At<T>) -> At<()> {
    At::new((), at.referenced, at.defined)
}

fn directory(
    written: &At<String>,
    name: Option<&At<String>>,
    reading: &mut Reading,
) -> Option<Source> {
    let path = reading.folder().join(&written.value);
    let last = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = reading.understand(name.unwrap_or(written), |written| {
        // A source's name is a part of ids, so it is one itself.
        let name = if name.is_some() { written } else { &last };
        LinkId::parse(name).map_err(|_| {
            format!(
                "{name:?} is no name of a source; add name: with 1 to 200 characters without spaces"
            )
        })
    })?;
    let name: Arc<str> = name.as_str().into();
    Some(Source::Directory(directory::Source::new(name, path)))
}
