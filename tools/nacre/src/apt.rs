//! A private apt: the machine's own Debian entries, with source packages, further suites and arm64 added, over lists
//! and a cache of its own. The system's configuration is read and never written.

mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::progress::Progress;
use crate::workspace::Workspace;

/// Lists older than this are fetched again before anything is looked up in them.
const FRESH: Duration = Duration::from_secs(24 * 3600);

/// An apt that can be asked, its lists fetched.
pub struct Apt<'a> {
    folder: PathBuf,
    progress: &'a Progress,
}

impl<'a> Apt<'a> {
    /// Writes the configuration and fetches the lists, if they are not there or old.
    pub fn new(workspace: &Workspace, progress: &'a Progress) -> Result<Self> {
        crate::doctor::ensure_commands(&["apt-get"])?;
        let folder = workspace.third_party().join("apt");
        for inside in ["lists/partial", "cache/archives/partial", "sources"] {
            fs::create_dir_all(folder.join(inside))
                .with_context(|| folder.display().to_string())?;
        }
        let apt = Self { folder, progress };
        let sources = sources::derive(Path::new("/etc/apt"), Path::new("/etc/os-release"))?;
        let configuration = apt.configuration();
        let stamp = apt.folder.join("fetched");
        let old = fs::read_to_string(&stamp).unwrap_or_default();
        let age = fs::metadata(&stamp)
            .and_then(|meta| meta.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH);
        let fresh = age.elapsed().is_ok_and(|age| age < FRESH);
        fs::write(apt.folder.join("apt.conf"), &configuration)?;
        fs::write(apt.folder.join("sources/nacre.sources"), &sources)?;
        fs::write(apt.folder.join("status"), "")?;
        if !fresh || old != sources {
            progress.say("fetching package lists");
            apt.run("apt-get", &["update"], &apt.folder).context(
                "the distribution's package lists cannot be fetched (is there a network?)",
            )?;
            fs::write(&stamp, &sources)?;
        }
        Ok(apt)
    }

    fn configuration(&self) -> String {
        let at = self.folder.display();
        format!(
            "Dir::Etc::SourceList \"/dev/null\";\n\
             Dir::Etc::SourceParts \"{at}/sources\";\n\
             Dir::State \"{at}\";\n\
             Dir::State::Lists \"{at}/lists\";\n\
             Dir::State::status \"{at}/status\";\n\
             Dir::Cache \"{at}/cache\";\n\
             APT::Architecture \"arm64\";\n\
             APT::Architectures {{ \"arm64\"; }};\n\
             APT::Sandbox::User \"\";\n\
             Acquire::Languages \"none\";\n\
             Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n\
             Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled \"false\";\n\
             Acquire::Retries \"3\";\n"
        )
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("APT_CONFIG", self.folder.join("apt.conf"))
            .env("LC_ALL", "C");
        command
    }

    fn run(&self, program: &str, args: &[&str], folder: &Path) -> Result<()> {
        let mut command = self.command(program);
        command.args(args).current_dir(folder);
        self.progress.run(&mut command, &self.folder.join("log"))
    }

    fn ask(&self, program: &str, args: &[&str]) -> Result<String> {
        let output = self
            .command(program)
            .args(args)
            .output()
            .with_context(|| program.to_owned())?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Downloads one version of a binary package into a folder.
    pub fn download(
        &self,
        package: &str,
        arch: &str,
        version: &str,
        into: &Path,
    ) -> Result<PathBuf> {
        self.progress.say(&format!("downloading {package}"));
        let temporary = tempfile::tempdir_in(into)?;
        let qualifier = if arch == "all" {
            String::new()
        } else {
            format!(":{arch}")
        };
        let wanted = format!("{package}{qualifier}={version}");
        self.run("apt-get", &["download", &wanted], temporary.path())?;
        take_only(temporary.path(), "deb", into)
    }

    /// Downloads the newest package that fits two patterns with `*`; what the archive no longer has is passed over.
    pub fn download_newest(
        &self,
        name: &str,
        arch: &str,
        version: &str,
        into: &Path,
    ) -> Result<PathBuf> {
        let listed = self.ask("apt-cache", &["dumpavail"])?;
        let mut found: Vec<(String, String)> = Vec::new();
        for stanza in listed.split("\n\n") {
            let field = |key: &str| stanza.lines().find_map(|line| line.strip_prefix(key));
            let (Some(package), Some(its)) = (field("Package: "), field("Version: ")) else {
                continue;
            };
            let fits = field("Architecture: ") == Some(arch)
                && matches(name, package)
                && matches(version, its);
            if fits && !package.contains("cloud") && !package.contains("-rt-") {
                found.push((package.to_owned(), its.to_owned()));
            }
        }
        found.sort_by_key(|(_, version)| std::cmp::Reverse(numbers(version)));
        for (package, version) in &found {
            if let Ok(path) = self.download(package, arch, version, into) {
                return Ok(path);
            }
        }
        bail!(
            "of {} packages like {name} {version}, none could be downloaded",
            found.len()
        )
    }

    /// Downloads one file of a source package, from whichever suite has it.
    pub fn download_from_source_package(
        &self,
        package: &str,
        file: &str,
        into: &Path,
    ) -> Result<PathBuf> {
        self.progress.say(&format!("downloading {file}"));
        let listed = self.ask("apt-cache", &["showsrc", "--only-source", package])?;
        let mut versions: Vec<&str> = listed
            .split("\n\n")
            .filter(|stanza| stanza.split_whitespace().any(|word| word == file))
            .filter_map(|stanza| {
                stanza
                    .lines()
                    .find_map(|line| line.strip_prefix("Version: "))
            })
            .collect();
        versions.dedup();
        if versions.is_empty() {
            bail!("no suite has a source package {package} with {file}");
        }
        for version in &versions {
            let temporary = tempfile::tempdir_in(into)?;
            let wanted = format!("{package}={version}");
            let got = self.run(
                "apt-get",
                &["source", "--download-only", "--only-source", &wanted],
                temporary.path(),
            );
            let path = temporary.path().join(file);
            // One of the package's other files may be missing in the archive; that one need not be.
            if (got.is_ok() || path.is_file()) && path.is_file() {
                let place = into.join(file);
                fs::rename(&path, &place)?;
                return Ok(place);
            }
        }
        bail!(
            "the archive lacks {file} of {package} {}",
            versions.join(", ")
        )
    }
}

/// Moves the one file with this extension.
fn take_only(from: &Path, extension: &str, into: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension().is_some_and(|its| its == extension)
            && let Some(name) = path.file_name()
        {
            let place = into.join(name);
            fs::rename(&path, &place)?;
            return Ok(place);
        }
    }
    bail!("apt left no .{extension} file")
}

/// Whether a text fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|text| {
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| text.get(at..).is_some_and(|text| matches(rest, text)))
        }),
    }
}

/// A version's numbers, in order: good enough to tell the newer of two of the same package.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(matches(
            "linux-image-6.12.*-arm64",
            "linux-image-6.12.88+deb12-arm64"
        ));
        assert!(matches("6.12.*", "6.12.95-1~bpo12+1"));
        assert!(!matches("6.12.*", "6.1.12"));
        assert!(!matches(
            "linux-image-6.12.*-arm64",
            "linux-image-6.12.88+deb12-arm64-16k"
        ));
        assert!(matches("same", "same"));
    }

    #[test]
    fn the_newer_version_is_greater() {
        assert!(numbers("6.12.107-1") > numbers("6.12.88-1~bpo12+1"));
    }
}
