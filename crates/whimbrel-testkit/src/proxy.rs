//! A TCP proxy that breaks a connection at one chosen message.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What happens to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not passed on; both connections end.
    Cut,
    /// Half of it is passed on; then both connections end.
    Half,
    /// It is passed on late.
    Delay,
    /// Half of it is passed on; then nothing more comes through, and no connection ends.
    Stall,
}

/// How late a delayed message comes: longer than a message usually takes, shorter than any limit.
const DELAY: Duration = Duration::from_millis(200);

/// Passes connections on to a port of the loopback address.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    seen: Arc<AtomicU64>,
}

impl Proxy {
    /// Starts one; message `at` (from 1, in either direction, over all connections) meets `fault`.
    ///
    /// # Panics
    /// There is no free port.
    pub fn start(target: u16, at: u64, fault: Fault) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let seen = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&seen);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else {
                    continue;
                };
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
                        continue;
                    };
                    let count = Arc::clone(&count);
                    std::thread::spawn(move || pass(from, to, &count, at, fault));
                }
            }
        });
        Self { port, seen }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Messages seen so far.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64, at: u64, fault: Fault) {
    let mut buffer = vec![0; 256 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let here = count.fetch_add(1, Ordering::SeqCst) + 1;
        if fault == Fault::Stall && here > at {
            stand_still();
        }
        let message = &buffer[..length];
        let passed = match fault {
            _ if here != at => to.write_all(message),
            Fault::Cut => break,
            Fault::Stall => {
                let _ = to.write_all(&message[..length / 2]);
                stand_still();
            }
            Fault::Half => {
                let _ = to.write_all(&message[..length / 2]);
                break;
            }
            Fault::Delay => {
                std::thread::sleep(DELAY);
                to.write_all(message)
            }
        };
        if passed.is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// As long as the test lives; the sockets stay open.
fn stand_still() -> ! {
    loop {
        std::thread::park();
    }
}
