//! What sockets of every family ask of the network's interfaces, whichever crate has them.

use abi::{Errno, Result};
use alloc::string::String;
use hal::UserAddr;
use sync::Once;
use vfs::Caller;

/// Answers of the network.
pub trait Interfaces: Sync {
    /// Does an ioctl of a socket of `family` (`man 7 netdevice`).
    ///
    /// # Errors
    /// `ENOTTY`: no socket knows it; and others.
    fn control(&self, family: u16, command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()>;
    /// The index of the interface of a name.
    fn index(&self, name: &str) -> Option<u32>;
    /// The name of the interface of an index.
    fn name(&self, index: u32) -> Option<String>;
}

static INTERFACES: Once<&'static dyn Interfaces> = Once::new();

/// Installs who answers; the first does.
pub fn install(interfaces: &'static dyn Interfaces) {
    INTERFACES.get_or_init(|| interfaces);
}

/// As [`Interfaces::control`]; without a network no command is known.
///
/// # Errors
/// As [`Interfaces::control`].
pub fn control(family: u16, command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
    let interfaces = INTERFACES.get().ok_or(Errno::ENOTTY)?;
    interfaces.control(family, command, arg, caller)
}

/// As [`Interfaces::index`].
pub fn index(name: &str) -> Option<u32> {
    INTERFACES.get()?.index(name)
}

/// As [`Interfaces::name`].
pub fn name(index: u32) -> Option<String> {
    INTERFACES.get()?.name(index)
}
