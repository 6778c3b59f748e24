//! What only a person can say, and what was said.

use super::{Direction, Step};
use crate::history::{Attempt, AttemptState};
use crate::source::DEFAULT_SOURCE;

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
    let mut name = step.version.to_string();
    if step.source != DEFAULT_SOURCE {
        name = format!("{}/{name}", step.source);
    }
    let plain = |c: char| c.is_alphanumeric() || "-_./+:@".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
        name = format!("'{}'", name.replace('\'', "'\\''"));
    }
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
