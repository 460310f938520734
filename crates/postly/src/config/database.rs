//! The address of the database.

use postly_store::Address;

use super::{DatabasePlace, Reader};

const DEFAULT_DATABASE: &str = "sqlite://data/postly.db";

impl Reader {
    /// Reads the addresses of the database. Most of the operator's commands need nothing else.
    pub(crate) fn database(&mut self) -> Option<DatabasePlace> {
        let url = self.get("DATABASE_URL").unwrap_or_else(|| DEFAULT_DATABASE.to_owned());
        let direct = self.get("DIRECT_URL");
        let address = self.database_address("DATABASE_URL", &url);
        let direct = direct.and_then(|direct| self.database_address("DIRECT_URL", &direct));
        if direct.as_ref().is_some_and(|direct| !direct.is_postgres()) {
            self.fault(
                "DIRECT_URL must start with postgres:// or postgresql://: an SQLite file has one address",
            );
        }
        Some(DatabasePlace { address: address?, direct })
    }

    fn database_address(&mut self, name: &str, url: &str) -> Option<Address> {
        if is_in_memory(url) {
            self.fault(format!(
                "{name} names an SQLite database in memory, which ends with the process and which its connections do not \
                 share: name a file, such as sqlite://data/postly.db"
            ));
            return None;
        }
        let faults = match Address::parse(url) {
            Ok(address) => return Some(address),
            Err(faults) => faults,
        };
        for fault in faults {
            self.fault(format!("{name} {fault}"));
        }
        None
    }
}

/// Returns true for the name of an SQLite database in memory, in each spelling of SQLite and its drivers:
/// `:memory:` alone, behind a scheme, or `mode=memory`.
fn is_in_memory(url: &str) -> bool {
    let url = url.to_ascii_lowercase();
    let rest = url.strip_prefix("sqlite:").or_else(|| url.strip_prefix("sqlite3:")).unwrap_or(&url);
    let is_sqlite = rest.len() < url.len() || rest.starts_with("file:") || rest.starts_with(":memory:");
    let rest = rest.trim_start_matches('/');
    let rest = rest.strip_prefix("file:").unwrap_or(rest).trim_start_matches('/');
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_mode = query.split(['&', '#']).any(|pair| pair == "mode=memory");
    is_sqlite && (path == ":memory:" || path.starts_with(":memory:#") || is_mode)
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    fn fault(url: &str) -> Option<String> {
        read(&[("DATABASE_URL", Some(url))]).err().map(|faults| faults.concat())
    }

    #[test]
    fn a_database_in_memory_is_refused_by_name() {
        for url in [
            "sqlite://:memory:",
            "sqlite::memory:",
            "sqlite3://:memory:",
            "sqlite:///:memory:",
            "SQLITE://:MEMORY:",
            ":memory:",
            "file::memory:",
            "file::memory:?cache=shared",
            "sqlite://file::memory:?cache=shared",
            "sqlite://:memory:?cache=shared",
            "sqlite://data/postly.db?mode=memory",
            "sqlite:data/postly.db?cache=shared&mode=memory",
            "sqlite://file:postly.db?mode=memory&cache=shared",
        ] {
            assert!(fault(url).is_some_and(|fault| fault.contains("in memory")), "{url}: {:?}", fault(url));
        }
        for url in
            ["sqlite://data/memory.db", "sqlite:///var/lib/:memory:/postly.db", "sqlite://mode=memory.db"]
        {
            assert_eq!(fault(url), None, "{url}");
        }
    }

    #[test]
    fn a_password_that_ends_too_early_is_to_be_encoded() {
        for url in [
            "postgres://postly:hunter#2@db.example/postly",
            "postgres://postly:hunter/2@db.example:5432/postly",
            "postgresql://postly:hunter?2@db.example/postly?sslmode=require",
            "postgres://postly:12/34@db.example/postly",
            "postgres://postly:#/?@db.example/postly",
        ] {
            let fault = fault(url).unwrap_or_default();
            assert!(
                fault.contains("write # as %23, / as %2F, ? as %3F") && !fault.contains("hunter"),
                "{url}: {fault}"
            );
        }
        for url in [
            "postgres://postly:hunter%232@db.example/postly",
            "postgres://postly:hunter2@db.example/postly?application_name=a@b",
            "postgres://postly:hunt@er2@db.example/postly",
            "postgres://db.example:5432/postly?user=postly@db&password=x",
            "postgres://db.example/postly",
            "postgres:///postly?host=/run/postgresql",
            "postgres://postly@db.example/postly",
            "postgres://[::1]:5432/postly",
            "sqlite:///srv/a:b/c@d/postly.db",
        ] {
            assert_eq!(fault(url), None, "{url}");
        }
    }
}
