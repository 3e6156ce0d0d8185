//! The subcommands.

mod bench;
mod check;
mod docs;
mod fuzz;
mod image;
mod run;
mod strace;
mod test;
mod tour;
mod upkeep;
pub mod wayland;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Build, boot, run, test and measure the Nacre kernel.
#[derive(Debug, Parser)]
#[command(name = "nacre", version, disable_help_subcommand = false)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it, once")]
enum Command {
    /// Boot to a shell, or run a static AArch64 program of the host in the guest
    Run(run::Args),
    /// Run a program in the guest and print its system calls
    Strace(strace::Args),
    /// Run the tests: the host's, and those in the guest
    Test(test::Args),
    /// Boot and show each promise of the checklist once
    Tour(tour::Args),
    /// Build the kernel's Image and the shell's initramfs into target/nacre/
    Image(image::Args),
    /// Measure Linux and Nacre in the same emulator
    Bench(bench::Args),
    /// Check formatting, lints and documentation; warnings are errors
    Check(check::Args),
    /// Write docs/syscalls.md anew
    Docs(docs::Args),
    /// Run the fuzz targets of the parsers
    Fuzz(fuzz::Args),
    /// Boot with a display and Wayland clients on it
    Wayland(wayland::Args),
    /// Build upstream programs into target/third_party/
    ThirdParty(upkeep::ThirdPartyArgs),
    /// Say what is missing on this machine, or install it
    Doctor(upkeep::DoctorArgs),
}

impl Cli {
    /// Does what was asked for.
    pub fn run(self) -> Result<ExitCode> {
        let workspace = Workspace::find()?;
        match self.command {
            Command::Run(args) => args.run(&workspace),
            Command::Strace(args) => args.run(&workspace),
            Command::Test(args) => args.run(&workspace),
            Command::Tour(args) => args.run(&workspace),
            Command::Image(args) => args.run(&workspace),
            Command::Bench(args) => args.run(&workspace),
            Command::Check(args) => args.run(&workspace),
            Command::Docs(args) => args.run(&workspace),
            Command::Fuzz(args) => args.run(&workspace),
            Command::Wayland(args) => args.run(&workspace),
            Command::ThirdParty(args) => args.run(&workspace),
            Command::Doctor(args) => args.run(),
        }
    }
}
