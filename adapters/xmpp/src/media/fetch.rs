// SPDX-License-Identifier: EUPL-1.2
//! Getting and putting files over HTTP, streamed, within bounds of size, time and place.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use dreiklang_engine::port::{DeliveryError, Media};
use dreiklang_model::Reason;
use futures::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use reqwest::{Body, StatusCode, header, redirect};
use rustls::ClientConfig;
use url::Url;

use super::{
    Slot,
    guard::{Guard, NoPublicAddress},
};

const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence between two pieces of a file.
const SILENCE: Duration = Duration::from_secs(30);
/// How often an address may point to another.
const REDIRECTS: usize = 3;
/// Largest file that is fetched.
pub(crate) const LARGEST: u64 = 100 * 1024 * 1024;

/// The way to files on the web.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    http: reqwest::Client,
    /// Waits as long as the delivery may: a large file is silent for long while it goes.
    uploads: reqwest::Client,
    guard: Guard,
}

impl Web {
    /// `allowed`: private places, as `host:port`, that may be asked all the same.
    ///
    /// # Errors
    /// When the library refuses the TLS configuration.
    pub(crate) fn new(tls: &Arc<ClientConfig>, allowed: &[String]) -> Result<Self, reqwest::Error> {
        let guard = Guard::new(allowed);
        let client = || {
            let judge = guard.clone();
            let redirects = redirect::Policy::custom(move |attempt| {
                if attempt.previous().len() > REDIRECTS || !judge.admits(attempt.url()) {
                    attempt.stop()
                } else {
                    attempt.follow()
                }
            });
            reqwest::Client::builder()
                .tls_backend_preconfigured((**tls).clone())
                .dns_resolver(Arc::new(guard.clone()))
                .connect_timeout(CONNECT)
                .redirect(redirects)
                .no_proxy()
                .user_agent(concat!("dreiklang/", env!("CARGO_PKG_VERSION")))
        };
        let (http, uploads) = (client().read_timeout(SILENCE).build()?, client().build()?);
        Ok(Self { http, uploads, guard })
    }

    /// Opens the file at an address that somebody sent.
    pub(crate) async fn open(&self, address: &str) -> Result<Media, DeliveryError> {
        let never = |reason: Reason, cause: &str| DeliveryError::Never { reason, cause: cause.to_owned() };
        let url = Url::parse(address).ok().filter(|url| self.guard.admits(url));
        let Some(url) = url else { return Err(refused()) };
        let answer = self.http.get(url).send().await.map_err(|error| later(&error))?;
        match answer.status() {
            status if status.is_success() => {}
            status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                return Err(never(Reason::FileUnavailable, "the file is not there"));
            }
            status if status.is_redirection() => return Err(never(Reason::FileUnavailable, "the file is somewhere else")),
            status => return Err(DeliveryError::later(format!("the file's server answers {status}"))),
        }
        let size = answer.content_length();
        if size.is_some_and(|size| size > LARGEST) {
            return Err(never(Reason::TooLarge, "a file larger than is carried"));
        }
        Ok(Media { size, bytes: bounded(answer).boxed() })
    }

    /// Puts a file into a slot that a server gave.
    pub(crate) async fn put(&self, slot: &Slot, media_type: &str, size: u64, media: Media) -> Result<(), DeliveryError> {
        let url = Url::parse(&slot.put).ok().filter(|url| self.guard.admits(url));
        let Some(url) = url else { return Err(refused()) };
        let untrue = Arc::new(AtomicBool::new(false));
        let mut request = self
            .uploads
            .put(url)
            .header(header::CONTENT_TYPE, media_type)
            .header(header::CONTENT_LENGTH, size)
            .body(Body::wrap_stream(measured(media.bytes, size, Arc::clone(&untrue))));
        for (name, value) in &slot.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await;
        // However the service takes it: another attempt would find the same.
        if untrue.load(Ordering::Relaxed) {
            let cause = "a file of another size than was said".to_owned();
            return Err(DeliveryError::Never { reason: Reason::Unreadable, cause });
        }
        let answer = answer.map_err(|error| later(&error))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::PAYLOAD_TOO_LARGE => {
                Err(DeliveryError::Never { reason: Reason::TooLarge, cause: "larger than the upload service takes".to_owned() })
            }
            status => Err(DeliveryError::later(format!("the upload service answers {status}"))),
        }
    }
}

/// The bytes, as long as there are as many as was said; `untrue` is set when there are more or fewer.
fn measured(
    bytes: BoxStream<'static, io::Result<Bytes>>,
    said: u64,
    untrue: Arc<AtomicBool>,
) -> impl futures::Stream<Item = io::Result<Bytes>> + Send {
    let wrong = |untrue: &AtomicBool| {
        untrue.store(true, Ordering::Relaxed);
        io::Error::other("a file of another size than was said")
    };
    stream::try_unfold((bytes, said, untrue), move |(mut bytes, left, untrue)| async move {
        match bytes.next().await.transpose()? {
            Some(piece) => match left.checked_sub(piece.len() as u64) {
                // Whoever writes the request takes nothing after the last byte that was said: it is looked here.
                Some(0) if bytes.next().await.transpose()?.is_some_and(|more| !more.is_empty()) => Err(wrong(&untrue)),
                Some(left) => Ok(Some((piece, (bytes, left, untrue)))),
                None => Err(wrong(&untrue)),
            },
            None if left > 0 => Err(wrong(&untrue)),
            None => Ok(None),
        }
    })
}

/// The bytes of an answer, up to the largest file.
fn bounded(answer: reqwest::Response) -> impl futures::Stream<Item = io::Result<bytes::Bytes>> + Send {
    stream::try_unfold((answer, 0_u64), |(mut answer, before)| async move {
        let Some(piece) = answer.chunk().await.map_err(|error| io::Error::other(innermost(&error).to_string()))? else {
            return Ok(None);
        };
        let so_far = before + piece.len() as u64;
        if so_far > LARGEST {
            return Err(io::Error::other("a file larger than is carried"));
        }
        Ok(Some((piece, (answer, so_far))))
    })
}

/// Waiting does not make a private place public: only the administrator can allow it.
fn refused() -> DeliveryError {
    let cause = "a file at a private address: name the place in `fetch_allow` if it is to be used".to_owned();
    DeliveryError::Never { reason: Reason::FileUnavailable, cause }
}

fn later(error: &reqwest::Error) -> DeliveryError {
    let innermost = innermost(error);
    if innermost.is::<NoPublicAddress>() { refused() } else { DeliveryError::later(format!("a file's server: {innermost}")) }
}

/// The innermost cause, without the address: it is what somebody wrote.
fn innermost(error: &reqwest::Error) -> &(dyn std::error::Error + 'static) {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    #[tokio::test]
    async fn a_size_that_is_not_true_is_noticed() {
        for (pieces, said, fits) in [
            (vec!["ab", "c"], 3, true),
            (vec!["ab"], 3, false),
            (vec!["ab", "cd"], 3, false),
            (vec!["ab", "c", "d"], 3, false),
            (vec![], 0, true),
        ] {
            let untrue = Arc::new(AtomicBool::new(false));
            let bytes = stream::iter(pieces.clone().into_iter().map(|piece| Ok(Bytes::from(piece)))).boxed();
            let read: io::Result<Vec<_>> = measured(bytes, said, Arc::clone(&untrue)).try_collect().await;
            assert_eq!((read.is_ok(), !untrue.load(Ordering::Relaxed)), (fits, fits), "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_private_place_to_become_public() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let web = Web::new(&Arc::new(tls), &[]).unwrap();
        for address in ["http://localhost:9/x", "http://127.0.0.1:9/x"] {
            let refused = web.open(address).await.unwrap_err();
            assert!(matches!(refused, DeliveryError::Never { reason: Reason::FileUnavailable, .. }), "{address}: {refused}");
        }
    }
}
