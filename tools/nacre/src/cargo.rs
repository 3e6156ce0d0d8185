//! Calling cargo for the other targets.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Where the kernel runs.
pub const KERNEL_TARGET: &str = "aarch64-unknown-none-softfloat";

/// Where programs in the guest run.
pub const GUEST_TARGET: &str = "aarch64-unknown-linux-musl";

/// By what the builds of crates ask for the compiler of the guest's C, and the archiver.
const C_COMPILER: &str = "CC_aarch64_unknown_linux_musl";
const ARCHIVER: &str = "AR_aarch64_unknown_linux_musl";

/// Where alignment must be kept, LLVM copies no structure of more than four words in place. Sixteen is what it does
/// elsewhere, and faster by far than a call. For the kernel that ships.
const COPY_IN_PLACE: &str =
    "target.aarch64-unknown-none-softfloat.rustflags=['-Cllvm-args=-max-store-memcpy=16']";

/// One package to be built.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// Its name.
    pub name: &'a str,
    /// The target triple.
    pub target: &'a str,
    /// The profile.
    pub profile: &'a str,
}

/// A cargo command in the checkout.
pub fn command(workspace: &Workspace) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace.root());
    command
}

/// Builds a package and returns where its file is. What cargo says goes to the terminal.
pub fn build(workspace: &Workspace, package: Package<'_>) -> Result<PathBuf> {
    crate::doctor::ensure_targets()?;
    let mut command = command(workspace);
    if package.profile == "image" {
        command.args(["--config", COPY_IN_PLACE]);
    }
    if package.target == GUEST_TARGET {
        // For crates with C or assembly in them.
        command.env(C_COMPILER, workspace.cross_compiler());
        command.env(ARCHIVER, workspace.cross_archiver());
    }
    let status = command
        .args([
            "build",
            "--quiet",
            "-p",
            package.name,
            "--target",
            package.target,
            "--profile",
            package.profile,
        ])
        .status()
        .context("cannot start cargo (Rust comes from https://rustup.rs)")?;
    if !status.success() {
        bail!("{} does not build", package.name);
    }
    // Cargo's one exception: the folder of profile `dev` is `debug`.
    let folder = if package.profile == "dev" {
        "debug"
    } else {
        package.profile
    };
    Ok(workspace
        .target()
        .join(package.target)
        .join(folder)
        .join(package.name))
}
