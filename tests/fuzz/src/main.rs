// SPDX-License-Identifier: EUPL-1.2
//! One program for all targets, chosen by `DREIKLANG_FUZZ`. What they do stands in `targets.rs`; `tests/fuzz/run` builds and starts it.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
mod targets;

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(init: targets::start(), |data: &[u8]| targets::run(data));

#[cfg(not(fuzzing))]
fn main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
