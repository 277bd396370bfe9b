// SPDX-License-Identifier: EUPL-1.2
//! The log: structured lines on standard error. No line holds an address, a name or a text; see `docs/operations.md`.

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogLevel};

/// Starts the log. `RUST_LOG` refines what the configuration says.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    // Libraries may put addresses into their own debug lines: they are held to warnings.
    let quiet = format!(
        "warn,dreiklang={level},dreiklang_engine={level},dreiklang_store={level},dreiklang_matrix={level},dreiklang_xmpp={level},dreiklang_coi={level}"
    );
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).init(),
        LogFormat::Text => lines.init(),
    }
}
