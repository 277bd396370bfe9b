// SPDX-License-Identifier: EUPL-1.2
//! The media endpoint: gives a file to whoever holds a link to it, streamed from the network that holds it. It lists nothing, keeps
//! nothing, and nothing that it gives runs in the gateway's name. How links are made is in `media_links.rs`.

use std::{io, ops::Range, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use dreiklang_engine::{
    Engine,
    port::{Clock, DeliveryError, Media},
};
use dreiklang_model::{Attachment, MediaKind, MediaType, Reason};
use futures::{StreamExt as _, stream::BoxStream};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::Semaphore;

use crate::media_links::{Dead, Links};

/// Files that are given at once; whoever comes later is asked to come again.
const AT_ONCE: usize = 32;

/// What the endpoint needs.
#[derive(Clone)]
pub(crate) struct Giving {
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) links: Arc<Links>,
    slots: Arc<Semaphore>,
}

impl Giving {
    pub(crate) fn new(engine: Engine, clock: Arc<dyn Clock>, links: Arc<Links>) -> Self {
        Self { engine, clock, links, slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// `GET /media/TOKEN/NAME`. With a `Range` of one piece only that (RFC 9110 §14).
pub(crate) async fn give(State(giving): State<Giving>, Path((token, _)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let linked = match giving.links.open(&token, giving.clock.now()) {
        Ok(linked) => linked,
        Err(Dead::Unknown) => return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response(),
        Err(Dead::Expired) => return (StatusCode::GONE, "This link has expired.\n").into_response(),
    };
    let Ok(slot) = Arc::clone(&giving.slots).try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "Too many at once.\n").into_response();
    };
    let hub = giving.engine.hub(&linked.organisation, &linked.source.network);
    let Some(hub) = hub else { return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response() };
    let (file, media) = match hub.open(&linked.file()).await {
        Ok(opened) => opened,
        Err(DeliveryError::Never { reason: Reason::ForbiddenFile, .. }) => {
            return (StatusCode::FORBIDDEN, "The rules of the organisation do not allow files of this kind.\n").into_response();
        }
        Err(DeliveryError::Never { .. }) => return (StatusCode::NOT_FOUND, "The file is gone.\n").into_response(),
        Err(DeliveryError::Later { .. } | DeliveryError::Unknown { .. }) => {
            return (StatusCode::BAD_GATEWAY, "The file cannot be had at the moment.\n").into_response();
        }
    };
    let (status, fields, bytes) = answer(&file, media, headers.get(header::RANGE));
    let bytes = bytes.map(move |piece| {
        let _held = &slot;
        piece
    });
    (status, fields, Body::from_stream(bytes)).into_response()
}

fn answer(
    file: &Attachment,
    media: Media,
    range: Option<&HeaderValue>,
) -> (StatusCode, HeaderMap, BoxStream<'static, io::Result<Bytes>>) {
    let mut fields = HeaderMap::new();
    let mut field = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            fields.insert(name, value);
        }
    };
    let shown = shown(&file.media_type);
    let way = if shown { "inline" } else { "attachment" };
    let name = utf8_percent_encode(file.name.as_str(), NON_ALPHANUMERIC);
    field(header::CONTENT_DISPOSITION, format!("{way}; filename*=UTF-8''{name}"));
    field(header::CONTENT_TYPE, if shown { file.media_type.as_str() } else { "application/octet-stream" }.to_owned());
    field(header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned());
    field(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned());
    field(header::REFERRER_POLICY, "no-referrer".to_owned());
    field(header::CACHE_CONTROL, "private, no-store".to_owned());
    let Some(size) = media.size else { return (StatusCode::OK, fields, media.bytes) };
    field(header::ACCEPT_RANGES, "bytes".to_owned());
    match range.and_then(|range| range.to_str().ok()).map(|range| wanted(range, size)) {
        Some(Wanted::Piece(piece)) => {
            field(header::CONTENT_RANGE, format!("bytes {}-{}/{size}", piece.start, piece.end - 1));
            field(header::CONTENT_LENGTH, (piece.end - piece.start).to_string());
            (StatusCode::PARTIAL_CONTENT, fields, cut(media.bytes, piece))
        }
        Some(Wanted::Impossible) => {
            field(header::CONTENT_RANGE, format!("bytes */{size}"));
            (StatusCode::RANGE_NOT_SATISFIABLE, fields, futures::stream::empty().boxed())
        }
        Some(Wanted::All) | None => {
            field(header::CONTENT_LENGTH, size.to_string());
            (StatusCode::OK, fields, media.bytes)
        }
    }
}

/// What browsers show without running anything of it.
fn shown(media_type: &MediaType) -> bool {
    matches!(MediaKind::of(media_type), MediaKind::Image | MediaKind::Audio | MediaKind::Video)
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Piece(Range<u64>),
    /// It is not understood, or wants several pieces: everything is a valid answer.
    All,
    Impossible,
}

fn wanted(range: &str, size: u64) -> Wanted {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-')) else {
        return Wanted::All;
    };
    let piece = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(first), Err(_)) if last.is_empty() => first..size,
        (Err(_), Ok(last)) if first.is_empty() => size.saturating_sub(last)..size,
        _ => return Wanted::All,
    };
    if piece.start < piece.end { Wanted::Piece(piece) } else { Wanted::Impossible }
}

/// A piece of a stream that can only be read from its beginning.
fn cut(bytes: BoxStream<'static, io::Result<Bytes>>, piece: Range<u64>) -> BoxStream<'static, io::Result<Bytes>> {
    let pieces = futures::stream::unfold((bytes, 0_u64, piece), |(mut bytes, mut at, piece)| async move {
        while at < piece.end {
            match bytes.next().await? {
                Ok(mut chunk) => {
                    let start = at;
                    at = at.saturating_add(chunk.len() as u64);
                    if at <= piece.start {
                        continue;
                    }
                    if at > piece.end {
                        chunk.truncate(usize::try_from(piece.end - start).unwrap_or(usize::MAX));
                    }
                    let skipped = usize::try_from(piece.start.saturating_sub(start)).unwrap_or(usize::MAX).min(chunk.len());
                    return Some((Ok(chunk.split_off(skipped)), (bytes, at, piece)));
                }
                Err(error) => return Some((Err(error), (bytes, piece.end, piece))),
            }
        }
        None
    });
    pieces.boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-3", Wanted::Piece(0..4)),
            ("bytes=4-", Wanted::Piece(4..10)),
            ("bytes=-3", Wanted::Piece(7..10)),
            ("bytes=-30", Wanted::Piece(0..10)),
            ("bytes=8-99", Wanted::Piece(8..10)),
            ("bytes=10-", Wanted::Impossible),
            ("bytes=-0", Wanted::Impossible),
            ("bytes=3-1", Wanted::All),
            ("bytes=0-1,4-5", Wanted::All),
            ("lines=1-2", Wanted::All),
            ("bytes=-", Wanted::All),
        ] {
            assert_eq!(wanted(range, 10), expected, "{range}");
        }
    }

    #[tokio::test]
    async fn a_piece_is_the_same_however_the_bytes_come() {
        for chunks in [vec!["0123456789"], vec!["0", "12", "345", "6789"], vec!["01234", "56789"]] {
            for (start, end) in [(0, 10), (0, 1), (3, 7), (9, 10), (5, 5)] {
                let bytes = chunks.clone().into_iter().map(|chunk| Ok(Bytes::from(chunk)));
                let pieces: Vec<_> = cut(futures::stream::iter(bytes).boxed(), start..end).collect().await;
                let text: String = pieces.into_iter().map(|piece| String::from_utf8(piece.unwrap().to_vec()).unwrap()).collect();
                assert_eq!(text, "0123456789"[start as usize..end as usize]);
            }
        }
    }

    #[test]
    fn nothing_that_runs_is_shown() {
        for (media_type, is_shown) in
            [("image/png", true), ("video/mp4", true), ("image/svg+xml", false), ("text/html", false), ("application/pdf", false)]
        {
            assert_eq!(shown(&MediaType::new(media_type)), is_shown, "{media_type}");
        }
    }
}
