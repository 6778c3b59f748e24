//! XML.

use super::{Node, Text, Unread};

pub(super) fn read(text: &str) -> Result<Node, Unread> {
    match roxmltree::Document::parse(text) {
        Ok(document) => Ok(node(document.root_element())),
        Err(error) => {
            let place = error.pos();
            let lines = text.split_inclusive('\n').take(place.row as usize - 1);
            let start = lines.map(str::len).sum::<usize>();
            let rest = text[start..].chars().take(place.col as usize - 1);
            let at = start + rest.map(char::len_utf8).sum::<usize>();
            Err((at..at, error.to_string()))
        }
    }
}

fn node(element: roxmltree::Node<'_, '_>) -> Node {
    let start = element.range().start;
    let name = element.tag_name().name();
    let attributes = element.attributes().map(|one| Node {
        name: one.name().to_owned(),
        at: one.range(),
        text: Some(Text {
            value: one.value().to_owned(),
            from: one.range_value().start,
            is_plain: false,
        }),
        children: Vec::new(),
    });
    let inner = element
        .children()
        .filter(roxmltree::Node::is_element)
        .map(node);
    let texts = || element.children().filter(roxmltree::Node::is_text);
    let whole: String = texts().filter_map(|text| text.text()).collect();
    let value = whole.trim();
    let from = texts().next().map_or(start, |text| text.range().start);
    Node {
        name: name.to_owned(),
        at: start..start + 1 + name.len(),
        children: attributes.chain(inner).collect(),
        text: (!value.is_empty()).then(|| Text {
            value: value.to_owned(),
            from,
            is_plain: false,
        }),
    }
}
