//! The terminal's size, told to the guest whenever it changes: a serial line has no way to say it.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use signal_hook::consts::SIGWINCH;
use signal_hook::iterator::Signals;

use crate::terminal;

/// The port's name, which the guest's `/etc/init.d/winsize` looks for.
const PORT: &str = "nacre.winsize";

/// Adds the port to the machine and follows the terminal from now on. `folder` holds the port's socket.
pub fn follow(command: &mut Command, folder: &Path) -> Result<()> {
    let path = folder.join("winsize");
    let listener = UnixListener::bind(&path).with_context(|| path.display().to_string())?;
    command.args(["-device", "virtio-serial-pci", "-chardev"]);
    command.arg(format!("socket,id=winsize,path={}", path.display()));
    command.arg("-device");
    command.arg(format!("virtserialport,chardev=winsize,name={PORT}"));
    let mut changes = Signals::new([SIGWINCH])?;
    std::thread::spawn(move || {
        let Ok((mut port, _)) = listener.accept() else {
            return;
        };
        for _ in changes.forever() {
            if let Some(size) = terminal::size()
                && writeln!(port, "{} {}", size.rows, size.columns).is_err()
            {
                return;
            }
        }
    });
    Ok(())
}
