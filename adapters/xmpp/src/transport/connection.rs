// SPDX-License-Identifier: EUPL-1.2
//! Opening a component's stream: name resolution, TCP, stream header, handshake (XEP-0114 §3).

use std::{fmt::Write as _, future::Future, io, time::Duration};

use minidom::Element;
use rxml::bytes::BytesMut;
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest, Sha1};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, lookup_host},
};

use crate::{
    config::ComponentDomain,
    xml::{self, Frame, Reader, StreamBroken, element, namespace},
};

/// Longest that each step may take.
const STEP: Duration = Duration::from_secs(10);
/// How much is read at once at least.
const CHUNK: usize = 8 * 1024;

/// Why a stream could not be opened. The texts are for administrators.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("the server's host name is unknown: check `server` below [organisation.xmpp], and that the name resolves here")]
    Unknown(#[source] Option<io::Error>),
    #[error(
        "the server does not take the connection: check that it runs, that its component port is `server` below \
         [organisation.xmpp], and that it listens on an address that is reached from here"
    )]
    Refused(#[source] io::Error),
    #[error("the server does not answer in time: check that `server` below [organisation.xmpp] is its component port")]
    Slow,
    #[error("the server closed the connection: check that `server` below [organisation.xmpp] is its component port")]
    Closed,
    #[error("the server does not speak XMPP on this port: check `server` below [organisation.xmpp]")]
    Strange(#[source] StreamBroken),
    #[error(
        "the server refuses the secret: `secret_file` below [organisation.xmpp] must hold the same as `component_secret` \
         (Prosody) or `password` (ejabberd) of this component"
    )]
    Secret,
    #[error("the server does not know this component: add it there, or correct `domains` below [organisation.xmpp]")]
    NoSuchComponent,
    #[error("the component is connected already, by this gateway or by another program")]
    Conflict,
    #[error("the server refuses the stream ({0}): its log says why")]
    Stream(String),
}

/// An open stream.
pub(crate) struct Connection<S = TcpStream> {
    pub(crate) socket: S,
    pub(crate) reader: Reader,
    /// What was received and not read yet.
    pub(crate) input: BytesMut,
    /// What the server calls the stream; unique there.
    pub(crate) id: String,
}

/// Opens a stream for a component.
///
/// # Errors
/// [`OpenError`].
pub(crate) async fn open(server: &str, domain: &ComponentDomain, secret: &SecretString) -> Result<Connection, OpenError> {
    greet(connect(server).await?, domain, secret).await
}

/// Stream header and handshake (XEP-0114 §3).
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    domain: &ComponentDomain,
    secret: &SecretString,
) -> Result<Connection<S>, OpenError> {
    let (mut reader, mut input) = (Reader::new(), BytesMut::with_capacity(CHUNK));
    let header = format!(
        "<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='{}' to='{domain}'>",
        namespace::COMPONENT,
        namespace::STREAM
    );
    send(&mut socket, header.as_bytes()).await?;
    let id = match in_time(receive(&mut socket, &mut reader, &mut input)).await? {
        Frame::Header { id: Some(id) } => id,
        Frame::Element(error) => return Err(stream_error(&error)),
        _ => return Err(OpenError::Closed),
    };
    let mut proof = BytesMut::new();
    let handshake = element("handshake", namespace::COMPONENT).text(&digest(&id, secret)).build();
    xml::write(&handshake, &mut proof).map_err(|_| OpenError::Closed)?;
    send(&mut socket, &proof).await?;
    match in_time(receive(&mut socket, &mut reader, &mut input)).await? {
        Frame::Element(done) if done.is("handshake", namespace::COMPONENT) => Ok(Connection { socket, reader, input, id }),
        Frame::Element(error) => Err(stream_error(&error)),
        _ => Err(OpenError::Closed),
    }
}

async fn connect(server: &str) -> Result<TcpStream, OpenError> {
    let addresses = in_time(async { lookup_host(server).await.map_err(|error| OpenError::Unknown(Some(error))) }).await?;
    let mut failed = OpenError::Unknown(None);
    for address in addresses {
        match in_time(async { TcpStream::connect(address).await.map_err(OpenError::Refused) }).await {
            Ok(socket) => {
                // Without it a barrier would wait for the acknowledgement of what was written before.
                socket.set_nodelay(true).map_err(OpenError::Refused)?;
                return Ok(socket);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

async fn in_time<T>(step: impl Future<Output = Result<T, OpenError>>) -> Result<T, OpenError> {
    tokio::time::timeout(STEP, step).await.unwrap_or(Err(OpenError::Slow))
}

async fn send(socket: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), OpenError> {
    in_time(async {
        socket.write_all(bytes).await.map_err(|_| OpenError::Closed)?;
        socket.flush().await.map_err(|_| OpenError::Closed)
    })
    .await
}

async fn receive(socket: &mut (impl AsyncRead + Unpin), reader: &mut Reader, input: &mut BytesMut) -> Result<Frame, OpenError> {
    loop {
        if let Some(frame) = reader.next(input).map_err(OpenError::Strange)? {
            return Ok(frame);
        }
        input.reserve(CHUNK);
        if !matches!(socket.read_buf(input).await, Ok(1..)) {
            return Err(OpenError::Closed);
        }
    }
}

/// The condition of a stream error (RFC 6120 §4.9.3), or another element's name.
pub(crate) fn stream_condition(error: &Element) -> &str {
    let condition = error.children().find(|child| child.has_ns(namespace::STREAM_ERRORS) && child.name() != "text");
    condition.unwrap_or(error).name()
}

fn stream_error(error: &Element) -> OpenError {
    match stream_condition(error) {
        "not-authorized" => OpenError::Secret,
        "host-unknown" | "host-gone" | "improper-addressing" => OpenError::NoSuchComponent,
        "conflict" => OpenError::Conflict,
        other => OpenError::Stream(other.chars().take(64).collect()),
    }
}

/// XEP-0114 §3.
fn digest(id: &str, secret: &SecretString) -> String {
    let digest = Sha1::new().chain_update(id).chain_update(secret.expose_secret()).finalize();
    digest.iter().fold(String::with_capacity(40), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_specification() {
        // printf '3BF96D32test' | sha1sum
        assert_eq!(digest("3BF96D32", &"test".into()), "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e");
    }
}
