//! Linux's figures, kept: they do not change while the image, the programs, QEMU and its line stay the same.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::Figure;
use crate::qemu::Machine;
use crate::workspace::Workspace;

/// A place for one set of figures.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
}

impl Cache {
    /// The place for what is measured with this machine and these bytes. `what` tells kinds of measuring apart.
    pub fn new(
        workspace: &Workspace,
        machine: &Machine,
        initrd: &[u8],
        what: &str,
    ) -> Result<Self> {
        let mut hash = Sha256::new();
        let kernel =
            fs::read(&machine.kernel).with_context(|| machine.kernel.display().to_string())?;
        hash.update(Sha256::digest(kernel));
        hash.update(Sha256::digest(initrd));
        // The files' names do not matter, everything else in the line does.
        let mut plain = machine.clone();
        plain.kernel = PathBuf::new();
        plain.initrd = PathBuf::new();
        hash.update(format!("{:?}", plain.command()));
        let version = std::process::Command::new(crate::qemu::PROGRAM)
            .arg("--version")
            .output();
        hash.update(version.map(|output| output.stdout).unwrap_or_default());
        let key: String = hash
            .finalize()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Self {
            path: workspace
                .target()
                .join("bench")
                .join(format!("{what}-{key}.tsv")),
        })
    }

    /// What was kept.
    pub fn get(&self) -> Option<Vec<Figure>> {
        let text = fs::read_to_string(&self.path).ok()?;
        Some(text.lines().filter_map(Figure::parse).collect())
    }

    /// Keeps figures.
    pub fn put(&self, figures: &[Figure]) -> Result<()> {
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let text: String = figures.iter().map(|figure| figure.line() + "\n").collect();
        fs::write(&self.path, text).with_context(|| self.path.display().to_string())
    }
}
