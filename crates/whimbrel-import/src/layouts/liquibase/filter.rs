//! Contexts and labels: which changesets a run is for.

use std::collections::BTreeMap;

use super::attributes::Attributes;
use super::includes::Chosen;

/// What Liquibase would be told by `--contexts` and `--label-filter`.
pub(super) struct Filter {
    contexts: Vec<String>,
    labels: String,
}

/// The layout's options.
pub(super) const OPTIONS: [&str; 2] = ["contexts", "label-filter"];

/// A changeset that is not for every run.
pub(super) fn is_about(attributes: &Attributes<'_>, around: &[Chosen]) -> bool {
    let own = ["contextFilter", "context", "labels"]
        .into_iter()
        .filter_map(|name| attributes.get(name))
        .any(|text| !text.trim().is_empty());
    own || around.iter().any(|one| *one != Chosen::default())
}

impl Filter {
    pub(super) fn of(options: &BTreeMap<String, String>) -> Self {
        let [contexts, labels] = OPTIONS.map(|name| options.get(name).cloned().unwrap_or_default());
        Self {
            contexts: list(&contexts).map(str::to_owned).collect(),
            labels,
        }
    }

    /// Whether a changeset runs, with what stands at the changelogs and includes around it; none if one
    /// names something that this run does not speak of, so that it runs as it does in Liquibase when that
    /// is told nothing.
    pub(super) fn takes(&self, attributes: &Attributes<'_>, around: &[Chosen]) -> Option<bool> {
        let given = |name: &str| attributes.get(name).filter(|text| !text.trim().is_empty());
        let context = given("contextFilter").or(given("context"));
        let outer = around.iter().filter_map(|one| one.context.as_deref());
        let contexts = outer.chain(context).map(|text| self.in_context(text));
        // It has the labels of all that is around it as well.
        let outer = around.iter().filter_map(|one| one.labels.as_deref());
        let labels: Vec<_> = outer.chain(given("labels")).collect();
        let labelled = (!labels.is_empty()).then(|| self.is_labelled(&labels.join(",")));
        let all: Vec<_> = contexts.chain(labelled).collect();
        if all.contains(&Some(false)) {
            return Some(false);
        }
        (!all.contains(&None)).then_some(true)
    }

    fn in_context(&self, expression: &str) -> Option<bool> {
        let has = |name: &str| {
            let name = plain(name);
            let mut own = self.contexts.iter();
            own.any(|own| plain(own).eq_ignore_ascii_case(name))
        };
        if !self.contexts.is_empty() {
            Some(holds(expression, &has))
        } else if list(expression).any(|one| one.starts_with('@')) {
            // `@test` is for runs that are told a context.
            Some(false)
        } else {
            None
        }
    }

    fn is_labelled(&self, labels: &str) -> Option<bool> {
        let has = |name: &str| list(labels).any(|own| own.eq_ignore_ascii_case(name));
        (!self.labels.is_empty()).then(|| holds(&self.labels, &has))
    }
}

fn plain(context: &str) -> &str {
    context.strip_prefix('@').unwrap_or(context)
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// `a and (b or !c), d`: a comma is an `or`.
fn holds(expression: &str, has: &dyn Fn(&str) -> bool) -> bool {
    let mut spaced = String::with_capacity(expression.len() + 8);
    for c in expression.chars() {
        match c {
            '(' | ')' | '!' | ',' => spaced.extend([' ', c, ' ']),
            c => spaced.push(c),
        }
    }
    let words: Vec<_> = spaced.split_whitespace().collect();
    Expression { words: &words, has }.any()
}

struct Expression<'a> {
    words: &'a [&'a str],
    has: &'a dyn Fn(&str) -> bool,
}

impl Expression<'_> {
    fn takes(&mut self, word: &str) -> bool {
        let found = self
            .words
            .first()
            .is_some_and(|first| first.eq_ignore_ascii_case(word));
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn any(&mut self) -> bool {
        let mut result = self.all();
        while self.takes("or") || self.takes(",") {
            // Both sides are read, whatever the first one was.
            let next = self.all();
            result = result || next;
        }
        result
    }

    fn all(&mut self) -> bool {
        let mut result = self.one();
        while self.takes("and") {
            let next = self.one();
            result = result && next;
        }
        result
    }

    fn one(&mut self) -> bool {
        if self.takes("!") || self.takes("not") {
            return !self.one();
        }
        if self.takes("(") {
            let result = self.any();
            self.takes(")");
            return result;
        }
        match self.words.split_first() {
            Some((word, rest)) => {
                self.words = rest;
                (self.has)(word)
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_liquibase_does() {
        let has = |name: &str| matches!(name, "prod" | "eu");
        let table = [
            ("prod", true),
            ("test", false),
            ("test, prod", true),
            ("prod and !test", true),
            ("not prod or test", false),
            ("!(test or us) and eu", true),
            ("prod and (us or test)", false),
        ];
        for (expression, expected) in table {
            assert_eq!(holds(expression, &has), expected, "{expression}");
        }
    }
}
