//! The optional fields of a request: those that a host is known to accept, without those that it has refused.

use std::sync::{Mutex, PoisonError};

use super::{ReasoningEffort, family};

/// The fields that a host is known to accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's newest fields: for OpenAI's own hosts and Azure's.
    OpenAi,
    /// The fields that every compatible server accepts.
    Compatible,
}

/// The suffixes of Azure's hosts for OpenAI's models, in its three clouds.
const AZURE: &[&str] = &[
    ".openai.azure.com",
    ".openai.azure.us",
    ".openai.azure.cn",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
];

impl Dialect {
    /// The dialect of the host of a base URL.
    pub fn of(base_url: &str) -> Self {
        let url: Option<reqwest::Url> = base_url.parse().ok();
        let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
        if super::is_openai_host(base_url) || AZURE.iter().any(|end| host.ends_with(end)) {
            Self::OpenAi
        } else {
            Self::Compatible
        }
    }
}

/// An optional field. `model` and `messages` are not optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    TokenLimit,
    ResponseFormat,
    ReasoningEffort,
    Temperature,
    Store,
    SafetyIdentifier,
    Stream,
}

impl Field {
    const ALL: [Self; 7] = [
        Self::TokenLimit,
        Self::ResponseFormat,
        Self::ReasoningEffort,
        Self::Temperature,
        Self::Store,
        Self::SafetyIdentifier,
        Self::Stream,
    ];
}

/// The name of the field that limits the tokens of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenLimit {
    MaxCompletionTokens,
    MaxTokens,
}

impl TokenLimit {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxTokens => "max_tokens",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::MaxCompletionTokens => Self::MaxTokens,
            Self::MaxTokens => Self::MaxCompletionTokens,
        }
    }
}

/// The strictness of the requested answer format. The answer is checked in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    JsonSchema,
    JsonObject,
}

/// The optional fields of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) token_limit: Option<TokenLimit>,
    /// True if the other name of the limit has been refused: then no name is left.
    swapped: bool,
    pub(super) format: Option<Format>,
    pub(super) effort: Option<ReasoningEffort>,
    pub(super) temperature: bool,
    pub(super) store: bool,
    pub(super) safety_identifier: bool,
    pub(super) stream: bool,
}

impl Shape {
    /// The shape of a request before any refusal.
    pub(super) fn new(dialect: Dialect, model: &str, effort: Option<ReasoningEffort>) -> Self {
        let newest = dialect == Dialect::OpenAi;
        let token_limit = if newest { TokenLimit::MaxCompletionTokens } else { TokenLimit::MaxTokens };
        Self {
            token_limit: Some(token_limit),
            swapped: false,
            format: Some(Format::JsonSchema),
            effort,
            temperature: match effort {
                Some(effort) => effort == ReasoningEffort::None,
                None => family::never_reasons(model),
            },
            store: newest,
            safety_identifier: newest,
            stream: true,
        }
    }

    /// The name of a field in this request; `None` if the request does not have it.
    pub(super) fn name(&self, field: Field) -> Option<&'static str> {
        match field {
            Field::TokenLimit => self.token_limit.map(TokenLimit::as_str),
            Field::ResponseFormat => self.format.map(|_| "response_format"),
            Field::ReasoningEffort => self.effort.map(|_| "reasoning_effort"),
            Field::Temperature => self.temperature.then_some("temperature"),
            Field::Store => self.store.then_some("store"),
            Field::SafetyIdentifier => self.safety_identifier.then_some("safety_identifier"),
            Field::Stream => self.stream.then_some("stream"),
        }
    }

    /// The fields of this request, with their names in it.
    pub(super) fn fields(&self) -> impl Iterator<Item = (Field, &'static str)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.name(field)?)))
    }

    /// True if a field is in both requests in the same form.
    fn has_as(&self, other: &Self, field: Field) -> bool {
        match field {
            Field::ResponseFormat => self.format == other.format,
            Field::TokenLimit
            | Field::ReasoningEffort
            | Field::Temperature
            | Field::Store
            | Field::SafetyIdentifier
            | Field::Stream => self.name(field) == other.name(field),
        }
    }

    /// Removes a field from this request, or replaces it by an alternative.
    fn without(mut self, field: Field) -> Self {
        match field {
            Field::TokenLimit => {
                // The limit is retried once under its other name. Without either, the time and size limits of
                // an answer still apply.
                self.token_limit = self.token_limit.filter(|_| !self.swapped).map(TokenLimit::other);
                self.swapped = true;
            }
            Field::ResponseFormat => {
                self.format = self.format.filter(|format| *format == Format::JsonSchema);
                self.format = self.format.map(|_| Format::JsonObject);
            }
            Field::ReasoningEffort => {
                // Without the effort `none`, the model reasons and refuses a temperature.
                self.temperature &= self.effort != Some(ReasoningEffort::None);
                self.effort = None;
            }
            Field::Temperature => self.temperature = false,
            Field::Store => self.store = false,
            Field::SafetyIdentifier => self.safety_identifier = false,
            Field::Stream => self.stream = false,
        }
        self
    }
}

/// The shape that a server accepts, as learned from its refusals. It is kept for one model at one host, for
/// the life of the process.
pub(super) struct Learned(Mutex<Shape>);

impl Learned {
    pub(super) fn new(shape: Shape) -> Self {
        Self(Mutex::new(shape))
    }

    pub(super) fn shape(&self) -> Shape {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the fields that were refused in a request of this shape. Returns the newly recorded ones, each
    /// by its name in that request.
    pub(super) fn refused(&self, sent: &Shape, fields: &[Field]) -> Vec<&'static str> {
        let mut shape = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = vec![];
        for field in fields {
            // Another call may have met the same refusal in the meantime: a field changes only if it is still
            // in the form that was sent.
            if let Some(name) = sent.name(*field).filter(|_| shape.has_as(sent, *field)) {
                *shape = shape.without(*field);
                news.push(name);
            }
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(shape: &Shape) -> Vec<&'static str> {
        shape.fields().map(|(_, name)| name).collect()
    }

    #[test]
    fn a_host_is_sent_what_it_is_known_to_take() {
        for (base_url, expected) in [
            ("https://api.openai.com/v1", Dialect::OpenAi),
            ("https://EU.api.openai.com/v1", Dialect::OpenAi),
            ("https://shop.openai.azure.com/openai/v1/", Dialect::OpenAi),
            ("https://shop.services.ai.azure.com/openai/v1", Dialect::OpenAi),
            ("https://api.mistral.ai/v1", Dialect::Compatible),
            ("https://openrouter.ai/api/v1", Dialect::Compatible),
            ("http://127.0.0.1:11434/v1", Dialect::Compatible),
            ("https://api.openai.com.example/v1", Dialect::Compatible),
            ("https://example.com/api.openai.com", Dialect::Compatible),
            ("nonsense", Dialect::Compatible),
        ] {
            assert_eq!(Dialect::of(base_url), expected, "{base_url}");
        }
        let none = Some(ReasoningEffort::None);
        assert_eq!(
            names(&Shape::new(Dialect::OpenAi, "gpt-6-luna", none)),
            [
                "max_completion_tokens",
                "response_format",
                "reasoning_effort",
                "temperature",
                "store",
                "safety_identifier",
                "stream"
            ]
        );
        assert_eq!(
            names(&Shape::new(Dialect::Compatible, "mistral-small-latest", None)),
            ["max_tokens", "response_format", "temperature", "stream"]
        );
    }

    #[test]
    fn a_shape_ends_without_any_optional_field_and_every_step_changes_it() {
        let mut shape = Shape::new(Dialect::OpenAi, "gpt-4o", Some(ReasoningEffort::Low));
        let mut steps = 0;
        let first = |shape: Shape| shape.fields().next().map(|(field, _)| field);
        while let Some(field) = first(shape) {
            let next = shape.without(field);
            assert_ne!(next, shape, "{field:?}");
            (shape, steps) = (next, steps + 1);
        }
        assert!(steps <= super::super::MOST_REFUSALS, "{steps}");
    }

    #[test]
    fn a_field_is_replaced_before_it_is_left_out() {
        let shape = Shape::new(Dialect::Compatible, "m", None);
        let limits = [Some(TokenLimit::MaxTokens), Some(TokenLimit::MaxCompletionTokens), None];
        let formats = [Some(Format::JsonSchema), Some(Format::JsonObject), None];
        let (mut limit, mut format) = (shape, shape);
        for (expected_limit, expected_format) in limits.into_iter().zip(formats) {
            assert_eq!((limit.token_limit, format.format), (expected_limit, expected_format));
            (limit, format) = (limit.without(Field::TokenLimit), format.without(Field::ResponseFormat));
        }
    }

    #[test]
    fn without_its_effort_a_model_that_may_think_gets_no_temperature() {
        let luna = Shape::new(Dialect::Compatible, "gpt-6-luna", Some(ReasoningEffort::None));
        assert!(luna.temperature && !luna.without(Field::ReasoningEffort).temperature);
    }

    #[test]
    fn a_refusal_that_two_calls_met_is_noted_once() {
        let sent = Shape::new(Dialect::OpenAi, "gpt-4o", None);
        let learned = Learned::new(sent);
        assert_eq!(learned.refused(&sent, &[Field::TokenLimit]), ["max_completion_tokens"]);
        // The second call was sent with the old shape: the new name must not be removed.
        assert!(learned.refused(&sent, &[Field::TokenLimit]).is_empty());
        assert_eq!(learned.shape().token_limit, Some(TokenLimit::MaxTokens));
        assert_eq!(learned.refused(&sent, &[Field::ResponseFormat]), ["response_format"]);
        assert!(learned.refused(&sent, &[Field::ResponseFormat]).is_empty());
        assert_eq!(learned.shape().format, Some(Format::JsonObject));
    }
}
