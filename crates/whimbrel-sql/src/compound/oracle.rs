//! The bodies of MariaDB's `sql_mode = ORACLE`. They are told by their form, which nothing else has.

use super::{Block, Compound, Previous, Routine, is, one_of};

/// What only such bodies have.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    /// A function's type is being named, up to AS or IS.
    pub(super) returns: bool,
    /// A function or procedure among declarations, whose body AS or IS begins.
    pub(super) subprogram: bool,
    /// `<<name>>` is open.
    label: bool,
}

impl Compound {
    /// AS or IS and the declarations behind it, the BEGIN that ends them, subprograms among them, and
    /// the LOOP of a WHILE or FOR. False for any other word.
    pub(super) fn oracle(&mut self, word: &str, at_start: bool) -> bool {
        let declaring = self.blocks.last() == Some(&Block::Declarations);
        if one_of(word, &["as", "is"]) && self.begins_declarations() {
            self.declares();
        } else if is(word, "begin") && at_start && declaring {
            self.blocks.pop();
            self.open(Block::Statements);
            self.previous = Previous::Opens;
        } else if one_of(word, &["function", "procedure"]) && at_start && declaring {
            self.oracle.subprogram = true;
        } else if is(word, "declare") && at_start && self.blocks.is_empty() {
            self.declares();
        } else if is(word, "loop") && !at_start && !self.blocks.is_empty() && !self.in_expression()
        {
            self.previous = Previous::Opens;
        } else {
            return false;
        }
        true
    }

    /// In other modes an AS or IS here is a part of a body that is a single statement.
    fn begins_declarations(&self) -> bool {
        let routine = matches!(self.routine, Some(Routine::Function | Routine::Package));
        let head = self.blocks.is_empty() && !self.body_started && routine;
        self.parentheses == 0 && (head || self.oracle.subprogram)
    }

    pub(super) fn declares(&mut self) {
        self.oracle.subprogram = false;
        self.open(Block::Declarations);
        self.previous = Previous::Declares;
    }

    /// What follows AS is the text of a routine in another language.
    pub(super) fn declares_nothing(&mut self) {
        self.blocks.pop();
        self.previous = Previous::Other;
    }

    /// True for the signs of a label in front of a statement.
    pub(super) fn label_sign(&mut self, sign: &str) -> bool {
        let starts = self.at_statement_start(self.previous) && !self.blocks.is_empty();
        self.oracle.label |= starts && sign.starts_with('<');
        let closes = self.oracle.label && sign.starts_with('>');
        self.oracle.label &= !closes || self.previous != Previous::Opens;
        closes
    }
}
