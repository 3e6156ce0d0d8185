//! `nacre image`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{initramfs, kernel};

/// Build what boots.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kernel's cargo profile: `image` ships, `checked` has every check on
    #[arg(long, default_value = kernel::SHIPPED)]
    profile: String,
    /// Only the kernel
    #[arg(long)]
    kernel_only: bool,
}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        let image = kernel::build(workspace, &self.profile)?;
        report(workspace, &image)?;
        if !self.kernel_only {
            let shell = initramfs::shell(workspace)?;
            report(workspace, &shell.plain)?;
            report(workspace, &shell.gzip)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn report(workspace: &Workspace, path: &Path) -> Result<()> {
    let size = std::fs::metadata(path)
        .with_context(|| path.display().to_string())?
        .len();
    let shown = path.strip_prefix(workspace.root()).unwrap_or(path);
    println!("{:40} {:7.1} KiB", shown.display(), size as f64 / 1024.0);
    Ok(())
}
