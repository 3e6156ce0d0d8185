//! What sockets of every family ask of the interfaces.

use crate::ioctl;
use crate::link::registry;
use abi::Result;
use alloc::string::String;
use hal::UserAddr;
use net::interfaces::Interfaces;
use vfs::Caller;

/// Answers from the table of interfaces.
pub struct Answers;

impl Interfaces for Answers {
    fn control(&self, family: u16, command: u32, arg: UserAddr, caller: &dyn Caller) -> Result<()> {
        ioctl::control(family, command, arg, caller)
    }

    fn index(&self, name: &str) -> Option<u32> {
        registry::by_name(name).map(|interface| interface.index)
    }

    fn name(&self, index: u32) -> Option<String> {
        registry::by_index(index).map(|interface| String::from(&*interface.name))
    }
}
