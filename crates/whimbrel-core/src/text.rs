//! Texts that remember where they come from.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// A text with the name that messages give it: a file, an embedded file, a kept script.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    text: String,
}

/// A place in a text as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl SourceFile {
    /// A text under a name. A byte order mark at its start is taken off.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Arc::new(Self {
            name: name.into(),
            text,
        })
    }

    /// The name that messages show, usually a path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte offset; offsets past the end give the end.
    pub fn place(&self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Place {
            line: before.bytes().filter(|&b| b == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// A script: a part of a source file, or a text made from parts of one, with the way back.
#[derive(Clone, Debug)]
pub struct Script {
    file: Arc<SourceFile>,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// A part of the file as it stands; large files are not copied.
    Slice(Range<usize>),
    Made(Arc<Made>),
}

#[derive(Debug)]
struct Made {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    /// Where the piece starts in the made text.
    at: usize,
    /// Where it comes from in the file.
    from: usize,
    /// True for text copied byte by byte, false for text put in the place of something else.
    copied: bool,
}

impl Script {
    /// The whole of a file.
    pub fn whole(file: Arc<SourceFile>) -> Self {
        let end = file.text.len();
        Self::slice(file, 0..end)
    }

    /// A part of a file. The range must lie on character boundaries of the file.
    pub fn slice(file: Arc<SourceFile>, range: Range<usize>) -> Self {
        Self {
            file,
            body: Body::Slice(range),
        }
    }

    /// Starts a script made of pieces of `file`.
    pub fn build(file: Arc<SourceFile>) -> ScriptBuilder {
        ScriptBuilder {
            file,
            text: String::new(),
            pieces: Vec::new(),
        }
    }

    /// The file that it comes from.
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// The text to run.
    pub fn text(&self) -> &str {
        match &self.body {
            Body::Slice(range) => &self.file.text[range.clone()],
            Body::Made(made) => &made.text,
        }
    }

    /// The byte offset in the file that belongs to a byte offset in this script's text.
    pub fn origin(&self, offset: usize) -> usize {
        match &self.body {
            Body::Slice(range) => range.start + offset,
            Body::Made(made) => {
                let index = made.pieces.partition_point(|piece| piece.at <= offset);
                match index.checked_sub(1).map(|i| &made.pieces[i]) {
                    Some(piece) if piece.copied => piece.from + (offset - piece.at),
                    Some(piece) => piece.from,
                    None => 0,
                }
            }
        }
    }

    /// Line and column in the file of a byte offset in this script's text.
    pub fn place(&self, offset: usize) -> Place {
        self.file.place(self.origin(offset))
    }
}

/// Puts a [`Script`] together.
#[derive(Debug)]
pub struct ScriptBuilder {
    file: Arc<SourceFile>,
    text: String,
    pieces: Vec<Piece>,
}

impl ScriptBuilder {
    /// Appends a part of the file.
    pub fn copy(&mut self, range: Range<usize>) -> &mut Self {
        let file = Arc::clone(&self.file);
        self.copy_text(&file.text[range.clone()], range.start)
    }

    /// Appends a text that stands, byte by byte, at `from` in the file.
    pub fn copy_text(&mut self, text: &str, from: usize) -> &mut Self {
        let at = self.text.len();
        let goes_on = self
            .pieces
            .last()
            .is_some_and(|last| last.copied && last.from + (at - last.at) == from);
        if !goes_on && !text.is_empty() {
            self.pieces.push(Piece {
                at,
                from,
                copied: true,
            });
        }
        self.text.push_str(text);
        self
    }

    /// Appends a text that stands for something at `from` in the file.
    pub fn put(&mut self, text: &str, from: usize) -> &mut Self {
        self.pieces.push(Piece {
            at: self.text.len(),
            from,
            copied: false,
        });
        self.text.push_str(text);
        self
    }

    /// The script.
    pub fn finish(self) -> Script {
        Script {
            file: self.file,
            body: Body::Made(Arc::new(Made {
                text: self.text,
                pieces: self.pieces,
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Script, SourceFile};

    #[test]
    fn places_count_lines_and_characters() {
        let file = SourceFile::new("a.sql", "\u{feff}é\nab");
        assert_eq!(file.place(2), Place { line: 1, column: 2 });
        assert_eq!(file.place(4), Place { line: 2, column: 2 });
        assert_eq!(file.place(99), Place { line: 2, column: 3 });
    }

    #[test]
    fn made_scripts_lead_back_to_the_file() {
        let file = SourceFile::new("a.sql", "-- DROP ${t};\n");
        let mut builder = Script::build(file);
        builder.copy(3..8).put("users", 8).copy(12..13);
        let script = builder.finish();
        assert_eq!(script.text(), "DROP users;");
        assert_eq!(script.origin(0), 3);
        assert_eq!(script.origin(6), 8);
        assert_eq!(script.origin(10), 12);
    }
}
