//! The programs in `testbins/`, built for the guest into `target/testbins/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::cargo::{self, GUEST_TARGET, Package};
use crate::progress::Progress;
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;

/// How every C program of ours is built. A warning is an error.
const C_FLAGS: [&str; 7] = [
    "-std=gnu11",
    "-O2",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pthread",
];

/// The benchmark is built as its figures have always been.
const BENCH_FLAGS: [&str; 6] = ["-std=gnu99", "-O2", "-s", "-Wall", "-Wextra", "-Werror"];

/// Builds every `.c` file of `testbins/c` into a program of its own; returns them sorted.
///
/// # Errors
/// When one does not compile; the compiler's words are in the message.
pub fn build_c(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    build_folder(workspace, "c", &C_FLAGS, &[])
}

/// Builds the benchmark's programs.
pub fn build_bench(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    build_folder(workspace, "bench", &BENCH_FLAGS, &[])
}

/// Builds the Wayland clients of our own, on libwayland.
pub fn build_wayland(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    ThirdParty::new(workspace).ensure(&["weston"])?;
    let base = workspace.third_party();
    let protocol = base.join("weston/protocol");
    let include = |folder: &Path| format!("-I{}", folder.display());
    let includes = [include(&base.join("wayland/include")), include(&protocol)];
    let mut flags = C_FLAGS.to_vec();
    flags.extend(includes.iter().map(String::as_str));
    let behind = [
        protocol.join("xdg-shell-protocol.c"),
        base.join("wayland/lib/libwayland-client.a"),
        base.join("libffi/lib/libffi.a"),
    ];
    build_folder(workspace, "wayland", &flags, &behind)
}

/// Builds each source of a folder with these flags; `behind` are further sources and libraries for every one.
fn build_folder(
    workspace: &Workspace,
    name: &str,
    flags: &[&str],
    behind: &[PathBuf],
) -> Result<Vec<PathBuf>> {
    ThirdParty::new(workspace).ensure(&["musl"])?;
    let folder = workspace.path("testbins").join(name);
    let out = workspace.target().join("testbins").join(name);
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let sources = files_with(&folder, "c")?;
    let mut newest_header = modified(&workspace.cross_compiler())?;
    for header in files_with(&folder, "h")? {
        newest_header = newest_header.max(modified(&header)?);
    }
    let mut stale = Vec::new();
    let mut programs = Vec::new();
    for source in sources {
        let program = out.join(source.file_stem().context("a source has a name")?);
        let needed = modified(&source)?.max(newest_header);
        if !modified(&program).is_ok_and(|built| built > needed) {
            stale.push((source, program.clone()));
        }
        programs.push(program);
    }
    if !stale.is_empty() {
        compile_all(workspace, name, &stale, flags, behind)?;
    }
    Ok(programs)
}

/// Compiles on as many processors as there are.
fn compile_all(
    workspace: &Workspace,
    name: &str,
    work: &[(PathBuf, PathBuf)],
    flags: &[&str],
    behind: &[PathBuf],
) -> Result<()> {
    let progress = Progress::start(format!("testbins/{name}: {} programs", work.len()));
    let compiler = workspace.cross_compiler();
    let queue = Mutex::new(work.iter());
    let failures = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((source, program)) =
                    queue.lock().ok().and_then(|mut queue| queue.next())
                {
                    progress.say(&source.display().to_string());
                    if let Err(error) = compile(&compiler, source, program, flags, behind)
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push(format!("{error:#}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_default();
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    progress.done();
    Ok(())
}

fn compile(
    compiler: &Path,
    source: &Path,
    program: &Path,
    flags: &[&str],
    behind: &[PathBuf],
) -> Result<()> {
    let fresh = program.with_extension("new");
    let output = Command::new(compiler)
        .args(flags)
        .args(own_flags(source)?)
        .arg("-o")
        .arg(&fresh)
        .arg(source)
        .args(behind)
        .output()
        .with_context(|| compiler.display().to_string())?;
    if !output.status.success() {
        bail!(
            "{} does not compile:\n{}",
            source.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    fs::rename(&fresh, program).with_context(|| program.display().to_string())
}

/// Flags that a source asks for itself, in a first line like `/* flags: -static-pie */`.
fn own_flags(source: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(source).with_context(|| source.display().to_string())?;
    let first = text.lines().next().unwrap_or_default();
    let flags = first
        .strip_prefix("/* flags:")
        .and_then(|rest| rest.strip_suffix("*/"))
        .unwrap_or_default();
    Ok(flags.split_whitespace().map(str::to_owned).collect())
}

/// Where the Rust programs are.
const RUST: [&str; 2] = ["testbins/rust", "testbins/rust/sockets"];

/// Builds the Rust programs.
pub fn build_rust(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    // TLS has assembly in it.
    ThirdParty::new(workspace).ensure(&["musl"])?;
    RUST.iter()
        .map(|folder| build_package(workspace, folder))
        .collect()
}

fn build_package(workspace: &Workspace, folder: &str) -> Result<PathBuf> {
    let manifest = workspace.path(folder).join("Cargo.toml");
    let text = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    let value: toml::Table =
        toml::from_str(&text).with_context(|| manifest.display().to_string())?;
    let name = value
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(toml::Value::as_str);
    let name = name.with_context(|| format!("{}: no package name", manifest.display()))?;
    cargo::build(
        workspace,
        Package {
            name,
            target: GUEST_TARGET,
            profile: "release", // unwinding: panics are caught there
        },
    )
}

/// The shell scripts of `testbins/smoke` that are tests, sorted.
pub fn smoke_scripts(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    scripts(workspace, "testbins/smoke")
}

/// The scripts of `testbins/upstream`, which try programs of `third_party/`, sorted.
pub fn upstream_scripts(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    scripts(workspace, "testbins/upstream")
}

fn scripts(workspace: &Workspace, folder: &str) -> Result<Vec<PathBuf>> {
    let folder = workspace.path(folder);
    if folder.is_dir() {
        files_with(&folder, "sh")
    } else {
        Ok(Vec::new())
    }
}

fn files_with(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|its| its == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn modified(path: &Path) -> Result<SystemTime> {
    fs::metadata(path)
        .and_then(|meta| meta.modified())
        .with_context(|| path.display().to_string())
}
