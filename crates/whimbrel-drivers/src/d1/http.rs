//! Requests to D1's HTTP API. Each is one batch, which happens as a whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use whimbrel_core::Error;
use whimbrel_core::driver::DriverErrorKind;
use whimbrel_core::failpoint;

use super::answer::{Answer, Envelope, RawAnswer};
use super::errors::{self, Failed};
use crate::history_sql::Row;
use crate::tls::{self, Check};

/// D1 ends a request after 30 seconds; what comes later does not come.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Tries of a request that the API did not take, and the longest wait that it may ask for.
const TRIES: usize = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The API's two forms of an answer: rows as objects, rows as lists.
const QUERY: &str = "query";
const RAW: &str = "raw";

/// A statement with its values.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Query {
    pub(super) sql: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) params: Vec<String>,
}

impl Query {
    /// Without values.
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            params: Vec::new(),
        }
    }

    /// The statement with its values as comments, for people.
    pub(super) fn listing(&self) -> String {
        let mut text = format!("{};\n", self.sql);
        for (number, value) in (1..).zip(&self.params) {
            text.push_str(&format!("-- ?{number} ="));
            for line in value.split('\n') {
                text.push_str(&format!("\n--   {line}"));
            }
            text.push('\n');
        }
        text
    }
}

#[derive(Serialize)]
struct Batch<'q> {
    batch: &'q [Query],
}

/// Where a database is, and how to be let in.
pub(super) struct Api {
    client: Client,
    url: String,
    token: Option<String>,
    /// Told when nobody waits for the answer any more.
    pub(super) abandon: Arc<Notify>,
}

impl Api {
    pub(super) fn new(url: String, token: Option<String>) -> Result<Self, Error> {
        let config = if url.starts_with("https:") {
            (*tls::client(Check::AuthorityAndName, None)?).clone()
        } else {
            tls::believes_nobody()?
        };
        let mut builder = Client::builder()
            .tls_backend_preconfigured(config)
            .connect_timeout(CONNECT_LIMIT)
            .timeout(ANSWER_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(whimbrel_core::TOOL);
        if !url.starts_with("https:") {
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| Error::Settings(format!("HTTP can't be set up: {error}")))?;
        Ok(Self {
            client,
            url,
            token,
            abandon: Arc::default(),
        })
    }

    /// Sends statements as one batch; gives an answer for each.
    pub(super) async fn send(&self, batch: &[Query]) -> Result<Vec<Answer>, Failed> {
        tokio::select! {
            answers = self.send_patiently(QUERY, batch, false) => answers,
            () = self.abandon.notified() => Err(errors::abandoned()),
        }
    }

    /// Sends statements that change nothing, which may be sent again whatever happened.
    pub(super) async fn read(&self, batch: &[Query]) -> Result<Vec<Answer>, Failed> {
        self.send_patiently(QUERY, batch, true).await
    }

    /// Sends one statement; gives its rows with all columns, also those of the same name.
    pub(super) async fn raw(&self, query: &Query) -> Result<Vec<Row>, Failed> {
        let batch = std::slice::from_ref(query);
        let answers = self.send_patiently::<RawAnswer>(RAW, batch, false).await?;
        Ok(answers.into_iter().flat_map(RawAnswer::rows).collect())
    }

    /// Sends again what was not taken, after the pause that the API asks for.
    async fn send_patiently<A: DeserializeOwned>(
        &self,
        form: &str,
        batch: &[Query],
        reads: bool,
    ) -> Result<Vec<A>, Failed> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_times(TRIES - 1)
            .with_jitter()
            .build();
        for pause in pauses {
            let (failed, asked) = match self.send_once(form, batch).await {
                Ok(answers) => return Ok(answers),
                Err(failed) => failed,
            };
            let again = asked.is_some() || reads && failed.error.kind == DriverErrorKind::Lost;
            if !again {
                return Err(failed);
            }
            tokio::time::sleep(asked.unwrap_or_default().max(pause)).await;
        }
        self.send_once(form, batch)
            .await
            .map_err(|(failed, _)| failed)
    }

    /// One request. With the failure comes the wait that a full API asks for.
    async fn send_once<A: DeserializeOwned>(
        &self,
        form: &str,
        batch: &[Query],
    ) -> Result<Vec<A>, (Failed, Option<Duration>)> {
        let request = self.client.post(format!("{}/{form}", self.url));
        let mut request = match batch {
            [only] => request.json(only),
            batch => request.json(&Batch { batch }),
        };
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let failed = |error| (errors::transport(error), None);
        failpoint::reach();
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let asked = (status == 429).then(|| wait(&response));
        let body = response.bytes().await.map_err(failed)?;
        failpoint::reach();
        match serde_json::from_slice::<Envelope<A>>(&body) {
            Ok(Envelope {
                success: true,
                result: Some(answers),
                ..
            }) if answers.len() == batch.len() => Ok(answers),
            Ok(envelope) if !envelope.success => {
                Err((errors::answer(status, &envelope.errors), asked))
            }
            // A success that can't be read says nothing of what happened.
            _ if (200..300).contains(&status) => Err((errors::unreadable(), None)),
            _ => Err((errors::answer(status, &[]), asked)),
        }
    }
}

/// What the API asks for in seconds.
fn wait(response: &Response) -> Duration {
    let header = response.headers().get(RETRY_AFTER);
    let seconds = header
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0);
    Duration::from_secs(seconds).min(LONGEST_WAIT)
}
