//! `nacre third-party` and `nacre doctor`.

use std::process::ExitCode;

use anyhow::Result;

use crate::doctor;
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;

/// Build upstream programs.
#[derive(Debug, clap::Args)]
pub struct ThirdPartyArgs {
    /// Which ones (all, if none is named)
    names: Vec<String>,
    /// Only list them
    #[arg(long)]
    list: bool,
}

impl ThirdPartyArgs {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        let recipes = ThirdParty::new(workspace);
        let names = if self.names.is_empty() {
            recipes.names()?
        } else {
            self.names
        };
        if self.list {
            for name in &names {
                let recipe = recipes.recipe(name)?;
                println!(
                    "{:16} {:10} target/third_party/{}",
                    recipe.name, recipe.version, recipe.into
                );
            }
            return Ok(ExitCode::SUCCESS);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        recipes.ensure(&names)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Say what is missing.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Install what is missing, as root or with sudo
    #[arg(long)]
    install: bool,
}

impl DoctorArgs {
    pub fn run(self) -> Result<ExitCode> {
        if self.install {
            doctor::ensure_commands(&[
                "qemu-system-aarch64",
                "aarch64-linux-gnu-gcc",
                "gcc",
                "make",
                "bzip2",
            ])?;
            doctor::ensure_targets()?;
        }
        let mut missing = 0;
        for finding in doctor::examine() {
            if finding.there {
                println!("ok       {}", finding.what);
            } else {
                missing += 1;
                println!("missing  {}   ({})", finding.what, finding.remedy);
            }
        }
        Ok(if missing == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
