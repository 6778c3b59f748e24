//! A line to the server that loses answers, refuses requests, or holds them up for a while.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Copy, Debug)]
pub enum Fate {
    /// It is answered.
    Pass,
    /// The server does it, and its answer is lost.
    LoseAnswer,
    /// It is under way until [`Line::release`].
    Hold,
    /// It is answered with a status before it comes to the server.
    Refuse(u16),
}

/// Decides by the request's body.
type Rule = Box<dyn FnMut(&str) -> Fate + Send>;

/// The line.
#[derive(Debug)]
pub struct Line {
    /// The database's URL over this line.
    pub url: String,
    /// Bodies of the requests that came.
    pub requests: Texts,
    /// Bodies of the server's answers.
    pub answers: Texts,
    open: Gate,
}

/// Opens once.
type Gate = Arc<(Mutex<bool>, Condvar)>;

/// Texts that are still being added to.
pub type Texts = Arc<Mutex<Vec<String>>>;

fn add(texts: &Texts, text: String) {
    texts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(text);
}

impl Line {
    pub(super) fn new(server: u16, url: &str, rule: Rule) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = listener.local_addr().expect("its address").port();
        let line = Self {
            url: url.replace(&format!(":{server}/"), &format!(":{own}/")),
            requests: Texts::default(),
            answers: Texts::default(),
            open: Gate::default(),
        };
        let inside = Inside {
            server,
            requests: Arc::clone(&line.requests),
            answers: Arc::clone(&line.answers),
            open: Arc::clone(&line.open),
        };
        let rule = Arc::new(Mutex::new(rule));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (inside, rule) = (inside.clone(), Arc::clone(&rule));
                // A client that goes away is part of what is tested.
                std::thread::spawn(move || inside.carry(client, &rule).ok());
            }
        });
        line
    }

    /// Lets go of what is held.
    pub fn release(&self) {
        *self.open.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.open.1.notify_all();
    }

    /// Waits for an answer of the server that holds a text.
    ///
    /// # Panics
    /// It does not come.
    pub fn wait_for_answer(&self, text: &str) {
        let started = std::time::Instant::now();
        let came = || {
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.iter().any(|answer| answer.contains(text))
        };
        while !came() {
            let waited = started.elapsed();
            assert!(waited < Duration::from_secs(30), "no answer holds {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[derive(Clone)]
struct Inside {
    server: u16,
    requests: Texts,
    answers: Texts,
    open: Gate,
}

impl Inside {
    fn carry(&self, mut client: TcpStream, rule: &Mutex<Rule>) -> std::io::Result<()> {
        let (head, body) = message(&mut client)?;
        add(&self.requests, body.clone());
        let fate = rule.lock().unwrap_or_else(PoisonError::into_inner)(&body);
        if let Fate::Refuse(status) = fate {
            let text = format!(
                "HTTP/1.1 {status} No\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            return client.write_all(text.as_bytes());
        }
        if matches!(fate, Fate::Hold) {
            let closed = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
            drop(self.open.1.wait_while(closed, |open| !*open));
        }
        let mut inner = TcpStream::connect(("127.0.0.1", self.server))?;
        inner.write_all(head.as_bytes())?;
        inner.write_all(body.as_bytes())?;
        let (head, body) = message(&mut inner)?;
        add(&self.answers, body.clone());
        // One request for each connection, so that each meets its fate.
        let answer = head.replacen("\r\n", "\r\nConnection: close\r\n", 1) + &body;
        match fate {
            Fate::Pass | Fate::Hold => client.write_all(answer.as_bytes()),
            _ => Ok(()),
        }
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
                .map_or(0, |(_, value)| value.trim().parse().expect("a length"));
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
