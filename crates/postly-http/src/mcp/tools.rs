//! The tools of an agent. Each calls the same service as its counterpart in the HTTP API.

use std::sync::LazyLock;

use postly_app::HistoryFilter;
use postly_domain::id::{AuthorId, GenerationId};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject,
        ListToolsResult, MetaObject, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    generations::{CreateBody, ListBody, RefineBody, created},
    problem::{Code, Problem},
    site::AppState,
};

/// The descriptions of the tools, as agents read them.
const DESCRIPTIONS: &str = include_str!("tools.json");

static TOOLS: LazyLock<Vec<Tool>> = LazyLock::new(|| {
    // A test parses the descriptions, too.
    serde_json::from_str(DESCRIPTIONS).unwrap_or_default()
});

/// Describes the whole service to an agent.
const INSTRUCTIONS: &str = "Writes marketing posts for the author's own business, paid with credits. `write_posts` charges \
                            one credit for three posts; give each request an `idempotency_key`, and the same again when \
                            you repeat it. A refused or failed request charges nothing. Do not add facts to the author's \
                            brief.";

/// The tools for one request of an agent.
#[derive(Clone)]
pub(super) struct Tools {
    pub(super) state: AppState,
    pub(super) author: AuthorId,
    /// The id of the request, as written to the logs.
    pub(super) request_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteArguments {
    brief: String,
    platform: Option<String>,
    tone: Option<String>,
    language: Option<String>,
    idempotency_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefineArguments {
    // Agents also use the name of this field in results.
    #[serde(alias = "id")]
    generation_id: String,
    instruction: String,
    variant: Option<u8>,
    idempotency_key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryArguments {
    q: Option<String>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoArguments {}

#[derive(Serialize)]
struct BalanceBody {
    available: i64,
    held: i64,
}

impl Tools {
    async fn write_posts(&self, arguments: JsonObject) -> Result<Value, Problem> {
        let WriteArguments { brief, platform, tone, language, idempotency_key } = read(arguments)?;
        let brief = CreateBody { brief, platform, language, tone }.read()?;
        let written = self.state.app.web.generate_for_web(&self.author, &idempotency_key, &brief).await;
        result(&created(&self.state, &self.author, written).await?)
    }

    async fn refine(&self, arguments: JsonObject) -> Result<Value, Problem> {
        let RefineArguments { generation_id, instruction, variant, idempotency_key } = read(arguments)?;
        let id = GenerationId::new(storable(generation_id, Code::NotFound)?);
        let change = RefineBody { instruction, variant }.read(id)?;
        let refined = self.state.app.web.refine_for_web(&self.author, &idempotency_key, &change).await;
        result(&created(&self.state, &self.author, refined).await?)
    }

    async fn balance(&self, arguments: JsonObject) -> Result<Value, Problem> {
        let NoArguments {} = read(arguments)?;
        let wallet = self.state.app.accounts.profile(&self.author).await?.wallet;
        result(&BalanceBody { available: wallet.available(), held: wallet.held })
    }

    async fn history(&self, arguments: JsonObject) -> Result<Value, Problem> {
        let HistoryArguments { q, cursor } = read(arguments)?;
        let given = |text: Option<String>| {
            text.filter(|text| !text.is_empty()).map(|text| storable(text, Code::InvalidRequest)).transpose()
        };
        let (text, cursor) = (given(q)?, given(cursor)?);
        let filter = HistoryFilter { text: text.as_deref(), platform: None, origin: None };
        let page = self.state.app.web.history(&self.author, &filter, cursor.as_deref()).await?;
        result(&ListBody::from(page))
    }

    /// Returns the sentence for the author, with the problem of the HTTP API in `_meta`. The problem is not
    /// structured content, because npm's sdk 1 compares that with the schema of a result, which the problem
    /// does not fit.
    fn refusal(&self, problem: &Problem) -> CallToolResult {
        let mut body = json!(problem.body(&self.request_id));
        let detail = match problem.code() {
            // The sentence of the HTTP API names a header.
            Code::IdempotencyKeyNeeded => "Give an idempotency_key of 1 to 255 bytes, new for each request.",
            _ => body.get("detail").and_then(Value::as_str).unwrap_or_default(),
        };
        let content = vec![ContentBlock::text(detail)];
        if let (Value::Object(fields), Some(seconds)) = (&mut body, problem.retry_after_s()) {
            fields.insert("retry_after_s".to_owned(), seconds.into());
        }
        let meta = MetaObject([("problem".to_owned(), body)].into_iter().collect());
        CallToolResult::error(content).with_meta(Some(meta))
    }
}

/// Reads the arguments of a tool.
///
/// # Errors
/// Fails if an argument is missing, unknown or of another type. The error names it, so that the agent can
/// correct its call.
fn read<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, Problem> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| Problem::with_detail(Code::InvalidRequest, format!("Invalid arguments: {error}.")))
}

/// Refuses a text with U+0000, which no database can store.
fn storable(text: String, code: Code) -> Result<String, Problem> {
    if text.contains('\0') { Err(Problem::new(code)) } else { Ok(text) }
}

fn result(body: &impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(body).map_err(|error| Problem::internal(&error))
}

impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("postly", env!("CARGO_PKG_VERSION")).with_title("Postly-AI");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(TOOLS.clone()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let done = match request.name.as_ref() {
            "write_posts" => self.write_posts(arguments).await,
            "refine" => self.refine(arguments).await,
            "balance" => self.balance(arguments).await,
            "history" => self.history(arguments).await,
            _ => return Err(ErrorData::invalid_params("Unknown tool", None)),
        };
        let result = match done {
            Ok(body) => CallToolResult::structured(body),
            Err(problem) => self.refusal(&problem),
        };
        Ok(CallToolResponse::Complete(result))
    }
}

#[cfg(test)]
mod tests {
    use postly_domain::{Language, post::Platform};

    use super::*;

    #[test]
    fn every_tool_is_described_and_lists_the_networks_and_languages_of_the_product() {
        let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(names, ["write_posts", "refine", "balance", "history"]);
        let allowed = |field: &str| {
            let schema = TOOLS[0].schema_as_json_value();
            schema.pointer(&format!("/properties/{field}/enum")).cloned().unwrap_or_default()
        };
        assert_eq!(allowed("platform"), json!(Platform::ALL.map(Platform::as_str)));
        assert_eq!(allowed("language"), json!(Language::ALL.map(Language::code)));
    }
}
