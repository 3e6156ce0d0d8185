//! `nacre check`: warnings are errors.

use std::process::ExitCode;

use anyhow::Result;

use crate::cargo::{self, GUEST_TARGET, KERNEL_TARGET};
use crate::progress::Progress;
use crate::workspace::Workspace;

/// What is checked, as arguments to cargo. The kernel is looked at twice: as it runs, and as its tests build it.
/// The fuzz targets are a workspace of their own, which nothing else would build.
const STEPS: [&[&str]; 7] = [
    &["fmt", "--all", "--check"],
    &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ],
    &[
        "clippy",
        "-p",
        "nacre-kernel",
        "--target",
        KERNEL_TARGET,
        "--",
        "-D",
        "warnings",
    ],
    &[
        "clippy",
        "-p",
        "nacre-agent",
        "--target",
        GUEST_TARGET,
        "--",
        "-D",
        "warnings",
    ],
    &[
        "clippy",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target-dir",
        "target/fuzz",
        "--locked",
        "--",
        "-D",
        "warnings",
    ],
    &[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ],
    &[
        "doc",
        "-p",
        "nacre-kernel",
        "--no-deps",
        "--target",
        KERNEL_TARGET,
    ],
];

/// Private items are documented too, so a link to one leads somewhere.
const DOC_FLAGS: &str = "-D warnings -A rustdoc::private_intra_doc_links";

/// Check formatting, lints, documentation and that the page of system calls is up to date.
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        crate::doctor::ensure_targets()?;
        let mut failed = 0;
        for step in STEPS {
            let line = format!("cargo {}", step.join(" "));
            let progress = Progress::start(line.clone());
            let mut command = cargo::command(workspace);
            command
                .args(step)
                .env("CARGO_TERM_COLOR", "never")
                .env("RUSTDOCFLAGS", DOC_FLAGS);
            match progress.run(&mut command, &workspace.out().join("check.log")) {
                Ok(()) => progress.done(),
                Err(error) => {
                    failed += 1;
                    drop(progress);
                    eprintln!("FAILED: {line}\n{error:#}\n");
                }
            }
        }
        // It says itself what is wrong.
        if !super::docs::is_current(workspace)? {
            failed += 1;
        }
        let steps = STEPS.len() + 1;
        println!(
            "{} checks passed, {failed} failed",
            steps.saturating_sub(failed)
        );
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
