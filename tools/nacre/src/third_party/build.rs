//! From a tarball or package to a result in its place.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::recipe::Recipe;
use super::{KEY_FILE, fetch, programs};
use crate::doctor;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// Builds a recipe whose needs are built.
pub fn build(workspace: &Workspace, recipe: &Recipe, key: &str) -> Result<()> {
    let commands: Vec<&str> = recipe.commands.iter().map(String::as_str).collect();
    doctor::ensure_commands(&commands)?;
    let title = format!("third party: {} {}", recipe.name, recipe.version);
    let progress = Progress::start(title);
    let base = workspace.third_party();
    fs::create_dir_all(&base).with_context(|| base.display().to_string())?;
    let file = fetch::fetch(workspace, recipe, &progress)?;

    // On the same file system as the result, so that moving it is one step; gone when this function ends.
    let work = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(&base)
        .context("a temporary folder")?;
    let out = work.path().join("out");
    let log = base.join("log").join(format!("{}.log", recipe.name));
    if log.exists() {
        fs::remove_file(&log)?;
    }
    let mut script = Command::new("sh");
    script
        .arg("-e")
        .arg(recipe.folder.join("build.sh"))
        .current_dir(work.path());
    script
        .env("WORK", work.path())
        .env("OUT", &out)
        .env("DEPS", &base);
    script
        .env("PREFIX", base.join(&recipe.into))
        .env("JOBS", jobs().to_string())
        .env("LC_ALL", "C");
    script.env("PATH", path_with(&base.join("toolchain/bin"))?);
    // A make above us shares its job slots through these; the build below is its own.
    script
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .env_remove("MFLAGS")
        .env_remove("CFLAGS");
    if let Some(from) = &recipe.source {
        let source = work.path().join("source");
        fs::create_dir(&source)?;
        let mut tar = Command::new("tar");
        tar.arg("-xf")
            .arg(&file)
            .arg("-C")
            .arg(&source)
            .arg("--strip-components=1");
        if !from.only.is_empty() {
            tar.arg("--wildcards").args(&from.only);
        }
        progress
            .run(&mut tar, &log)
            .with_context(|| format!("unpacking {}", file.display()))?;
        script.env("SRC", source);
    } else {
        script.env("DEB", &file);
    }
    progress.run(&mut script, &log)?;
    if !out.is_dir() {
        bail!("its script left nothing");
    }
    fs::write(out.join(KEY_FILE), key)?;
    put_in_place(&out, &base.join(&recipe.into), &base, work.path())?;
    progress.done();
    Ok(())
}

fn put_in_place(out: &Path, place: &Path, base: &Path, work: &Path) -> Result<()> {
    if place.exists() {
        fs::rename(place, work.join("old")).with_context(|| place.display().to_string())?;
    }
    fs::rename(out, place).with_context(|| place.display().to_string())?;
    let bin = base.join("bin");
    fs::create_dir_all(&bin)?;
    for program in programs(place) {
        let name = program.file_name().unwrap_or(OsStr::new("program"));
        let fresh = work.join(name);
        fs::copy(&program, &fresh).with_context(|| program.display().to_string())?;
        fs::rename(&fresh, bin.join(name))?;
    }
    Ok(())
}

fn jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn path_with(first: &Path) -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(PathBuf::from(first)).chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("a folder in PATH has a colon in its name")
}
