//! The frame of every page: where the reader is, and whether somebody is logged in.

use postly_domain::id::AuthorId;

use crate::extract::RequestContext;

/// What the layout knows of a request.
pub(crate) struct Frame {
    /// The id of the author who is logged in.
    pub(crate) member: Option<String>,
    /// The address in the navigation to which the page belongs.
    here: &'static str,
}

impl Frame {
    /// The frame of a page behind a login.
    pub(crate) fn of_member(author: &AuthorId, here: &'static str) -> Self {
        Self { member: Some(author.to_string()), here }
    }

    /// The frame of a page that anybody may read.
    pub(crate) fn of(visitor: &RequestContext, here: &'static str) -> Self {
        Self { member: visitor.session.as_ref().map(|own| own.session.author.to_string()), here }
    }

    /// The frame of a page for a reader who is not logged in.
    pub(crate) fn of_nobody(here: &'static str) -> Self {
        Self { member: None, here }
    }

    /// Whether the page belongs to this address.
    pub(crate) fn is_at(&self, address: &str) -> bool {
        self.here == address
    }
}
