//! Prometheus and its promtool, which check the metrics, rules and dashboard.

use std::process::{Command, Stdio};

use anyhow::bail;

/// The Debian package of both.
const PACKAGE: &str = "prometheus";

/// Returns true if both programs run.
pub(crate) fn is_installed() -> bool {
    ["prometheus", "promtool"].iter().all(|program| {
        let mut command = Command::new(program);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// Installs both if they are missing and packages may be installed.
pub(crate) fn install() -> anyhow::Result<()> {
    if !is_installed() && postly_postgres::may_install() {
        postly_postgres::apt_get(&[PACKAGE])?;
    }
    if !is_installed() {
        bail!("Prometheus is missing: install it (Debian: apt-get install {PACKAGE}) and try again");
    }
    Ok(())
}
