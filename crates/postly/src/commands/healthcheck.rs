//! `postly healthcheck`.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Failure;
use crate::config::Reader;

/// The time limit for the whole response: the service itself waits up to two seconds for its database.
const PATIENCE: Duration = Duration::from_secs(4);
/// The most bytes that are read of the response: a head and a short body.
const LONGEST_ANSWER: u64 = 64 * 1024;

/// Asks `/readyz` of the service on this machine.
pub(crate) async fn run() -> Result<(), Failure> {
    let mut reader = Reader::from_process();
    let address = reader.admin_bind_address();
    let address = reader.done(address).map_err(Failure::Config)?;
    let asked = tokio::time::timeout(PATIENCE, ask(reachable(address))).await;
    Ok(asked.context("the service does not answer in time")??)
}

/// Returns the address at which a listener of this machine is reached: an unspecified address becomes
/// loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port()))
        }
        other => other,
    }
}

async fn ask(address: SocketAddr) -> anyhow::Result<()> {
    let connected = TcpStream::connect(address).await;
    let mut connection = connected.with_context(|| format!("no service answers at {address}"))?;
    connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    connection.take(LONGEST_ANSWER).read_to_string(&mut answer).await?;
    let head = answer.lines().next().unwrap_or_default();
    if head.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    bail!("the service at {address} is not ready: {body}")
}
