//! A captive portal: the network answers every HTTP request itself, until somebody signs in to it.

use serde::{Deserialize, Serialize};

use super::World;
use crate::{
    fault::{At, Fault, Service, What},
    tls::Certificate,
};

/// What the network answers in Google's place.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Portal {
    /// 302 to this address; where absent, 200 with the portal's page.
    pub redirect: Option<String>,
    /// The certificate is nobody's.
    pub untrusted: bool,
}

impl World {
    /// Puts a captive portal before every HTTP service. It is made of faults, and goes with them:
    /// [`World::clear_faults`]. Mail's ports are left alone; [`What::Stall`] at connect is how a portal treats those.
    pub fn captive_portal(&self, portal: &Portal) {
        let what = portal.redirect.clone().map_or(What::LoginPage, What::Redirect);
        let mut state = self.state();
        for service in HTTP {
            state.faults.add(Fault::new(service, At::Answer, what.clone()));
            if portal.untrusted && service.places().contains(&At::Handshake) {
                let nobodys = What::BadCertificate(Certificate::SelfSigned);
                state.faults.add(Fault::new(service, At::Handshake, nobodys));
            }
        }
    }
}

const HTTP: [Service; 5] =
    [Service::Api, Service::Authorization, Service::Revoke, Service::Token, Service::Tokeninfo];
