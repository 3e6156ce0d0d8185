//! Getting what a recipe starts from: from the recipe's folder, where the user may have put it, else through apt.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::recipe::{Deb, Recipe, Source};
use crate::apt::Apt;
use crate::progress::Progress;
use crate::workspace::Workspace;

/// The SHA-256 of some bytes, in hex.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The SHA-256 of a file, in hex.
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut file = BufReader::with_capacity(1 << 20, fs::File::open(path)?);
    let mut hash = Sha256::new();
    loop {
        let piece = file
            .fill_buf()
            .with_context(|| path.display().to_string())?;
        if piece.is_empty() {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(piece);
        let len = piece.len();
        file.consume(len);
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gets the tarball or package into a cache, checked, and returns where it is.
pub fn fetch(workspace: &Workspace, recipe: &Recipe, progress: &Progress) -> Result<PathBuf> {
    let cache = workspace.third_party().join("fetched").join(&recipe.name);
    fs::create_dir_all(&cache).with_context(|| cache.display().to_string())?;
    match (&recipe.source, &recipe.deb) {
        (Some(source), _) => fetch_source(workspace, recipe, source, &cache, progress),
        (None, Some(deb)) => fetch_deb(workspace, recipe, deb, &cache, progress),
        (None, None) => bail!("the recipe names no source"),
    }
}

fn fetch_source(
    workspace: &Workspace,
    recipe: &Recipe,
    source: &Source,
    cache: &Path,
    progress: &Progress,
) -> Result<PathBuf> {
    let names = std::iter::once(&source.tarball).chain(&source.also);
    for name in names.clone() {
        for folder in [&recipe.folder, cache] {
            let path = folder.join(name);
            if path.is_file() {
                if sha256_file(&path)? == source.sha256 {
                    return Ok(path);
                }
                if folder == cache {
                    fs::remove_file(&path)?;
                } else {
                    bail!("{}: its SHA-256 is not {}", path.display(), source.sha256);
                }
            }
        }
    }
    let apt = Apt::new(workspace, progress)?;
    let path = apt
        .download_from_source_package(&source.package, &source.tarball, cache)
        .with_context(|| by_hand(recipe, &source.tarball, &source.sha256))?;
    let found = sha256_file(&path)?;
    if found != source.sha256 {
        fs::remove_file(&path)?;
        bail!(
            "{} has SHA-256 {found}, the recipe wants {}",
            source.tarball,
            source.sha256
        );
    }
    Ok(path)
}

fn fetch_deb(
    workspace: &Workspace,
    recipe: &Recipe,
    deb: &Deb,
    cache: &Path,
    progress: &Progress,
) -> Result<PathBuf> {
    for folder in [recipe.folder.as_path(), cache] {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                // What lies in the cache was checked when it came; what the user put there is the user's word.
                return Ok(path);
            }
        }
    }
    let apt = Apt::new(workspace, progress)?;
    let pinned = apt.download(&deb.package, &deb.arch, &deb.version, cache);
    let path = match pinned {
        Ok(path) => {
            let found = sha256_file(&path)?;
            if found != deb.sha256 {
                fs::remove_file(&path)?;
                bail!(
                    "{} has SHA-256 {found}, the recipe wants {}",
                    deb.package,
                    deb.sha256
                );
            }
            path
        }
        Err(error) => {
            progress.say(&format!("{error:#}; looking for another"));
            apt.download_newest(&deb.or_package, &deb.arch, &deb.or_version, cache)
                .with_context(|| {
                    by_hand(
                        recipe,
                        &format!("{}_{}_{}.deb", deb.package, deb.version, deb.arch),
                        &deb.sha256,
                    )
                })?
        }
    };
    Ok(path)
}

fn by_hand(recipe: &Recipe, file: &str, sha256: &str) -> String {
    format!(
        "{file} cannot be fetched; put it into {} by hand (SHA-256 {sha256}) and try again",
        recipe.folder.display()
    )
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hash_is_the_known_one() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(super::sha256(b""), empty);
    }
}
