//! Reaching a server: TCP or a unix socket, with or without TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;
use whimbrel_core::driver::{DriverError, DriverErrorKind};

use super::binding;
use super::config::{Config, Host, SslMode};
use super::supabase;
use crate::distrust::Distrust;
use crate::tls::{self, Check};

/// Bytes in and out.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection that nobody has logged in on.
pub(super) struct Opened {
    pub(super) stream: Box<dyn Stream>,
    /// What ties a login to it.
    pub(super) binding: Option<Vec<u8>>,
}

impl Opened {
    fn plain(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            binding: None,
        }
    }
}

/// The bytes of the SSLRequest message: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

fn connect_error(message: String) -> DriverError {
    DriverError::new(DriverErrorKind::Connect, message)
}

/// Tries the hosts in turn; gives the first that answers and which one it was.
pub(super) async fn open(config: &Config) -> Result<(Opened, Host), DriverError> {
    let mut last = connect_error("no host is given".to_owned());
    for host in &config.hosts {
        let attempt = tokio::time::timeout(config.connect_timeout, open_one(config, host));
        match attempt.await {
            Ok(Ok(opened)) => return Ok((opened, host.clone())),
            Ok(Err(error)) => last = error,
            Err(_) => last = timed_out(host, config.connect_timeout),
        }
    }
    Err(last)
}

/// The one host that a connection was made to; for cancel requests.
pub(super) async fn open_one(config: &Config, host: &Host) -> Result<Opened, DriverError> {
    match host {
        Host::Unix(folder, port) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            let stream = UnixStream::connect(&path).await.map_err(|error| {
                connect_error(format!(
                    "can't connect to the socket {}: {error}",
                    path.display()
                ))
            })?;
            Ok(Opened::plain(stream))
        }
        Host::Tcp {
            name,
            address,
            port,
        } => {
            let stream = reach(name, *address, *port).await?;
            // Every message that matters is sent whole; waiting for more only costs time.
            let _ = stream.set_nodelay(true);
            secure(config, name, stream).await
        }
    }
}

async fn reach(name: &str, address: Option<IpAddr>, port: u16) -> Result<TcpStream, DriverError> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let result = match address {
        Some(address) => {
            addresses.push((address, port).into());
            Ok(())
        }
        None => lookup_host((name, port))
            .await
            .map(|found| addresses.extend(found)),
    };
    let result = match result {
        Ok(()) => TcpStream::connect(addresses.as_slice()).await,
        Err(error) => Err(error),
    };
    result.map_err(|error| {
        let tried: Vec<_> = addresses.iter().map(SocketAddr::ip).collect();
        let hint = supabase::unreachable(name, &tried).unwrap_or_else(|| {
            "check that the server runs, and the host and port in the URL".to_owned()
        });
        connect_error(format!("can't connect to {name}:{port}: {error}")).with_hint(hint)
    })
}

fn timed_out(host: &Host, limit: Duration) -> DriverError {
    let (name, hint) = match host {
        Host::Tcp { name, port, .. } => {
            (format!("{name}:{port}"), supabase::unreachable(name, &[]))
        }
        Host::Unix(path, _) => (path.display().to_string(), None),
    };
    let hint = hint
        .unwrap_or_else(|| "check the host and port in the URL, and firewalls between".to_owned());
    connect_error(format!(
        "{name} did not answer within {} s",
        limit.as_secs()
    ))
    .with_hint(hint)
}

async fn secure(config: &Config, name: &str, mut stream: TcpStream) -> Result<Opened, DriverError> {
    let check = match config.ssl_mode {
        SslMode::Disable => return Ok(Opened::plain(stream)),
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
        _ if config.ssl_mode == SslMode::Prefer => return Ok(Opened::plain(stream)),
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
            let Some(distrust) = Distrust::of(&error) else {
                return connect_error(format!("TLS with {name} failed: {error}"));
            };
            let own = supabase::authority(name).filter(|_| config.ssl_root_cert.is_none());
            let hint = match (&distrust, own) {
                (Distrust::Authority, Some(own)) => own,
                (Distrust::Authority, None) => "sslrootcert=FILE names the authority to trust; sslmode=require without it encrypts without checking who answers".to_owned(),
                (Distrust::Name(_), _) => "connect by the name that the certificate has; sslmode=verify-ca checks only who signed it".to_owned(),
            };
            connect_error(distrust.message(name)).with_hint(hint)
        })?;
    let certificates = secured.get_ref().1.peer_certificates();
    let own = certificates.and_then(<[_]>::first);
    Ok(Opened {
        binding: own.and_then(|own| binding::of_certificate(own)),
        stream: Box::new(secured),
    })
}
