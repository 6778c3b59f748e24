//! Which parts of its table an ALTER TABLE is about, where its clauses name them.

use whimbrel_sql::{Dialect, Lexer, TokenKind};

/// Names, in lower case.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) columns: Vec<String>,
    pub(super) indexes: Vec<String>,
    pub(super) constraints: Vec<String>,
    /// Columns get other names, perhaps each other's: their order tells.
    pub(super) renames: bool,
    /// What it drops and adds under the same name may look as before.
    pub(super) replaces: bool,
}

/// The parts; none if a clause is about more, or can't be read here.
pub(super) fn of(statement: &str) -> Option<Parts> {
    let tokens = tokens(statement);
    let table = tokens.iter().take(4).position(|token| token.is("table"))?;
    let mut start = table + 1;
    while tokens.get(start)?.is_one_of(&["if", "exists"]) {
        start += 1;
    }
    // Its name, with its database's.
    start += 1;
    while tokens.get(start)?.text == "." {
        start += 2;
    }
    let mut parts = Parts::default();
    let mut dropped = Vec::new();
    for clause in clauses(tokens.get(start..)?) {
        Clause { tokens: clause }.read(&mut parts, &mut dropped)?;
    }
    let named = parts.columns.len() + parts.indexes.len() + parts.constraints.len();
    (named > 0).then_some(parts)
}

struct Token<'a> {
    kind: TokenKind,
    text: &'a str,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_lowercase()),
            TokenKind::QuotedIdentifier if self.text.len() > 2 && self.text.starts_with('`') => {
                let inner = &self.text[1..self.text.len() - 1];
                Some(inner.replace("``", "`").to_lowercase())
            }
            _ => None,
        }
    }
}

/// Without code in comments, which some servers run and others don't.
fn tokens(statement: &str) -> Vec<Token<'_>> {
    let tokens = Lexer::new(statement, Dialect::Mysql).filter(|token| !token.kind.is_trivia());
    tokens
        .map(|token| Token {
            kind: token.kind,
            text: &statement[token.span],
        })
        .collect()
}

/// Cut at the commas outside of parentheses.
fn clauses<'t, 'a>(tokens: &'t [Token<'a>]) -> impl Iterator<Item = &'t [Token<'a>]> {
    let mut depth = 0_i32;
    tokens.split(move |token| {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        depth == 0 && token.text == ","
    })
}

/// Words that begin what is no column.
const NO_COLUMN: [&str; 14] = [
    "index",
    "key",
    "unique",
    "fulltext",
    "spatial",
    "primary",
    "constraint",
    "foreign",
    "check",
    "partition",
    "period",
    "system",
    "vector",
    "default",
];

struct Clause<'t, 'a> {
    tokens: &'t [Token<'a>],
}

impl Clause<'_, '_> {
    fn is(&self, at: usize, words: &[&str]) -> bool {
        self.tokens
            .get(at)
            .is_some_and(|token| token.is_one_of(words))
    }

    fn name(&self, at: usize) -> Option<String> {
        self.tokens.get(at)?.name()
    }

    /// Behind words that may stand there.
    fn after(&self, mut at: usize, words: &[&str]) -> usize {
        while self.is(at, words) {
            at += 1;
        }
        at
    }

    fn read(&self, parts: &mut Parts, dropped: &mut Vec<String>) -> Option<()> {
        let code = |token: &Token<'_>| token.kind == TokenKind::ExecutableComment;
        if self.tokens.iter().any(code) {
            return None;
        }
        let guarded = ["if", "not", "exists"];
        let column = self.after(1, &["column"]);
        let at = self.after(column, &guarded);
        let is_column = column > 1 || !self.is(at, &NO_COLUMN);
        let verb = self.tokens.first()?.text.to_ascii_lowercase();
        match verb.as_str() {
            "algorithm" | "lock" => {}
            "add" if is_column => {
                let name = self.name(at)?;
                parts.replaces |= dropped.contains(&name);
                parts.columns.push(name);
            }
            "add" if self.is(1, &["index", "key", "unique"]) => {
                let at = self.after(self.after(1, &["index", "key", "unique"]), &guarded);
                let name = self.name(at).filter(|_| !self.is(at, &["using"]))?;
                parts.replaces |= dropped.contains(&name);
                parts.indexes.push(name);
            }
            "add" if self.is(1, &["constraint"]) && self.is(3, &["foreign"]) => {
                let name = self.name(2)?;
                parts.replaces |= dropped.contains(&name);
                parts.constraints.push(name);
            }
            "drop" if is_column => {
                let name = self.name(at)?;
                dropped.push(name.clone());
                parts.columns.push(name);
            }
            "drop" if self.is(1, &["index", "key"]) => {
                let name = self.name(self.after(2, &guarded))?;
                dropped.push(name.clone());
                parts.indexes.push(name);
            }
            "drop" if self.is(1, &["foreign"]) => {
                let name = self.name(self.after(3, &guarded))?;
                dropped.push(name.clone());
                parts.constraints.push(name);
            }
            "modify" => parts.columns.push(self.name(at)?),
            "alter" if is_column => parts.columns.push(self.name(at)?),
            "change" => {
                parts.renames = true;
                parts.columns.extend([self.name(at)?, self.name(at + 1)?]);
            }
            "rename" if column > 1 && self.is(at + 1, &["to"]) => {
                parts.renames = true;
                parts.columns.extend([self.name(at)?, self.name(at + 2)?]);
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(statement: &str) -> String {
        let Some(parts) = of(statement) else {
            return "all".to_owned();
        };
        let mut shown = Vec::new();
        for (kind, names) in [
            ("columns", &parts.columns),
            ("indexes", &parts.indexes),
            ("constraints", &parts.constraints),
        ] {
            if !names.is_empty() {
                shown.push(format!("{kind} {}", names.join(" ")));
            }
        }
        if parts.renames {
            shown.push("renames".to_owned());
        }
        if parts.replaces {
            shown.push("replaces".to_owned());
        }
        shown.join(", ")
    }

    #[test]
    fn clauses_name_what_they_change() {
        for (statement, expected) in [
            (
                "ALTER TABLE t ADD COLUMN a decimal(10,2) NOT NULL DEFAULT 1",
                "columns a",
            ),
            (
                "alter table d.t add `B b` enum('x,y') after c, drop c",
                "columns b b c",
            ),
            (
                "ALTER TABLE t ADD COLUMN IF NOT EXISTS key_ int, ALGORITHM=INPLACE, LOCK = NONE",
                "columns key_",
            ),
            (
                "ALTER TABLE t CHANGE a b int, CHANGE COLUMN b a int",
                "columns a b b a, renames",
            ),
            ("ALTER TABLE t RENAME COLUMN a TO b", "columns a b, renames"),
            (
                "ALTER TABLE t MODIFY a int FIRST, ALTER b SET DEFAULT 5",
                "columns a b",
            ),
            (
                "ALTER TABLE t ADD UNIQUE INDEX u (a, b), DROP KEY old",
                "indexes u old",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (a), DROP FOREIGN KEY g",
                "constraints f g",
            ),
            (
                "ALTER TABLE t DROP COLUMN a, ADD COLUMN a int",
                "columns a a, replaces",
            ),
            (
                "ALTER TABLE t DROP INDEX a, ADD COLUMN c int",
                "columns c, indexes a",
            ),
            ("ALTER TABLE t ADD (a int, b int)", "all"),
            ("ALTER TABLE t ADD INDEX (a)", "all"),
            ("ALTER TABLE t ADD UNIQUE (a)", "all"),
            ("ALTER TABLE t ADD PRIMARY KEY (a)", "all"),
            ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p (a)", "all"),
            ("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", "all"),
            ("ALTER TABLE t ADD COLUMN a int, ENGINE = InnoDB", "all"),
            ("ALTER TABLE t RENAME TO u", "all"),
            ("ALTER TABLE t RENAME INDEX a TO b", "all"),
            ("ALTER TABLE t DROP PARTITION p", "all"),
            (
                "ALTER TABLE t ADD COLUMN a int /*!80000 INVISIBLE */",
                "all",
            ),
            ("ALTER TABLE t ENGINE = InnoDB", "all"),
            ("ALTER TABLE t WAIT 5 ADD COLUMN a int", "all"),
            ("ALTER TABLE t", "all"),
        ] {
            assert_eq!(shown(statement), expected, "{statement}");
        }
    }
}
