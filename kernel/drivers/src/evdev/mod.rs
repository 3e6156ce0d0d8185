//! Keyboards and pointers for programs: `/dev/input/event*`.
//!
//! A driver describes a [`InputDevice`] and feeds it events; what is no news is left out, as the input core of Linux
//! does. Each open file has a queue of its own, and hears of events when their report is there.

mod bits;
mod client;
mod device;
mod ioctl;
mod queue;
mod show;

use abi::input::{EVDEV_MINOR_BASE, EVDEV_MINORS, INPUT_MAJOR};
use abi::stat::makedev;
use abi::{Errno, Result};
use alloc::format;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use vfs::{CharDevice, FileOps, OpenRequest};

use crate::node::{self, Node};
pub use bits::{Bits, codes};
use client::EventFile;
pub use device::{Description, InputDevice, Output};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Opens a device.
struct Opener {
    device: Arc<InputDevice>,
}

impl CharDevice for Opener {
    fn open(&self, _minor: u32, _request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        Ok(EventFile::open(&self.device))
    }
}

/// Shows a device that stands at `place` below `/sys` to programs.
///
/// # Errors
/// `ENFILE`: there are too many.
pub fn add(device: &Arc<InputDevice>, place: &str) -> Result<()> {
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    if index >= EVDEV_MINORS {
        return Err(Errno::ENFILE);
    }
    let minor = EVDEV_MINOR_BASE + index;
    let opener = Arc::new(Opener {
        device: device.clone(),
    });
    vfs::register_chrdev(INPUT_MAJOR, minor, 1, "input", opener)?;
    let above = show::device(device, place, index);
    let name = format!("input/event{index}");
    let mut node = Node::new(&name, makedev(INPUT_MAJOR, minor), 0o600, "input");
    node.parent.clone_from(&above);
    node.above = above;
    node::publish(node);
    Ok(())
}
