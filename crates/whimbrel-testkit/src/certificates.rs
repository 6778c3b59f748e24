//! Certificates that servers show, made by OpenSSL's command.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{folder, run};

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Somebody who signs certificates.
#[derive(Debug, PartialEq, Eq)]
pub struct Authority {
    folder: PathBuf,
    own: Certificate,
}

const CURVE: [&str; 7] = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
];

fn make(folder: &Path, name: &str, more: &[&str]) -> Certificate {
    let made = Certificate {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    };
    let mut openssl = Command::new("openssl");
    openssl.args(CURVE).args(["-days", "30", "-config"]);
    openssl.arg(folder.join("openssl.cnf"));
    openssl.args(["-subj", &format!("/CN={name}")]).args(more);
    openssl.arg("-keyout").arg(&made.key);
    run(openssl.arg("-out").arg(&made.certificate));
    made
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one, whom nobody trusts yet.
    ///
    /// # Panics
    /// OpenSSL's command is not installed.
    pub fn new() -> Self {
        let folder = folder("certificates");
        // The system's own file would add extensions that are wrong for a server.
        let settings = "[req]\ndistinguished_name = name\n[name]\n";
        std::fs::write(folder.join("openssl.cnf"), settings).expect("a folder of our own");
        let own = make(
            &folder,
            "authority",
            &["-addext", "basicConstraints=critical,CA:TRUE"],
        );
        Self { folder, own }
    }

    /// The file that a client names to trust it.
    pub fn certificate(&self) -> &Path {
        &self.own.certificate
    }

    /// A certificate for a server of this name.
    pub fn sign(&self, name: &str) -> Certificate {
        let (own, key) = (self.own.certificate.display(), self.own.key.display());
        make(
            &self.folder,
            name,
            &[
                "-CA",
                &own.to_string(),
                "-CAkey",
                &key.to_string(),
                "-addext",
                &format!("subjectAltName=DNS:{name}"),
                "-addext",
                "basicConstraints=CA:FALSE",
            ],
        )
    }

    /// A certificate that only vouches for itself, as PostgreSQL's manual makes one for a test.
    pub fn alone(&self, name: &str) -> Certificate {
        make(
            &self.folder,
            &format!("{name}-alone"),
            &[
                "-addext",
                &format!("subjectAltName=DNS:{name}"),
                "-addext",
                "basicConstraints=critical,CA:TRUE",
            ],
        )
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
