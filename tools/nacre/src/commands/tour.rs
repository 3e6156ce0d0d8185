//! `nacre tour`.

use std::process::ExitCode;

use anyhow::Result;

use super::run::MachineArgs;
use crate::net::NetArgs;
use crate::workspace::Workspace;
use crate::{kernel, tour};

/// Boot, and show each promise of the checklist once: PASS, FAIL, or LATER with the reason.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    machine: MachineArgs,
    /// The kernel's cargo profile
    #[arg(long, default_value = kernel::CHECKED)]
    profile: String,
    /// Only stops whose number begins so, say A3 or T
    items: Vec<String>,
}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        let mut machine = self.machine.machine(workspace, &self.profile)?;
        // Some stops want a way out of the machine.
        let (card, ip) = NetArgs::user().arguments()?;
        machine.extra.extend(card);
        if let Some(ip) = ip {
            machine.append.push_str(&format!(" {ip}"));
        }
        let summary = tour::go(workspace, machine, &self.items)?;
        println!(
            "\n{} seen, {} broken, {} yet to come",
            summary.passed, summary.failed, summary.later
        );
        Ok(if summary.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
