// SPDX-License-Identifier: EUPL-1.2
//! Files in the homeserver's media repository: streamed up and down, never held (Client-Server API § Content repository;
//! downloads are authenticated since v1.11).

use std::{sync::Arc, time::Duration};

use dreiklang_engine::port::{DeliveryError, Media};
use dreiklang_model::{Attachment, Reason};
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::{Body, StatusCode, header};
use ruma::UserId;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use crate::config::{Config, ConfigError, base_url};

const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence between two pieces of a file.
const SILENCE: Duration = Duration::from_secs(30);

/// The media repository.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    http: reqwest::Client,
    /// Waits as long as the delivery may: a large file is silent for long while it goes.
    uploads: reqwest::Client,
    base: Arc<str>,
    token: SecretString,
}

impl Repository {
    pub(crate) fn new(config: &Config) -> Result<Self, ConfigError> {
        let client = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured((*config.tls).clone())
                .connect_timeout(CONNECT)
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .user_agent(concat!("dreiklang/", env!("CARGO_PKG_VERSION")))
        };
        let http = client().read_timeout(SILENCE).build().map_err(ConfigError::Http)?;
        let uploads = client().build().map_err(ConfigError::Http)?;
        Ok(Self { http, uploads, base: base_url(&config.homeserver, "homeserver")?.into(), token: config.as_token.clone() })
    }

    /// Opens the file at an `mxc:` address.
    pub(crate) async fn open(&self, address: &str) -> Result<Media, DeliveryError> {
        let unavailable = |cause: &str| DeliveryError::Never { reason: Reason::FileUnavailable, cause: cause.to_owned() };
        let place = address.strip_prefix("mxc://").and_then(|rest| rest.split_once('/'));
        let Some((server, id)) = place.filter(|(server, id)| !server.is_empty() && !id.is_empty() && !id.contains('/')) else {
            return Err(unavailable("not an address of a file"));
        };
        let url = self.url(&["_matrix", "client", "v1", "media", "download", server, id])?;
        let answer = self.http.get(url).bearer_auth(self.token.expose_secret()).send().await.map_err(|error| later(&error))?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => return Err(unavailable("the file is not there")),
            StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(DeliveryError::Never { reason: Reason::TooLarge, cause: "the homeserver refuses".to_owned() });
            }
            status => return Err(DeliveryError::later(format!("the media repository answers {status}"))),
        }
        let size = answer.content_length();
        let bytes = answer.bytes_stream().map_err(|error| std::io::Error::other(cause(&error))).boxed();
        Ok(Media { size, bytes })
    }

    /// Puts a file into the repository as `user` and answers its address. Not idempotent: a repeat makes a second copy.
    pub(crate) async fn put(&self, user: &UserId, file: &Attachment, media: Media) -> Result<String, DeliveryError> {
        let mut url = self.url(&["_matrix", "media", "v3", "upload"])?;
        url.query_pairs_mut().append_pair("filename", file.name.as_str()).append_pair("user_id", user.as_str());
        let mut request = self
            .uploads
            .post(url)
            .bearer_auth(self.token.expose_secret())
            .header(header::CONTENT_TYPE, file.media_type.as_str())
            .body(Body::wrap_stream(media.bytes));
        if let Some(size) = media.size {
            request = request.header(header::CONTENT_LENGTH, size);
        }
        let answer = request.send().await.map_err(|error| later(&error))?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::PAYLOAD_TOO_LARGE => {
                return Err(DeliveryError::Never {
                    reason: Reason::TooLarge,
                    cause: "larger than the homeserver takes".to_owned(),
                });
            }
            status => return Err(DeliveryError::later(format!("the media repository answers {status}"))),
        }
        let body = answer.bytes().await.map_err(|error| later(&error))?;
        let stored: Stored =
            serde_json::from_slice(&body).map_err(|_| DeliveryError::later("the media repository does not answer properly"))?;
        Ok(stored.content_uri)
    }

    fn url(&self, path: &[&str]) -> Result<Url, DeliveryError> {
        let mut url = Url::parse(&self.base).map_err(|error| DeliveryError::later(error.to_string()))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Ok(url)
    }
}

#[derive(Deserialize)]
struct Stored {
    content_uri: String,
}

fn later(error: &reqwest::Error) -> DeliveryError {
    DeliveryError::later(format!("the media repository: {}", cause(error)))
}

/// The innermost cause, without the URL: it names people.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
