// SPDX-License-Identifier: EUPL-1.2
//! What becomes of the files that one attempt of a delivery opens. A place on the web that is down or slow must not hold up a chat
//! for as long as a server of the organisation may.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use futures::StreamExt;

use crate::port::Media;

/// The files of one attempt.
#[derive(Debug, Default)]
pub(crate) struct Fetching {
    failed: AtomicBool,
    handed_out: AtomicBool,
    unfinished: AtomicUsize,
    read: AtomicU64,
}

impl Fetching {
    /// A file could not be opened, although its network works.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    /// The recipient got a link to a file and fetches it later.
    pub(crate) fn hand_out(&self) {
        self.handed_out.store(true, Ordering::Release);
    }

    /// The files are still needed after the delivery.
    pub(crate) fn are_handed_out(&self) -> bool {
        self.handed_out.load(Ordering::Acquire)
    }

    /// Watches a file that was opened.
    pub(crate) fn watch(self: &Arc<Self>, media: Media) -> Media {
        self.unfinished.fetch_add(1, Ordering::AcqRel);
        let this = Arc::clone(self);
        let piece = media.bytes.map(Some).chain(futures::stream::once(std::future::ready(None)));
        let bytes = piece.filter_map(move |piece| {
            match &piece {
                Some(Ok(bytes)) => drop(this.read.fetch_add(bytes.len() as u64, Ordering::AcqRel)),
                Some(Err(_)) => this.fail(),
                None => drop(this.unfinished.fetch_sub(1, Ordering::AcqRel)),
            }
            std::future::ready(piece)
        });
        Media { size: media.size, bytes: bytes.boxed() }
    }

    /// How many bytes of files were read so far.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Acquire)
    }

    /// The attempt came to no end of its own.
    pub(crate) fn out_of_time(&self) {
        if self.unfinished.load(Ordering::Acquire) > 0 {
            self.fail();
        }
    }

    /// The attempt failed because of a file.
    pub(crate) fn is_to_blame(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use bytes::Bytes;
    use futures::stream;

    use super::*;

    fn media(pieces: Vec<io::Result<Bytes>>) -> Media {
        Media { size: None, bytes: stream::iter(pieces).boxed() }
    }

    #[tokio::test]
    async fn a_file_is_to_blame_when_it_breaks_off_or_does_not_end() {
        let piece = || Ok(Bytes::from_static(b"piece"));
        let broken = || Err(io::Error::other("gone"));
        for (pieces, read, in_time, blamed) in [
            (vec![piece(), piece()], 3, true, false),
            (vec![piece(), piece()], 3, false, false),
            (vec![piece(), piece()], 1, true, false),
            (vec![piece(), piece()], 1, false, true),
            (vec![piece(), broken()], 3, true, true),
        ] {
            let fetching = Arc::new(Fetching::default());
            let watched = fetching.watch(media(pieces));
            let came = watched.bytes.take(read).collect::<Vec<_>>().await;
            assert!(came.len() <= 2, "the bytes are as they were");
            if !in_time {
                fetching.out_of_time();
            }
            assert_eq!(fetching.is_to_blame(), blamed, "read {read}, in time {in_time}");
        }
    }
}
