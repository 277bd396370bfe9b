// SPDX-License-Identifier: EUPL-1.2
//! One GET to the gateway's own administration port, for the commands that ask a running gateway.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// The status code and the body.
pub(crate) async fn get(at: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    let answer = timeout(PATIENCE, async {
        let mut stream = TcpStream::connect(reachable(at)).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    })
    .await
    .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let broken = || io::Error::other("that is no answer of a gateway");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(broken)?;
    Ok((code, body.to_owned()))
}

/// An address to listen on everywhere is reached on this machine.
fn reachable(mut at: SocketAddr) -> SocketAddr {
    match at {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => at.set_ip(std::net::Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => at.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    at
}
