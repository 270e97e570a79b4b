//! What of an Odoo seldom changes: its modules, its jobs, its default senders.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    ask::{Ask, Search},
    rows,
    session::{Line, Session},
    trouble::Trouble,
};
use crate::{
    domain::clock::Timestamp,
    source::odoo::{
        database::{Job, MODULES, Module, Schedule},
        version::Series,
    },
};

#[derive(Debug)]
pub(super) struct Standing {
    pub(super) at: Timestamp,
    pub(super) series: Series,
    /// The database's, which is that of its module `base`.
    pub(super) version: String,
    pub(super) modules: BTreeMap<String, Module>,
    pub(super) jobs: BTreeMap<Job, Schedule>,
    pub(super) default_senders: Vec<String>,
    pub(super) unread: Vec<String>,
}

impl Standing {
    pub(super) async fn read(
        session: &Session,
        line: Line<'_>,
        at: Timestamp,
    ) -> Result<Self, Trouble> {
        let search =
            Search::new(json!([["name", "in", MODULES]]), &["name", "state", "latest_version"]);
        let modules = session.rows(line, "ir.module.module", Ask::SearchRead(search)).await?;
        let modules: BTreeMap<_, _> = modules.iter().filter_map(rows::module).collect();
        let version = modules.get("base").and_then(|base| base.version.clone());
        let version = version.ok_or_else(|| Trouble::odd("ir.module.module"))?;
        let series = Series::parse(&version).map_err(Trouble::Unanswered)?;
        let mut standing = Self {
            at,
            series,
            version,
            modules,
            jobs: BTreeMap::new(),
            default_senders: Vec::new(),
            unread: Vec::new(),
        };
        let jobs = jobs(session, line, series).await;
        standing.jobs = standing.so_far("ir.cron", jobs)?;
        if series >= Series::V17 && standing.has("mail") {
            let senders = default_senders(session, line).await;
            standing.default_senders = standing.so_far(ALIAS_DOMAIN, senders)?;
        }
        Ok(standing)
    }

    /// Whether the module's models and fields are there. One that waits for its upgrade works on.
    pub(super) fn has(&self, module: &str) -> bool {
        let module = self.modules.get(module);
        module.is_some_and(|it| ["installed", "to upgrade", "to remove"].contains(&&*it.state))
    }

    /// Nothing, where only a right is missing.
    fn so_far<T: Default>(&mut self, model: &str, read: Result<T, Trouble>) -> Result<T, Trouble> {
        match read {
            Err(Trouble::NoRight) => {
                self.unread.push(model.to_owned());
                Ok(T::default())
            }
            read => read,
        }
    }
}

const ALIAS_DOMAIN: &str = "mail.alias.domain";

/// By their names in the modules' data, for people rename jobs and translate them.
async fn jobs(
    session: &Session,
    line: Line<'_>,
    series: Series,
) -> Result<BTreeMap<Job, Schedule>, Trouble> {
    let known = [
        (Job::Fetch, series.traits().fetch_module, "ir_cron_mail_gateway_action"),
        (Job::Queue, "mail", "ir_cron_mail_scheduler_action"),
    ];
    let names = known.map(|(_, _, name)| name);
    let domain = json!([["model", "=", "ir.cron"], ["name", "in", names]]);
    let search = Search::new(domain, &["module", "name", "res_id"]);
    let data = session.rows(line, "ir.model.data", Ask::SearchRead(search)).await?;
    let ids: BTreeMap<i64, Job> = data
        .iter()
        .filter_map(|row| {
            let (module, name) = (rows::text(row, "module")?, rows::text(row, "name")?);
            let job = known.iter().find(|known| (known.1, known.2) == (&*module, &*name))?;
            Some((rows::number(row, "res_id")?, job.0))
        })
        .collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let domain: Value = json!([["id", "in", ids.keys().collect::<Vec<_>>()]]);
    let fields = &["active", "interval_number", "interval_type", "nextcall"];
    let search = Search::new(domain, fields);
    let jobs = session.rows(line, "ir.cron", Ask::SearchRead(search)).await?;
    let job = |row: &Value| Some((*ids.get(&rows::id(row)?)?, rows::schedule(row)));
    Ok(jobs.iter().filter_map(job).collect())
}

async fn default_senders(session: &Session, line: Line<'_>) -> Result<Vec<String>, Trouble> {
    let search = Search::new(json!([]), &["name", "default_from"]).by("id");
    let domains = session.rows(line, ALIAS_DOMAIN, Ask::SearchRead(search)).await?;
    let mut senders: Vec<String> = Vec::new();
    for sender in domains.iter().filter_map(rows::default_sender) {
        if !senders.contains(&sender) {
            senders.push(sender);
        }
    }
    Ok(senders)
}
