//! A PgBouncer in front of a cluster.

use std::{
    io,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use crate::{as_user, folder_for_user, is_root};

/// The longest time until it listens.
const START_TIMEOUT: Duration = Duration::from_secs(20);
const PROGRAM: &str = "pgbouncer";

/// The moment at which a client's server connection returns to the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// At the end of each transaction.
    Transaction,
    /// At the end of the client's session.
    Session,
}

impl Pooling {
    fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Session => "session",
        }
    }
}

/// A running PgBouncer. Dropping it stops it.
#[derive(Debug)]
pub struct Pooler {
    child: Child,
    folder: PathBuf,
    port: u16,
}

/// The program, if it is installed. Debian installs it in a folder of root's path.
pub(crate) fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(PROGRAM)).find(|program| program.exists())
}

impl Pooler {
    /// Starts a PgBouncer on a free port of this machine, in front of the server on another port of it. Each
    /// database has a pool of `size` connections. The users log in without a password.
    ///
    /// # Errors
    /// Fails if PgBouncer is missing, or does not start.
    pub fn start(server_port: u16, pooling: Pooling, size: u32, users: &[&str]) -> io::Result<Self> {
        let program = program().ok_or_else(|| {
            io::Error::other("PgBouncer is missing: `cargo xtask ci` installs it, where it may")
        })?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("postly-pgbouncer-{}-{port}", std::process::id()));
        folder_for_user(&folder, is_root())?;
        let users: String = users.iter().map(|user| format!("\"{user}\" \"\"\n")).collect();
        std::fs::write(folder.join("users.txt"), users)?;
        // The other settings are those of Debian and Supabase: both refuse unknown startup parameters.
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {}\n\
             default_pool_size = {size}\nmax_client_conn = 500\n",
            folder.join("users.txt").display(),
            pooling.as_str(),
        );
        let file = folder.join("pgbouncer.ini");
        std::fs::write(&file, settings)?;
        let child = as_user(&program, is_root())
            .arg("--quiet")
            .arg(&file)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .spawn()?;
        let mut pooler = Self { child, folder, port };
        pooler.wait_until_it_listens()?;
        Ok(pooler)
    }

    #[expect(clippy::disallowed_methods, reason = "a test waits for its server before it begins")]
    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if Instant::now() > deadline || self.child.try_wait()?.is_some() {
                return Err(io::Error::other(format!(
                    "PgBouncer does not listen\n{}",
                    read(&self.folder.join("log"))
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Its address, up to and including the slash before a database's name.
    pub fn address(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/", self.port)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It is discarded, so a failure to stop loses nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
