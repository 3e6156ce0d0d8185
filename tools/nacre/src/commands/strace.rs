//! `nacre strace`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};

use super::run;
use crate::workspace::Workspace;

/// Run a static AArch64 program of the host in the guest and print its system calls.
///
/// The kernel itself writes them down, so nothing stops the program at each one. Everything else is as in `nacre run`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print the calls into this file, not on standard error
    #[arg(short, long, value_name = "F")]
    output: Option<PathBuf>,
    #[command(flatten)]
    run: run::Args,
}

impl Args {
    pub fn run(mut self, workspace: &Workspace) -> Result<ExitCode> {
        if !self.run.has_program() {
            bail!("which program? nacre strace -- PROGRAM ARGS...");
        }
        self.run.machine.trace = true;
        self.run.trace_to = self.output.take();
        self.run.run(workspace)
    }
}
