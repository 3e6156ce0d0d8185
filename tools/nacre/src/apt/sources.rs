//! From the machine's own apt entries to ours.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Suites looked into after the machine's own, by what they are called relative to a release.
const RELEASES: [&str; 2] = ["bookworm", "trixie"];
const POCKETS: [&str; 3] = ["", "-updates", "-backports"];

/// One archive the machine gets its distribution from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Archive {
    uri: String,
    signed_by: Option<String>,
    options: Vec<String>,
}

/// The text of a `.sources` file of our own.
///
/// # Errors
/// When the machine has no entry for its own release: then it is not a Debian, or has no archive.
pub fn derive(apt: &Path, os_release: &Path) -> Result<String> {
    let release = fs::read_to_string(os_release).unwrap_or_default();
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"').to_owned())
        .unwrap_or_default();
    let mut archives: Vec<Archive> = Vec::new();
    for (text, is_stanzas) in configuration_files(apt) {
        let found = if is_stanzas {
            stanzas(&text, &codename)
        } else {
            lines(&text, &codename)
        };
        for archive in found {
            if !archives.contains(&archive) {
                archives.push(archive);
            }
        }
    }
    if archives.is_empty() {
        bail!(
            "{} names no archive for \"{codename}\"; packages come from a Debian machine's own archive",
            apt.display()
        );
    }
    Ok(write_sources(&archives, &codename))
}

fn write_sources(archives: &[Archive], codename: &str) -> String {
    let mut releases = vec![codename];
    releases.extend(RELEASES.iter().filter(|release| **release != codename));
    let suites: Vec<String> = releases
        .iter()
        .flat_map(|release| {
            POCKETS
                .iter()
                .map(move |pocket| format!("{release}{pocket}"))
        })
        .collect();
    let mut text = String::from("# Made from this machine's own entries.\n");
    for archive in archives {
        let signed_by = archive
            .signed_by
            .as_ref()
            .map_or(String::new(), |key| format!("Signed-By: {key}\n"));
        let options: String = archive
            .options
            .iter()
            .map(|option| format!("{option}\n"))
            .collect();
        let _ = write!(
            text,
            "\nTypes: deb deb-src\nURIs: {}\nSuites: {}\nComponents: main\n{signed_by}{options}",
            archive.uri,
            suites.join(" ")
        );
    }
    text
}

/// Every configuration file's text, and whether it is in stanzas.
fn configuration_files(apt: &Path) -> Vec<(String, bool)> {
    let mut paths = vec![apt.join("sources.list")];
    let parts = fs::read_dir(apt.join("sources.list.d"))
        .into_iter()
        .flatten()
        .flatten();
    paths.extend(parts.map(|entry| entry.path()));
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| {
            let extension = path.extension()?.to_str()?.to_owned();
            let known = extension == "list" || extension == "sources";
            let text = known.then(|| fs::read_to_string(&path).context("unreadable").ok())??;
            Some((text, extension == "sources"))
        })
        .collect()
}

/// Archives in stanza form (deb822) that carry the release itself, not just its security fixes.
fn stanzas(text: &str, codename: &str) -> Vec<Archive> {
    let mut found = Vec::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            stanza
                .lines()
                .filter(|line| !line.starts_with('#'))
                .find_map(|line| {
                    let (key, value) = line.split_once(':')?;
                    key.trim()
                        .eq_ignore_ascii_case(name)
                        .then(|| value.trim().to_owned())
                })
        };
        let has = |name: &str, word: &str| {
            field(name).is_some_and(|value| value.split_whitespace().any(|its| its == word))
        };
        if has("Types", "deb")
            && has("Suites", codename)
            && has("Components", "main")
            && !has("Enabled", "no")
        {
            // A key may also stand in the stanza itself, over several lines; then apt's trusted keys have to do.
            let signed_by = field("Signed-By").filter(|value| value.starts_with('/'));
            let options = ["Trusted", "Check-Valid-Until"]
                .iter()
                .filter_map(|name| field(name).map(|value| format!("{name}: {value}")))
                .collect();
            for uri in field("URIs").unwrap_or_default().split_whitespace() {
                found.push(Archive {
                    uri: uri.to_owned(),
                    signed_by: signed_by.clone(),
                    options: Vec::clone(&options),
                });
            }
        }
    }
    found
}

/// The same in one-line form: `deb [options] uri suite component...`.
fn lines(text: &str, codename: &str) -> Vec<Archive> {
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(mut rest) = line.trim().strip_prefix("deb ").map(str::trim) else {
            continue;
        };
        let mut signed_by = None;
        let mut options = Vec::new();
        if let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        {
            for option in inside.split_whitespace() {
                match option.split_once('=') {
                    Some(("signed-by", key)) => signed_by = Some(key.to_owned()),
                    Some(("trusted", value)) => options.push(format!("Trusted: {value}")),
                    Some(("check-valid-until", value)) => {
                        options.push(format!("Check-Valid-Until: {value}"))
                    }
                    _ => {}
                }
            }
            rest = after.trim();
        }
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next())
            && suite == codename
            && words.any(|component| component == "main")
        {
            found.push(Archive {
                uri: uri.to_owned(),
                signed_by,
                options,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(uri: &str, signed_by: Option<&str>) -> Archive {
        Archive {
            uri: uri.into(),
            signed_by: signed_by.map(str::to_owned),
            options: Vec::new(),
        }
    }

    #[test]
    fn stanzas_of_the_release_are_taken() {
        let text = "Types: deb\n# a remark\nURIs: http://archive.example/debian\nSuites: bookworm bookworm-updates\n\
                    Components: main\nSigned-By: /usr/share/keyrings/key.gpg\n\n\
                    Types: deb\nURIs: http://archive.example/security\nSuites: bookworm-security\nComponents: main\n";
        let wanted = archive(
            "http://archive.example/debian",
            Some("/usr/share/keyrings/key.gpg"),
        );
        assert_eq!(stanzas(text, "bookworm"), [wanted]);
    }

    #[test]
    fn lines_of_the_release_are_taken() {
        let text = "# deb http://no.example bookworm main\n\
                    deb [arch=amd64 signed-by=/k.gpg] http://archive.example/debian bookworm main contrib\n\
                    deb-src http://archive.example/debian bookworm main\n\
                    deb http://other.example nodistro main\n";
        assert_eq!(
            lines(text, "bookworm"),
            [archive("http://archive.example/debian", Some("/k.gpg"))]
        );
    }

    #[test]
    fn further_suites_and_sources_are_added() {
        let text = write_sources(
            &[archive("http://archive.example/debian", None)],
            "bookworm",
        );
        assert!(text.contains("Types: deb deb-src"));
        assert!(text.contains(
            "Suites: bookworm bookworm-updates bookworm-backports trixie trixie-updates"
        ));
    }
}
