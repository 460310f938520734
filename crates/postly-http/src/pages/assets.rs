//! The style, the scripts and the icon of the pages. They are part of the binary; style and scripts are
//! cached without limit, because their addresses contain a hash of their bytes.

use std::{fmt::Write as _, sync::LazyLock};

use axum::{Router, http::header, routing::get};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

/// A static file of the pages.
pub(crate) struct Asset {
    /// The address, with a hash of the content.
    pub(crate) path: String,
    kind: &'static str,
    text: &'static str,
}

impl Asset {
    fn new(extension: &str, kind: &'static str, text: &'static str) -> Self {
        let mut version = String::new();
        for byte in Sha256::digest(text).iter().take(4) {
            // Writing to a string cannot fail.
            let _ = write!(version, "{byte:02x}");
        }
        Self { path: format!("/assets/page.{version}.{extension}"), kind, text }
    }
}

static CSS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("page.css")));
static JS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("page.js")));
static RECHARGE_JS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("recharge.js")));

static LIVE_JS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("live.js")));

/// The icon as an address of its own, so that it takes no request before the first text of a page.
static ICON: LazyLock<String> = LazyLock::new(|| {
    format!("data:image/svg+xml;base64,{}", BASE64_STANDARD.encode(include_str!("icon.svg").trim_end()))
});

/// Returns the address of the icon.
pub(crate) fn icon() -> &'static str {
    &ICON
}

/// Returns the address of the style.
pub(crate) fn css() -> &'static str {
    &CSS.path
}

/// Returns the address of the script.
pub(crate) fn js() -> &'static str {
    &JS.path
}

/// Returns the address of the script for live updates.
pub(crate) fn live_js() -> &'static str {
    &LIVE_JS.path
}

/// Returns the address of the script of the shop.
pub(crate) fn recharge_js() -> &'static str {
    &RECHARGE_JS.path
}

pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    [&*CSS, &*JS, &*RECHARGE_JS, &*LIVE_JS].into_iter().fold(Router::new(), |router, asset| {
        let answer = (
            [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.text,
        );
        router.route(&asset.path, get(async || answer))
    })
}
