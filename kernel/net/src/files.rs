//! The files of one message.

use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;
use vfs::OpenFile;

/// Files on their way: most messages carry none, and most of the others one, which takes no memory of its own.
#[derive(Clone, Default)]
pub enum Files {
    /// A message without.
    #[default]
    None,
    /// One file.
    One(Arc<OpenFile>),
    /// Several, in the sender's order.
    Many(Vec<Arc<OpenFile>>),
}

impl Files {
    /// Adds a file behind the others.
    ///
    /// # Errors
    /// `ENOMEM`: no memory for the row of them.
    pub fn push(&mut self, file: Arc<OpenFile>) -> Result<()> {
        *self = match core::mem::take(self) {
            Self::None => Self::One(file),
            Self::One(first) => {
                let mut row = Vec::new();
                row.try_reserve(4).map_err(|_| Errno::ENOMEM)?;
                row.extend([first, file]);
                Self::Many(row)
            }
            Self::Many(mut row) => {
                row.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
                row.push(file);
                Self::Many(row)
            }
        };
        Ok(())
    }
}

impl Deref for Files {
    type Target = [Arc<OpenFile>];

    #[inline]
    fn deref(&self) -> &[Arc<OpenFile>] {
        match self {
            Self::None => &[],
            Self::One(file) => core::slice::from_ref(file),
            Self::Many(row) => row,
        }
    }
}
