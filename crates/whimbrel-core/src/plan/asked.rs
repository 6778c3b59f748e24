//! What only a person can say, and what was said.

use super::{Direction, Step};
use crate::history::{Attempt, AttemptState};
use crate::source::DEFAULT_SOURCE;
use crate::version::Version;

/// In the place of a state: the session that a statement needs is gone.
pub(crate) const SESSION_LOST: &str = "whimbrel: its session is gone";
/// In the place of a state: what made that session is to be run again.
pub(crate) const SESSION_AGAIN: &str = "whimbrel: its session is made again";

/// What an attempt that stopped for its lost session was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It did not stop for that.
    Nothing,
    /// Nobody has said anything yet.
    Open,
    /// What made the session is to be run again.
    Again,
}

impl Asked {
    pub(crate) fn of(attempt: &Attempt) -> Self {
        match attempt.state_before.as_deref() {
            Some(SESSION_LOST) if attempt.state == AttemptState::Failed => Self::Open,
            Some(SESSION_AGAIN) if attempt.state == AttemptState::Failed => Self::Again,
            _ => Self::Nothing,
        }
    }
}

/// The commands that end a doubt, as a shell takes them; the second only where it would help.
pub(crate) fn commands<'a>(
    (step, first): (&Step, &str),
    done: &str,
    again: impl Into<Option<&'a str>>,
) -> String {
    let name = name(&step.source, &step.version);
    let direction = match step.direction {
        Direction::Up => "up",
        Direction::Down => "down",
    };
    let mut text = format!(
        "{first}, and run `whimbrel {direction}` again:\n  whimbrel repair {name} --done     # {done}"
    );
    if let Some(again) = again.into() {
        text.push_str(&format!("\n  whimbrel repair {name} --again    # {again}"));
    }
    text
}

/// The command after which a migration begins anew.
pub(crate) fn restart(source: &str, version: &Version) -> String {
    format!("whimbrel repair {} --restart", name(source, version))
}

/// A migration as a shell takes it.
fn name(source: &str, version: &Version) -> String {
    let mut name = version.to_string();
    if source != DEFAULT_SOURCE {
        name = format!("{source}/{name}");
    }
    let plain = |c: char| c.is_alphanumeric() || "-_./+:@".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        name = format!("'{}'", name.replace('\'', "'\\''"));
    }
    name
}
