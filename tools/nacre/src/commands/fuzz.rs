//! `nacre fuzz`: the parsers of untrusted bytes, each under a fuzzer.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::doctor;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Run the fuzz targets one after the other.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which ones (all, if none is named)
    names: Vec<String>,
    /// How long each runs
    #[arg(long, value_name = "S", default_value_t = 600)]
    seconds: u32,
    /// Only list them
    #[arg(long)]
    list: bool,
}

impl Args {
    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        let targets = targets(workspace)?;
        let chosen: Vec<String> = if self.names.is_empty() {
            targets.clone()
        } else {
            self.names
        };
        if self.list {
            targets.iter().for_each(|name| println!("{name}"));
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(unknown) = chosen.iter().find(|name| !targets.contains(name)) {
            bail!(
                "no fuzz target is called {unknown}; there are: {}",
                targets.join(", ")
            );
        }
        if !doctor::on_path("cargo-fuzz") {
            let progress = Progress::start("cargo install cargo-fuzz");
            let mut install = cargo::command(workspace);
            install.args(["install", "--locked", "cargo-fuzz"]);
            progress
                .run(&mut install, &workspace.out().join("fuzz.log"))
                .context("by hand: cargo install cargo-fuzz")?;
            progress.done();
        }
        let mut failed = Vec::new();
        for name in chosen {
            println!("fuzzing {name} for {} s", self.seconds);
            // Without a sanitizer, which stable Rust cannot build; panics and overflows are what is looked for.
            let status = Command::new("cargo")
                .args(["fuzz", "run", "--sanitizer", "none", &name, "--"])
                .arg(format!("-max_total_time={}", self.seconds))
                .args(["-print_final_stats=1", "-verbosity=0"])
                .current_dir(workspace.root())
                .status()
                .context("cannot start cargo fuzz")?;
            if !status.success() {
                failed.push(name);
            }
        }
        if failed.is_empty() {
            println!("no finding");
            return Ok(ExitCode::SUCCESS);
        }
        println!(
            "findings in: {} (the inputs are in fuzz/artifacts/)",
            failed.join(", ")
        );
        Ok(ExitCode::FAILURE)
    }
}

fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.path("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder)
        .with_context(|| format!("{}: no fuzz targets", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
