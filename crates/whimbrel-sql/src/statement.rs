//! What a script consists of.

use std::num::NonZeroU32;
use std::ops::Range;

use crate::Facts;

/// A statement. Small, since a script of data has millions of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    span: Span,
    data: Option<Span>,
    /// What can be said of it.
    pub facts: Facts,
}

/// The longest script, in bytes; places in it are kept in four bytes each.
pub(crate) const LONGEST: usize = u32::MAX as usize;

/// A place in a script that does not end at its very beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: NonZeroU32,
}

impl Span {
    /// None if it is empty at the beginning of a script, or lies beyond the longest.
    fn of(range: &Range<usize>) -> Option<Self> {
        Some(Self {
            start: u32::try_from(range.start).ok()?,
            end: u32::try_from(range.end).ok().and_then(NonZeroU32::new)?,
        })
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end.get() as usize
    }
}

impl Statement {
    pub(crate) fn new(span: &Range<usize>, facts: Facts) -> Option<Self> {
        let span = Span::of(span)?;
        Some(Self {
            span,
            data: None,
            facts,
        })
    }

    pub(crate) fn with_data(mut self, data: &Range<usize>) -> Self {
        self.data = Span::of(data);
        self
    }

    /// The same one so many bytes further on, in a script that has more before it; none beyond the
    /// longest script.
    #[must_use]
    pub fn moved(&self, by: usize) -> Option<Self> {
        let further = |range: Range<usize>| Span::of(&(range.start + by..range.end + by));
        Some(Self {
            span: further(self.span())?,
            data: match self.data() {
                Some(data) => Some(further(data)?),
                None => None,
            },
            facts: self.facts.clone(),
        })
    }

    /// Its bytes, from its first token to its last, without terminator.
    pub fn span(&self) -> Range<usize> {
        self.span.range()
    }

    /// The data lines of a COPY ... FROM STDIN, without the line `\.`.
    pub fn data(&self) -> Option<Range<usize>> {
        self.data.map(Span::range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_small() {
        assert!(size_of::<Statement>() <= 32);
    }
}
