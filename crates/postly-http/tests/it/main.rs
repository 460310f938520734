//! Tests of the listeners over sockets: the bytes of a request, and those of its response.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, as it should"
)]

mod account_login;
mod account_page;
mod admin;
mod brand;
mod cookies;
mod events;
mod forge;
mod generations;
mod listener;
mod mcp;
mod member_pages;
mod pages;
mod requests;
mod session_cookie;
mod sharing;
mod stream;
mod tab;
mod tokens;
mod wire;
