//! What shows pictures: the machine's display device, as the card sees it.

use abi::Result;
use alloc::vec::Vec;
use sync::Pollee;

use super::rect::Rect;

/// A display behind the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanout {
    /// Width and height it likes, when it is on.
    pub size: Option<(u32, u32)>,
    /// What it says of itself; empty when it says nothing.
    pub edid: Vec<u8>,
}

/// One thing for the device to do. Resources are its pictures, by numbers the card gives out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "names of virtio 1.2, 5.7.6")]
pub enum Op {
    /// A picture of four bytes a pixel.
    Create {
        resource: u32,
        width: u32,
        height: u32,
        alpha: bool,
    },
    /// The picture's memory: machine addresses and lengths, in their order.
    Attach {
        resource: u32,
        pieces: Vec<(u64, u32)>,
    },
    /// The memory is the card's again.
    Detach { resource: u32 },
    /// The picture goes.
    Destroy { resource: u32 },
    /// A part of the picture is shown; resource 0 shows nothing.
    Scanout {
        scanout: u32,
        resource: u32,
        shown: Rect,
    },
    /// A part of the picture is fetched from memory, where it begins at `offset`.
    Transfer {
        resource: u32,
        rect: Rect,
        offset: u64,
    },
    /// What was fetched of a part becomes visible.
    Flush { resource: u32, rect: Rect },
}

/// A display device. Operations of one batch are done in their order, batches too.
pub trait Engine: Send + Sync {
    /// The displays there are now. Sleeps.
    ///
    /// # Errors
    /// `EIO`: the device does not answer.
    fn scanouts(&self) -> Result<Vec<Scanout>>;

    /// Has operations done; the fence of the last one. May sleep for room, not for their end.
    ///
    /// # Errors
    /// `EIO`: the device does not answer.
    fn submit(&self, ops: &[Op]) -> Result<u64>;

    /// Whether all up to a fence is done.
    fn finished(&self, fence: u64) -> bool;

    /// Sleeps until all up to a fence is done.
    ///
    /// # Errors
    /// `EIO`: the device does not answer.
    fn wait(&self, fence: u64) -> Result<()>;

    /// Makes a picture the cursor, with its hot spot, at a place; resource 0 is none.
    fn show_cursor(&self, scanout: u32, resource: u32, hot: (u32, u32), place: (i32, i32));

    /// Moves the cursor.
    fn move_cursor(&self, scanout: u32, place: (i32, i32));

    /// Whether [`changes`](Self::changes) is told of answers too, from the next one on.
    fn expect(&self, answers: bool);

    /// Told when displays come, go or change.
    fn changes(&self) -> &Pollee;

    /// Whether displays have changed since last asked.
    fn take_change(&self) -> bool;

    /// Name and description of the driver.
    fn driver(&self) -> (&'static str, &'static str);
}
