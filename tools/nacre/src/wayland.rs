//! The guest with a display: what is put into it, how it is started, and how it is looked at.

pub mod picture;
pub mod qmp;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cargo::{self, GUEST_TARGET, Package};
use crate::initramfs::Files;
use crate::testbins;
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;

/// The screen's size in the guest.
pub const SCREEN: (usize, usize) = (1024, 768);

/// Where the programs are in the guest.
pub const FOLDER: &str = "/wayland";

/// Where weston's toolkit looks for pictures.
const PICTURES: &str = "/wayland/share/weston";

/// Where the sockets are.
pub const RUNTIME: &str = "/tmp/wayland";

/// Builds the compositor, our clients and weston's, and Wayland's own tests; says where each goes.
pub fn files(workspace: &Workspace) -> Result<Files> {
    ThirdParty::new(workspace).ensure(&["wayland", "weston"])?;
    let compositor = cargo::build(
        workspace,
        Package {
            name: "nacre-compositor",
            target: GUEST_TARGET,
            profile: "guest",
        },
    )?;
    let mut files = vec![(compositor, format!("{FOLDER}/compositor"))];
    let base = workspace.third_party();
    let mut programs = testbins::build_wayland(workspace)?;
    programs.extend(programs_in(&base.join("weston/bin"))?);
    for program in programs {
        let name = file_name(&program)?;
        files.push((program, format!("{FOLDER}/{name}")));
    }
    for program in programs_in(&base.join("wayland/tests"))? {
        let name = file_name(&program)?;
        files.push((program, format!("{FOLDER}/tests/{name}")));
    }
    Ok(files)
}

/// Weston's clients that draw with cairo, and the pictures of their frames; says where each goes.
pub fn toolkit(workspace: &Workspace) -> Result<Files> {
    ThirdParty::new(workspace).ensure(&["weston-toolkit"])?;
    let base = workspace.third_party().join("weston-toolkit");
    let mut files = Vec::new();
    for (from, to) in [("bin", FOLDER), ("share/weston", PICTURES)] {
        for file in programs_in(&base.join(from))? {
            let name = file_name(&file)?;
            files.push((file, format!("{to}/{name}")));
        }
    }
    Ok(files)
}

fn file_name(path: &Path) -> Result<String> {
    let name = path.file_name().context("a program has a name")?;
    Ok(name.to_string_lossy().into_owned())
}

fn programs_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

/// What QEMU is told beyond any other machine: a display, a keyboard, a tablet, and where to say more to it.
pub fn qemu_args(socket: &Path) -> Vec<OsString> {
    let gpu = format!("virtio-gpu-pci,xres={},yres={}", SCREEN.0, SCREEN.1);
    let mut qmp = OsString::from("unix:");
    qmp.push(socket);
    qmp.push(",server=on,wait=off");
    let mut args: Vec<OsString> = ["-device", &gpu, "-device", "virtio-keyboard-pci"]
        .iter()
        .map(OsString::from)
        .collect();
    args.extend(["-device", "virtio-tablet-pci", "-qmp"].map(OsString::from));
    args.push(qmp);
    args
}

/// A shell script with what every one of them needs.
pub fn script(body: &str) -> String {
    // Keymaps come from the compositor, but without a folder for them libxkbcommon does not start.
    format!(
        "export XDG_RUNTIME_DIR={RUNTIME} WAYLAND_DISPLAY=wayland-0 XKB_CONFIG_ROOT={FOLDER} PATH={FOLDER}:$PATH\n\
         mkdir -p $XDG_RUNTIME_DIR; chmod 700 $XDG_RUNTIME_DIR; cd /tmp\n{body}"
    )
}
