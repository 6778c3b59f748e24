//! A module of strings: `export const up = ...`, `down`, `config`.

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
    };
    while reader.statement()? {}
    Ok(reader.module)
}

struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    tokens: Tokens<'a>,
    module: Module,
}

impl Reader<'_> {
    fn word(&self, token: &Token) -> &str {
        &self.file.text()[token.span.clone()]
    }

    fn wrong(&self, span: Range<usize>, message: String) -> Diagnostic {
        Diagnostic::error("ts-strings", message).at(self.file, span, "").help(
            "only modules of strings are read: `export const up = `...``, the same for `down`, and `export const config = { transaction: false, timeout: 30000 }`",
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
                if !matches!(self.word(&keyword), "const" | "let" | "var") {
                    return Err(self.unexpected(&keyword));
                }
                self.export()?;
            }
            (Kind::Word, "module") => {
                self.expect('.')?;
                if !self.takes_word("exports")? {
                    return Err(self.unexpected(&token));
                }
                self.expect('.')?;
                self.export()?;
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
        match self.word(&name) {
            "up" => self.module.up = Some(self.script(&name)?),
            "down" => self.module.down = Some(self.script(&name)?),
            "config" => self.config()?,
            "description" => {
                let script = self.script(&name)?;
                self.module.description = Some(script.text().to_owned());
            }
            "id" | "name" | "version" => {
                self.script(&name)?;
            }
            other => {
                let message = format!("`{other}` is not an export that a migration of strings has");
                return Err(self.wrong(name.span.clone(), message));
            }
        }
        self.after_value()
    }

    /// `as const`, `satisfies Config`.
    fn after_value(&mut self) -> Result<(), Diagnostic> {
        while self.takes_word("as")? || self.takes_word("satisfies")? {
            let token = self.tokens.next()?;
            if token.kind != Kind::Word {
                return Err(self.unexpected(&token));
            }
        }
        let token = self.tokens.peek()?;
        match token.kind {
            Kind::End | Kind::Mark(';') => Ok(()),
            Kind::Word
                if matches!(
                    self.word(&token),
                    "export" | "import" | "exports" | "module"
                ) =>
            {
                Ok(())
            }
            _ => Err(self.unexpected(&token)),
        }
    }

    /// Strings, put together with `+`.
    fn script(&mut self, name: &Token) -> Result<Script, Diagnostic> {
        let mut builder = Script::build(Arc::clone(self.file));
        loop {
            let token = self.tokens.next()?;
            let Kind::Text(pieces) = &token.kind else {
                let message = format!(
                    "`{}` is code, not a string: Whimbrel can't run it",
                    self.word(name)
                );
                return Err(self.wrong(name.span.start..token.span.end, message));
            };
            for piece in pieces {
                match piece {
                    Piece::Copy(range) => builder.copy(range.clone()),
                    Piece::Put(text, at) => builder.put(text, *at),
                };
            }
            if !self.takes('+')? {
                return Ok(builder.finish());
            }
        }
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
