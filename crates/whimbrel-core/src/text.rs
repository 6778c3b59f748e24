//! Texts that remember where they come from.

#[cfg(test)]
mod tests;

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

    /// The same text for another file, in which the parts of this one's file stand: each range begins at
    /// the place beside it. What is in none of them belongs to the end of the one before.
    pub fn standing_in(&self, file: &Arc<SourceFile>, places: &[(Range<usize>, usize)]) -> Self {
        let text = self.text();
        let mut builder = Self::build(Arc::clone(file));
        let mut at = 0;
        while at < text.len() {
            let run = self.run(at);
            let (origin, end) = (run.from, run.end);
            let index = places.partition_point(|(range, _)| range.end <= origin);
            let place = places.get(index).filter(|(range, _)| range.start <= origin);
            let next = match places.get(index) {
                Some((range, _)) if range.start > origin => range.start,
                Some((range, _)) => range.end,
                None => usize::MAX,
            };
            let end = if run.copied {
                end.min(at.saturating_add(next - origin))
            } else {
                end
            };
            if let Some((range, from)) = place {
                let from = from + (origin - range.start);
                if run.copied {
                    builder.copy_text(&text[at..end], from);
                } else {
                    builder.put(&text[at..end], from);
                }
            } else {
                let before = index.checked_sub(1).map(|index| &places[index]);
                let first = places.first().map_or(0, |(_, from)| *from);
                let from = before.map_or(first, |(range, from)| from + range.len());
                builder.put(&text[at..end], from);
            }
            at = end;
        }
        builder.finish()
    }

    /// The files that its text comes from, each once, in the order of the text.
    pub fn files(&self) -> Vec<Arc<SourceFile>> {
        let Body::Made(made) = &self.body else {
            return vec![Arc::clone(&self.file)];
        };
        let mut files: Vec<Arc<SourceFile>> = Vec::new();
        for piece in &made.pieces {
            let file = piece.file.as_ref().unwrap_or(&self.file);
            if !files.iter().any(|other| Arc::ptr_eq(other, file)) {
                files.push(Arc::clone(file));
            }
        }
        files
    }

    /// The piece that a byte lies in, from there on.
    fn run(&self, offset: usize) -> Run<'_> {
        match &self.body {
            Body::Slice(range) => Run {
                file: &self.file,
                from: range.start + offset,
                copied: true,
                end: range.len(),
            },
            Body::Made(made) => {
                let after = made.pieces.partition_point(|piece| piece.at <= offset);
                let next = made.pieces.get(after);
                let piece = made.piece(offset);
                Run {
                    file: self.file_at(offset),
                    from: self.origin(offset),
                    copied: piece.is_some_and(|piece| piece.copied),
                    end: next.map_or(made.text.len(), |piece| piece.at),
                }
            }
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

/// A text in one piece, from some byte of it.
struct Run<'a> {
    file: &'a Arc<SourceFile>,
    /// Where it comes from in the file.
    from: usize,
    copied: bool,
    /// Its end in the script's text.
    end: usize,
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

    /// Appends a text that stands for something at a place of a script, of this file or of another.
    pub fn put_for(&mut self, text: &str, script: &Script, offset: usize) -> &mut Self {
        let file = script.file_at(offset);
        let own = Arc::ptr_eq(file, &self.file);
        self.pieces.push(Piece {
            file: (!own).then(|| Arc::clone(file)),
            at: self.text.len(),
            from: script.origin(offset),
            copied: false,
        });
        self.text.push_str(text);
        self
    }

    /// Appends a whole script, of this file or of another.
    pub fn append(&mut self, script: &Script) -> &mut Self {
        self.append_part(script, 0..script.text().len())
    }

    /// Appends a part of a script, of this file or of another.
    pub fn append_part(&mut self, script: &Script, range: Range<usize>) -> &mut Self {
        let mut at = range.start;
        while at < range.end {
            let run = script.run(at);
            let own = Arc::ptr_eq(run.file, &self.file);
            self.pieces.push(Piece {
                file: (!own).then(|| Arc::clone(run.file)),
                at: self.text.len() + (at - range.start),
                from: run.from,
                copied: run.copied,
            });
            at = run.end.min(range.end);
        }
        self.text.push_str(&script.text()[range]);
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
