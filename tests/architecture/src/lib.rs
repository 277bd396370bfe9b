// SPDX-License-Identifier: EUPL-1.2
//! Holds the tests of the architecture (`tests/invariants.rs`); no code of its own.
