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

fn tokens(text: &str, dialect: Dialect) -> impl Iterator<Item = (&str, bool)> {
    let mut gap = false;
    Lexer::new(text, dialect).filter_map(move |token| {
        if token.kind.is_trivia() {
            gap = true;
            return None;
        }
        // White space between two pieces of punctuation or words can be what tells `< =` from
        // `<=`: it counts as being there, not as how much.
        let joined = matches!(token.kind, TokenKind::Punctuation | TokenKind::String) && !gap;
        gap = false;
        Some((&text[token.span], joined))
    })
}
