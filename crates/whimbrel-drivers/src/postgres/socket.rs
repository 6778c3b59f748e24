//! Reaching a server: TCP or a unix socket, with or without TLS.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use whimbrel_core::driver::{DriverError, DriverErrorKind};

use super::config::{Config, Host, SslMode};
use crate::tls::{self, Check};

/// Bytes in and out.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The bytes of the SSLRequest message: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

fn connect_error(message: String) -> DriverError {
    DriverError::new(DriverErrorKind::Connect, message)
}

/// Tries the hosts in turn; gives the first that answers and which one it was.
pub(super) async fn open(config: &Config) -> Result<(Box<dyn Stream>, Host), DriverError> {
    let mut last = connect_error("no host is given".to_owned());
    for host in &config.hosts {
        let attempt = tokio::time::timeout(config.connect_timeout, open_one(config, host));
        match attempt.await {
            Ok(Ok(stream)) => return Ok((stream, host.clone())),
            Ok(Err(error)) => last = error,
            Err(_) => last = timed_out(host, config.connect_timeout),
        }
    }
    Err(last)
}

/// The one host that a connection was made to; for cancel requests.
pub(super) async fn open_one(config: &Config, host: &Host) -> Result<Box<dyn Stream>, DriverError> {
    match host {
        Host::Unix(folder, port) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            let stream = UnixStream::connect(&path).await.map_err(|error| {
                connect_error(format!(
                    "can't connect to the socket {}: {error}",
                    path.display()
                ))
            })?;
            Ok(Box::new(stream))
        }
        Host::Tcp(name, port) => {
            let stream = TcpStream::connect((name.as_str(), *port))
                .await
                .map_err(|error| {
                    connect_error(format!("can't connect to {name}:{port}: {error}"))
                        .with_hint("check that the server runs, and the host and port in the URL")
                })?;
            // Every message that matters is sent whole; waiting for more only costs time.
            let _ = stream.set_nodelay(true);
            secure(config, name, stream).await
        }
    }
}

fn timed_out(host: &Host, limit: Duration) -> DriverError {
    let name = match host {
        Host::Tcp(name, port) => format!("{name}:{port}"),
        Host::Unix(path, _) => path.display().to_string(),
    };
    connect_error(format!(
        "{name} did not answer within {} s",
        limit.as_secs()
    ))
    .with_hint("check the host and port in the URL, and firewalls between")
}

async fn secure(
    config: &Config,
    name: &str,
    mut stream: TcpStream,
) -> Result<Box<dyn Stream>, DriverError> {
    let check = match config.ssl_mode {
        SslMode::Disable => return Ok(Box::new(stream)),
        // As libpq does: an authority that is named is also asked.
        SslMode::Require if config.ssl_root_cert.is_some() => Check::Authority,
        SslMode::Prefer | SslMode::Require => Check::Nothing,
        SslMode::VerifyCa => Check::Authority,
        SslMode::VerifyFull => Check::AuthorityAndName,
    };
    let broken =
        |error: std::io::Error| connect_error(format!("{name} broke the connection off: {error}"));
    stream.write_all(&SSL_REQUEST).await.map_err(broken)?;
    match stream.read_u8().await.map_err(broken)? {
        b'S' => {}
        _ if config.ssl_mode == SslMode::Prefer => return Ok(Box::new(stream)),
        _ => {
            return Err(connect_error(format!(
                "{name} offers no TLS, but the URL's sslmode asks for it"
            ))
            .with_hint("turn TLS on in the server, or say sslmode=prefer or disable"));
        }
    }
    let settings = tls::client(check, config.ssl_root_cert.as_deref())
        .map_err(|error| connect_error(error.to_string()))?;
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| connect_error(format!("{name} is no host name that TLS can check")))?;
    let secured = TlsConnector::from(Arc::clone(&settings))
        .connect(server, stream)
        .await
        .map_err(|error| {
            let (message, hint) = tls::explain(&error, name);
            let error = connect_error(message);
            match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        })?;
    Ok(Box::new(secured))
}
