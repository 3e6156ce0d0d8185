//! The tree of mounts as `/proc/<pid>/mounts` and `mountinfo` show it.

use abi::mount::{MS_DIRSYNC, MS_LAZYTIME, MS_RDONLY, MS_SYNCHRONOUS};
use abi::stat::{major, minor};
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt::{self, Write};

use crate::mount::{self, Mount, MountFlags};
use crate::path::Path;

/// Writes a name with blanks and backslashes as octal escapes.
fn escape(out: &mut dyn Write, bytes: &[u8]) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                ' ' | '\t' | '\n' | '\\' | '#' => write!(out, "\\{:03o}", letter as u32)?,
                other => out.write_char(other)?,
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\{byte:03o}")?;
        }
    }
    Ok(())
}

fn mount_options(out: &mut dyn Write, flags: MountFlags) -> fmt::Result {
    for (flag, text) in [
        (MountFlags::NOSUID, ",nosuid"),
        (MountFlags::NODEV, ",nodev"),
        (MountFlags::NOEXEC, ",noexec"),
        (MountFlags::NOATIME, ",noatime"),
        (MountFlags::NODIRATIME, ",nodiratime"),
        (MountFlags::RELATIME, ",relatime"),
        (MountFlags::NOSYMFOLLOW, ",nosymfollow"),
    ] {
        if flags.contains(flag) {
            out.write_str(text)?;
        }
    }
    Ok(())
}

fn sb_options(out: &mut dyn Write, mount: &Mount) -> fmt::Result {
    let flags = u64::from(mount.sb().flags());
    for (flag, text) in [
        (MS_SYNCHRONOUS, ",sync"),
        (MS_DIRSYNC, ",dirsync"),
        (MS_LAZYTIME, ",lazytime"),
    ] {
        if flags & flag != 0 {
            out.write_str(text)?;
        }
    }
    Ok(())
}

fn read_only(yes: bool) -> &'static str {
    if yes { "ro" } else { "rw" }
}

/// `/proc/<pid>/mounts` for a process whose root is `root`.
///
/// # Errors
/// As the writer.
pub fn write_mounts(root: &Path, out: &mut dyn Write) -> fmt::Result {
    for (mount, place) in visible(root) {
        escape(out, mount.source())?;
        out.write_char(' ')?;
        escape(out, &place)?;
        let read_only = read_only(mount.writable().is_err());
        write!(out, " {} {read_only}", mount.sb().kind())?;
        sb_options(out, &mount)?;
        mount_options(out, mount.flags())?;
        mount.sb().fs().show_options(out)?;
        out.write_str(" 0 0\n")?;
    }
    Ok(())
}

/// `/proc/<pid>/mountstats` for a process whose root is `root`.
///
/// # Errors
/// As the writer.
pub fn write_mountstats(root: &Path, out: &mut dyn Write) -> fmt::Result {
    for (mount, place) in visible(root) {
        out.write_str("device ")?;
        escape(out, mount.source())?;
        out.write_str(" mounted on ")?;
        escape(out, &place)?;
        writeln!(out, " with fstype {} ", mount.sb().kind())?;
    }
    Ok(())
}

/// `/proc/<pid>/mountinfo` for a process whose root is `root`.
///
/// # Errors
/// As the writer.
pub fn write_mountinfo(root: &Path, out: &mut dyn Write) -> fmt::Result {
    for (mount, place) in visible(root) {
        let parent = mount
            .mountpoint()
            .map_or(mount.id(), |point| point.mount().id());
        let dev = mount.sb().dev();
        write!(
            out,
            "{} {parent} {}:{} ",
            mount.id(),
            major(dev),
            minor(dev)
        )?;
        escape(out, &root_of(&mount))?;
        out.write_char(' ')?;
        escape(out, &place)?;
        write!(
            out,
            " {}",
            read_only(mount.flags().contains(MountFlags::RDONLY))
        )?;
        mount_options(out, mount.flags())?;
        if mount.group() != 0 {
            write!(out, " shared:{}", mount.group())?;
        }
        if mount.master() != 0 {
            write!(out, " master:{}", mount.master())?;
        }
        if mount.flags().contains(MountFlags::UNBINDABLE) {
            out.write_str(" unbindable")?;
        }
        write!(out, " - {} ", mount.sb().kind())?;
        escape(out, mount.source())?;
        let sb_read_only = u64::from(mount.sb().flags()) & MS_RDONLY != 0;
        write!(out, " {}", read_only(sb_read_only))?;
        sb_options(out, &mount)?;
        mount.sb().fs().show_options(out)?;
        out.write_char('\n')?;
    }
    Ok(())
}

/// The path from the root of a mount's file system to the part that is mounted.
#[must_use]
pub fn root_of(mount: &Arc<Mount>) -> alloc::vec::Vec<u8> {
    let whole = Path::new(mount.clone(), mount.sb().root().clone());
    let part = Path::new(mount.clone(), mount.root().clone());
    part_of(&whole, &part)
}

/// The path from a file system's root to a part of it.
fn part_of(whole: &Path, part: &Path) -> alloc::vec::Vec<u8> {
    let mut names = alloc::vec::Vec::new();
    let mut at = part.dentry().clone();
    while !Arc::ptr_eq(&at, whole.dentry()) {
        let Some((parent, name)) = at.parent_and_name() else {
            break;
        };
        names.push(name);
        at = parent;
    }
    let mut text = alloc::vec::Vec::new();
    for name in names.iter().rev() {
        text.push(b'/');
        text.extend_from_slice(name);
    }
    if text.is_empty() {
        text.push(b'/');
    }
    text
}

fn visible(root: &Path) -> alloc::vec::Vec<(Arc<Mount>, alloc::vec::Vec<u8>)> {
    let mut mounts = mount::lock_tree().all();
    mounts.sort_by_key(|mount| mount.unique_id());
    mounts
        .into_iter()
        .filter_map(|mount| {
            let place = Path::new(mount.clone(), mount.root().clone()).text(root);
            place.reachable.then_some((mount, place.bytes))
        })
        .collect()
}

/// `/proc/mounts` as a string.
#[must_use]
pub fn mounts(root: &Path) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_mounts(root, &mut text);
    text
}
