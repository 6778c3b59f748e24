//! Ctrl-C and SIGTERM.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::signal::unix::{Signal, SignalKind, signal};
use whimbrel::CancellationToken;

use crate::exit;

/// The first signal cancels the run, which then rolls back and unlocks; a second one ends the
/// process at once.
pub(super) fn cancel() -> CancellationToken {
    let token = CancellationToken::new();
    // Where signals can't be had, they end the process, which is safe as well. They are listened to
    // before the first one counts.
    if let (Ok(interrupt), Ok(terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) && end_at_second().is_ok()
    {
        tokio::spawn(cancel_at_first(interrupt, terminate, token.clone()));
    }
    token
}

/// The handler itself ends the process: it does so however busy the rest is, and two signals that
/// come in one instant are two.
fn end_at_second() -> io::Result<()> {
    let told = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order, so that the first one is not its own second.
        flag::register_conditional_shutdown(signal, exit::CANCELLED.into(), Arc::clone(&told))?;
        flag::register(signal, Arc::clone(&told))?;
    }
    Ok(())
}

async fn cancel_at_first(mut interrupt: Signal, mut terminate: Signal, token: CancellationToken) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    token.cancel();
}
