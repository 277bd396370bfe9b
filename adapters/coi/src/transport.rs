// SPDX-License-Identifier: EUPL-1.2
//! Connections: to a server with or without TLS, and the submission of mail over them.

mod connect;
mod refusal;
mod submission;

pub(crate) use connect::{Connector, Stream};
pub(crate) use refusal::{Refusal, clean};
pub(crate) use submission::{CONNECTIONS, Envelope, SendError, Submission};
