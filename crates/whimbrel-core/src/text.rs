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
    /// The file that it comes from, if it is another than the script's.
    file: Option<Arc<SourceFile>>,
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

    /// The file that a byte of this script's text comes from: the script's own, unless others were
    /// put around it.
    pub fn file_at(&self, offset: usize) -> &Arc<SourceFile> {
        let other = match &self.body {
            Body::Slice(_) => None,
            Body::Made(made) => made.piece(offset).and_then(|piece| piece.file.as_ref()),
        };
        other.unwrap_or(&self.file)
    }

    /// The byte offset in [`Script::file_at`] that belongs to a byte offset in this script's text.
    pub fn origin(&self, offset: usize) -> usize {
        match &self.body {
            Body::Slice(range) => range.start + offset,
            Body::Made(made) => match made.piece(offset) {
                Some(piece) if piece.copied => piece.from + (offset - piece.at),
                Some(piece) => piece.from,
                None => 0,
            },
        }
    }

    /// Line and column in the file of a byte offset in this script's text.
    pub fn place(&self, offset: usize) -> Place {
        self.file_at(offset).place(self.origin(offset))
    }
}

impl Made {
    /// The piece that a byte lies in.
    fn piece(&self, offset: usize) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.at <= offset);
        index.checked_sub(1).map(|index| &self.pieces[index])
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
        let goes_on = self.pieces.last().is_some_and(|last| {
            last.copied && last.file.is_none() && last.from + (at - last.at) == from
        });
        if !goes_on && !text.is_empty() {
            self.pieces.push(Piece {
                file: None,
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
            file: None,
            at: self.text.len(),
            from,
            copied: false,
        });
        self.text.push_str(text);
        self
    }

    /// Appends a whole script, of this file or of another.
    pub fn append(&mut self, script: &Script) -> &mut Self {
        let own = Arc::ptr_eq(&script.file, &self.file);
        let file = (!own).then(|| Arc::clone(&script.file));
        let start = self.text.len();
        match &script.body {
            Body::Slice(range) => self.pieces.push(Piece {
                file,
                at: start,
                from: range.start,
                copied: true,
            }),
            Body::Made(made) => {
                let pieces = made.pieces.iter().map(|piece| Piece {
                    file: piece.file.clone().or_else(|| file.clone()),
                    at: start + piece.at,
                    ..*piece
                });
                self.pieces.extend(pieces);
            }
        }
        self.text.push_str(script.text());
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
    use std::sync::Arc;

    use super::{Place, Script, SourceFile};

    #[test]
    fn places_count_lines_and_characters() {
        let file = SourceFile::new("a.sql", "\u{feff}é\nab");
        assert_eq!(file.place(2), Place { line: 1, column: 2 });
        assert_eq!(file.place(4), Place { line: 2, column: 2 });
        assert_eq!(file.place(99), Place { line: 2, column: 3 });
    }

    #[test]
    fn scripts_of_several_files_lead_back_to_each() {
        let (one, two) = (SourceFile::new("1", "aa\nbb"), SourceFile::new("2", "cc"));
        let mut inner = Script::build(one.clone());
        inner.copy(3..5);
        let mut builder = Script::build(Arc::clone(&two));
        builder.append(&inner.finish()).put(";", 0);
        builder
            .append(&Script::whole(two))
            .append(&Script::slice(one, 0..2));
        let script = builder.finish();
        assert_eq!(script.text(), "bb;ccaa");
        let names: Vec<_> = [0, 2, 3, 6]
            .map(|at| script.file_at(at).name().to_owned())
            .into();
        assert_eq!(names, ["1", "2", "2", "1"]);
        assert_eq!(script.place(1), Place { line: 2, column: 2 });
        assert_eq!(script.origin(6), 1);
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
