//! Bodies whose semicolons do not end the statement.

mod oracle;

use self::oracle::Oracle;
use crate::{Dialect, TokenKind};

/// Follows the tokens of one statement and knows whether a semicolon ends it.
#[derive(Debug, Default)]
pub(crate) struct Compound {
    /// Words seen, up to a few: what kind of statement it is.
    words: u32,
    create: bool,
    /// What may have a body, once it is known.
    routine: Option<Routine>,
    parentheses: i32,
    blocks: Vec<Block>,
    /// Where a body without BEGIN could start has been passed (MySQL).
    body_possible: bool,
    body_started: bool,
    /// The type that a function returns is being named; it may be of several words (MySQL).
    returns: bool,
    /// The conditions of a DECLARE ... HANDLER are being named; its statement follows (MySQL).
    handler: bool,
    /// A REPEAT's condition, which no semicolon ends, is open (MySQL).
    until: bool,
    oracle: Oracle,
    previous: Previous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Routine {
    Function,
    Trigger,
    Event,
    Package,
    /// MariaDB's BEGIN NOT ATOMIC; with `sql_mode = ORACLE` a BEGIN or DECLARE by itself.
    Anonymous,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    /// BEGIN, IF, LOOP, a CASE statement: statements are inside.
    Statements,
    /// A CASE expression.
    Expression,
    /// What stands between AS and BEGIN (MariaDB with `sql_mode = ORACLE`).
    Declarations,
}

/// The significant token before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Previous {
    #[default]
    None,
    Semicolon,
    Dot,
    Colon,
    Begin,
    End,
    /// THEN, ELSE, DO, LOOP, REPEAT, ROW: a statement may follow.
    Opens,
    /// FOR or a comma in a handler: a condition's name may follow.
    Condition,
    /// AS or IS in front of declarations.
    Declares,
    Other,
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

fn one_of(word: &str, keywords: &[&str]) -> bool {
    keywords.iter().any(|keyword| is(word, keyword))
}

impl Compound {
    /// True if a semicolon here ends the statement.
    pub(crate) fn may_end(&self) -> bool {
        self.blocks.is_empty() && self.parentheses <= 0
    }

    /// True if a body is open.
    pub(crate) fn is_open(&self) -> bool {
        !self.blocks.is_empty()
    }

    /// Takes the next token.
    #[inline]
    pub(crate) fn token(&mut self, kind: TokenKind, text: &str, dialect: Dialect) {
        match kind {
            kind if kind.is_trivia() => return,
            TokenKind::Word if self.words > 1 && !self.create && self.routine.is_none() => {}
            TokenKind::Word => self.word(text, dialect),
            _ if self.previous == Previous::Declares => self.declares_nothing(),
            TokenKind::Semicolon => {
                self.previous = Previous::Semicolon;
                self.handler = false;
                self.oracle.subprogram = false;
            }
            TokenKind::Punctuation => {
                match text {
                    "(" => self.parentheses += 1,
                    ")" => {
                        self.parentheses -= 1;
                        if self.parentheses == 0 && self.routine == Some(Routine::Function) {
                            self.body_possible = true;
                        }
                    }
                    _ => {}
                }
                self.previous = match text {
                    _ if self.label_sign(text) => Previous::Opens,
                    "." => Previous::Dot,
                    ":" => Previous::Colon,
                    "," if self.handler => Previous::Condition,
                    _ => Previous::Other,
                };
            }
            _ => self.previous = Previous::Other,
        }
        self.words += u32::from(self.words < 1000);
    }

    fn word(&mut self, word: &str, dialect: Dialect) {
        let before = std::mem::replace(&mut self.previous, Previous::Other);
        if before == Previous::Dot {
            return;
        }
        if self.words == 0 {
            self.create = is(word, "create");
            if is(word, "begin") {
                self.previous = Previous::Begin;
            } else if dialect == Dialect::Mysql && is(word, "declare") {
                self.routine = Some(Routine::Anonymous);
                self.declares();
            }
            return;
        }
        if dialect == Dialect::Mysql
            && self.words == 1
            && before == Previous::Begin
            && !is(word, "work")
        {
            self.routine = Some(Routine::Anonymous);
            self.open(Block::Statements);
            if !is(word, "not") {
                self.mysql(word, before);
            }
            return;
        }
        if !self.create && self.routine.is_none() {
            return;
        }
        // CREATE OR REPLACE DEFINER = `a`@`b` SQL SECURITY ... PROCEDURE: within the first words.
        if self.routine.is_none() {
            if self.words <= 16 && self.parentheses == 0 {
                self.routine = routine(word, dialect);
                // Behind these words such a word is a name.
                self.create &= !one_of(word, &["view", "table", "index"]);
            }
            return;
        }
        match dialect {
            Dialect::Postgres => self.postgres(word, before),
            Dialect::Sqlite => self.sqlite(word, before),
            Dialect::Mysql => self.mysql(word, before),
        }
    }

    /// `BEGIN ATOMIC ... END` with CASE ... END inside.
    fn postgres(&mut self, word: &str, before: Previous) {
        if is(word, "begin") {
            self.previous = Previous::Begin;
        } else if is(word, "atomic")
            && before == Previous::Begin
            && self.routine == Some(Routine::Function)
        {
            self.blocks.push(Block::Statements);
        } else if !self.blocks.is_empty() {
            if is(word, "case") {
                self.blocks.push(Block::Expression);
            } else if is(word, "end") {
                self.blocks.pop();
            }
        }
    }

    /// A trigger's body: each statement in it ends with a semicolon, so its END follows one. A
    /// CASE has no semicolon inside, and `end` elsewhere is a name.
    fn sqlite(&mut self, word: &str, before: Previous) {
        if self.routine != Some(Routine::Trigger) {
            return;
        }
        if self.blocks.is_empty() {
            if is(word, "begin") && self.parentheses == 0 && !self.body_started {
                self.blocks.push(Block::Statements);
                self.body_started = true;
            }
        } else if is(word, "end") && before == Previous::Semicolon {
            self.blocks.pop();
        }
    }

    fn mysql(&mut self, word: &str, before: Previous) {
        if before == Previous::End
            && one_of(word, &["if", "case", "loop", "while", "repeat", "for"])
        {
            return;
        }
        if before == Previous::Declares && word.starts_with('$') {
            self.declares_nothing();
            return;
        }
        let at_start = self.at_statement_start(before) || self.handler_statement(word, before);
        // Elsewhere `end` is a name.
        if is(word, "end") && (at_start || self.until || self.in_expression()) {
            self.until &= self.in_expression();
            self.blocks.pop();
            self.previous = Previous::End;
            return;
        }
        if self.oracle(word, at_start) {
            return;
        }
        if is(word, "case") {
            let block = if at_start {
                Block::Statements
            } else {
                Block::Expression
            };
            self.open(block);
        } else if is(word, "begin") && (at_start || self.blocks.is_empty()) {
            self.open(Block::Statements);
            self.previous = Previous::Opens;
        } else if at_start && one_of(word, &["if", "while"]) {
            self.open(Block::Statements);
        } else if at_start && one_of(word, &["loop", "repeat"]) {
            self.open(Block::Statements);
            self.previous = Previous::Opens;
        } else if at_start && is(word, "for") {
            self.open(Block::Statements);
        } else if is(word, "handler") && !self.blocks.is_empty() {
            self.handler = true;
        } else if is(word, "for") && self.handler {
            self.previous = Previous::Condition;
        } else if at_start && is(word, "until") {
            self.until = true;
        } else if one_of(word, &["then", "else", "do"]) && !self.in_expression() {
            self.previous = Previous::Opens;
            self.body_possible |= is(word, "do");
        } else if is(word, "row") && self.routine == Some(Routine::Trigger) {
            self.body_possible = true;
        } else if self.blocks.is_empty() && self.body_possible {
            self.header(word);
        }
    }

    /// A word behind the parameters, or behind whatever else the statement's head ends with.
    fn header(&mut self, word: &str) {
        // A RETURN that no RETURNS stands before names the type, with `sql_mode = ORACLE`.
        let names_type = self.routine == Some(Routine::Function) && is(word, "return");
        self.oracle.returns |= names_type && !self.returns && !self.body_started;
        self.returns |= is(word, "returns");
        if self.oracle.returns {
            return;
        }
        let head = header_word(word) || self.returns && !is(word, "return");
        self.body_started |= !head;
    }

    /// True if a handler's statement begins with this word. Takes the handler for done at the first
    /// word that is none of its conditions.
    fn handler_statement(&mut self, word: &str, before: Previous) -> bool {
        const CONDITIONS: [&str; 7] = [
            "for",
            "not",
            "found",
            "sqlexception",
            "sqlwarning",
            "sqlstate",
            "value",
        ];
        let named = before == Previous::Condition || one_of(word, &CONDITIONS);
        let begins = self.handler && !named;
        self.handler &= named;
        begins
    }

    fn in_expression(&self) -> bool {
        self.blocks.last() == Some(&Block::Expression)
    }

    fn open(&mut self, block: Block) {
        self.body_started = true;
        self.blocks.push(block);
    }

    fn at_statement_start(&self, before: Previous) -> bool {
        match self.blocks.last() {
            None => {
                self.body_possible
                    && self.parentheses == 0
                    && (!self.body_started || before == Previous::Colon)
            }
            Some(Block::Expression) => false,
            Some(Block::Statements | Block::Declarations) => matches!(
                before,
                Previous::Semicolon
                    | Previous::Begin
                    | Previous::Opens
                    | Previous::Colon
                    | Previous::Declares
            ),
        }
    }
}

fn routine(word: &str, dialect: Dialect) -> Option<Routine> {
    let mysql = dialect == Dialect::Mysql;
    if one_of(word, &["function", "procedure"]) {
        Some(Routine::Function)
    } else if is(word, "trigger") {
        Some(Routine::Trigger)
    } else if mysql && is(word, "event") {
        Some(Routine::Event)
    } else if mysql && is(word, "package") {
        Some(Routine::Package)
    } else {
        None
    }
}

/// Words between a routine's parameters and its body.
fn header_word(word: &str) -> bool {
    one_of(
        word,
        &[
            "comment",
            "language",
            "sql",
            "not",
            "deterministic",
            "contains",
            "no",
            "reads",
            "modifies",
            "data",
            "security",
            "definer",
            "invoker",
            "follows",
            "precedes",
        ],
    )
}
