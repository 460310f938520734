//! The HTTP/1.1 of both ends of the bench: bodies of a stated length on keep-alive connections.
//!
//! A complete client would take more of the machine than the service it measures.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// More than any message of a bench; a longer one is an error.
const LARGEST_MESSAGE: usize = 1024 * 1024;
/// The space for one read: most requests and responses fit.
const READ_SIZE: usize = 8 * 1024;

/// A request or a response.
pub(crate) struct Received {
    /// The first line and the headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// Returns the second word of the first line: the path of a request, the status of a response.
    pub(crate) fn second_word(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}

/// Cuts the bytes of a connection into messages.
pub(crate) struct Reader<R> {
    stream: R,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::with_capacity(READ_SIZE) }
    }

    /// Returns the next message, or none if the peer has closed the connection between two messages.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Received>> {
        loop {
            if let Some(received) = self.take()? {
                return Ok(Some(received));
            }
            if self.buffer.len() > LARGEST_MESSAGE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a message without an end"));
            }
            self.buffer.reserve(READ_SIZE);
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                let between = self.buffer.is_empty();
                return if between { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }

    /// Returns a message that is complete in the buffer.
    fn take(&mut self) -> io::Result<Option<Received>> {
        const END: &[u8] = b"\r\n\r\n";
        let Some(head_end) = self.buffer.windows(END.len()).position(|window| window == END) else {
            return Ok(None);
        };
        let head = String::from_utf8_lossy(self.buffer.get(..head_end).unwrap_or_default()).into_owned();
        let body_start = head_end + END.len();
        let Some(length) = content_length(&head) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a length that is no number"));
        };
        let Some(body) = self.buffer.get(body_start..body_start + length) else { return Ok(None) };
        let body = body.to_vec();
        self.buffer.drain(..body_start + length);
        Ok(Some(Received { head, body }))
    }
}

fn content_length(head: &str) -> Option<usize> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    let length = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.map_or(Some(0), |(_, value)| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_cut_where_their_length_says() {
        let bytes =
            b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let mut reader = Reader::new(&bytes[..]);
        let first = reader.next().await.unwrap().unwrap();
        assert_eq!((first.second_word(), first.body.as_slice()), ("/a", &b"abc"[..]));
        let second = reader.next().await.unwrap().unwrap();
        assert_eq!((second.second_word(), second.body.len()), ("200", 0));
        assert!(reader.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_torn_message_is_an_error() {
        let mut reader = Reader::new(&b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"[..]);
        assert!(reader.next().await.is_err());
    }
}
