//! `nacre run`: a shell, or one program of the host.

mod program;
mod shell;
mod trace;
mod winsize;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::kernel;
use crate::net::NetArgs;
use crate::qemu::{BASE_APPEND, LINUX_APPEND, Machine};
use crate::third_party::ThirdParty;
use crate::workspace::Workspace;

/// Boot, and run.
///
/// Without a program: the busybox shell on the serial console. Ctrl-A x ends the machine at once.
/// With one: it is put into the guest and run there like a local command; its standard streams, its exit status,
/// Ctrl-C and the terminal's size are passed on. (A signal's number plus 128 is the status, as in a shell; 124: the
/// time limit; 125: the machine died.)
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub machine: MachineArgs,
    #[command(flatten)]
    pub net: NetArgs,
    /// After so many seconds it is over
    #[arg(long, value_name = "S")]
    timeout: Option<u64>,
    /// An initramfs of your own, before ours if a program is run
    #[arg(long, value_name = "F")]
    initrd: Option<PathBuf>,
    /// A further file for the guest: HOST, or HOST:GUEST for another name there
    #[arg(long, value_name = "HOST[:GUEST]")]
    file: Vec<String>,
    /// A variable for the program: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The user the program runs as, by number
    #[arg(long, default_value_t = 0)]
    uid: u32,
    /// Keep what the kernel says on its console in this file
    #[arg(long, value_name = "F")]
    log: Option<PathBuf>,
    /// Where decoded system calls go; standard error, if nowhere else
    #[arg(skip)]
    pub trace_to: Option<PathBuf>,
    /// A static AArch64 program of the host, and its arguments
    #[arg(last = true, value_name = "PROGRAM ARGS")]
    program: Vec<OsString>,
}

/// The machine, as all commands that boot take it.
#[derive(Debug, Clone, clap::Args)]
pub struct MachineArgs {
    /// Processors
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub cpus: u32,
    /// Memory
    #[arg(long, value_name = "M", default_value = "512M")]
    pub mem: String,
    /// The processor's model
    #[arg(long, value_name = "MODEL", default_value = "cortex-a72")]
    pub cpu: String,
    /// More for the kernel's command line
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    pub append: Vec<String>,
    /// Another kernel's Image; `linux` is Debian's 6.12
    #[arg(long, value_name = "IMAGE")]
    pub kernel: Option<PathBuf>,
    /// The interrupt controller's version
    #[arg(long, value_name = "2|3", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=3))]
    pub gic: u32,
    /// Print decoded system calls: a program's own, or without one everybody's on the console
    #[arg(long)]
    pub trace: bool,
    /// An argument for QEMU
    #[arg(long, value_name = "A", allow_hyphen_values = true)]
    pub qemu_arg: Vec<OsString>,
}

impl MachineArgs {
    /// The machine; the kernel is built if none is named.
    pub fn machine(&self, workspace: &Workspace, profile: &str) -> Result<Machine> {
        let (kernel, linux) = match &self.kernel {
            None => (kernel::build(workspace, profile)?, false),
            Some(name) if name == Path::new("linux") => {
                ThirdParty::new(workspace).ensure(&["linux-6.12"])?;
                (workspace.linux_image(), true)
            }
            Some(path) if path.is_file() => (path.clone(), false),
            Some(path) => bail!("{}: no such kernel", path.display()),
        };
        let mut machine = Machine::new(kernel, PathBuf::new());
        let mut words = vec![BASE_APPEND.to_owned()];
        if linux {
            words.push(LINUX_APPEND.to_owned());
        }
        if self.trace && linux {
            bail!("Linux does not trace by itself; run strace(1) in it");
        }
        words.extend(self.append.iter().cloned());
        machine.append = words.join(" ");
        machine.cpus = self.cpus;
        machine.memory.clone_from(&self.mem);
        machine.cpu.clone_from(&self.cpu);
        machine.gic = self.gic;
        machine.extra.clone_from(&self.qemu_arg);
        Ok(machine)
    }
}

impl Args {
    /// Adds the network to a machine.
    fn connect(&self, machine: &mut Machine, net: &NetArgs) -> Result<()> {
        let (words, ip) = net.arguments()?;
        machine.extra.extend(words);
        if let Some(ip) = ip {
            machine.append.push_str(&format!(" {ip}"));
        }
        Ok(())
    }

    /// Whether the kernel is Debian's.
    fn is_linux(&self) -> bool {
        self.machine.kernel.as_deref() == Some(Path::new("linux"))
    }

    /// Whether a program is named.
    pub fn has_program(&self) -> bool {
        !self.program.is_empty()
    }

    pub fn run(self, workspace: &Workspace) -> Result<ExitCode> {
        if self.program.is_empty() {
            shell::run(workspace, &self)
        } else {
            program::run(workspace, &self)
        }
    }
}
