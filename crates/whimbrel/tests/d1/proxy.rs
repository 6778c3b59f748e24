//! A line to the server that loses answers, refuses requests, or is down for a while.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// It is answered.
    Pass,
    /// The server does it, and its answer is lost.
    LoseAnswer,
    /// It is answered with a status before it comes to the server.
    Refuse(u16),
}

/// Decides by the request's body.
type Rule = Box<dyn FnMut(&str) -> Fate + Send>;

/// The line; it gives the URL to use in place of the server's.
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// Bodies of the requests that came.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn to(
        server: u16,
        url: &str,
        rule: impl FnMut(&str) -> Fate + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let list = Arc::clone(&seen);
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(rule)));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (list, rule) = (Arc::clone(&list), Arc::clone(&rule));
                std::thread::spawn(move || {
                    // A client that goes away is part of what is tested.
                    let _ = carry(client?, server, &list, &rule);
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        Self {
            url: url.replace(&format!(":{server}/"), &format!(":{own}/")),
            seen,
        }
    }
}

fn carry(
    mut client: TcpStream,
    server: u16,
    seen: &Mutex<Vec<String>>,
    rule: &Mutex<Rule>,
) -> std::io::Result<()> {
    let (head, body) = message(&mut client)?;
    seen.lock().unwrap().push(body.clone());
    let fate = rule.lock().unwrap()(&body);
    if let Fate::Refuse(status) = fate {
        let text = format!(
            "HTTP/1.1 {status} No\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        return client.write_all(text.as_bytes());
    }
    let mut inner = TcpStream::connect(("127.0.0.1", server))?;
    inner.write_all(head.as_bytes())?;
    inner.write_all(body.as_bytes())?;
    let (head, body) = message(&mut inner)?;
    let answer = head.replacen("\r\n", "\r\nConnection: close\r\n", 1) + &body;
    match fate {
        Fate::Pass => client.write_all(answer.as_bytes()),
        _ => Ok(()),
    }
}

/// The head of a request or an answer, and its body.
fn message(client: &mut TcpStream) -> std::io::Result<(String, String)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(key, _)| key.eq_ignore_ascii_case("content-length"))
                .map_or(0, |(_, value)| value.trim().parse().unwrap());
            if body.len() >= length {
                return Ok((format!("{head}\r\n\r\n"), body.to_owned()));
            }
        }
        let read = client.read(&mut piece)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..read]);
    }
}
