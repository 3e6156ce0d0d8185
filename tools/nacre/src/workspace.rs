//! Where things are in the checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The checkout this tool belongs to.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the checkout: `NACRE_ROOT`, else above the current directory, else above the tool's own file.
    pub fn find() -> Result<Self> {
        if let Some(root) = std::env::var_os("NACRE_ROOT") {
            return Self::at(PathBuf::from(root)).context("NACRE_ROOT is not a checkout of Nacre");
        }
        let here = std::env::current_dir().context("where am I?")?;
        let tool = std::env::current_exe().context("where is this tool?")?;
        for start in [here.as_path(), tool.as_path()] {
            for folder in start.ancestors() {
                if let Ok(found) = Self::at(folder.to_path_buf()) {
                    return Ok(found);
                }
            }
        }
        bail!("no checkout of Nacre above the current directory; set NACRE_ROOT to one")
    }

    fn at(root: PathBuf) -> Result<Self> {
        let root = root.canonicalize()?;
        if root.join("kernel/hal").is_dir() && root.join("third_party").is_dir() {
            Ok(Self { root })
        } else {
            bail!("{}: not a checkout of Nacre", root.display())
        }
    }

    /// The checkout's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A file or folder of the checkout.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// What is built, all of it ignored by git.
    pub fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }

    /// What this tool makes.
    pub fn out(&self) -> PathBuf {
        self.target().join("nacre")
    }

    /// Upstream programs, built. `NACRE_THIRD_PARTY` names a folder that several checkouts share, or `target/third_party`
    /// is a link to one: by whichever name it is reached, it is the same place.
    pub fn third_party(&self) -> PathBuf {
        let shared = std::env::var_os("NACRE_THIRD_PARTY");
        let folder = shared.map_or_else(
            || self.target().join("third_party"),
            |folder| self.root.join(folder),
        );
        folder.canonicalize().unwrap_or(folder)
    }

    /// The C compiler for programs in the guest.
    pub fn cross_compiler(&self) -> PathBuf {
        self.third_party()
            .join("toolchain/bin/aarch64-linux-musl-gcc")
    }

    /// The archiver beside it.
    pub fn cross_archiver(&self) -> PathBuf {
        self.third_party()
            .join("toolchain/bin/aarch64-linux-musl-ar")
    }

    /// Debian's Linux, the oracle.
    pub fn linux_image(&self) -> PathBuf {
        self.third_party().join("linux-6.12/Image")
    }

    /// The busybox binary.
    pub fn busybox(&self) -> PathBuf {
        self.third_party().join("bin/busybox")
    }
}
