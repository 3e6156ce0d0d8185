//! A recipe: what it is, where it comes from, what it needs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// `recipe.toml`, and the folder it is in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Recipe {
    /// Its name, which is the folder's.
    pub name: String,
    /// Upstream's version.
    pub version: String,
    /// The folder of its result under `target/third_party`.
    pub into: String,
    /// Other recipes whose results its script uses.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Programs that its script calls, beyond a POSIX shell.
    #[serde(default)]
    pub commands: Vec<String>,
    /// An upstream tarball inside a source package ...
    pub source: Option<Source>,
    /// ... or a binary package.
    pub deb: Option<Deb>,
    /// Where `recipe.toml` is.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// An upstream tarball, as the distribution's source package carries it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The source package's name.
    pub package: String,
    /// The tarball's name inside it.
    pub tarball: String,
    /// Names under which the same bytes are known elsewhere.
    #[serde(default)]
    pub also: Vec<String>,
    /// What of it is unpacked, as patterns of tar's; everything, if none are given.
    #[serde(default)]
    pub only: Vec<String>,
    /// The tarball's SHA-256.
    pub sha256: String,
}

/// A binary package, to be unpacked and never installed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deb {
    /// The package's name.
    pub package: String,
    /// Its architecture; `all` for one that has none.
    pub arch: String,
    /// Its version.
    pub version: String,
    /// The SHA-256 of that version.
    pub sha256: String,
    /// When that one is gone: names (with `*`) to look among ...
    pub or_package: String,
    /// ... for the newest version that fits this (with `*`).
    pub or_version: String,
}

impl Recipe {
    /// Reads the recipe in a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("recipe.toml");
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let mut recipe: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        recipe.folder = folder.to_path_buf();
        if recipe.source.is_some() == recipe.deb.is_some() {
            bail!("{}: wants one of [source] and [deb]", path.display());
        }
        if Some(recipe.name.as_str()) != folder.file_name().and_then(|name| name.to_str()) {
            bail!("{}: the name is not the folder's", path.display());
        }
        Ok(recipe)
    }

    /// The bytes that decide what comes out: the recipe and its script.
    pub fn text(&self) -> Result<String> {
        let mut all = String::new();
        for file in ["recipe.toml", "build.sh"] {
            let path = self.folder.join(file);
            all += &fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_checkout_reads() -> Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../third_party");
        let mut count = 0;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.join("recipe.toml").exists() {
                let recipe = Recipe::read(&path)?;
                let hash = recipe
                    .source
                    .as_ref()
                    .map(|s| &s.sha256)
                    .or(recipe.deb.as_ref().map(|d| &d.sha256));
                assert_eq!(hash.map(String::len), Some(64), "{}", recipe.name);
                count += 1;
            }
        }
        assert!(count >= 4);
        Ok(())
    }
}
