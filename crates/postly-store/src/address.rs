//! Database addresses, parsed as libpq and Prisma do.

mod parameters;

use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

pub(crate) use parameters::Pooling;
use parameters::{Parameters, decode, encode};

/// The port at which Supabase's transaction pooler listens.
const SUPABASE_TRANSACTION_PORT: u16 = 6543;
/// The advice for a password with characters that end it too early.
const ENCODE: &str = "write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and % as %25 in its password";

/// A parsed address.
#[derive(Clone)]
pub struct Address(pub(crate) Place);

#[derive(Clone)]
pub(crate) enum Place {
    /// The file.
    Sqlite(PathBuf),
    Postgres(Box<Server>),
}

/// A PostgreSQL server, or a pooler in front of one.
#[derive(Clone)]
pub(crate) struct Server {
    /// Contains the password: never print it.
    pub(crate) options: PgConnectOptions,
    pub(crate) pooling: Pooling,
}

/// A fault of an address: a phrase that follows the name of the variable, and contains no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressFault(String);

impl Address {
    /// Returns the SQLite file, if it is one.
    pub(crate) fn sqlite_file(&self) -> Option<PathBuf> {
        match &self.0 {
            Place::Sqlite(path) => Some(path.clone()),
            Place::Postgres(_) => None,
        }
    }

    /// Parses an address.
    ///
    /// # Errors Returns all of its faults.
    pub fn parse(text: &str) -> Result<Self, Vec<AddressFault>> {
        let server = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        match (text.strip_prefix("sqlite://"), server) {
            (Some(path), _) => sqlite(path).map_err(|fault| vec![fault]),
            (None, Some("")) | (None, None) => {
                Err(vec![fault("must start with sqlite://, postgres:// or postgresql://")])
            }
            (None, Some(rest)) => Server::parse(rest).map(|server| Self(Place::Postgres(Box::new(server)))),
        }
    }

    /// Returns the address of an SQLite file.
    pub fn file(path: &Path) -> Self {
        Self(Place::Sqlite(path.to_owned()))
    }

    /// Returns the file of an SQLite database.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Sqlite(path) => Some(path),
            Place::Postgres(_) => None,
        }
    }

    /// True for a PostgreSQL address.
    pub fn is_postgres(&self) -> bool {
        matches!(self.0, Place::Postgres(_))
    }

    /// Returns the name of the database for its operator: an absolute path, or host, port and database. Never
    /// contains a password.
    pub fn name(&self) -> String {
        match &self.0 {
            Place::Sqlite(path) => absolute(path).display().to_string(),
            Place::Postgres(server) => server.name(),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Address").field(&self.name()).finish()
    }
}

fn fault(text: impl Into<String>) -> AddressFault {
    AddressFault(text.into())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn sqlite(path: &str) -> Result<Address, AddressFault> {
    if path.is_empty() {
        return Err(fault("must start with sqlite://, postgres:// or postgresql://"));
    }
    if path == ":memory:" {
        return Err(fault("names no file: a database in memory is gone with its process"));
    }
    Ok(Address(Place::Sqlite(PathBuf::from(path))))
}

/// The parts of `user:password@host:port`.
#[derive(Default)]
struct Authority {
    user: Option<String>,
    password: Option<String>,
    host: Option<String>,
    port: Option<u16>,
}

impl Server {
    /// Parses the part after the scheme.
    fn parse(rest: &str) -> Result<Self, Vec<AddressFault>> {
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        // An unencoded special character in the password ends the authority in the middle of the password.
        let is_cut = !authority.contains('@') && tail.contains('@') && !query.contains("user=");
        if is_cut || rest.contains('#') {
            return Err(vec![fault(format!("cannot be read: {ENCODE}"))]);
        }
        let mut faults = vec![];
        let mut authority = Authority::parse(authority).unwrap_or_else(|found| {
            faults.push(found);
            Authority::default()
        });
        let path = path.strip_prefix('/').unwrap_or(path);
        let mut database = match decode(path) {
            Some(name) if !path.contains('/') => Some(name).filter(|name| !name.is_empty()),
            _ => {
                faults.push(fault(format!("names no database after its host: {ENCODE}")));
                None
            }
        };
        let mut parameters = Parameters::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let read = pair.split_once('=').and_then(|(key, value)| Some((decode(key)?, decode(value)?)));
            let Some((key, value)) = read else {
                faults.push(fault(format!("has a parameter without a value: {ENCODE}")));
                continue;
            };
            match key.as_str() {
                "user" => authority.user = Some(value),
                "password" => authority.password = Some(value),
                "host" | "hostaddr" => authority.host = Some(value),
                "dbname" => database = Some(value),
                "port" => match value.parse() {
                    Ok(port) => authority.port = Some(port),
                    Err(_) => faults.push(fault("has a port that is no number from 1 to 65535")),
                },
                _ => faults.extend(parameters.take(&key, value).err().map(fault)),
            }
        }
        faults.extend(parameters.faults().into_iter().map(fault));
        if !faults.is_empty() {
            return Err(faults);
        }
        let options = Self::options(&authority, database, &parameters)
            .map_err(|_| vec![fault("cannot be read as postgres://user:password@host:port/database")])?;
        let mut pooling = parameters.pooling;
        if options.get_port() == SUPABASE_TRANSACTION_PORT && pooling.transactions.is_none() {
            pooling.transactions = Some(true);
        }
        Ok(Self { options, pooling })
    }

    /// Builds the options of sqlx. Passes only parameters that sqlx supports, because it prints unknown ones.
    fn options(
        authority: &Authority,
        database: Option<String>,
        parameters: &Parameters,
    ) -> Result<PgConnectOptions, sqlx::Error> {
        let given = [
            ("user", authority.user.clone()),
            ("password", authority.password.clone()),
            ("host", authority.host.clone()),
            ("port", authority.port.map(|port| port.to_string())),
            ("dbname", database),
        ];
        let known = given.into_iter().filter_map(|(key, value)| Some((key, value?)));
        let pairs: Vec<String> = known
            .chain(parameters.of_sqlx())
            .map(|(key, value)| format!("{key}={}", encode(&value)))
            .collect();
        let options: PgConnectOptions = format!("postgres:///?{}", pairs.join("&")).parse()?;
        // PgBouncer refuses a session that sets it, and no statement of ours reads a float.
        Ok(options.extra_float_digits(None))
    }

    /// See [`Address::name`].
    pub(crate) fn name(&self) -> String {
        let database = self.options.get_database().unwrap_or(self.options.get_username());
        format!("{}/{database}", self.host())
    }

    /// Returns host and port, or the folder of the socket.
    pub(crate) fn host(&self) -> String {
        let (host, port) = (self.options.get_host(), self.options.get_port());
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        }
    }
}

impl Authority {
    fn parse(text: &str) -> Result<Self, AddressFault> {
        let (user_info, place) =
            text.rsplit_once('@').map_or((None, text), |(who, place)| (Some(who), place));
        let mut read = Self::default();
        if let Some(user_info) = user_info {
            let (user, password) = user_info
                .split_once(':')
                .map_or((user_info, None), |(user, password)| (user, Some(password)));
            let unreadable = || fault(format!("cannot be read: {ENCODE}"));
            read.user = Some(decode(user).ok_or_else(unreadable)?).filter(|user| !user.is_empty());
            read.password = password.map(|password| decode(password).ok_or_else(unreadable)).transpose()?;
        }
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((host, port)) if port.is_empty() || port.starts_with(':') => {
                    (host, port.strip_prefix(':').unwrap_or_default())
                }
                _ => return Err(fault("has a host that cannot be read: write an IPv6 address as [::1]")),
            },
            None => place.rsplit_once(':').unwrap_or((place, "")),
        };
        if !place.starts_with('[') && host.contains(':') && !host.contains(',') {
            return Err(fault("has a host that cannot be read: write an IPv6 address as [::1]"));
        }
        if place.contains(',') {
            return Err(fault("names several hosts: name the one that is the primary"));
        }
        let host = decode(host).ok_or_else(|| fault("has a host that cannot be read"))?;
        read.host = Some(host).filter(|host| !host.is_empty());
        if !port.is_empty() {
            let port = port.parse().ok().filter(|port| *port > 0);
            let wrong = || fault(format!("has a port that is no number from 1 to 65535, or {ENCODE}"));
            read.port = Some(port.ok_or_else(wrong)?);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions as _, postgres::PgSslMode};

    use super::*;

    fn server(text: &str) -> Server {
        match Address::parse(text).unwrap().0 {
            Place::Postgres(server) => *server,
            Place::Sqlite(_) => panic!("{text} is a file"),
        }
    }

    fn faults(text: &str) -> String {
        let faults = Address::parse(text).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_part_is_read_and_the_name_holds_no_password() {
        let read = server("postgres://fatou:p%40ss%2Fw%23rd@db.example:6000/postly");
        assert_eq!(read.options.get_username(), "fatou");
        assert_eq!(read.name(), "db.example:6000/postly");
        assert!(read.options.to_url_lossy().as_str().contains("p%40ss%2Fw%23rd"));
        assert_eq!(server("postgresql://[::1]/postly").options.get_host(), "::1");
        assert_eq!(server("postgresql://[::1]:6000/postly").name(), "[::1]:6000/postly");
        let socket = server("postgres:///postly?host=/var/run/postgresql&user=fatou@shop");
        assert_eq!(socket.name(), "/var/run/postgresql/postly");
        assert_eq!(server("postgres://%2Ftmp/postly").name(), "/tmp/postly");
        assert_eq!(socket.options.get_username(), "fatou@shop");
        // The default name of the database is its user's.
        assert_eq!(server("postgres://fatou@db.example").name(), "db.example:5432/fatou");
        let printed = format!("{:?}", Address::parse("postgres://fatou:hunter2@db.example/postly").unwrap());
        assert!(printed.contains("db.example") && !printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn a_password_that_ends_the_address_too_early_is_said_to_be_one() {
        for text in [
            "postgres://fatou:hun#ter2@db.example/postly",
            "postgres://fatou:hun/ter2@db.example/postly",
            "postgres://fatou:hun?ter2@db.example/postly",
            "postgres://fatou:12/34@db.example:5432/postly",
            "postgres://fatou:12?34=5@db.example:5432/postly",
            "postgres://fatou:hun%ter2@db.example/postly",
        ] {
            let said = faults(text);
            assert!(
                said.contains("%23") && !said.contains("hun") && !said.contains("ter2"),
                "{text}: {said}"
            );
        }
    }

    #[test]
    fn tls_is_never_less_than_what_was_asked_for() {
        let mode =
            |query: &str| server(&format!("postgres://db.example/postly?{query}")).options.get_ssl_mode();
        let file = std::env::temp_dir().join(format!("postly-address-{}.pem", std::process::id()));
        std::fs::write(&file, "").unwrap();
        let root = format!("sslrootcert={}", file.display());
        for (query, expected) in [
            ("sslmode=disable", PgSslMode::Disable),
            ("sslmode=prefer", PgSslMode::Prefer),
            ("sslmode=require", PgSslMode::Require),
            ("ssl=true", PgSslMode::Require),
            ("ssl=true&sslmode=verify-full", PgSslMode::VerifyFull),
            ("sslrootcert=system", PgSslMode::VerifyFull),
            (&format!("sslmode=verify-ca&{root}"), PgSslMode::VerifyCa),
            // libpq: with an authority, `require` checks the certificate.
            (&format!("sslmode=require&{root}"), PgSslMode::VerifyCa),
        ] {
            assert!(
                std::mem::discriminant(&mode(query)) == std::mem::discriminant(&expected),
                "{query}: {:?}",
                mode(query)
            );
        }
        std::fs::remove_file(file).unwrap();
        for (query, named) in [
            ("ssl=yes", "ssl"),
            ("ssl=true&sslmode=disable", "ssl=true"),
            ("sslmode=allow", "sslmode"),
            ("sslmode=sometimes", "sslmode"),
            ("sslmode=require&sslrootcert=system", "sslrootcert"),
            ("sslrootcert=/there/is/nothing.pem", "sslrootcert"),
            ("sslcert=/there/is/nothing.pem", "sslkey"),
            ("sslaccept=strict", "sslmode=verify-full"),
            ("sslidentity=/my.p12", "sslcert"),
            ("sslpassword=hunter2", "sslpassword"),
            ("channel_binding=require", "channel_binding"),
        ] {
            let said = faults(&format!("postgres://db.example/postly?{query}"));
            assert!(said.contains(named), "{query}: {said}");
            assert!(!said.contains("hunter2") && !said.contains("sometimes"), "{query}: {said}");
        }
    }

    #[test]
    fn parameters_of_prisma_mean_what_they_mean_there() {
        let read = server(
            "postgres://db.example/postly?pgbouncer=true&connection_limit=5&pool_timeout=7&schema=po%22stly\
             &connect_timeout=3&application_name=shop&options=-c%20geqo%3Doff",
        );
        assert_eq!(read.pooling.transactions, Some(true));
        assert_eq!(read.pooling.connection_limit, Some(5));
        assert_eq!(read.pooling.pool_timeout.as_secs(), 7);
        assert_eq!(read.pooling.connect_timeout.as_secs(), 3);
        assert_eq!(read.pooling.schema.as_deref(), Some("po\"stly"));
        assert_eq!(read.options.get_application_name(), Some("shop"));
        assert_eq!(read.options.get_options(), Some("-c geqo=off"));
        assert_eq!(server("postgres://db.example/postly").pooling.transactions, None);
        assert_eq!(server("postgres://db.example:6543/postly").pooling.transactions, Some(true));
        assert_eq!(
            server("postgres://db.example:6543/postly?pgbouncer=false").pooling.transactions,
            Some(false)
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name_and_all_at_once() {
        let said = faults(
            "postgres://db.example/postly?socket_timeout=hunter2&pgbouncer=hunter2&connection_limit=0&schema=\
             &pool_timeout=hunter2&keepalives=hunter2&gssencmode=require&single",
        );
        for named in [
            "socket_timeout",
            "pgbouncer",
            "connection_limit",
            "schema",
            "pool_timeout",
            "keepalives",
            "gssencmode",
            "parameter without a value",
        ] {
            assert!(said.contains(named), "{named} in {said}");
        }
        assert!(!said.contains("hunter2"), "{said}");
        for (text, named) in [
            ("mysql://somewhere", "must start with"),
            ("postgres://", "must start with"),
            ("sqlite://", "must start with"),
            ("sqlite://:memory:", "no file"),
            ("postgres://one,two/postly", "several hosts"),
            ("postgres://one:1,two:2/postly", "several hosts"),
            ("postgres://::1/postly", "[::1]"),
            ("postgres://db.example:port/postly", "port"),
            ("postgres://db.example/post/ly", "database"),
        ] {
            assert!(faults(text).contains(named), "{text}: {}", faults(text));
        }
    }
}
