//! One connection: start-up, authentication, and commands sent without waiting for each other.

use std::borrow::Cow;
use std::io;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use whimbrel_core::driver::{DriverError, DriverErrorKind, Notice};
use whimbrel_core::failpoint;

use super::config::{Config, Host, SslMode};
use super::errors;
use super::socket::{self, Stream};
use super::supabase;

/// A command to send: unnamed, so that poolers may send each transaction to another server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Command<'a> {
    pub(super) sql: &'a str,
    /// Data for COPY ... FROM STDIN.
    pub(super) data: Option<&'a str>,
    /// The server answers at once, not only at the end: worth a system call on either side where
    /// somebody watches.
    pub(super) answer_now: bool,
}

/// What the server says while commands run.
pub(super) enum Reply<'a> {
    Row(&'a DataRowBody),
    /// The command has ended; holds its tag, such as `INSERT 0 1`.
    Done(&'a str),
    Notice(Notice),
}

/// A command failed; those after it were not run.
#[derive(Debug)]
pub(super) struct CommandError {
    /// Which command, from 0.
    pub(super) index: usize,
    pub(super) error: DriverError,
}

/// What identifies the server's side of the connection, for cancel requests.
#[derive(Clone, Debug)]
pub(super) struct BackendKey {
    pub(super) host: Host,
    pub(super) pid: i32,
    pub(super) secret: i32,
}

pub(super) struct Connection {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    input: BytesMut,
    pub(super) output: BytesMut,
    host: Host,
    pub(super) key: (i32, i32),
    pub(super) version: String,
    /// The state after the last exchange: `I` idle, `T` in a transaction, `E` in a failed one.
    status: u8,
}

/// Output is handed to the system in pieces of about this size; COPY data as well.
const PIECE: usize = 64 * 1024;

impl Connection {
    /// What `prefer` prefers may be what the server's rules don't let in; then it goes without.
    pub(super) async fn open(config: &Config) -> Result<Self, DriverError> {
        match Self::open_as_set(config).await {
            Err(error)
                if config.ssl_mode == SslMode::Prefer && error.code.as_deref() == Some("28000") =>
            {
                let without = Config {
                    ssl_mode: SslMode::Disable,
                    ..config.clone()
                };
                // What the first try said is about the way that was wanted.
                Self::open_as_set(&without).await.map_err(|_| error)
            }
            result => result,
        }
    }

    async fn open_as_set(config: &Config) -> Result<Self, DriverError> {
        let (opened, host) = socket::open(config).await?;
        let (reader, writer) = tokio::io::split(opened.stream);
        let mut connection = Self {
            reader,
            writer,
            input: BytesMut::with_capacity(16 * 1024),
            output: BytesMut::with_capacity(16 * 1024),
            host,
            key: (0, 0),
            version: String::new(),
            status: b'I',
        };
        let limit = config.connect_timeout;
        match tokio::time::timeout(limit, connection.start(config, opened.binding)).await {
            Ok(Ok(())) => Ok(connection),
            Ok(Err(error)) => Err(supabase::explain(config, &connection.host, error)),
            Err(_) => Err(DriverError::new(
                DriverErrorKind::Connect,
                format!(
                    "the server accepted the connection, but did not let us in within {} s",
                    limit.as_secs()
                ),
            )),
        }
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn key(&self) -> BackendKey {
        BackendKey {
            host: self.host.clone(),
            pid: self.key.0,
            secret: self.key.1,
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), DriverError> {
        send(&mut self.writer, &mut self.output)
            .await
            .map_err(|e| errors::lost(&e))
    }

    pub(super) async fn message(&mut self) -> Result<Message, DriverError> {
        receive(&mut self.reader, &mut self.input)
            .await
            .map_err(|e| errors::lost(&e))
    }

    /// Sends all commands and one Sync, and reads the answers as they come, at the same time: a
    /// server that waits for us to read can't keep us from writing. One round trip.
    pub(super) async fn exchange(
        &mut self,
        commands: impl Iterator<Item = Command<'_>> + Send,
        on_reply: &mut (dyn FnMut(usize, Reply<'_>) + Send),
    ) -> Result<(), CommandError> {
        let (writer, output) = (&mut self.writer, &mut self.output);
        let sending = async {
            for command in commands {
                if let Err(error) = encode(&command, writer, output).await {
                    // What is no message (a text with a NUL) is followed by none: without this the
                    // server and we would wait for each other.
                    let _ = writer.shutdown().await;
                    return Err(error);
                }
            }
            frontend::sync(output);
            send(writer, output).await
        };
        let (reader, input) = (&mut self.reader, &mut self.input);
        let receiving = answers(reader, input, on_reply);
        let (sent, received) = tokio::join!(sending, receiving);
        let lost = |error: &io::Error| CommandError {
            index: 0,
            error: errors::lost(error),
        };
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::InvalidInput
        {
            return Err(lost(error));
        }
        match received {
            Ok(status) => self.status = status,
            Err(failed) => {
                self.status = failed.status;
                return Err(failed.command);
            }
        }
        sent.map_err(|error| lost(&error))
    }

    /// Statements in one message, of which the server does nothing until it has all of it: a
    /// connection that stands still in its middle leaves nothing open.
    pub(super) async fn at_once(
        &mut self,
        commands: &[String],
        on_reply: &mut (dyn FnMut(usize, Reply<'_>) + Send),
    ) -> Result<(), CommandError> {
        let whole = |error: DriverError| CommandError { index: 0, error };
        let sql = commands.join(";\n");
        frontend::query(&sql, &mut self.output).map_err(|error| whole(errors::lost(&error)))?;
        self.flush().await.map_err(whole)?;
        match answers(&mut self.reader, &mut self.input, on_reply).await {
            Ok(status) => self.status = status,
            Err(failed) => {
                self.status = failed.status;
                return Err(failed.command);
            }
        }
        Ok(())
    }

    /// True if a failed transaction is still open.
    pub(super) fn in_transaction(&self) -> bool {
        self.status != b'I'
    }

    /// Runs commands and gives the rows of the last one.
    pub(super) async fn rows<S: AsRef<str> + Sync>(
        &mut self,
        commands: &[S],
    ) -> Result<Vec<Vec<Option<String>>>, CommandError> {
        let last = commands.len().saturating_sub(1);
        let mut rows = Vec::new();
        self.exchange(plain(commands), &mut |index, reply| {
            if let Reply::Row(row) = reply
                && index == last
            {
                rows.push(texts(row));
            }
        })
        .await?;
        Ok(rows)
    }

    pub(super) async fn terminate(mut self) -> Result<(), DriverError> {
        frontend::terminate(&mut self.output);
        self.flush().await?;
        // The server closes first; a broken pipe at this point means the same.
        let _ = self.writer.shutdown().await;
        Ok(())
    }
}

/// Commands of which only the end is waited for.
pub(super) fn plain<S: AsRef<str>>(list: &[S]) -> impl Iterator<Item = Command<'_>> {
    list.iter().map(|sql| Command {
        sql: sql.as_ref(),
        data: None,
        answer_now: false,
    })
}

async fn send(writer: &mut WriteHalf<Box<dyn Stream>>, output: &mut BytesMut) -> io::Result<()> {
    failpoint::reach();
    writer.write_all(output).await?;
    output.clear();
    writer.flush().await?;
    failpoint::reach();
    Ok(())
}

async fn encode(
    command: &Command<'_>,
    writer: &mut WriteHalf<Box<dyn Stream>>,
    output: &mut BytesMut,
) -> io::Result<()> {
    frontend::parse("", command.sql, std::iter::empty(), output)?;
    let bound = frontend::bind(
        "",
        "",
        [],
        [],
        |(): (), _| Ok(postgres_protocol::IsNull::Yes),
        [],
        output,
    );
    bound.map_err(|_| io::Error::other("a bind message can't be made"))?;
    frontend::execute("", 0, output)?;
    if let Some(data) = command.data {
        for piece in data.as_bytes().chunks(PIECE) {
            frontend::CopyData::new(piece)?.write(output);
            if output.len() >= PIECE {
                send(writer, output).await?;
            }
        }
        frontend::copy_done(output);
    }
    // Without a flush the server would keep its answers until the end, and with them the progress.
    if command.answer_now {
        frontend::flush(output);
    }
    if output.len() >= PIECE {
        send(writer, output).await?;
    }
    Ok(())
}

async fn receive(
    reader: &mut ReadHalf<Box<dyn Stream>>,
    input: &mut BytesMut,
) -> io::Result<Message> {
    loop {
        if let Some(message) = Message::parse(input)? {
            return Ok(message);
        }
        if reader.read_buf(input).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the server closed it",
            ));
        }
    }
}

struct Failed {
    command: CommandError,
    status: u8,
}

/// Reads answers up to ReadyForQuery; gives the transaction's state.
async fn answers(
    reader: &mut ReadHalf<Box<dyn Stream>>,
    input: &mut BytesMut,
    on_reply: &mut (dyn FnMut(usize, Reply<'_>) + Send),
) -> Result<u8, Failed> {
    let mut index = 0;
    let mut failure: Option<CommandError> = None;
    loop {
        let message = receive(reader, input).await.map_err(|error| Failed {
            // An error that the server sent before it went is the better explanation.
            command: failure.take().map_or_else(
                || CommandError {
                    index,
                    error: errors::lost(&error),
                },
                |mut known| {
                    if !errors::ends_the_connection(&known.error) {
                        known.error.kind = DriverErrorKind::Lost;
                    }
                    known
                },
            ),
            status: b'I',
        })?;
        match message {
            Message::DataRow(row) => on_reply(index, Reply::Row(&row)),
            Message::CommandComplete(body) => {
                failpoint::reach();
                on_reply(index, Reply::Done(body.tag().unwrap_or_default()));
                index += 1;
            }
            Message::EmptyQueryResponse => {
                on_reply(index, Reply::Done(""));
                index += 1;
            }
            Message::NoticeResponse(body) => on_reply(index, Reply::Notice(errors::notice(&body))),
            Message::ErrorResponse(body) => {
                failure.get_or_insert(CommandError {
                    index,
                    error: errors::error(&body),
                });
            }
            Message::ReadyForQuery(body) => {
                failpoint::reach();
                return match failure {
                    None => Ok(body.status()),
                    Some(command) => Err(Failed {
                        command,
                        status: body.status(),
                    }),
                };
            }
            _ => {}
        }
    }
}

/// A row as texts.
pub(super) fn cells(row: &DataRowBody) -> Vec<Option<Cow<'_, str>>> {
    let buffer = row.buffer();
    let mut cells = Vec::with_capacity(16);
    let mut ranges = row.ranges();
    while let Ok(Some(range)) = ranges.next() {
        cells.push(range.map(|range| text(&buffer[range])));
    }
    cells
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// A row as texts of its own.
pub(super) fn texts(row: &DataRowBody) -> Vec<Option<String>> {
    let cells = cells(row).into_iter();
    cells.map(|cell| cell.map(Cow::into_owned)).collect()
}
