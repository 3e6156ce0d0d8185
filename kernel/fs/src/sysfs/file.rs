//! Open files of sysfs.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use mm::{IoDst, IoSrc};
use sync::{Events, Mutex, Pollee, rank};
use vfs::{FileOps, OpenFile, Whence, seek};

use super::Attribute;
use super::node::FILE_SIZE;

/// Most bytes one write may have.
const WRITE_MAX: usize = 4096;

/// Told of nothing: no text here says when it changes.
static QUIET: Pollee = Pollee::new();

/// A file of text. The text is made when the file is read from its start, and kept for the rest.
pub(super) struct TextFile {
    attribute: Arc<dyn Attribute>,
    text: Mutex<Option<Vec<u8>>, { rank::FILE }>,
    read: AtomicBool,
}

impl TextFile {
    pub(super) fn new(attribute: Arc<dyn Attribute>) -> Self {
        Self {
            attribute,
            text: Mutex::new(None),
            read: AtomicBool::new(false),
        }
    }
}

impl FileOps for TextFile {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _file: &OpenFile, dst: &mut IoDst<'_>, pos: &mut u64) -> Result<usize> {
        self.read.store(true, Ordering::Relaxed);
        let fresh = if *pos == 0 || self.text.lock().is_none() {
            Some(self.attribute.bytes())
        } else {
            None
        };
        let mut text = self.text.lock();
        if fresh.is_some() {
            *text = fresh;
        }
        let bytes = text.as_deref().unwrap_or_default();
        let from = usize::try_from(*pos).unwrap_or(usize::MAX);
        let done = dst.put(bytes.get(from..).unwrap_or(&[]));
        *pos += done as u64;
        Ok(done)
    }

    fn write(&self, _file: &OpenFile, src: &mut IoSrc<'_>, pos: &mut u64) -> Result<usize> {
        // What is past the room is left to the next write.
        let len = src.remaining().min(WRITE_MAX);
        let mut bytes = vec![0; len];
        let mut got = 0;
        while got < len {
            got += src.take(bytes.get_mut(got..).unwrap_or_default());
            if got < len && !src.fault_in() {
                return Err(Errno::EFAULT);
            }
        }
        if len > 0 {
            self.attribute.store(&bytes)?;
        }
        *pos += len as u64;
        Ok(len)
    }

    fn seek(&self, _file: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        seek::within(FILE_SIZE, pos, offset, whence)
    }

    fn ready(&self, _file: &OpenFile) -> Events {
        let mut events = Events::READABLE | Events::WRITABLE;
        // News is what was not read yet.
        let read = self.read.load(Ordering::Relaxed);
        events.set(Events::ERR | Events::PRI, !read);
        events
    }

    fn pollee(&self) -> Option<&Pollee> {
        Some(&QUIET)
    }
}
