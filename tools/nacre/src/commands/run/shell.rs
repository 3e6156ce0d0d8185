//! The shell on the serial console.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{Args, winsize};
use crate::session::Guest;
use crate::terminal::{self, Restore};
use crate::workspace::Workspace;
use crate::{doctor, initramfs, kernel, qemu};

/// What `timeout(1)` says when time is over.
const TIMED_OUT: u8 = 124;

/// Boots and waits for the machine's end.
pub fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    doctor::ensure_commands(&[qemu::PROGRAM])?;
    let mut machine = args.machine.machine(workspace, kernel::SHIPPED)?;
    machine.append.push_str(" quiet");
    args.connect(&mut machine, &args.net.for_shell())?;
    if args.machine.trace {
        machine.append.push_str(" trace=all");
    }
    machine.initrd = match &args.initrd {
        Some(path) => path.clone(),
        None => initramfs::shell(workspace)?.plain,
    };
    let size = terminal::size();
    if let Some(size) = size {
        // Words that no kernel knows are for process 1: these become its environment.
        machine
            .append
            .push_str(&format!(" LINES={} COLUMNS={}", size.rows, size.columns));
    }
    let mut command = machine.command();
    qemu::console_to_terminal(&mut command);
    let folder = Guest::folder()?;
    if size.is_some() {
        winsize::follow(&mut command, folder.path())?;
    }
    let _restore = Restore::remember();
    let mut child = command.spawn().context("cannot start QEMU")?;
    let until = args
        .timeout
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let status = loop {
        match until {
            None => break child.wait().context("waiting for QEMU")?,
            Some(until) => {
                if let Some(status) = child.try_wait().context("waiting for QEMU")? {
                    break status;
                }
                if Instant::now() >= until {
                    child.kill().context("killing QEMU")?;
                    child.wait().context("waiting for QEMU")?;
                    return Ok(ExitCode::from(TIMED_OUT));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    };
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
