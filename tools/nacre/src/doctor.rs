//! What must be on this machine, and getting it from the distribution.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::progress::Progress;

/// A command and the Debian package that has it.
const PACKAGES: [(&str, &str); 15] = [
    ("qemu-system-aarch64", "qemu-system-arm"),
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("gcc", "gcc"),
    ("make", "make"),
    ("bzip2", "bzip2"),
    ("xz", "xz-utils"),
    ("tar", "tar"),
    ("dpkg-deb", "dpkg"),
    ("apt-get", "apt"),
    ("rustup", "rustup"),
    ("git", "git"),
    ("timeout", "coreutils"),
    ("perl", "perl"),
    ("tclsh", "tcl"),
    ("bison", "bison"),
];

/// The Rust targets that are built for.
const TARGETS: [&str; 2] = [
    "aarch64-unknown-none-softfloat",
    "aarch64-unknown-linux-musl",
];

/// One thing that is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub what: String,
    /// Whether it is there.
    pub there: bool,
    /// How to get it by hand.
    pub remedy: String,
}

/// Looks for everything that building, booting and testing take.
pub fn examine() -> Vec<Finding> {
    let commands = [
        "qemu-system-aarch64",
        "aarch64-linux-gnu-gcc",
        "gcc",
        "make",
        "bzip2",
        "dpkg-deb",
        "apt-get",
    ];
    let mut findings: Vec<Finding> = commands
        .iter()
        .map(|command| Finding {
            what: format!("the command {command}"),
            there: on_path(command),
            remedy: format!("apt-get install {}", package_of(command)),
        })
        .collect();
    let installed = installed_targets();
    findings.extend(TARGETS.iter().map(|target| Finding {
        what: format!("the Rust target {target}"),
        there: installed.iter().any(|its| its == target),
        remedy: format!("rustup target add {target}"),
    }));
    findings
}

/// Sees to it that these commands are there, installing their packages if need be.
///
/// # Errors
/// When a package cannot be installed; the message says what to do by hand.
pub fn ensure_commands(commands: &[&str]) -> Result<()> {
    let mut packages: Vec<&str> = commands
        .iter()
        .filter(|command| !on_path(command))
        .map(|command| package_of(command))
        .collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() {
        Ok(())
    } else {
        install(&packages)
    }
}

/// Sees to it that the Rust targets are there.
pub fn ensure_targets() -> Result<()> {
    let installed = installed_targets();
    for target in TARGETS
        .iter()
        .filter(|target| !installed.iter().any(|its| its == *target))
    {
        let progress = Progress::start(format!("rustup target add {target}"));
        let mut command = Command::new("rustup");
        command.args(["target", "add", target]);
        progress
            .run(&mut command, &std::env::temp_dir().join("nacre-rustup.log"))
            .with_context(|| {
                format!("the Rust target {target} is missing; by hand: rustup target add {target}")
            })?;
        progress.done();
    }
    Ok(())
}

/// Installs packages of the distribution, as root or with sudo.
fn install(packages: &[&str]) -> Result<()> {
    let by_hand = format!("by hand, as root: apt-get install {}", packages.join(" "));
    if !on_path("apt-get") {
        bail!(
            "missing: {}; this machine has no apt-get, so get them its own way",
            packages.join(", ")
        );
    }
    let sudo = if rustix::process::geteuid().is_root() {
        None
    } else if on_path("sudo") {
        Some("sudo")
    } else {
        bail!(
            "missing: {}; neither root nor sudo to install them; {by_hand}",
            packages.join(", ")
        );
    };
    let apt = |args: &[&str]| {
        let mut words: Vec<&str> = sudo.into_iter().collect();
        words.extend([
            "env",
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-y",
            "-o",
            "DPkg::Lock::Timeout=600",
        ]);
        words.extend(args);
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or("env"));
        command.args(words);
        command
    };
    let log = std::env::temp_dir().join(format!("nacre-apt-{}.log", std::process::id()));
    if sudo.is_some() {
        // So that a password, if one is wanted, is asked for before the moving line covers the question.
        let _ = Command::new("sudo").arg("-v").status();
    }
    let progress = Progress::start(format!("apt-get install {}", packages.join(" ")));
    progress
        .run(&mut apt(&["update"]), &log)
        .context(by_hand.clone())?;
    let mut arguments = vec!["install", "--no-install-recommends"];
    // The cross compiler is of no use without the C library headers that libgcc's own headers look for.
    arguments.extend(packages);
    if packages.contains(&"gcc") || packages.contains(&"gcc-aarch64-linux-gnu") {
        arguments.push("libc6-dev");
    }
    progress.run(&mut apt(&arguments), &log).context(by_hand)?;
    progress.done();
    Ok(())
}

fn package_of(command: &str) -> &str {
    PACKAGES
        .iter()
        .find(|(its, _)| *its == command)
        .map_or(command, |(_, package)| package)
}

/// Whether a command is on the search path.
pub fn on_path(command: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(command).is_file())
}

fn installed_targets() -> Vec<String> {
    let output = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    let listed: Vec<String> = String::from_utf8_lossy(&text)
        .lines()
        .map(str::to_owned)
        .collect();
    if !listed.is_empty() {
        return listed;
    }
    // No rustup: the compiler may come from elsewhere and have the targets all the same.
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    let has = |target: &&&str| {
        Path::new(&sysroot)
            .join("lib/rustlib")
            .join(target)
            .is_dir()
    };
    TARGETS
        .iter()
        .filter(has)
        .map(|target| (*target).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_looked_for_has_a_package() {
        for finding in examine()
            .iter()
            .filter(|finding| finding.what.starts_with("the command"))
        {
            assert!(
                finding.remedy.starts_with("apt-get install "),
                "{finding:?}"
            );
        }
        assert_eq!(package_of("qemu-system-aarch64"), "qemu-system-arm");
        assert!(on_path("sh"));
        assert!(!on_path("no-such-command-anywhere"));
    }
}
