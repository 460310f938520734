//! A service for the views of the operator's pages. Its provider does not answer, so that some messages wait.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

pub(super) const PASSWORD: &str = "a password for the looks";
pub(super) const APP_SECRET: &str = "an app secret for the looks";
pub(super) const NUMBER_ID: &str = "106540352242922";

/// `postly serve` on a database of its own.
pub(super) struct Service {
    child: Child,
    pub(super) operator: String,
    pub(super) public: String,
}

impl Service {
    pub(super) fn start(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        let variables = [
            ("DATABASE_URL", "sqlite://operated.db"),
            ("BIND_ADDRESS", "127.0.0.1:0"),
            ("ADMIN_BIND_ADDRESS", "127.0.0.1:0"),
            ("ADMIN_PASSWORD", PASSWORD),
            ("PUBLIC_BASE_URL", "https://postly.example"),
            ("OTP_SALT", "a-pepper-for-the-looks"),
            ("IDENTITY_HASH_KEY", "a-hash-key-for-the-looks"),
            ("NEXTAUTH_SECRET", "a-cookie-key-for-the-looks"),
            ("META_ACCESS_TOKEN", "a-token-for-the-looks"),
            ("META_PHONE_NUMBER_ID", NUMBER_ID),
            ("META_VERIFY_TOKEN", "a-verify-token"),
            ("META_APP_SECRET", APP_SECRET),
            ("META_GRAPH_BASE_URL", "http://127.0.0.1:1"),
            ("WHATSAPP_TRIAL_CREDITS", "5"),
            ("WRITER", "offline"),
        ];
        let mut child = Command::new(super::built(root)?)
            .arg("serve")
            .current_dir(folder)
            .envs(variables)
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start the service")?;
        let stderr = child.stderr.take().context("its log is ours")?;
        let mut service = Self { child, operator: String::new(), public: String::new() };
        let mut lines = BufReader::new(stderr).lines();
        while service.operator.is_empty() || service.public.is_empty() {
            let line = lines.next().context("the service ended before it listened")??;
            for (sign, address) in [
                ("\"message\":\"Operator listener on ", &mut service.operator),
                ("\"message\":\"Listening on ", &mut service.public),
            ] {
                if let Some(found) = line.split(sign).nth(1).and_then(|rest| rest.split('"').next()) {
                    *address = format!("http://{found}");
                }
            }
        }
        // A full pipe would block the service.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("xtask: the service did not end: {error}");
        }
    }
}
