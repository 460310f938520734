//! The parameters after the `?` of a PostgreSQL address.

use std::time::Duration;

/// The default wait of a caller for a free connection: as long as Prisma's, because a burst of work on few
/// connections is no failure. Requests that an external client waits for are more urgent, and wait for less.
const POOL_TIMEOUT: Duration = Duration::from_secs(10);
/// The default limit on opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest wait that an address may ask for.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(3_600);
/// More than the number of statements, so that each is prepared once per connection.
const STATEMENTS_KEPT: usize = 256;

/// An address's settings for connections, by Prisma's names.
#[derive(Debug, Clone)]
pub(crate) struct Pooling {
    /// `pgbouncer`: true if a pooler gives each transaction another connection. `None`: detect it.
    pub(crate) transactions: Option<bool>,
    /// `connection_limit`: the most connections of this process.
    pub(crate) connection_limit: Option<u32>,
    /// `pool_timeout`: the longest wait of a caller for a free connection.
    pub(crate) pool_timeout: Duration,
    /// `connect_timeout`: the limit on opening a connection.
    pub(crate) connect_timeout: Duration,
    /// `schema`: the schema of the tables.
    pub(crate) schema: Option<String>,
    /// `statement_cache_size`: the number of prepared statements that a connection keeps; 0 prepares none.
    pub(crate) statements: usize,
}

impl Default for Pooling {
    fn default() -> Self {
        Self {
            transactions: None,
            connection_limit: None,
            pool_timeout: POOL_TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            schema: None,
            statements: STATEMENTS_KEPT,
        }
    }
}

/// The parameters of an address.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pub(super) pooling: Pooling,
    ssl: bool,
    sslmode: Option<SslMode>,
    sslrootcert: Option<String>,
    sslcert: Option<String>,
    sslkey: Option<String>,
    application_name: Option<String>,
    options: Vec<String>,
}

/// In order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SslMode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl SslMode {
    const ALL: [(&'static str, Self); 5] = [
        ("disable", Self::Disable),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, mode)| *mode == self).map_or("verify-full", |(name, _)| name)
    }
}

/// Parameters, the values of them that change nothing here, and the advice for any other value.
const HARMLESS: [(&str, &[&str], &str); 6] = [
    ("channel_binding", &["disable", "prefer"], "take it out, and write sslmode=verify-full"),
    ("gssencmode", &["disable", "prefer"], "take it out, and write sslmode=require"),
    ("sslnegotiation", &["postgres"], "take it out"),
    ("sslcompression", &["0"], "take it out"),
    ("target_session_attrs", &["any", "read-write", "primary"], "name the primary, and take it out"),
    ("client_encoding", &["utf8", "UTF8", "auto"], "take it out: it is always UTF8"),
];

/// Parameters of libpq and Prisma that are not supported, and their replacements.
const REFUSED: [(&str, &str); 6] = [
    ("sslaccept", "write sslmode=verify-full for strict, sslmode=require for accept_invalid_certs"),
    ("sslidentity", "write sslcert and sslkey, each the path of a PEM file"),
    ("sslpassword", "take it out, and name in sslkey a key that is not encrypted"),
    ("sslcrl", "take it out"),
    ("socket_timeout", "take it out: a statement has 2 seconds"),
    ("service", "write host, database and user into the address"),
];

impl Parameters {
    /// Applies a parameter. Returns its fault, without its value, if it has one.
    pub(super) fn take(&mut self, key: &str, value: String) -> Result<(), String> {
        match key {
            "ssl" if value == "true" => self.ssl = true,
            "ssl" => return Err(advice("ssl", "takes only true: write sslmode=disable for no TLS")),
            "sslmode" => {
                let known = SslMode::ALL.iter().find(|(name, _)| *name == value).map(|(_, mode)| *mode);
                let words = "takes disable, prefer, require, verify-ca or verify-full";
                self.sslmode = Some(known.ok_or_else(|| advice("sslmode", words))?);
            }
            "sslrootcert" => self.sslrootcert = Some(value),
            "sslcert" => self.sslcert = Some(value),
            "sslkey" => self.sslkey = Some(value),
            "application_name" => self.application_name = Some(value),
            "options" => self.options.push(value),
            "pgbouncer" => {
                let known = [("true", true), ("false", false)].iter().find(|(name, _)| *name == value);
                let (_, pooled) = known.ok_or_else(|| advice("pgbouncer", "takes true or false"))?;
                self.pooling.transactions = Some(*pooled);
            }
            "connection_limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=1_000).contains(limit));
                self.pooling.connection_limit =
                    Some(limit.ok_or_else(|| advice("connection_limit", "takes a number from 1 to 1000"))?);
            }
            "statement_cache_size" => {
                let size = value.parse().ok().filter(|size| *size <= 100_000);
                self.pooling.statements =
                    size.ok_or_else(|| advice("statement_cache_size", "takes a number"))?;
            }
            "pool_timeout" => self.pooling.pool_timeout = seconds(key, &value)?.unwrap_or(LONGEST_TIMEOUT),
            "connect_timeout" => {
                self.pooling.connect_timeout = seconds(key, &value)?.unwrap_or(LONGEST_TIMEOUT);
            }
            "schema" if value.is_empty() || value.contains('\0') => {
                return Err(advice("schema", "takes the name of a schema"));
            }
            "schema" => self.pooling.schema = Some(value),
            _ => return other(key, &value),
        }
        Ok(())
    }

    /// Returns the faults that only show once all parameters are read.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = vec![];
        if self.ssl && self.sslmode.is_some_and(|mode| mode < SslMode::Require) {
            faults.push("says ssl=true, and an sslmode that does without TLS: keep one of them".to_owned());
        }
        if self.system_roots() && self.sslmode.is_some_and(|mode| mode < SslMode::VerifyFull) {
            faults.push(advice("sslrootcert", "goes with sslmode=verify-full when it is system"));
        }
        if self.sslcert.is_some() != self.sslkey.is_some() {
            let words = "has sslcert or sslkey without the other: they are our own certificate and its key; \
                         the authority of the server's certificate is named by sslrootcert";
            faults.push(words.to_owned());
        }
        let root = self.sslrootcert.as_ref().filter(|_| !self.system_roots());
        for (name, file) in
            [("sslrootcert", root), ("sslcert", self.sslcert.as_ref()), ("sslkey", self.sslkey.as_ref())]
        {
            if file.is_some_and(|path| std::fs::File::open(path).is_err()) {
                faults.push(format!("names in {name} a file that cannot be read"));
            }
        }
        faults
    }

    /// Returns the parameters that sqlx supports.
    pub(super) fn of_sqlx(&self) -> impl Iterator<Item = (&'static str, String)> {
        let root = self.sslrootcert.clone().filter(|_| !self.system_roots());
        let options = (!self.options.is_empty()).then(|| self.options.join(" "));
        [
            ("sslmode", self.ssl_mode().map(|mode| mode.as_str().to_owned())),
            ("sslrootcert", root),
            ("sslcert", self.sslcert.clone()),
            ("sslkey", self.sslkey.clone()),
            ("application_name", self.application_name.clone()),
            ("options", options),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    }

    /// libpq: `sslrootcert=system` selects the system's certificate authorities.
    fn system_roots(&self) -> bool {
        self.sslrootcert.as_deref() == Some("system")
    }

    /// Returns libpq's result for `ssl`, `sslmode` and `sslrootcert` together; `None` leaves it to the
    /// environment.
    fn ssl_mode(&self) -> Option<SslMode> {
        match self.sslmode {
            _ if self.system_roots() => Some(SslMode::VerifyFull),
            Some(SslMode::Require) if self.sslrootcert.is_some() => Some(SslMode::VerifyCa),
            None if self.ssl && self.sslrootcert.is_some() => Some(SslMode::VerifyCa),
            None if self.ssl => Some(SslMode::Require),
            mode => mode,
        }
    }
}

fn advice(name: &str, what: &str) -> String {
    format!("has {name}, which {what}")
}

fn seconds(name: &str, value: &str) -> Result<Option<Duration>, String> {
    match value.parse() {
        Ok(0) => Ok(None),
        Ok(seconds) if seconds <= LONGEST_TIMEOUT.as_secs() => Ok(Some(Duration::from_secs(seconds))),
        _ => Err(advice(name, "takes a number of seconds, at most an hour")),
    }
}

/// Accepts a parameter that changes nothing here, and refuses any other.
fn other(key: &str, value: &str) -> Result<(), String> {
    if let Some((_, harmless, instead)) = HARMLESS.iter().find(|(name, ..)| *name == key) {
        let why = format!("asks for what is not supported: {instead}");
        return if harmless.contains(&value) { Ok(()) } else { Err(advice(key, &why)) };
    }
    let refused = REFUSED.iter().find(|(name, _)| *name == key).map(|(_, instead)| *instead);
    // Text that is not a valid name may be part of a password.
    let is_name = key.len() <= 32 && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let name = if is_name { key } else { "a parameter" };
    Err(advice(name, &format!("is not supported: {}", refused.unwrap_or("take it out"))))
}

/// Writes every byte except letters and digits as `%XX`.
pub(super) fn encode(text: &str) -> String {
    let encode = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Decodes `%XX`, as libpq does: a `+` is a plus. `None` for a `%` without two digits, and for invalid UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = vec![];
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let read = if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok().filter(|digits| !digits.contains('+'))?;
            u8::from_str_radix(digits, 16).ok()?
        } else {
            byte
        };
        bytes.push(read);
    }
    String::from_utf8(bytes).ok()
}
