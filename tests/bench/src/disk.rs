// SPDX-License-Identifier: EUPL-1.2
//! The disk alone: how long it takes until a few pages are safe on it. No commit can be faster.

use std::{fs::File, io::Write as _, path::Path, time::Instant};

/// As much as a small commit writes: three pages of the database with their headers.
const PIECE: usize = 3 * (4096 + 24);
const TIMES: usize = 2000;

pub(crate) fn run(on: &Path) {
    for (name, sync) in [("fsync", File::sync_all as fn(&File) -> _), ("fdatasync", File::sync_data)] {
        let mut file = tempfile::tempfile_in(on).unwrap();
        let mut times: Vec<_> = (0..TIMES)
            .map(|_| {
                file.write_all(&[7; PIECE]).unwrap();
                let begun = Instant::now();
                sync(&file).unwrap();
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        let at = |share: usize| times[TIMES * share / 100].as_secs_f64() * 1000.0;
        println!("disk: {name} of {PIECE} bytes: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
    }
}
