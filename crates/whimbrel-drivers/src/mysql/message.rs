//! Several statements in one message, and the answer of each.
//!
//! The server runs the statements of a message one after the other, answers each as it ends, and
//! stops at the first that fails: what follows a fence is not run if the fence does not hold. It
//! finds the ends of the statements itself, so only those join whose end nobody can see elsewhere
//! (see [`super::joins`]); the others go alone.

use std::mem;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, QueryResult, TextProtocol};
use whimbrel_core::driver::{DriverError, DriverErrorKind, Notice, Progress};
use whimbrel_core::failpoint;

use super::errors;
use super::joins::Way;
use super::wire::{rows, text};
use crate::history_sql::{self, Row};

/// Messages are cut here: what is told of a statement waits for its message to be read.
const MESSAGE_BYTES: usize = 256 * 1024;

/// What one statement of a message is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// The history's.
    Own,
    /// Fails unless the token is ours.
    Fence,
    /// A migration's: part, statement.
    Statement(usize, usize),
    /// What the server has to say of it.
    Warnings(usize, usize),
    /// The COMMIT with which a unit is done.
    Done,
}

/// Statements without an answer yet.
#[derive(Debug, Default)]
struct Message {
    text: String,
    pieces: Vec<Piece>,
}

/// A failure and where it happened.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: DriverError,
    pub(super) piece: Piece,
}

impl Failed {
    /// It has to do with none of the statements.
    pub(super) fn own(error: DriverError) -> Self {
        Self {
            error,
            piece: Piece::Own,
        }
    }
}

pub(super) type Progressing<'p> = &'p mut (dyn FnMut(Progress) + Send);

/// What was heard so far, passed on.
pub(super) struct Heard<'t> {
    progress: Progressing<'t>,
    /// Units that are done.
    pub(super) units: usize,
    /// Statements done of the unit after them.
    pub(super) statements: usize,
}

/// The exchange about one or more units.
pub(super) struct Talk<'t> {
    connection: &'t mut Conn,
    message: Message,
    pub(super) heard: Heard<'t>,
}

impl<'t> Talk<'t> {
    pub(super) fn new(connection: &'t mut Conn, progress: Progressing<'t>) -> Self {
        Self {
            connection,
            message: Message::default(),
            heard: Heard {
                progress,
                units: 0,
                statements: 0,
            },
        }
    }

    /// Says something as soon as the message is full, or [`Talk::flush`] is called.
    pub(super) async fn say(&mut self, piece: Piece, sql: &str) -> Result<(), Failed> {
        let length = self.message.text.len();
        if length > 0 && length + sql.len() > MESSAGE_BYTES {
            self.flush().await?;
        }
        let message = &mut self.message;
        if !message.text.is_empty() {
            // After a comment that has no end of its own.
            message.text.push_str("\n;\n");
        }
        message.text.push_str(sql);
        message.pieces.push(piece);
        Ok(())
    }

    /// A migration's statement; what is said about it is asked for at once.
    pub(super) async fn statement(
        &mut self,
        at: (usize, usize),
        sql: &str,
        way: Way,
    ) -> Result<(), Failed> {
        let piece = Piece::Statement(at.0, at.1);
        if way == Way::Joined {
            self.say(piece, sql).await?;
            return self.say(Piece::Warnings(at.0, at.1), "SHOW WARNINGS").await;
        }
        self.flush().await?;
        let alone = self.alone(at, sql, way == Way::Once).await;
        alone.map_err(|error| Failed { error, piece })
    }

    /// Sends what was said, and reads an answer for each of it.
    pub(super) async fn flush(&mut self) -> Result<(), Failed> {
        let message = mem::take(&mut self.message);
        let Some(&first) = message.pieces.first() else {
            return Ok(());
        };
        failpoint::reach();
        let result = self.connection.query_iter(&message.text).await;
        let mut result = result.map_err(|error| failed(&error, first))?;
        let mut affected = 0;
        for &piece in &message.pieces {
            let columns = result.columns();
            if let Piece::Statement(..) = piece {
                affected = result.affected_rows();
            }
            let keep = !matches!(piece, Piece::Statement(..));
            let set = answer(&mut result, keep).await;
            let set = set.map_err(|error| failed(&error, piece))?;
            if columns.is_none() {
                return Err(disagree(piece));
            }
            failpoint::reach();
            match piece {
                Piece::Warnings(part, statement) => {
                    self.heard.statement((part, statement), &set, affected);
                }
                Piece::Done => self.heard.unit(),
                _ => {}
            }
        }
        if result.columns().is_some() {
            return Err(disagree(Piece::Own));
        }
        Ok(())
    }

    /// A statement in a message of its own.
    async fn alone(
        &mut self,
        at: (usize, usize),
        sql: &str,
        once: bool,
    ) -> Result<(), DriverError> {
        let wrong = |error| errors::error(&error);
        failpoint::reach();
        let mut result = self.connection.query_iter(sql).await.map_err(wrong)?;
        failpoint::reach();
        let mut results = 0;
        while result.columns().is_some() {
            answer(&mut result, false).await.map_err(wrong)?;
            results += 1;
        }
        // An error that came after a result.
        answer(&mut result, true).await.map_err(wrong)?;
        if once && results > 1 {
            return Err(several());
        }
        let (affected, warnings) = (result.affected_rows(), result.warnings());
        drop(result);
        let said = if warnings > 0 {
            rows(self.connection, "SHOW WARNINGS").await?
        } else {
            Vec::new()
        };
        self.heard.statement(at, &said, affected);
        Ok(())
    }
}

/// Reads one result, and how the next one begins. An error that stands in its place is kept back
/// by the library until then.
async fn answer(
    result: &mut QueryResult<'_, '_, TextProtocol>,
    keep: bool,
) -> mysql_async::Result<Vec<Row>> {
    let has_rows = result.columns().is_some_and(|list| !list.is_empty());
    if has_rows && !keep {
        result.for_each(drop).await?;
        return Ok(Vec::new());
    }
    let set: Vec<mysql_async::Row> = result.collect().await?;
    let row = |row: mysql_async::Row| row.unwrap().into_iter().map(text).collect();
    Ok(set.into_iter().map(row).collect())
}

impl Heard<'_> {
    /// A statement is done; `said` are the server's warnings.
    fn statement(&mut self, (part, statement): (usize, usize), said: &[Row], affected: u64) {
        for row in said {
            let [severity, code, message] = row.as_slice() else {
                continue;
            };
            let notice = Notice {
                severity: severity.clone().unwrap_or_default().to_uppercase(),
                code: code.clone(),
                message: message.clone().unwrap_or_default(),
                detail: None,
                hint: None,
            };
            (self.progress)(Progress::Notice {
                part,
                statement,
                notice,
            });
        }
        (self.progress)(Progress::StatementDone {
            part,
            statement,
            rows: Some(affected),
        });
        self.statements += 1;
    }

    fn unit(&mut self) {
        self.units += 1;
        self.statements = 0;
        (self.progress)(Progress::UnitDone);
    }
}

fn failed(error: &mysql_async::Error, piece: Piece) -> Failed {
    let fenced = piece == Piece::Fence && errors::is(error, NOT_OURS);
    let error = if fenced {
        history_sql::fenced()
    } else {
        errors::joined(error)
    };
    Failed { error, piece }
}

/// A subquery gave more than one row, which is how the fence fails.
const NOT_OURS: u16 = 1242;

/// What the server did is not known then: it has to be looked at anew.
fn disagree(piece: Piece) -> Failed {
    let message = "the server's answers are not those of what was sent";
    Failed {
        error: DriverError::new(DriverErrorKind::Lost, message),
        piece,
    }
}

fn several() -> DriverError {
    DriverError::new(
        DriverErrorKind::Statement,
        "the server took this for several statements, and ran them",
    )
    .with_hint("it ends statements elsewhere than Whimbrel does, which a setting such as sql_mode = NO_BACKSLASH_ESCAPES brings about; write the text without backslashes")
}
