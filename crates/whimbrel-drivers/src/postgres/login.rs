//! The beginning of a connection: who we are, and the proof of it.

use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::backend::Message;
use postgres_protocol::message::frontend;
use whimbrel_core::driver::{DriverError, DriverErrorKind};

use super::binding::{self, Binding};
use super::config::Config;
use super::connection::Connection;
use super::errors;

impl Connection {
    pub(super) async fn start(
        &mut self,
        config: &Config,
        binding: Option<Vec<u8>>,
    ) -> Result<(), DriverError> {
        let mut parameters = vec![
            ("user", config.user.as_str()),
            ("database", &config.database),
            ("application_name", &config.application_name),
            ("client_encoding", "UTF8"),
        ];
        if let Some(options) = &config.options {
            parameters.push(("options", options));
        }
        frontend::startup_message(parameters, &mut self.output).map_err(|e| errors::lost(&e))?;
        self.flush().await?;
        self.authenticate(config, binding).await?;
        loop {
            match self.message().await? {
                Message::BackendKeyData(body) => self.key = (body.process_id(), body.secret_key()),
                Message::ParameterStatus(body)
                    if body.name().is_ok_and(|name| name == "server_version") =>
                {
                    body.value()
                        .unwrap_or_default()
                        .clone_into(&mut self.version);
                }
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(errors::error(&body)),
                _ => {}
            }
        }
    }

    async fn authenticate(
        &mut self,
        config: &Config,
        mut hash: Option<Vec<u8>>,
    ) -> Result<(), DriverError> {
        let mut unbound = config.channel_binding == Binding::Require;
        let password = || {
            config.password.as_deref().ok_or_else(|| {
                DriverError::new(DriverErrorKind::Refused, format!("the server wants a password for {}", config.user))
                    .with_hint("put it into the URL, or into the settings: password, password_file or password_env")
            })
        };
        loop {
            match self.message().await? {
                Message::AuthenticationOk
                | Message::AuthenticationCleartextPassword
                | Message::AuthenticationMd5Password(_)
                    if unbound =>
                {
                    return Err(binding::missing("the server does not ask for SCRAM"));
                }
                Message::AuthenticationOk => return Ok(()),
                Message::AuthenticationCleartextPassword => {
                    self.send_password(password()?.as_bytes()).await?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash =
                        md5_hash(config.user.as_bytes(), password()?.as_bytes(), body.salt());
                    self.send_password(hash.as_bytes()).await?;
                }
                Message::AuthenticationSasl(body) => {
                    let offers: Vec<String> = body
                        .mechanisms()
                        .map(|name| Ok(name.to_owned()))
                        .collect()
                        .unwrap_or_default();
                    let how = binding::choose(config.channel_binding, hash.take(), &offers)?;
                    unbound = false;
                    self.scram(password()?, how).await?;
                }
                Message::ErrorResponse(body) => return Err(errors::not_let_in(&body)),
                Message::AuthenticationGss
                | Message::AuthenticationSspi
                | Message::AuthenticationKerberosV5 => {
                    return Err(unsupported("Kerberos, GSSAPI or SSPI"));
                }
                _ => {}
            }
        }
    }

    async fn send_password(&mut self, password: &[u8]) -> Result<(), DriverError> {
        frontend::password_message(password, &mut self.output).map_err(|e| errors::lost(&e))?;
        self.flush().await
    }

    async fn scram(
        &mut self,
        password: &str,
        (mechanism, binding): (&str, sasl::ChannelBinding),
    ) -> Result<(), DriverError> {
        let refused = |error: io::Error| {
            DriverError::new(DriverErrorKind::Refused, format!("SCRAM failed: {error}"))
        };
        let mut scram = sasl::ScramSha256::new(password.as_bytes(), binding);
        frontend::sasl_initial_response(mechanism, scram.message(), &mut self.output)
            .map_err(refused)?;
        self.flush().await?;
        loop {
            match self.message().await? {
                Message::AuthenticationSaslContinue(body) => {
                    scram.update(body.data()).map_err(refused)?;
                    frontend::sasl_response(scram.message(), &mut self.output).map_err(refused)?;
                    self.flush().await?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    return scram.finish(body.data()).map_err(refused);
                }
                Message::ErrorResponse(body) => return Err(errors::not_let_in(&body)),
                _ => {}
            }
        }
    }
}

fn unsupported(what: &str) -> DriverError {
    DriverError::new(
        DriverErrorKind::Unsupported,
        format!("the server asks for {what}, which is not supported"),
    )
}
