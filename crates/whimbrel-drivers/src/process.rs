//! Whether the process that holds a lock still lives.
//!
//! There is no server with connections to ask. On Linux a process is named by the machine's boot, the namespace of
//! its number, the number, and when it was started (proc(5)), so that neither another machine on a
//! shared disk nor a number that came again is taken for it. Elsewhere the lease alone counts.

use std::fs;

use crate::history_sql::{Claim, Flavor};

/// What we take the lock with, where a process of this name may have it.
pub(crate) fn claim(flavor: &dyn Flavor, holder: Option<&str>) -> Claim {
    let gone = holder.filter(|holder| is_gone(holder));
    Claim {
        connection: own().map(|name| flavor.literal(&name)),
        gone: gone.map(|name| format!("connection = {}", flavor.literal(name))),
    }
}

/// This process's name; none where it can't be told.
fn own() -> Option<String> {
    name(std::process::id())
}

/// True if the name is of this boot and this namespace, and no such process is there.
fn is_gone(holder: &str) -> bool {
    let Some(place) = place() else { return false };
    let Some(rest) = holder.strip_prefix(&place) else {
        return false;
    };
    let pid = rest
        .split_whitespace()
        .next()
        .and_then(|pid| pid.parse().ok());
    pid.is_some_and(|pid| name(pid).as_deref() != Some(holder))
}

fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {} ", boot.trim(), namespace.display()))
}

fn name(pid: u32) -> Option<String> {
    const STARTED: usize = 19;
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name stands in parentheses and may hold anything; the 22nd field of all is the
    // time of start.
    let (_, fields) = status.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let zombie = fields.clone().next() == Some("Z");
    let started = fields.nth(STARTED)?;
    (!zombie).then(|| Some(format!("{}{pid} {started}", place()?)))?
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_there_until_it_is_not() {
        let me = own().unwrap();
        assert!(!is_gone(&me), "{me}");
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let other = name(child.id()).unwrap();
        assert!(!is_gone(&other), "{other}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&other), "{other}");
        let elsewhere = other.replacen(|c: char| c.is_ascii_hexdigit(), "x", 1);
        assert!(!is_gone(&elsewhere), "{elsewhere}");
        // The number came again.
        let reborn = format!("{me}9");
        assert!(is_gone(&reborn), "{reborn}");
    }
}
