//! The number of files that the process may have open, which bounds its connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to what the process may allow itself, and warns if that is below `needed`.
pub(crate) fn raise(needed: usize) {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // A limit that cannot be raised stays as it is: the check below reports it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    // Without a limit, there are enough.
    let limit = getrlimit(Resource::Nofile).current;
    if let Some(limit) = limit.filter(|limit| usize::try_from(*limit).is_ok_and(|limit| limit < needed)) {
        tracing::warn!(
            limit,
            needed,
            "The system allows {limit} open files, and MAX_CONNECTIONS and MAX_EVENT_STREAMS need {needed}: raise the \
             limit (ulimit -Hn, LimitNOFILE= in systemd), or lower the two"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_may_be() {
        raise(16);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
