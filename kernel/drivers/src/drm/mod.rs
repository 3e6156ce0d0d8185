//! Displays for programs: `/dev/dri/card*` (`man 7 drm`, `man 7 drm-kms`).
//!
//! A card shows buffers, which are memory objects, on displays behind an [`engine`]. What a display is set to is one
//! value, a setting: atomic mode setting and the older commands each make a new one, have it checked, and have the
//! device follow. The device has no vertical blank: a flip is over when the device has answered.
//!
//! The state has one sleeping lock, held while the device works; user memory is touched outside it.

mod atomic;
pub mod buffer;
mod card;
mod commit;
mod console;
mod cursor;
pub mod engine;
mod event;
mod fence;
mod file;
mod framebuffer;
mod ioctl;
pub(crate) mod modes;
mod modeset;
mod prime;
mod props;
mod query;
pub mod rect;
mod setting;
mod show;
mod state;

use abi::drm::DRM_MAJOR;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use vfs::{CharDevice, FileOps, OpenRequest};

pub use card::Card;
use engine::Engine;
use file::DrmFile;
pub use rect::Rect;
pub use state::Framebuffer;

static NEXT_MINOR: AtomicU32 = AtomicU32::new(0);

/// Opens a card.
struct Primary {
    card: Arc<Card>,
}

impl CharDevice for Primary {
    fn open(&self, _minor: u32, request: &OpenRequest<'_>) -> Result<Arc<dyn FileOps>> {
        // So Linux refuses what makes no sense of a display.
        if request.flags.contains(abi::fcntl::OFlags::EXCL) {
            return Err(Errno::EBUSY);
        }
        let pid = request.caller.map_or(0, vfs::Caller::pid);
        Ok(DrmFile::open(&self.card, pid))
    }
}

/// Makes a card of a display device that stands at `place` below `/sys`, and shows it.
///
/// # Errors
/// `EIO`: the device does not answer; `ENOMEM`.
pub fn add(engine: Arc<dyn Engine>, place: &str) -> Result<()> {
    let minor = NEXT_MINOR.fetch_add(1, Ordering::Relaxed);
    let card = Card::start(engine, minor, place)?;
    let opener = Arc::new(Primary { card: card.clone() });
    vfs::register_chrdev(DRM_MAJOR, minor, 1, "drm", opener)?;
    show::card(&card);
    // Linux too has a frame buffer of each card; one will do.
    if minor == 0 {
        crate::fb::add(&card, place)?;
    }
    Ok(())
}
