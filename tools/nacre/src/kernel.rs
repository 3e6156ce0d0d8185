//! The kernel: built, and made from an ELF file into a flat arm64 `Image`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Endianness, elf};

use crate::cargo::{self, KERNEL_TARGET, Package};
use crate::symbols;
use crate::workspace::Workspace;

/// The profile of the `Image` that ships.
pub const SHIPPED: &str = "image";

/// The profile with lock ranks, sleep checks and debug assertions on.
pub const CHECKED: &str = "checked";

/// An `Image` has this at byte 56.
const MAGIC: &[u8] = b"ARM\x64";
const MAGIC_AT: usize = 56;

/// No kernel of ours is larger; an address that is wildly off shows here.
const LARGEST: usize = 64 << 20;

/// Builds the kernel in a profile and returns where its `Image` is.
pub fn build(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    let package = Package {
        name: "nacre-kernel",
        target: KERNEL_TARGET,
        profile,
    };
    let elf = cargo::build(workspace, package)?;
    let image = workspace.out().join(image_name(profile));
    write_image(&elf, &image)
        .with_context(|| format!("making {} from {}", image.display(), elf.display()))?;
    Ok(image)
}

/// The shipped one is plain `Image`; others say what they are.
fn image_name(profile: &str) -> String {
    if profile == SHIPPED {
        "Image".to_owned()
    } else {
        format!("Image.{profile}")
    }
}

fn write_image(elf: &Path, image: &Path) -> Result<()> {
    let file = fs::read(elf).with_context(|| elf.display().to_string())?;
    let mut bytes = flatten(&file)?;
    symbols::fill(&file, &mut bytes)?;
    if bytes.get(MAGIC_AT..MAGIC_AT + MAGIC.len()) != Some(MAGIC) {
        bail!("no arm64 boot header at its start: the linker script must put it first");
    }
    if let Some(folder) = image.parent() {
        fs::create_dir_all(folder)?;
    }
    write_if_changed(image, &bytes)
}

/// Writes a file in one step, and not at all if it already says that.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let fresh = path.with_extension(format!("{}.new", std::process::id()));
    fs::write(&fresh, bytes).with_context(|| fresh.display().to_string())?;
    fs::rename(&fresh, path).with_context(|| path.display().to_string())
}

/// Lays the loadable segments out as they stand in memory, from the lowest physical address on.
fn flatten(file: &[u8]) -> Result<Vec<u8>> {
    let file = ElfFile64::<Endianness>::parse(file).context("not a 64-bit ELF file")?;
    let endian = file.endian();
    if file.elf_header().e_machine(endian) != elf::EM_AARCH64 {
        bail!("not an AArch64 file");
    }
    let mut pieces = Vec::new();
    for segment in file.elf_program_headers() {
        let data = segment
            .data(endian, file.data())
            .map_err(|()| anyhow::anyhow!("a segment ends past the file"))?;
        if segment.p_type(endian) == elf::PT_LOAD && !data.is_empty() {
            pieces.push((segment.p_paddr(endian), data));
        }
    }
    let base = pieces
        .iter()
        .map(|(at, _)| *at)
        .min()
        .context("nothing to load in it")?;
    let mut image = Vec::new();
    for (at, data) in pieces {
        let start = usize::try_from(at.saturating_sub(base))?;
        let end = start.saturating_add(data.len());
        if end > LARGEST {
            bail!("a segment at {at:#x} is too far from the start at {base:#x}");
        }
        if image.len() < end {
            image.resize(end, 0);
        }
        image
            .get_mut(start..end)
            .context("segment")?
            .copy_from_slice(data);
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest ELF file with two segments, the second before the first.
    fn two_segments() -> Vec<u8> {
        let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1];
        file.resize(16, 0);
        for (value, size) in [
            (2_u64, 2), // ET_EXEC
            (183, 2),   // AArch64
            (1, 4),
            (0, 8),
            (64, 8), // program headers
            (0, 8),
            (0, 4),
            (64, 2),
            (56, 2),
            (2, 2),
            (64, 2),
            (0, 2),
            (0, 2),
        ] {
            file.extend(value.to_le_bytes().iter().take(size));
        }
        for (offset, address, size) in [(176_u64, 0x4008_0010_u64, 4_u64), (180, 0x4008_0000, 3)] {
            file.extend(1_u32.to_le_bytes());
            file.extend(5_u32.to_le_bytes());
            for value in [offset, address, address, size, size + 100, 4096] {
                file.extend(value.to_le_bytes());
            }
        }
        file.extend(b"tailabc");
        file
    }

    #[test]
    fn segments_stand_where_memory_has_them() -> Result<()> {
        let image = flatten(&two_segments())?;
        assert_eq!(image.len(), 20);
        assert_eq!(image.get(..3), Some(&b"abc"[..]));
        assert_eq!(image.get(16..), Some(&b"tail"[..]));
        Ok(())
    }

    #[test]
    fn what_is_no_kernel_is_refused() {
        assert!(flatten(b"#!/bin/sh\n").is_err());
        assert!(flatten(&[]).is_err());
    }
}
