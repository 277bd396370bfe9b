// SPDX-License-Identifier: EUPL-1.2
//! Calls to the homeserver: one request, as one of our users, with every answer sorted by what it means for a repeat.
//! What is asked when is decided elsewhere.

use std::{borrow::Cow, sync::Arc, time::Duration};

use ruma::{
    DeviceId, UserId,
    api::{
        AppserviceUserIdentity, IncomingResponse, MatrixVersion, OutgoingRequest, OutgoingRequestAppserviceExt,
        SupportedVersions,
        auth_scheme::{AuthScheme, SendAccessToken},
        path_builder::PathBuilder,
    },
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::{Config, ConfigError, base_url};

const CONNECT: Duration = Duration::from_secs(10);
const IN_ALL: Duration = Duration::from_secs(30);
/// Largest answer that is read: a page of a hundred events of 64 KiB fits twice.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// The one device of each of our users: with it the homeserver remembers transaction ids over its own restart.
pub(crate) const DEVICE: &str = "DREIKLANG";

/// As whom a request is made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum As<'a> {
    /// The application service itself.
    Service,
    /// One of our users.
    User(&'a UserId),
    /// One of our users with his device: only once the device exists.
    Device(&'a UserId),
}

/// Why a call gave no result.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum CallError {
    /// No connection: nothing was asked.
    #[error("the homeserver cannot be reached: {0}")]
    Unreachable(String),
    /// The homeserver, or something before it, failed or did not answer in time: it may have been done.
    #[error("the homeserver does not answer properly: {0}")]
    Unclear(String),
    /// Too much at once.
    #[error("the homeserver asks for patience")]
    Limited(Option<Duration>),
    /// The homeserver does not know our token.
    #[error("the homeserver does not know the as_token ({0})")]
    Stranger(String),
    /// No.
    #[error("the homeserver refuses: {0}")]
    Refused(Refusal),
}

/// A refusal of the homeserver (Client-Server API § Standard error response).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}")]
pub(crate) struct Refusal {
    /// HTTP status.
    pub(crate) status: u16,
    /// `M_FORBIDDEN` and the like. The words beside it may name people: they are kept nowhere.
    pub(crate) code: String,
    /// The homeserver says that the user we act as is not registered, or his device is not there.
    pub(crate) identity: bool,
}

impl CallError {
    /// The refusal's code, if it is a refusal.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) => Some(refusal.code.as_str()),
            _ => None,
        }
    }

    /// The thing asked for is not there, or is none of our business.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self.code(), Some("M_NOT_FOUND" | "M_FORBIDDEN" | "M_UNKNOWN_ROOM"))
    }
}

/// The homeserver.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Arc<str>,
    token: SecretString,
    versions: Arc<SupportedVersions>,
}

impl Client {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured((*config.tls).clone())
            .connect_timeout(CONNECT)
            .timeout(IN_ALL)
            .redirect(reqwest::redirect::Policy::none())
            // The homeserver is a neighbour, not a place on the web.
            .no_proxy()
            .user_agent(concat!("dreiklang/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ConfigError::Http)?;
        // Servers list versions late (Synapse stops at v1.15 and has much of v1.18): we ask for what we need and look at the
        // answer instead.
        let versions = SupportedVersions { versions: [MatrixVersion::V1_1, MatrixVersion::V1_7].into(), features: [].into() };
        Ok(Self {
            http,
            base: base_url(&config.homeserver, "homeserver")?.into(),
            token: config.as_token.clone(),
            versions: Arc::new(versions),
        })
    }

    /// One request. Safe to drop at any time; whether to repeat it is the caller's decision.
    pub(crate) async fn call<R>(&self, identity: As<'_>, request: R) -> Result<R::IncomingResponse, CallError>
    where
        R: OutgoingRequest,
        for<'a> R::Authentication: AuthScheme<Input<'a> = SendAccessToken<'a>>,
        for<'a> R::PathBuilder: PathBuilder<Input<'a> = Cow<'a, SupportedVersions>>,
    {
        let versions = Cow::Borrowed(&*self.versions);
        let token = SendAccessToken::Appservice(self.token.expose_secret());
        let built = request.try_into_http_request_with_identity::<Vec<u8>>(&self.base, token, asserted(identity), versions);
        let request = built.map_err(|error| CallError::Refused(Refusal::ours(&error)))?;
        let request = reqwest::Request::try_from(request).map_err(|error| CallError::Refused(Refusal::ours(&error)))?;
        let answer = self.http.execute(request).await.map_err(|error| sorted(&error))?;
        let status = answer.status();
        let body = read(answer).await?;
        if !status.is_success() {
            return Err(refused(status.as_u16(), &body));
        }
        let answer = http::Response::builder().status(status).body(body).map_err(|error| unclear(&error))?;
        R::IncomingResponse::try_from_http_response(answer).map_err(|error| unclear(&error))
    }
}

fn asserted(identity: As<'_>) -> AppserviceUserIdentity<'_> {
    match identity {
        As::Service => AppserviceUserIdentity::default(),
        As::User(user) => AppserviceUserIdentity::new(user),
        As::Device(user) => {
            let mut asserted = AppserviceUserIdentity::new(user);
            asserted.device_id = Some(<&DeviceId>::from(DEVICE));
            asserted
        }
    }
}

impl Refusal {
    /// What could not even be asked: no server would take it.
    fn ours(error: &dyn std::error::Error) -> Self {
        tracing::debug!(%error, "a request cannot be built");
        Self { status: 0, code: "M_INVALID_PARAM".to_owned(), identity: false }
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| sorted(&error))? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            let code = "M_TOO_LARGE".to_owned();
            return Err(CallError::Refused(Refusal { status: 200, code, identity: false }));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Errors of the connection, without the URL: it names people.
fn sorted(error: &reqwest::Error) -> CallError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if error.is_connect() {
        CallError::Unreachable(cause.to_string())
    } else if error.is_timeout() {
        CallError::Unclear("no answer in time".to_owned())
    } else {
        CallError::Unclear(cause.to_string())
    }
}

fn unclear(error: &dyn std::error::Error) -> CallError {
    tracing::debug!(%error, "an answer of the homeserver cannot be read");
    CallError::Unclear("an answer that is not Matrix".to_owned())
}

#[derive(Deserialize)]
struct ErrorBody {
    errcode: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    retry_after_ms: Option<u64>,
}

/// What an answer other than 2xx means. One without an error code comes from something in front of the homeserver.
fn refused(status: u16, body: &[u8]) -> CallError {
    let Ok(said) = serde_json::from_slice::<ErrorBody>(body) else {
        return CallError::Unclear(format!("status {status} without a Matrix error"));
    };
    let code: String = said.errcode.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).take(64).collect();
    match (status, code.as_str()) {
        // What the homeserver says about us when asked for a ping, though with the status of a failure of its own.
        (_, "M_BAD_STATUS" | "M_CONNECTION_FAILED" | "M_CONNECTION_TIMEOUT" | "M_URL_NOT_SET") => {
            CallError::Refused(Refusal { status, code, identity: false })
        }
        (429, _) | (_, "M_LIMIT_EXCEEDED") => CallError::Limited(said.retry_after_ms.map(Duration::from_millis)),
        (500.., _) => CallError::Unclear(format!("status {status} {code}")),
        (_, "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN") => CallError::Stranger(code),
        _ => {
            let identity = code == "M_UNKNOWN_DEVICE"
                || said.error.contains("has not registered this user")
                || said.error.contains("device that doesn't exist");
            CallError::Refused(Refusal { status, code, identity })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_errors_mean() {
        let limited = refused(429, br#"{"errcode":"M_LIMIT_EXCEEDED","error":"x","retry_after_ms":1500}"#);
        assert!(matches!(limited, CallError::Limited(Some(after)) if after == Duration::from_millis(1500)));
        assert!(matches!(refused(502, b"<html>bad gateway</html>"), CallError::Unclear(_)));
        assert!(matches!(refused(404, b"not here"), CallError::Unclear(_)));
        assert!(matches!(refused(500, br#"{"errcode":"M_UNKNOWN"}"#), CallError::Unclear(_)));
        assert!(matches!(refused(401, br#"{"errcode":"M_UNKNOWN_TOKEN"}"#), CallError::Stranger(_)));
        let ping = refused(502, br#"{"errcode":"M_BAD_STATUS","error":"x","status":403,"body":""}"#);
        assert_eq!(ping.code(), Some("M_BAD_STATUS"));
        let forbidden = refused(403, br#"{"errcode":"M_FORBIDDEN","error":"User @_xmpp_bob not in room"}"#);
        assert_eq!(forbidden.code(), Some("M_FORBIDDEN"));
        assert!(!forbidden.to_string().contains("bob"));
        let unknown =
            refused(403, br#"{"errcode":"M_FORBIDDEN","error":"Application service has not registered this user (@x)"}"#);
        assert!(matches!(unknown, CallError::Refused(Refusal { identity: true, .. })));
    }
}
