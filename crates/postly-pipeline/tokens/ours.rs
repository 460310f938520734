//! The one call of this service, as its client sends it: a server on a socket keeps the request.

use std::sync::Arc;

use anyhow::Context as _;
use postly_pipeline::{
    WriteRequest, Writer, Written,
    openai::{DEFAULT_MODEL, Dialect, OpenAiConfig, OpenAiModel},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::{Call, Counter, PER_ANSWER};

/// The largest request that is read, in bytes: many times the longest prompt.
const LARGEST_REQUEST: usize = 1024 * 1024;

/// The body of a request.
pub(crate) struct Request(Value);

/// The parts of a call, in tokens.
pub(crate) struct Parts {
    pub(crate) schema: usize,
    pub(crate) instructions: usize,
    pub(crate) data: usize,
    pub(crate) call: Call,
}

/// A model server that answers each request once.
pub(crate) struct Server {
    listener: TcpListener,
    model: Arc<OpenAiModel>,
}

impl Server {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        // The server plays the role of OpenAI's host.
        let config =
            OpenAiConfig { dialect: Dialect::OpenAi, ..OpenAiConfig::new(None, &base_url, DEFAULT_MODEL) };
        Ok(Self { listener, model: Arc::new(OpenAiModel::new(config)?) })
    }

    /// The first request for posts, which are those of `written`. A repair is not counted, because the posts
    /// are not those of a model.
    pub(crate) async fn request_for(&self, ask: &WriteRequest, written: &Written) -> anyhow::Result<Request> {
        let writer = Writer::new(Arc::<OpenAiModel>::clone(&self.model));
        let content = answer(written);
        tokio::select! {
            // First: the server ends before the client has read all of its answer.
            biased;
            request = self.serve(&content) => request,
            _ = writer.write(ask) => anyhow::bail!("the client ended before its request was read"),
        }
    }

    async fn serve(&self, content: &str) -> anyhow::Result<Request> {
        let (mut stream, _) = self.listener.accept().await?;
        let request = read(&mut stream).await?;
        let message = json!({"role": "assistant", "content": content});
        let body =
            json!({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await?;
        Ok(request)
    }
}

async fn read(stream: &mut TcpStream) -> anyhow::Result<Request> {
    let (mut bytes, mut buffer) = (vec![], vec![0; 16 * 1024]);
    loop {
        let count = stream.read(&mut buffer).await?;
        anyhow::ensure!(count > 0 && bytes.len() < LARGEST_REQUEST, "the request is cut off or endless");
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let text = String::from_utf8_lossy(&bytes);
        // The body is whole as soon as it is JSON.
        let body = text.split_once("\r\n\r\n").and_then(|(_, body)| serde_json::from_str(body).ok());
        if let Some(body) = body {
            return Ok(Request(body));
        }
    }
}

/// The answer of a model that writes these posts.
fn answer(written: &Written) -> String {
    let intent = &written.intent;
    let variants: Vec<Value> =
        written.variants.iter().map(|post| json!({"text": post.text, "angle": post.angle})).collect();
    json!({
        "kind": "post",
        "platform": intent.platform.as_str(),
        "industry": intent.industry,
        "objective": intent.objective,
        "tone": intent.tone,
        "language": intent.language.code(),
        "variants": variants,
    })
    .to_string()
}

impl Request {
    fn message(&self, index: usize) -> anyhow::Result<&str> {
        let content = self.0.pointer(&format!("/messages/{index}/content"));
        content.and_then(Value::as_str).context("the request has a system message and a user message")
    }

    fn schema(&self) -> anyhow::Result<String> {
        let schema = self.0.pointer("/response_format/json_schema/schema");
        Ok(schema.context("the request has a schema")?.to_string())
    }

    /// Counts this request, and an answer with these posts.
    pub(crate) fn count(&self, counter: &Counter, written: &Written) -> anyhow::Result<Parts> {
        let schema = counter.of(&self.schema()?);
        let instructions = counter.message("system", self.message(0)?);
        let data = counter.message("user", self.message(1)?);
        let read = schema + instructions + data + PER_ANSWER;
        let call = Call { read, written: counter.of(&answer(written)) };
        Ok(Parts { schema, instructions, data, call })
    }
}

/// The tokens that begin every request: the schema, which a server puts before the messages, and the common
/// beginning of the instructions.
pub(crate) fn shared_prefix(counter: &Counter, requests: &[Request]) -> anyhow::Result<usize> {
    let Some((first, others)) = requests.split_first() else { return Ok(0) };
    let schema = first.schema()?;
    let instructions = counter.0.encode_ordinary(first.message(0)?);
    let mut shared = instructions.len();
    for other in others {
        anyhow::ensure!(other.schema()? == schema, "the schemas differ");
        let theirs = counter.0.encode_ordinary(other.message(0)?);
        shared = instructions.iter().zip(&theirs).take(shared).take_while(|(a, b)| a == b).count();
    }
    Ok(counter.of(&schema) + shared)
}
