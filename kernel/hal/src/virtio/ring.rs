//! A virtqueue and what the device has of it, by token: what both kinds of queues are made of.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;

use virtio_drivers::queue::VirtQueue;

use super::dma::Dma;
use super::fault::{self, Wrong};
use super::{Kind, Unusable, Wire};
use crate::irq::IrqLine;

/// Is shown the buffers of a request: those the device reads, those it writes.
pub(super) type Show<'s> = dyn for<'a> FnMut(&'a [&'a [u8]], &'a mut [&'a mut [u8]]) + 's;

/// A ring of `SIZE` slots, and a `T` for each request the device has.
///
/// The device may write to the ring and to what it was lent for as long as it runs, so a ring that is dropped leaves that
/// memory to it. A device that gives back what it does not have has lost count, or lies: from then on the ring takes
/// nothing and gives nothing, as on Linux.
pub(super) struct Ring<T, const SIZE: usize> {
    ring: ManuallyDrop<Box<VirtQueue<Dma, SIZE>>>,
    lent: ManuallyDrop<Vec<Option<T>>>,
    index: u16,
    kind: Kind,
    line: IrqLine,
    broken: bool,
}

impl<T, const SIZE: usize> Ring<T, SIZE> {
    /// Out of line: the ring is a kilobyte and more before it stands in the heap.
    #[inline(never)]
    pub(super) fn new(
        transport: &mut Wire,
        index: u16,
        (kind, line): (Kind, IrqLine),
    ) -> Result<Self, Unusable> {
        // Kilobytes by value: each adaptor between here and the heap would be another copy on the stack.
        let ring = match VirtQueue::new(transport, index, false, false) {
            Ok(ring) => Box::new(ring),
            Err(_) => return Err(Unusable),
        };
        Ok(Self {
            ring: ManuallyDrop::new(ring),
            lent: ManuallyDrop::new((0..SIZE).map(|_| None).collect()),
            index,
            kind,
            line,
            broken: false,
        })
    }

    pub(super) fn index(&self) -> u16 {
        self.index
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Free descriptors.
    pub(super) fn free(&self) -> usize {
        if self.broken {
            0
        } else {
            self.ring.available_desc()
        }
    }

    pub(super) fn should_notify(&self) -> bool {
        !self.broken && self.ring.should_notify()
    }

    pub(super) fn set_interrupts(&mut self, on: bool) {
        self.ring.set_dev_notify(on);
    }

    /// Whether the device is done with something.
    pub(super) fn can_take(&self) -> bool {
        !self.broken && self.ring.can_pop()
    }

    /// Lends buffers, of which none is empty, and keeps what owns them.
    ///
    /// # Errors
    /// The owner comes back: there is no room.
    ///
    /// # Safety
    /// `parts` gives buffers that `owner` owns and that lie where they are until it is dropped; nobody touches them until
    /// [`Ring::take`] gives the owner back.
    pub(super) unsafe fn lend(
        &mut self,
        mut owner: T,
        parts: impl FnOnce(&mut T, &mut Show<'_>),
    ) -> Result<(), T> {
        if self.broken {
            return Err(owner);
        }
        let mut token = None;
        parts(&mut owner, &mut |outgoing, incoming| {
            // SAFETY: the caller's promise; `lent` keeps the owner until the device gives it back.
            token = unsafe { self.ring.add(outgoing, incoming) }.ok();
        });
        match token.and_then(|token| self.lent.get_mut(usize::from(token))) {
            Some(slot) => {
                *slot = Some(owner);
                Ok(())
            }
            None => Err(owner),
        }
    }

    /// Takes back what the device is done with, and how many bytes it says it wrote.
    ///
    /// # Safety
    /// `parts` gives the buffers that were lent.
    pub(super) unsafe fn take(
        &mut self,
        parts: impl FnOnce(&mut T, &mut Show<'_>),
    ) -> Option<(T, usize)> {
        if self.broken {
            return None;
        }
        let token = self.ring.peek_used()?;
        let lent = self.lent.get_mut(usize::from(token));
        let Some(mut owner) = lent.and_then(Option::take) else {
            self.condemn(token);
            return None;
        };
        let mut written = None;
        parts(&mut owner, &mut |outgoing, incoming| {
            // SAFETY: the caller's promise.
            written = unsafe { self.ring.pop_used(token, outgoing, incoming) }.ok();
        });
        let Some(written) = written else {
            // It changed its mind between two looks, and still has this one.
            if let Some(slot) = self.lent.get_mut(usize::from(token)) {
                *slot = Some(owner);
            }
            self.condemn(token);
            return None;
        };
        Some((owner, written as usize))
    }

    fn condemn(&mut self, id: u16) {
        self.broken = true;
        let what = Wrong::NotLent {
            queue: self.index,
            id,
        };
        fault::tell(self.kind, self.line, what);
    }
}
