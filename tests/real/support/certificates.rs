//! Certificates of a test's own authority, as files for the servers and for whoever is to trust them.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// `localhost.pem` is good, `expired.pem` (for 127.0.0.2) is not; each has its `.key`.
pub(crate) struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    pub(crate) fn make(folder: PathBuf) -> Self {
        let authority = authority();
        fs::write(folder.join("ca.pem"), authority.pem()).expect("a certificate file");
        let made = Self { folder };
        made.issue("localhost", named(&["localhost", "127.0.0.1", "127.0.0.4"]), &authority);
        let mut expired = named(&["127.0.0.2"]);
        expired.not_after = rcgen::date_time_ymd(2024, 1, 1);
        made.issue("expired", expired, &authority);
        made
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn issue(&self, name: &str, params: CertificateParams, by: &CertifiedIssuer<'_, KeyPair>) {
        let key = KeyPair::generate().expect("ring makes keys");
        let certificate = params.signed_by(&key, by).expect("the authority may sign");
        fs::write(self.folder.join(format!("{name}.pem")), certificate.pem()).expect("a file");
        fs::write(self.folder.join(format!("{name}.key")), key.serialize_pem()).expect("a file");
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "The tests' own authority");
    let key = KeyPair::generate().expect("ring makes keys");
    CertifiedIssuer::self_signed(params, key).expect("the parameters are complete")
}

fn named(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    CertificateParams::new(names).expect("names and addresses are well formed")
}
