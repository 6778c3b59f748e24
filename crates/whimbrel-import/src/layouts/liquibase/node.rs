//! A changelog in XML, YAML or JSON as the tree that Liquibase makes of each of them: an attribute is a
//! node like any other.

mod xml;
mod yaml;

use std::ops::Range;

use whimbrel_core::text::SourceFile;

/// A node of a changelog.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    /// Where its name stands.
    pub(super) at: Range<usize>,
    pub(super) text: Option<Text>,
    pub(super) children: Vec<Node>,
}

/// The text that a node holds.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) value: String,
    /// Where it begins in the file.
    pub(super) from: usize,
    /// Without quotes in YAML, where it may be a number or a date.
    pub(super) is_plain: bool,
}

/// What can't be read, and where.
pub(super) type Unread = (Range<usize>, String);

impl Node {
    /// Reads a changelog; none if the file is none.
    ///
    /// # Errors
    /// It is not well-formed.
    pub(super) fn read(text: &str, extension: &str) -> Result<Option<Self>, Unread> {
        if extension == "xml" {
            xml::read(text).map(Some)
        } else {
            yaml::read(text, extension == "json")
        }
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of a child.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let text = self.child(name)?.text.as_ref()?;
        Some(&text.value)
    }

    /// That of a child which is true or false.
    pub(super) fn is(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, is_true)
    }

    /// Its own text, or the one that its child of the same name holds, as `sql: {sql: ...}` does.
    pub(super) fn content(&self) -> Option<&Text> {
        let inner = || self.child(&self.name)?.text.as_ref();
        self.text.as_ref().or_else(inner)
    }
}

/// In YAML, `yes` and `on` say so as well.
pub(super) fn is_true(text: &str) -> bool {
    let text = text.trim();
    ["true", "yes", "on"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

impl Text {
    /// Where the text's parts stand in the file, line by line: what was escaped or folded there stands nowhere.
    pub(super) fn places(&self, file: &SourceFile) -> Vec<(Range<usize>, usize)> {
        let mut places = Vec::new();
        let mut at = self.from;
        let mut start = 0;
        for line in self.value.split_inclusive('\n') {
            let content = line.trim();
            let near = file
                .text()
                .get(at..)
                .map(|rest| window(rest, content.len()));
            let found = near.and_then(|rest| rest.find(content));
            if let Some(found) = found.filter(|_| !content.is_empty()) {
                let own = start + (line.len() - line.trim_start().len());
                at += found;
                places.push((own..own + content.len(), at));
                at += content.len();
            }
            start += line.len();
        }
        places
    }
}

/// Where a line is looked for: not in what comes much later.
fn window(rest: &str, length: usize) -> &str {
    const BETWEEN: usize = 512;
    let mut end = rest.len().min(length + BETWEEN);
    while !rest.is_char_boundary(end) {
        end -= 1;
    }
    &rest[..end]
}

#[cfg(test)]
mod tests;
