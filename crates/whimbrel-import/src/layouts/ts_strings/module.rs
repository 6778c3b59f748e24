//! A module of strings: `export const up = ...`, `down`, `config`, or an object of these.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use whimbrel_core::diagnostic::Diagnostic;
use whimbrel_core::text::{Script, SourceFile};

use super::tokens::{Kind, Piece, Token, Tokens};

/// What a file exports.
#[derive(Default)]
pub(super) struct Module {
    pub(super) up: Option<Script>,
    pub(super) down: Option<Script>,
    pub(super) description: Option<String>,
    pub(super) transaction: Option<bool>,
    pub(super) timeout: Option<Duration>,
}

/// Reads a file.
pub(super) fn read(file: &Arc<SourceFile>) -> Result<Module, Diagnostic> {
    let mut reader = Reader {
        file,
        tokens: Tokens::new(file),
        module: Module::default(),
        constants: HashMap::new(),
    };
    while reader.statement()? {}
    Ok(reader.module)
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    tokens: Tokens<'a>,
    module: Module,
    /// Strings that have names of their own.
    constants: HashMap<String, Vec<Piece>>,
}

impl Reader<'_> {
    fn word(&self, token: &Token) -> &str {
        &self.file.text()[token.span.clone()]
    }

    fn wrong(&self, span: Range<usize>, message: String) -> Diagnostic {
        Diagnostic::error("ts-strings", message).at(self.file, span, "").help(
            "only modules of strings are read: `export const up = `...``, the same for `down`, and `export const config = { transaction: false, timeout: 30000 }`; or `export default { up: `...`, down: `...` }`",
        )
    }

    fn unexpected(&self, token: &Token) -> Diagnostic {
        if token.kind == Kind::End {
            let message = "the file ends in the middle of a statement";
            return self.wrong(token.span.clone(), message.to_owned());
        }
        let line = self.word(token).lines().next().unwrap_or_default();
        let message = format!("`{line}` is code, which Whimbrel does not run");
        self.wrong(token.span.clone(), message)
    }

    fn expect(&mut self, mark: char) -> Result<(), Diagnostic> {
        let token = self.tokens.next()?;
        if token.kind == Kind::Mark(mark) {
            Ok(())
        } else {
            Err(self.unexpected(&token))
        }
    }

    fn takes(&mut self, mark: char) -> Result<bool, Diagnostic> {
        let found = self.tokens.peek()?.kind == Kind::Mark(mark);
        if found {
            self.tokens.next()?;
        }
        Ok(found)
    }

    fn takes_word(&mut self, word: &str) -> Result<bool, Diagnostic> {
        let token = self.tokens.peek()?;
        let found = token.kind == Kind::Word && self.word(&token) == word;
        if found {
            self.tokens.next()?;
        }
        Ok(found)
    }

    /// One statement; false at the end of the file.
    fn statement(&mut self) -> Result<bool, Diagnostic> {
        let token = self.tokens.next()?;
        match (&token.kind, self.word(&token)) {
            (Kind::End, _) => return Ok(false),
            (Kind::Mark(';'), _) | (Kind::Text(_), "'use strict'" | "\"use strict\"") => {}
            (Kind::Word, "import") => self.import()?,
            (Kind::Word, "export") => {
                let keyword = self.tokens.next()?;
                match self.word(&keyword) {
                    "const" | "let" | "var" => self.export()?,
                    "default" => self.whole()?,
                    "{" => self.names()?,
                    _ => return Err(self.unexpected(&keyword)),
                }
            }
            (Kind::Word, "const" | "let" | "var") => self.constant()?,
            (Kind::Word, "module") => {
                self.expect('.')?;
                if !self.takes_word("exports")? {
                    return Err(self.unexpected(&token));
                }
                if self.takes('=')? {
                    self.whole()?;
                } else {
                    self.expect('.')?;
                    self.export()?;
                }
            }
            (Kind::Word, "exports") => {
                self.expect('.')?;
                self.export()?;
            }
            _ => return Err(self.unexpected(&token)),
        }
        Ok(true)
    }

    /// What is imported can't be part of a string without an expression.
    fn import(&mut self) -> Result<(), Diagnostic> {
        loop {
            let token = self.tokens.next()?;
            match token.kind {
                Kind::Text(_) => return Ok(()),
                Kind::End | Kind::Mark('(' | ';') => return Err(self.unexpected(&token)),
                _ => {}
            }
        }
    }

    /// `up: string = ...`, after `export const`.
    fn export(&mut self) -> Result<(), Diagnostic> {
        let name = self.named()?;
        if self.tokens.peek()?.kind == Kind::Mark('{') && self.word(&name) != "config" {
            self.members()?;
        } else {
            self.value(&name)?;
        }
        self.after_value()
    }

    /// A name, its type if there is one, and the equals sign.
    fn named(&mut self) -> Result<Token, Diagnostic> {
        let name = self.tokens.next()?;
        if name.kind != Kind::Word {
            return Err(self.unexpected(&name));
        }
        if self.takes(':')? {
            // The type: names, dots and brackets up to the equals sign.
            while self.tokens.peek()?.kind != Kind::Mark('=') {
                let token = self.tokens.next()?;
                if token.kind == Kind::End {
                    return Err(self.unexpected(&token));
                }
            }
        }
        self.expect('=')?;
        Ok(name)
    }

    /// `const up = ...` that is exported further down, or is a part of something that is.
    fn constant(&mut self) -> Result<(), Diagnostic> {
        let name = self.named()?;
        if self.tokens.peek()?.kind == Kind::Mark('{') {
            self.members()?;
        } else {
            let pieces = self.text(&name)?;
            self.constants.insert(self.word(&name).to_owned(), pieces);
        }
        self.after_value()
    }

    /// After `export default` and `module.exports =`: an object, or the name of one that was read.
    fn whole(&mut self) -> Result<(), Diagnostic> {
        if self.tokens.peek()?.kind == Kind::Mark('{') {
            self.members()?;
        } else {
            let name = self.tokens.next()?;
            if name.kind != Kind::Word || self.module.up.is_none() {
                return Err(self.unexpected(&name));
            }
        }
        self.after_value()
    }

    /// `{ up: ..., down: ... }`
    fn members(&mut self) -> Result<(), Diagnostic> {
        self.expect('{')?;
        while !self.takes('}')? {
            let name = self.tokens.next()?;
            if self.takes(':')? {
                self.value(&name)?;
                self.after_type()?;
            } else {
                self.by_name(&name)?;
            }
            if !self.takes(',')? {
                self.expect('}')?;
                break;
            }
        }
        Ok(())
    }

    /// `up, down }`, after `export {`.
    fn names(&mut self) -> Result<(), Diagnostic> {
        while !self.takes('}')? {
            let name = self.tokens.next()?;
            self.by_name(&name)?;
            if !self.takes(',')? {
                self.expect('}')?;
                break;
            }
        }
        self.after_value()
    }

    /// `up` where it stands for `up: up`.
    fn by_name(&mut self, name: &Token) -> Result<(), Diagnostic> {
        let pieces = self.constants.get(self.word(name)).cloned();
        let pieces = pieces.ok_or_else(|| self.unexpected(name))?;
        let script = self.build(&pieces);
        self.assign(name, script)
    }

    fn value(&mut self, name: &Token) -> Result<(), Diagnostic> {
        let key = self.key(name).to_owned();
        match key.as_str() {
            "config" => self.config(),
            "down" if self.takes_word("null")? || self.takes_word("undefined")? => Ok(()),
            _ => {
                let pieces = self.text(name)?;
                let script = self.build(&pieces);
                self.assign(name, script)
            }
        }
    }

    /// A name, which may be in quotes.
    fn key(&self, name: &Token) -> &str {
        self.word(name).trim_matches(['\'', '"'])
    }

    fn assign(&mut self, name: &Token, script: Script) -> Result<(), Diagnostic> {
        let known = match self.key(name) {
            "up" => self.module.up.is_some(),
            "down" => self.module.down.is_some(),
            _ => false,
        };
        if known {
            let message = format!(
                "`{}` is there twice: a file is one migration",
                self.key(name)
            );
            return Err(self.wrong(name.span.clone(), message));
        }
        match self.key(name) {
            "up" => self.module.up = Some(script),
            "down" => self.module.down = Some(script),
            "description" => self.module.description = Some(script.text().to_owned()),
            "id" | "name" | "version" => {}
            other => {
                let message = format!("`{other}` is not an export that a migration of strings has");
                return Err(self.wrong(name.span.clone(), message));
            }
        }
        Ok(())
    }

    /// `as const`, `satisfies Config`.
    fn after_type(&mut self) -> Result<(), Diagnostic> {
        while self.takes_word("as")? || self.takes_word("satisfies")? {
            let token = self.tokens.next()?;
            if token.kind != Kind::Word {
                return Err(self.unexpected(&token));
            }
        }
        Ok(())
    }

    fn after_value(&mut self) -> Result<(), Diagnostic> {
        self.after_type()?;
        let token = self.tokens.peek()?;
        match token.kind {
            Kind::End | Kind::Mark(';') => Ok(()),
            Kind::Word
                if matches!(
                    self.word(&token),
                    "export" | "import" | "exports" | "module" | "const" | "let" | "var"
                ) =>
            {
                Ok(())
            }
            _ => Err(self.unexpected(&token)),
        }
    }

    /// Strings, or the names of some, put together with `+`.
    fn text(&mut self, name: &Token) -> Result<Vec<Piece>, Diagnostic> {
        let mut all = Vec::new();
        loop {
            let token = self.tokens.next()?;
            match &token.kind {
                Kind::Text(pieces) => all.extend_from_slice(pieces),
                Kind::Word if self.constants.contains_key(self.word(&token)) => {
                    all.extend_from_slice(&self.constants[self.word(&token)]);
                }
                _ => {
                    let message = format!(
                        "`{}` is code, not a string: Whimbrel can't run it",
                        self.word(name)
                    );
                    return Err(self.wrong(name.span.start..token.span.end, message));
                }
            }
            if !self.takes('+')? {
                return Ok(all);
            }
        }
    }

    fn build(&self, pieces: &[Piece]) -> Script {
        let mut builder = Script::build(Arc::clone(self.file));
        for piece in pieces {
            match piece {
                Piece::Copy(range) => builder.copy(range.clone()),
                Piece::Put(text, at) => builder.put(text, *at),
            };
        }
        builder.finish()
    }

    fn config(&mut self) -> Result<(), Diagnostic> {
        self.expect('{')?;
        while !self.takes('}')? {
            let key = self.tokens.next()?;
            self.expect(':')?;
            let value = self.tokens.next()?;
            let word = self.word(&value).replace('_', "");
            match self.word(&key).trim_matches(['\'', '"']) {
                "transaction" => match word.as_str() {
                    "true" => self.module.transaction = None,
                    "false" => self.module.transaction = Some(false),
                    _ => return Err(self.wrong(value.span, "expected true or false".to_owned())),
                },
                "timeout" => match word.parse() {
                    Ok(milliseconds) => {
                        self.module.timeout = Some(Duration::from_millis(milliseconds));
                    }
                    Err(_) => {
                        return Err(
                            self.wrong(value.span, "expected a number of milliseconds".to_owned())
                        );
                    }
                },
                other => {
                    let message = format!("`{other}` is not a setting of a migration of strings");
                    return Err(self.wrong(key.span, message));
                }
            }
            if !self.takes(',')? {
                self.expect('}')?;
                break;
            }
        }
        Ok(())
    }
}
