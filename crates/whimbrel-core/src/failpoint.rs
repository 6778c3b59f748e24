//! Places where a test can make this process die or stand still. Only in builds with the feature
//! `failpoints`, which releases don't have; elsewhere [`reach`] is nothing.
//!
//! Drivers call it wherever control passes between them and the database. The variable
//! `WHIMBREL_FAILPOINT` says at which call (from 1) something happens: `17` kills the process as
//! `kill -9` does, `17:wait:FILE` creates the file and goes on once it has been removed, `count:FILE`
//! writes the number of calls so far.

/// A place where control passes between the program and a database.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
#[allow(clippy::inline_always, reason = "nothing is left of it")]
pub fn reach() {}

#[cfg(feature = "failpoints")]
pub use on::reach;

#[cfg(feature = "failpoints")]
mod on {
    use std::path::Path;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    enum Wanted {
        Kill(u64),
        Wait(u64, String),
        Count(String),
    }

    static REACHED: AtomicU64 = AtomicU64::new(0);
    static WANTED: LazyLock<Option<Wanted>> = LazyLock::new(|| {
        let text = std::env::var("WHIMBREL_FAILPOINT").ok()?;
        if let Some(file) = text.strip_prefix("count:") {
            return Some(Wanted::Count(file.to_owned()));
        }
        match text.split_once(":wait:") {
            Some((number, file)) => Some(Wanted::Wait(number.parse().ok()?, file.to_owned())),
            None => text.parse().ok().map(Wanted::Kill),
        }
    });

    /// A place where control passes between the program and a database.
    pub fn reach() {
        let Some(wanted) = &*WANTED else { return };
        let here = REACHED.fetch_add(1, Ordering::SeqCst) + 1;
        match wanted {
            Wanted::Kill(at) if *at == here => die(),
            Wanted::Wait(at, file) if *at == here => wait(Path::new(file)),
            Wanted::Count(file) => {
                let _ = std::fs::write(file, here.to_string());
            }
            _ => {}
        }
    }

    /// As `kill -9` does it: nothing is flushed, closed or told to anybody.
    fn die() {
        let _ = std::process::Command::new("kill")
            .args(["-9", &std::process::id().to_string()])
            .status();
        std::process::abort();
    }

    fn wait(file: &Path) {
        let _ = std::fs::write(file, b"");
        while file.exists() {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
