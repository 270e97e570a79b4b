//! The faults in force, and which of them strikes.

use std::collections::HashMap;

use super::{At, Fault, Service, What, Whose};

/// The faults in force. Looking one up costs the same whatever the number of mailboxes.
#[derive(Debug, Default)]
pub(crate) struct Faults(HashMap<(Service, Option<String>), Vec<Fault>>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.entry((fault.service, fault.address.clone())).or_default().push(fault);
    }

    /// The fault that strikes here, one mailbox's own before a service's.
    pub(crate) fn due(&mut self, service: Service, at: At, address: Option<&str>) -> Option<What> {
        if self.0.is_empty() {
            return None;
        }
        let own = address.map(|address| (service, Some(address.to_owned())));
        own.and_then(|key| self.take(&key, at)).or_else(|| self.take(&(service, None), at))
    }

    fn take(&mut self, key: &(Service, Option<String>), at: At) -> Option<What> {
        let faults = self.0.get_mut(key)?;
        let exact = faults.iter().position(|fault| fault.at == at);
        let index = exact.or_else(|| {
            let any = at.is_command();
            faults.iter().position(|fault| any && fault.at == At::Command)
        })?;
        let what = faults[index].what.clone();
        if let Some(times) = &mut faults[index].times {
            *times -= 1;
            if *times == 0 {
                faults.remove(index);
            }
        }
        if faults.is_empty() {
            self.0.remove(key);
        }
        Some(what)
    }

    pub(crate) fn clear(&mut self, whose: &Whose) {
        self.0.retain(|(service, address), _| match whose {
            Whose::Address(gone) => address.as_deref() != Some(gone),
            Whose::All => false,
            Whose::Service(gone) => service != gone,
        });
    }

    pub(crate) fn all(&self) -> Vec<Fault> {
        self.0.values().flatten().cloned().collect()
    }

    /// Is this service's listener to stay closed?
    pub(crate) fn refuses(&self, service: Service) -> bool {
        let faults = self.0.get(&(service, None));
        faults.is_some_and(|faults| faults.iter().any(|fault| fault.what == What::Refuse))
    }
}
