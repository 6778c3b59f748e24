//! Draws a diagnostic: message, place with a caret, notes, help.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use whimbrel::diagnostic::{Diagnostic, Label, Severity};

/// Lines shown before and after the caret's line.
const AROUND: usize = 2;

pub(super) fn draw(diagnostic: &Diagnostic, colour: bool) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut title = level.primary_title(&diagnostic.message);
    if let Some(code) = diagnostic
        .code
        .as_deref()
        .filter(|_| diagnostic.severity != Severity::Note)
    {
        title = title.id(code);
    }
    let window = diagnostic.label.as_ref().map(Window::around);
    let mut group = title.elements(std::iter::empty::<annotate_snippets::Element<'_>>());
    if let (Some(window), Some(label)) = (&window, &diagnostic.label) {
        // What is about a file as a whole needs none of its lines.
        if window.text.trim().is_empty() || label.span == (0..0) {
            group = group.element(annotate_snippets::Origin::path(label.file.name()));
        } else {
            let mark = AnnotationKind::Primary
                .span(window.span.clone())
                .label(label.text.as_str());
            let snippet = Snippet::source(window.text)
                .path(label.file.name())
                .line_start(window.line)
                .annotation(mark);
            group = group.element(snippet);
        }
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[group])
}

/// A few lines of a file, so that a large one is not drawn nor searched as a whole.
struct Window<'a> {
    text: &'a str,
    line: usize,
    span: std::ops::Range<usize>,
}

impl<'a> Window<'a> {
    fn around(label: &'a Label) -> Self {
        let text = label.file.text();
        let at = label.span.start.min(text.len());
        let mut start = at;
        for _ in 0..=AROUND {
            start = text[..start].rfind('\n').unwrap_or(0);
        }
        if start > 0 {
            start += 1;
        }
        let first_end = text[at..].find('\n').map_or(text.len(), |index| at + index);
        let mut end = first_end;
        for _ in 0..AROUND {
            end = text.get(end + 1..).map_or(end, |rest| {
                rest.find('\n').map_or(text.len(), |index| end + 1 + index)
            });
        }
        // An empty range still gets a caret.
        let stop = label.span.end.clamp(at, first_end.max(at));
        Self {
            text: &text[start..end],
            line: label.file.place(start).line,
            span: at - start..stop - start,
        }
    }
}
