//! A virtqueue that owns the buffers it lends to the device.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::ring::{Ring, Show};

/// Buffers of one request: those the device reads, then those it writes. None may be empty, and
/// there is at least one.
#[derive(Debug, Default)]
pub struct Chain {
    /// For the device to read.
    pub outgoing: Vec<Box<[u8]>>,
    /// For the device to write.
    pub incoming: Vec<Box<[u8]>>,
}

impl Chain {
    /// One buffer for the device to read.
    #[must_use]
    pub fn out(bytes: Box<[u8]>) -> Self {
        Self {
            outgoing: alloc::vec![bytes],
            incoming: Vec::new(),
        }
    }

    /// One buffer of `len` zeroed bytes for the device to write.
    #[must_use]
    pub fn room(len: usize) -> Self {
        Self {
            outgoing: Vec::new(),
            incoming: alloc::vec![alloc::vec![0; len].into()],
        }
    }

    /// Shows the buffers.
    fn parts(&mut self, show: &mut Show<'_>) {
        let outgoing: Vec<&[u8]> = self.outgoing.iter().map(|buffer| &**buffer).collect();
        let mut incoming: Vec<&mut [u8]> = self
            .incoming
            .iter_mut()
            .map(|buffer| &mut **buffer)
            .collect();
        show(&outgoing, &mut incoming);
    }
}

/// A queue of `SIZE` slots.
///
/// The device may write to the ring and to what it was lent for as long as it runs, so a queue that is
/// dropped leaves that memory to it. Once the device has given back what it does not have the queue is
/// broken: it takes nothing and gives nothing.
pub struct Queue<const SIZE: usize>(pub(super) Ring<Chain, SIZE>);

impl<const SIZE: usize> Queue<SIZE> {
    /// Its number, for [`super::Device::notify`].
    #[must_use]
    pub fn index(&self) -> u16 {
        self.0.index()
    }

    /// Whether the device has lost count.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.is_broken()
    }

    /// Free descriptors.
    #[must_use]
    pub fn free(&self) -> usize {
        self.0.free()
    }

    /// Lends a chain to the device; whether the device wants to be told. O(buffers); does not sleep.
    ///
    /// # Errors
    /// The chain comes back: there is no room, a buffer is empty, or the queue is broken.
    pub fn submit(&mut self, chain: Chain) -> Result<bool, Chain> {
        let empty = chain
            .outgoing
            .iter()
            .chain(&chain.incoming)
            .any(|buffer| buffer.is_empty());
        if empty {
            return Err(chain);
        }
        // SAFETY: these are the chain's boxes, which only the chain has.
        unsafe { self.0.lend(chain, Chain::parts) }?;
        Ok(self.0.should_notify())
    }

    /// Takes back a chain the device is done with, and how many bytes it wrote. Does not sleep.
    pub fn complete(&mut self) -> Option<(Chain, usize)> {
        // SAFETY: as they were lent.
        let (chain, written) = unsafe { self.0.take(Chain::parts) }?;
        let room: usize = chain.incoming.iter().map(|buffer| buffer.len()).sum();
        Some((chain, written.min(room)))
    }
}
