//! The layout data of every page: its place in the navigation, and the logged-in author.

use postly_domain::id::AuthorId;

use crate::extract::RequestContext;

/// The data of the layout.
pub(crate) struct Frame {
    /// The id of the logged-in author.
    pub(crate) member: Option<String>,
    /// The address of the page in the navigation.
    here: &'static str,
}

impl Frame {
    /// Returns the frame of a page behind a login.
    pub(crate) fn of_member(author: &AuthorId, here: &'static str) -> Self {
        Self { member: Some(author.to_string()), here }
    }

    /// Returns the frame of a public page.
    pub(crate) fn of(visitor: &RequestContext, here: &'static str) -> Self {
        Self { member: visitor.session.as_ref().map(|own| own.session.author.to_string()), here }
    }

    /// Returns the frame of a page without a login.
    pub(crate) fn of_nobody(here: &'static str) -> Self {
        Self { member: None, here }
    }

    /// Returns true if the page belongs to this address.
    pub(crate) fn is_at(&self, address: &str) -> bool {
        self.here == address
    }
}
