//! What poll and select have in common: asking files, and waiting until one answers.

use abi::poll::POLLNVAL;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::cell::Cell;
use core::ops::Deref;
use sync::{Events, Pollee};
use task::wait::{Restart, WaitOptions, wait};
use vfs::{FdTable, OpenFile};

use super::Cx;
use super::timeout::Timeout;

/// Descriptors asked without taking memory.
pub const FEW: usize = 8;

/// A list that takes memory only when it is to be long.
pub enum List<T> {
    /// On the stack.
    Short(ArrayVec<T, FEW>),
    /// In memory.
    Long(Vec<T>),
}

impl<T> List<T> {
    /// An empty list with room for `count`.
    ///
    /// # Errors
    /// `ENOMEM`
    #[inline]
    pub fn with_room(count: usize) -> Result<Self> {
        if count <= FEW {
            return Ok(Self::Short(ArrayVec::new()));
        }
        let mut list = Vec::new();
        list.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        Ok(Self::Long(list))
    }

    /// Adds one of those there is room for.
    #[inline]
    pub fn push(&mut self, item: T) {
        match self {
            // Room was made for all.
            Self::Short(list) => drop(list.try_push(item)),
            Self::Long(list) => list.push(item),
        }
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Short(list) => list,
            Self::Long(list) => list,
        }
    }
}

/// A descriptor that is asked.
pub struct Asked {
    file: Option<Arc<OpenFile>>,
    fd: i32,
    /// The events that count.
    wanted: u32,
    found: Cell<u32>,
}

impl Asked {
    /// A descriptor; one that is not open (or a mere place) is found `POLLNVAL`.
    #[inline]
    pub fn new(files: &FdTable, fd: i32, wanted: u32) -> Self {
        let file = files.get(fd).ok().filter(|file| !file.is_path_only());
        Self {
            file,
            fd,
            wanted,
            found: Cell::new(0),
        }
    }

    /// Nobody, who never has anything.
    #[inline]
    pub fn nobody() -> Self {
        Self {
            file: None,
            fd: -1,
            wanted: 0,
            found: Cell::new(0),
        }
    }

    /// A descriptor that must be open, be it a mere place.
    ///
    /// # Errors
    /// `EBADF`
    #[inline]
    pub fn open(files: &FdTable, fd: i32, wanted: u32) -> Result<Self> {
        let file = Some(files.get(fd)?).filter(|file| !file.is_path_only());
        Ok(Self {
            file,
            fd,
            wanted,
            found: Cell::new(0),
        })
    }

    /// Its number.
    #[inline]
    pub fn fd(&self) -> usize {
        self.fd as usize
    }

    /// What was found when it was asked last.
    #[inline]
    pub fn found(&self) -> u32 {
        self.found.get()
    }

    #[inline]
    fn ask(&self) -> bool {
        let ready = match &self.file {
            Some(file) => file.ready().bits(),
            None => POLLNVAL,
        };
        self.found.set(ready & self.wanted);
        ready & self.wanted != 0
    }
}

impl Asked {
    /// Asks whatever has the number now: another thread may have closed it, though the wait is on what it was.
    fn ask_again(&self, files: &FdTable) -> bool {
        if self.fd < 0 {
            return false;
        }
        let file = files.get(self.fd).ok().filter(|file| !file.is_path_only());
        let ready = file.map_or(POLLNVAL, |file| file.ready().bits());
        self.found.set(ready & self.wanted);
        self.found() != 0
    }
}

/// How many of them have something.
#[inline]
fn ask_all(asked: &[Asked]) -> usize {
    asked.iter().filter(|one| one.ask()).count()
}

/// Waits until one of the descriptors has something; answers how many have.
///
/// # Errors
/// `ERESTARTNOHAND` when a signal came first; `ENOMEM`.
pub fn wait_for(cx: &Cx<'_>, asked: &[Asked], timeout: Timeout) -> Result<usize> {
    let found = ask_all(asked);
    if found != 0 {
        return Ok(found);
    }
    if timeout == Timeout::Now {
        // A signal counts before the time that is up.
        return if cx.thread.is_interrupted() {
            Err(Errno::ERESTARTNOHAND)
        } else {
            Ok(0)
        };
    }
    let mut on = List::<(&Pollee, Events)>::with_room(asked.len())?;
    for one in asked {
        if let Some(pollee) = one.file.as_ref().and_then(|file| file.ops().pollee()) {
            on.push((pollee, Events::from_bits_retain(one.wanted)));
        }
    }
    let options = WaitOptions {
        deadline: timeout.deadline(),
        restart: Restart::NoHand,
        ..WaitOptions::default()
    };
    let files = cx.files()?;
    // They have been asked once already.
    let mut first = true;
    let answer = wait(cx.thread, &options, &on, || {
        if core::mem::take(&mut first) {
            return Err(Errno::EAGAIN);
        }
        match asked.iter().filter(|one| one.ask_again(&files)).count() {
            0 => Err(Errno::EAGAIN),
            found => Ok(found),
        }
    });
    match answer {
        Err(Errno::ETIMEDOUT) => Ok(0),
        answer => answer,
    }
}
