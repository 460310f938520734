//! Checks that each acknowledgement comes after its sync (docs/RELIABILITY.md I18), from the system calls of
//! the service that `strace` recorded, in their order.

use std::collections::{BTreeMap, BTreeSet};

/// The calls that carry a request, a response, a page, a statement or a sync.
pub(crate) const CALLS: &str =
    "trace=read,readv,recvfrom,recvmsg,write,writev,pwrite64,pwritev,sendto,sendmsg,fsync,fdatasync";
/// The recorded bytes of each call: enough for a page of SQLite and its frame, or for a batch of webhooks
/// sent to PostgreSQL.
pub(crate) const SHOWN: &str = "131072";

/// The results of a trace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// The acknowledged messages, by their provider's id.
    pub(crate) acknowledged: BTreeSet<String>,
    /// Those of them that were not on the disk at that time, or whose commit PostgreSQL had not confirmed.
    pub(crate) too_early: BTreeSet<String>,
    /// The transactions on PostgreSQL without `synchronous_commit = 'on'`.
    pub(crate) careless_commits: u64,
}

/// Reads a trace, for these message ids.
pub(crate) fn read(trace: &str, ids: &[String]) -> Order {
    let mut reader = Reader { ids, ..Reader::default() };
    for line in trace.lines() {
        reader.line(line);
    }
    reader.order
}

#[derive(Default)]
struct Reader<'a> {
    ids: &'a [String],
    order: Order,
    /// By thread: a call that had not returned when the call of another thread was recorded.
    unfinished: BTreeMap<&'a str, String>,
    /// By socket: the message that was read from it last.
    asking: BTreeMap<String, String>,
    /// Messages written to the journal of SQLite, not yet synced.
    written: BTreeSet<String>,
    /// By socket: messages sent to PostgreSQL, not yet committed.
    sent: BTreeMap<String, BTreeSet<String>>,
    /// By socket to PostgreSQL: the open transaction waits for the disk when it commits.
    waiting_for_disk: BTreeSet<String>,
    /// Messages on the disk, as far as the service can know.
    durable: BTreeSet<String>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) {
        let Some((thread, rest)) = line.split_once(char::is_whitespace) else { return };
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
            // A write counts when its call begins; a read or a sync when it ends.
            if is_write(begun) {
                self.call(begun);
                self.unfinished.insert(thread, String::new());
            } else {
                self.unfinished.insert(thread, begun.to_owned());
            }
            return;
        }
        if rest.starts_with("<... ") {
            let begun = self.unfinished.remove(thread).unwrap_or_default();
            if let Some((_, ended)) = rest.split_once("resumed>")
                && !begun.is_empty()
            {
                self.call(&format!("{begun}{ended}"));
            }
            return;
        }
        self.call(rest);
    }

    fn call(&mut self, call: &str) {
        // Meta writes a slash as `\/`; JSON within JSON doubles that backslash, and strace doubles each
        // again.
        let mut call = call.to_owned();
        while call.contains(r"\/") {
            call = call.replace(r"\/", "/");
        }
        let call = &call;
        let Some((name, args)) = call.split_once('(') else { return };
        let Some((file, _)) = args.split_once('>') else { return };
        let is_journal = file.ends_with("-wal");
        match name {
            "fsync" | "fdatasync" if is_journal && call.ends_with("= 0") => {
                self.durable.append(&mut self.written);
            }
            "read" | "readv" | "recvfrom" | "recvmsg" => self.received(file, args),
            _ if is_write(call) && is_journal => {
                for id in self.named_in(args) {
                    if !self.durable.contains(&id) {
                        self.written.insert(id);
                    }
                }
            }
            _ if is_write(call) => self.said(file, args),
            _ => {}
        }
    }

    fn received(&mut self, file: &str, args: &str) {
        if let Some(id) = self.named_in(args).into_iter().next() {
            self.asking.insert(file.to_owned(), id);
        }
        if args.contains(r"COMMIT\0")
            && let Some(mut sent) = self.sent.remove(file)
        {
            self.durable.append(&mut sent);
        }
    }

    fn said(&mut self, file: &str, args: &str) {
        if args.contains("HTTP/1.1 200") {
            if let Some(id) = self.asking.remove(file) {
                if !self.durable.contains(&id) {
                    self.order.too_early.insert(id.clone());
                }
                self.order.acknowledged.insert(id);
            }
            return;
        }
        // Each transaction sets this itself, because a pooler may give the next one another session.
        if args.contains("synchronous_commit = 'on'") {
            self.waiting_for_disk.insert(file.to_owned());
        }
        if args.contains(r"COMMIT\0") {
            self.order.careless_commits += u64::from(!self.waiting_for_disk.remove(file));
        }
        let named = self.named_in(args);
        if !named.is_empty() {
            self.sent.entry(file.to_owned()).or_default().extend(named);
        }
    }

    fn named_in(&self, text: &str) -> Vec<String> {
        self.ids.iter().filter(|id| text.contains(id.as_str())).cloned().collect()
    }
}

fn is_write(call: &str) -> bool {
    ["write(", "writev(", "pwrite64(", "pwritev(", "sendto(", "sendmsg("]
        .iter()
        .any(|name| call.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_ORDER: &str = r#"
100 recvfrom(9<socket:[1]>, "POST /api HTTP/1.1\r\n\r\n{wamid.\\/A}", 8192, 0, NULL, NULL) = 30
101 pwrite64(7</tmp/x/postly.db-wal>, "\0\1wamid./A\0", 4096, 32) = 4096
101 fdatasync(7</tmp/x/postly.db-wal> <unfinished ...>
100 epoll_wait(3<anon_inode:[eventpoll]>, [], 1024, 0) = 0
101 <... fdatasync resumed>)                 = 0
100 sendto(9<socket:[1]>, "HTTP/1.1 200 OK\r\n", 90, MSG_NOSIGNAL, NULL, 0) = 90
"#;

    fn ids() -> Vec<String> {
        vec!["wamid./A".to_owned(), "wamid./B".to_owned()]
    }

    #[test]
    fn a_sync_between_the_page_and_the_answer_is_in_order() {
        let order = read(IN_ORDER, &ids());
        assert_eq!(order.acknowledged, BTreeSet::from(["wamid./A".to_owned()]));
        assert!(order.too_early.is_empty());
    }

    #[test]
    fn an_answer_without_a_sync_or_before_its_end_is_too_early() {
        fn check(missing: &str) {
            let trace: Vec<&str> = IN_ORDER.lines().filter(|line| !line.contains(missing)).collect();
            assert_eq!(read(&trace.join("\n"), &ids()).too_early.len(), 1, "{missing}");
        }
        check("fdatasync");
        check("resumed");
        check("pwrite64");
    }

    #[test]
    fn postgres_says_that_it_has_committed_before_we_do() {
        let trace = r#"
100 sendto(8<socket:[2]>, "\0\0\0f\0\3\0\0BEGIN; SET LOCAL synchronous_commit = 'on'\0", 102, 0, NULL, 0) = 102
100 recvfrom(9<socket:[1]>, "POST wamid.\\/B", 8192, 0, NULL, NULL) = 12
100 sendto(8<socket:[2]>, "B\0\0[{\"slice\":\"{\\\"id\\\":\\\"wamid.\\\\/B\\\"}\"}]\0", 60, MSG_NOSIGNAL, NULL, 0) = 60
100 sendto(8<socket:[2]>, "Q\0\0\0\vCOMMIT\0", 12, MSG_NOSIGNAL, NULL, 0) = 12
100 recvfrom(8<socket:[2]>, "C\0\0\0\vCOMMIT\0Z\0\0\0\5I", 8192, 0, NULL, NULL) = 18
100 sendto(9<socket:[1]>, "HTTP/1.1 200 OK\r\n", 90, MSG_NOSIGNAL, NULL, 0) = 90
"#;
        let order = read(trace, &ids());
        assert_eq!((order.acknowledged.len(), order.too_early.len(), order.careless_commits), (1, 0, 0));
        let before = trace.replace("recvfrom(8<", "epoll(8<").replace("commit = 'on'", "commit = 'off'");
        let order = read(&before, &ids());
        assert_eq!((order.too_early.len(), order.careless_commits), (1, 1));
    }
}
