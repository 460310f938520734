//! One message with a remedy for each way in which PostgreSQL refuses a connection.

use super::session::{code, is_out_of_room};
use crate::{OpenError, address::Server};

const PASSWORD: &str = "write # as %23, / as %2F, ? as %3F, @ as %40, : as %3A and % as %25 in a password";

/// Returns the reason why a server was not opened.
pub(super) fn explain(error: &sqlx::Error, server: &Server) -> OpenError {
    let (host, name) = (server.host(), server.name());
    let (sentence, is_fault) = match error {
        sqlx::Error::Io(io) => of_io(io, &host),
        sqlx::Error::Tls(_) => of_tls(error, &host),
        sqlx::Error::Database(_) if is_out_of_room(error) => {
            let sentence = format!(
                "{host} has no connection left: stop programs that hold some, raise max_connections of the server \
                 (or the pool of the pooler), or give each program a smaller connection_limit"
            );
            (sentence, false)
        }
        sqlx::Error::Database(_) => of_server(error, server, &name),
        _ => (format!("the database {name} cannot be opened: {error}"), false),
    };
    if is_fault { OpenError::fault(sentence) } else { OpenError::passing(sentence) }
}

/// The message, and true for a configuration fault.
type Explained = (String, bool);

fn of_io(error: &std::io::Error, host: &str) -> Explained {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem => {
            let sentence = format!(
                "{host} only reads (a standby, or default_transaction_read_only is on): name the primary, or make \
                 this server one"
            );
            (sentence, false)
        }
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => {
            (format!("no PostgreSQL listens on {host}: start it, or correct host and port"), false)
        }
        ErrorKind::TimedOut => {
            let sentence = format!(
                "{host} does not answer in time: check host, port and firewall; a pooler whose connections are all \
                 taken does not answer either, and needs a larger pool or a smaller connection_limit in each program"
            );
            (sentence, false)
        }
        _ if error.to_string().contains("lookup") => {
            (format!("the host of {host} has no address: correct its name"), true)
        }
        _ => (format!("the connection to {host} was lost while it was opened: try again"), false),
    }
}

fn of_tls(error: &sqlx::Error, host: &str) -> Explained {
    if error.to_string().contains("does not support TLS") {
        let sentence = format!(
            "{host} offers no TLS, and the address asks for it: switch it on there (ssl = on), or write \
             sslmode=disable if nobody else is on the way"
        );
        (sentence, true)
    } else {
        let sentence = format!(
            "TLS with {host} failed: name the authority of its certificate with sslrootcert, and the host as the \
             certificate has it"
        );
        (sentence, true)
    }
}

fn of_server(error: &sqlx::Error, server: &Server, name: &str) -> Explained {
    let said = error.as_database_error().map(|error| error.message().to_owned()).unwrap_or_default();
    let host = server.host();
    let code = code(error).unwrap_or_default();
    match code.as_str() {
        "28P01" => (format!("{host} refuses the user or the password: correct them; {PASSWORD}"), true),
        "28000" => {
            let sentence = format!(
                "{host} does not let this user in: {said}; add the user to pg_hba.conf, or write sslmode=require if \
                 it asks for TLS"
            );
            (sentence, true)
        }
        "3D000" => {
            (format!("there is no database {name}: make it with CREATE DATABASE, or correct its name"), true)
        }
        "42501" => {
            let sentence = format!(
                "{name}: {said}; run `postly migrate` as the owner of the schema, and GRANT SELECT, INSERT, UPDATE, \
                 DELETE ON ALL TABLES to this role"
            );
            (sentence, true)
        }
        "57P03" | "57P01" | "57P02" => {
            (format!("{host} is starting or stopping: wait until it accepts connections"), false)
        }
        _ if said.contains("startup parameter") => {
            let sentence = format!(
                "the pooler on {host} refuses a parameter at the start ({said}): take `options` out of the address \
                 and set it on the role (ALTER ROLE ... SET ...), or add it to the pooler's ignore_startup_parameters"
            );
            (sentence, true)
        }
        _ if said.contains("no such database") => (
            format!("the pooler on {host} knows no database {name}: add it there, or correct its name"),
            true,
        ),
        _ if said.contains("authentication failed") || said.contains("no such user") => {
            (format!("{host} refuses the user or the password: correct them; {PASSWORD}"), true)
        }
        _ => (format!("{host} refuses the connection: {said} (SQLSTATE {code})"), false),
    }
}
