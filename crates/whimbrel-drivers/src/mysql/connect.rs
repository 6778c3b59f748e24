//! Reaching a server, with or without TLS.

use mysql_async::Conn;
use whimbrel_core::driver::{DriverError, DriverErrorKind};

use super::config::{Config, SslMode};
use super::errors;
use crate::distrust::Distrust;

/// The library checks the name even where only the authority is to be checked. The certificate's
/// own name is one that it passes with; who signed it is checked all the same.
pub(super) async fn connect(config: &Config) -> Result<Conn, DriverError> {
    let with_tls = config.ssl_mode != SslMode::Disabled;
    let mut result = Conn::new(config.options(with_tls, None)).await;
    if config.ssl_mode == SslMode::Preferred && matches!(result, Err(mysql_async::Error::Driver(_)))
    {
        result = Conn::new(config.options(false, None)).await;
    }
    if config.ssl_mode == SslMode::VerifyCa
        && let Some(Distrust::Name(names)) = result.as_ref().err().and_then(errors::distrust)
        && let Some(name) = names.first()
    {
        // A name with a wildcard is none; it stands for any.
        let name = name.replacen('*', "any", 1);
        result = Conn::new(config.options(with_tls, Some(name))).await;
    }
    result.map_err(|error| not_connected(config, &error))
}

fn not_connected(config: &Config, failed: &mysql_async::Error) -> DriverError {
    let mut error = errors::error(failed);
    if error.kind == DriverErrorKind::Lost {
        error.kind = DriverErrorKind::Connect;
        let can_not = format!("can't connect to {}", config.place());
        error.message = error
            .message
            .replace("the connection to the server broke", &can_not)
            .replace("Input/output error: ", "");
        let distrust = errors::distrust(failed);
        error.hint = Some(match &distrust {
            Some(Distrust::Authority) => "ssl-ca=FILE names the authority to trust; ssl-mode=REQUIRED encrypts without checking who answers",
            Some(Distrust::Name(_)) => "connect by the name that the certificate has; ssl-mode=VERIFY_CA checks only who signed it",
            None => "check that the server runs, and the host, port and ssl-mode in the URL",
        }.to_owned());
        if let Some(distrust) = distrust {
            error.message = distrust.message(config.host());
        }
    }
    error
}
