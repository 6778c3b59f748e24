//! YAML, and JSON, which is YAML but for tabs between its values.

use yaml_rust2::parser::{Event, MarkedEventReceiver, Parser};
use yaml_rust2::scanner::{Marker, TScalarStyle};

use super::{Node, Text, Unread};

pub(super) fn read(text: &str, is_json: bool) -> Result<Option<Node>, Unread> {
    let spaced = is_json.then(|| text.replace('\t', " "));
    let text = spaced.as_deref().unwrap_or(text);
    let mut builder = Builder {
        lines: line_starts(text),
        text,
        open: Vec::new(),
        done: None,
        problem: None,
    };
    let parsed = Parser::new_from_str(text).load(&mut builder, false);
    if let Err(error) = parsed {
        let at = builder.place(*error.marker());
        return Err((at..at, error.info().to_owned()));
    }
    if let Some(problem) = builder.problem {
        return Err(problem);
    }
    let root = builder.done.unwrap_or_default();
    let found = root
        .children
        .into_iter()
        .find(|node| node.name == "databaseChangeLog");
    Ok(found)
}

fn line_starts(text: &str) -> Vec<usize> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).collect()
}

struct Builder<'a> {
    text: &'a str,
    lines: Vec<usize>,
    open: Vec<Open>,
    done: Option<Node>,
    problem: Option<Unread>,
}

/// A mapping or a list that is being read. A list's mappings are children of what holds the list.
struct Open {
    node: Node,
    is_list: bool,
    /// The key whose value comes next.
    key: Option<Node>,
}

impl Builder<'_> {
    fn place(&self, mark: Marker) -> usize {
        let line = mark.line().saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        let rest = self.text[start..].chars().take(mark.col());
        start + rest.map(char::len_utf8).sum::<usize>()
    }

    fn begin(&mut self, is_list: bool, at: usize) {
        let key = self.open.last_mut().and_then(|open| open.key.take());
        let mut node = key.unwrap_or_default();
        if node.name.is_empty() {
            node.at = at..at;
        }
        self.open.push(Open {
            node,
            is_list,
            key: None,
        });
    }

    fn end(&mut self) {
        let Some(closed) = self.open.pop() else {
            return;
        };
        let Some(outer) = self.open.last_mut() else {
            self.done = Some(closed.node);
            return;
        };
        if outer.is_list && closed.node.name.is_empty() {
            outer.node.children.extend(closed.node.children);
        } else {
            outer.node.children.push(closed.node);
        }
    }

    fn scalar(&mut self, value: String, style: TScalarStyle, at: usize) {
        let is_plain = matches!(style, TScalarStyle::Plain);
        let text = (!is_plain || !matches!(value.as_str(), "" | "~" | "null")).then_some(Text {
            value,
            from: at,
            is_plain,
        });
        let Some(open) = self.open.last_mut() else {
            return;
        };
        if open.is_list {
            // A list of texts, of which no node that is read has more than one.
            open.node.text = open.node.text.take().or(text);
        } else if let Some(mut node) = open.key.take() {
            node.text = text;
            open.node.children.push(node);
        } else if let Some(text) = text {
            let name = text.value;
            if open.node.children.iter().any(|child| child.name == name) && self.problem.is_none() {
                let message = format!("the key {name} is there twice");
                self.problem = Some((at..at + name.len(), message));
            }
            let at = at..at + name.len();
            open.key = Some(Node {
                name,
                at,
                ..Node::default()
            });
        }
    }
}

impl MarkedEventReceiver for Builder<'_> {
    fn on_event(&mut self, event: Event, mark: Marker) {
        let at = self.place(mark);
        match event {
            Event::Scalar(value, style, ..) => self.scalar(value, style, at),
            Event::SequenceStart(..) => self.begin(true, at),
            Event::MappingStart(..) => self.begin(false, at),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(_) => {
                let message = "aliases (`*name`) can't be read".to_owned();
                self.problem.get_or_insert((at..at, message));
                self.scalar(String::new(), TScalarStyle::Plain, at);
            }
            _ => {}
        }
    }
}
