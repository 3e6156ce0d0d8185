//! QEMU's command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use channel::port;

/// The emulator.
pub const PROGRAM: &str = "qemu-system-aarch64";

/// What every boot says to the kernel unless told otherwise: where the console is, and to stop at a panic.
pub const BASE_APPEND: &str = "console=ttyAMA0 panic=-1";

/// Spares Linux what only costs in an emulator; no kernel of ours looks at it.
pub const LINUX_APPEND: &str = "mitigations=off kpti=0";

/// A machine to be started.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The kernel's `Image`.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initrd: PathBuf,
    /// The kernel's command line.
    pub append: String,
    /// How many processors.
    pub cpus: u32,
    /// Memory, as QEMU writes it (`512M`).
    pub memory: String,
    /// Which processor.
    pub cpu: String,
    /// The interrupt controller's version.
    pub gic: u32,
    /// Whether guest time counts instructions.
    pub icount: bool,
    /// More arguments for QEMU.
    pub extra: Vec<OsString>,
}

impl Machine {
    /// A machine as most want it.
    pub fn new(kernel: PathBuf, initrd: PathBuf) -> Self {
        Self {
            kernel,
            initrd,
            append: BASE_APPEND.to_owned(),
            cpus: 2,
            memory: "512M".to_owned(),
            cpu: "cortex-a72".to_owned(),
            gic: 3,
            icount: false,
            extra: Vec::new(),
        }
    }

    /// The command that starts it; the console is still to be said.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .arg("-M")
            .arg(format!("virt,gic-version={}", self.gic))
            .args(["-cpu", &self.cpu]);
        if self.icount {
            // 1 ns of guest time is one instruction; the same seed and date give the same run.
            command.args([
                "-accel",
                "tcg",
                "-icount",
                "shift=0,sleep=off",
                "-seed",
                "1",
            ]);
            command.args(["-rtc", "base=2025-01-01,clock=vm"]);
        } else {
            command.args(["-accel", "tcg,thread=multi"]);
        }
        command.args(["-smp", &self.cpus.to_string(), "-m", &self.memory]);
        // The default network card wants a ROM that the distribution ships apart.
        command.args(["-nic", "none", "-display", "none", "-no-reboot"]);
        command
            .arg("-kernel")
            .arg(&self.kernel)
            .arg("-initrd")
            .arg(&self.initrd);
        command.args(["-append", &self.append]).args(&self.extra);
        command
    }
}

/// Adds the four ports, each joined to a socket in `folder` on which somebody listens already.
pub fn add_ports(command: &mut Command, folder: &Path) {
    command.args(["-device", "virtio-serial-pci"]);
    for nr in [port::CONTROL, port::STDIN, port::STDOUT, port::STDERR] {
        let path = socket_path(folder, nr);
        command
            .arg("-chardev")
            .arg(format!("socket,id=port{nr},path={}", path.display()));
        command.arg("-device").arg(format!(
            "virtserialport,chardev=port{nr},nr={nr},name={}",
            port::name(nr)
        ));
    }
}

/// Where a port's socket is.
pub fn socket_path(folder: &Path, nr: u32) -> PathBuf {
    folder.join(format!("port{nr}"))
}

/// Puts the console into a file.
pub fn console_to_file(command: &mut Command, path: &Path) {
    command
        .args(["-monitor", "none", "-serial"])
        .arg(format!("file:{}", path.display()));
}

/// Puts the console, with QEMU's monitor behind Ctrl-A c, onto the terminal.
pub fn console_to_terminal(command: &mut Command) {
    command.args(["-serial", "mon:stdio"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_what_was_asked_for() {
        let mut machine = Machine::new("Image".into(), "initrd".into());
        machine.cpus = 4;
        machine.gic = 2;
        machine.extra = vec!["-s".into()];
        let mut command = machine.command();
        add_ports(&mut command, Path::new("/x"));
        let words: Vec<String> = command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned())
            .collect();
        let line = words.join(" ");
        for part in [
            "-M virt,gic-version=2",
            "-smp 4",
            "-kernel Image -initrd initrd",
            " -s ",
            "nr=4,name=nacre.4",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
    }
}
