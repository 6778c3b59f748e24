//! Do two scripts do the same?

use crate::{Dialect, Lexer, Statement, TokenKind, split};

/// True if both texts hold the same statements: the same tokens, whatever plain comments and
/// white space stand between them. Literals, hints, executable comments and COPY data compare byte
/// by byte. Texts that cannot be split compare as a whole.
pub fn significant_eq(a: &str, b: &str, dialect: Dialect) -> bool {
    if a == b {
        return true;
    }
    let (Ok(left), Ok(right)) = (split(a, dialect), split(b, dialect)) else {
        return false;
    };
    left.len() == right.len()
        && left.iter().zip(&right).all(|(x, y)| {
            let data = |text: &str, s: &Statement| s.data().map(|range| text[range].to_owned());
            tokens(&a[x.span()], dialect).eq(tokens(&b[y.span()], dialect))
                && data(a, x) == data(b, y)
        })
}

/// The tokens, each with whether it must stand right behind the one before it.
fn tokens(text: &str, dialect: Dialect) -> impl Iterator<Item = (&str, bool)> {
    let mut gap = false;
    let mut before = Sort::Loose;
    Lexer::new(text, dialect).filter_map(move |token| {
        if token.kind.is_trivia() {
            gap = true;
            return None;
        }
        let part = &text[token.span];
        let sort = Sort::of(token.kind, part);
        let joined = !gap && sort.minds(before, part, dialect);
        (before, gap) = (sort, false);
        Some((part, joined))
    })
}

/// What white space around a token can mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// Brackets and commas: nothing.
    Loose,
    /// Other punctuation, of which several may be one operator: `<=` is not `< =`.
    Operator,
    String,
    Word,
}

impl Sort {
    fn of(kind: TokenKind, text: &str) -> Self {
        match (kind, text) {
            (TokenKind::Punctuation, "(" | ")" | "[" | "]" | "{" | "}" | ",")
            | (TokenKind::Semicolon, _) => Self::Loose,
            (TokenKind::Punctuation, _) => Self::Operator,
            (TokenKind::String, _) => Self::String,
            _ => Self::Word,
        }
    }

    fn minds(self, before: Self, text: &str, dialect: Dialect) -> bool {
        match self {
            // MySQL tells a call of a function from a name by it.
            Self::Loose => text == "(" && before == Self::Word && dialect == Dialect::Mysql,
            Self::Operator => before == Self::Operator,
            // A word may be its prefix.
            Self::String => before != Self::Loose,
            Self::Word => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_comments_are_nothing() {
        let same = [
            (
                "CREATE TABLE a (b int, c text DEFAULT 'x');",
                "-- why\nCREATE TABLE a\n(\n  b int ,\n  c text DEFAULT   'x'\n)\n;\n",
            ),
            (
                "INSERT INTO a VALUES (1,'x','y')",
                "INSERT INTO a VALUES ( 1, 'x' , 'y' )",
            ),
            ("SELECT a.b<=c", "SELECT a.b <= c"),
        ];
        for (left, right) in same {
            for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
                assert!(significant_eq(left, right, dialect), "{right}");
            }
        }
        for (left, right) in [
            ("SELECT f(1)", "SELECT f (1)"),
            ("SELECT x[1]", "SELECT x [ 1 ]"),
        ] {
            assert!(significant_eq(left, right, Dialect::Postgres), "{right}");
        }
    }

    #[test]
    fn what_means_something_is_not() {
        let different = [
            ("SELECT a <= b", "SELECT a < = b"),
            ("SELECT a < -1", "SELECT a <-1"),
            ("SELECT 'a b'", "SELECT 'a  b'"),
            ("SELECT 'x'", "SELECT N'x'"),
            ("SELECT x'00'", "SELECT x '00'"),
            ("SELECT 1; SELECT 2", "SELECT 1"),
        ];
        for (left, right) in different {
            for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
                assert!(!significant_eq(left, right, dialect), "{right}");
            }
        }
        assert!(!significant_eq(
            "SELECT f(1)",
            "SELECT f (1)",
            Dialect::Mysql
        ));
        assert!(!significant_eq(
            "SELECT 1 /*! + 1 */",
            "SELECT 1",
            Dialect::Mysql
        ));
    }
}
