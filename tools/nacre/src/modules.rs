//! Debian's Linux has the drivers of many devices as modules: those of the devices a machine has go into the guest,
//! where the agent loads them in the order of their names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::initramfs::Files;
use crate::qemu::Machine;
use crate::workspace::Workspace;

/// Where the agent looks for them.
const FOLDER: &str = "/lib/modules/boot";

/// The number of the first: those before it are the network card's.
const FIRST: u32 = 10;

/// Parts of a device's name for QEMU, and the modules it needs, in their order.
const NEEDS: [(&str, &[&str]); 3] = [
    (
        "virtio-gpu",
        &[
            "drm",
            "drm_kms_helper",
            "drm_shmem_helper",
            "virtio_dma_buf",
            "virtio-gpu",
        ],
    ),
    ("virtio-keyboard", &["virtio_input", "evdev"]),
    ("virtio-tablet", &["virtio_input", "evdev"]),
];

/// The modules a machine's further devices need on Linux.
fn needed(machine: &Machine) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for (device, modules) in NEEDS {
        let has = |arg: &OsStr| arg.to_string_lossy().starts_with(device);
        if machine.extra.iter().any(|arg| has(arg)) {
            names.extend(modules);
        }
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(*name));
    names
}

/// The files to put into the guest; none for a kernel of ours.
///
/// # Errors
/// A module is not where the kernel's package has it.
pub fn files(workspace: &Workspace, machine: &Machine) -> Result<Files> {
    if machine.kernel != workspace.linux_image() {
        return Ok(Files::new());
    }
    let folder = workspace.third_party().join("linux-6.12/modules");
    (0..)
        .zip(needed(machine))
        .map(|(at, name): (u32, _)| {
            let file = format!("{name}.ko.xz");
            let path = find(&folder, OsStr::new(&file))
                .with_context(|| format!("{file} is not below {}", folder.display()))?;
            Ok((path, format!("{FOLDER}/{:02}-{file}", at + FIRST)))
        })
        .collect()
}

fn find(folder: &Path, name: &OsStr) -> Option<PathBuf> {
    let mut below = Vec::new();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        if entry.file_name() == name {
            return Some(entry.path());
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below.push(entry.path());
        }
    }
    below.iter().find_map(|folder| find(folder, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_bring_their_modules_once_and_in_order() {
        let mut machine = Machine::new("Image".into(), "initrd".into());
        assert!(needed(&machine).is_empty());
        for device in [
            "-device",
            "virtio-tablet-pci",
            "-device",
            "virtio-keyboard-pci",
        ] {
            machine.extra.push(device.into());
        }
        assert_eq!(needed(&machine), ["virtio_input", "evdev"]);
        machine.extra.push("virtio-gpu-pci,xres=800".into());
        assert_eq!(needed(&machine).first(), Some(&"drm"));
        assert_eq!(needed(&machine).len(), 7);
    }
}
