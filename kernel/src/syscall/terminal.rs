//! `vhangup(2)`.

use abi::{Errno, Result};
use drivers::tty::Tty;
use sync::Capability;

use super::Cx;

/// `vhangup(2)`: hangs the caller's controlling terminal up, if it has one.
pub fn vhangup(cx: &mut Cx<'_>) -> Result<usize> {
    if !cx.cred().has(Capability::SYS_TTY_CONFIG) {
        return Err(Errno::EPERM);
    }
    let terminal = cx.process().tty();
    if let Some(Ok(tty)) = terminal.map(|terminal| terminal.downcast::<Tty>()) {
        tty.hang_up();
    }
    Ok(0)
}
