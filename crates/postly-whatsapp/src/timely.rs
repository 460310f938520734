//! A message is sent in time or not at all.
//!
//! A request handed to the client waits in its queues for a moment. If the process is suspended in that
//! moment (a paused machine, a SIGSTOP), it would write the request on resuming, long after another process
//! has waited and sent the message again. Therefore the body checks the clock when the client asks for its
//! bytes, which is when they are written.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::Request;

/// Returns the same request with a body that is written by this instant or never.
pub(crate) fn timely(mut request: Request, send_by: Instant) -> Request {
    let bytes = request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice);
    if let Some(bytes) = bytes {
        let body = Timely { bytes: Some(bytes), send_by };
        *request.body_mut() = Some(reqwest::Body::wrap(body));
    }
    request
}

/// The deadline passed before the body was written.
#[derive(Debug, thiserror::Error)]
#[error("the request was not written in time")]
struct TooLate;

/// Returns true if a request failed because of its deadline. Then nothing of its body was sent.
pub(crate) fn is_too_late(error: &reqwest::Error) -> bool {
    std::iter::successors(error.source(), |&cause| cause.source()).any(<dyn Error>::is::<TooLate>)
}

struct Timely {
    /// `None` after the bytes were written.
    bytes: Option<Bytes>,
    send_by: Instant,
}

impl Body for Timely {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        let in_time = Instant::now() <= self.send_by;
        Poll::Ready(Some(if in_time { Ok(Frame::data(bytes)) } else { Err(TooLate) }))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(
            self.bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use tokio::{io::AsyncReadExt as _, net::TcpListener};

    /// Sends a request with the body "message" and this deadline. Returns its result and the text that a
    /// server reads.
    async fn read_of(send_by: Instant) -> (Result<(), reqwest::Error>, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = timely(client.post(url).body("message").build().unwrap(), send_by);
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut read = vec![];
            let mut buffer = [0; 1024];
            while !read.ends_with(b"message") {
                match socket.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => read.extend_from_slice(&buffer[..count]),
                }
            }
            String::from_utf8(read).unwrap()
        });
        let answered = client.execute(request).await.map(|_| ());
        (answered, server.await.unwrap())
    }

    #[tokio::test]
    async fn what_is_written_in_time_is_whole() {
        let (answered, read) = read_of(Instant::now() + Duration::from_secs(10)).await;
        // The server closed the connection without an answer.
        assert!(!is_too_late(&answered.unwrap_err()));
        assert!(read.to_lowercase().contains("content-length: 7\r\n"), "{read}");
        assert!(read.ends_with("\r\n\r\nmessage"), "{read}");
    }

    #[tokio::test]
    async fn what_comes_too_late_is_not_written() {
        let (answered, read) = read_of(Instant::now()).await;
        assert!(is_too_late(&answered.unwrap_err()));
        assert!(!read.contains("message"), "{read}");
    }
}
