//! What is looked at to know what became of a statement.

/// What a statement changes, as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// A text that is another one once the statement has done its work. Where it is the same, the
    /// statement did not happen, or may happen again without harm; unless it begins with
    /// [`Observation::UNSURE`].
    pub state: String,
    /// A statement that removes what an attempt left half-made, to be run before it is made anew.
    pub remains: Option<String>,
}

impl Observation {
    /// Begins a state that the statement may leave as it is, though it has done its work.
    pub const UNSURE: &str = "unsure:";

    /// True if the same state as before says nothing.
    pub fn is_unsure(&self) -> bool {
        self.state.starts_with(Self::UNSURE)
    }
}
