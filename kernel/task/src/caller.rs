//! The calling thread as files and sockets see it.

use alloc::sync::Arc;
use core::any::Any;

use abi::{Errno, Result};
use sync::{Credentials, Resource};
use vfs::{Caller, FsContext, OpenFile};

use crate::Thread;
use crate::jobs::Terminal;

/// A thread that makes a call, with the rights and the place it has for its length.
#[derive(Clone, Copy)]
pub struct Calling<'a> {
    thread: &'a Arc<Thread>,
    cred: &'a Arc<Credentials>,
    fs: &'a Arc<FsContext>,
}

impl<'a> Calling<'a> {
    /// The view of a thread that has these rights and this place.
    #[inline]
    #[must_use]
    pub const fn new(
        thread: &'a Arc<Thread>,
        cred: &'a Arc<Credentials>,
        fs: &'a Arc<FsContext>,
    ) -> Self {
        Self { thread, cred, fs }
    }

    /// Its rights.
    #[inline]
    #[must_use]
    pub const fn rights(&self) -> &'a Arc<Credentials> {
        self.cred
    }

    /// Root, working directory and umask.
    #[inline]
    #[must_use]
    pub const fn place(&self) -> &'a Arc<FsContext> {
        self.fs
    }
}

impl Calling<'_> {
    /// How many descriptors the process may have.
    fn descriptors(&self) -> usize {
        let limit = self.thread.process().limits().soft(Resource::OpenFiles);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }
}

impl Caller for Calling<'_> {
    fn cred(&self) -> &Arc<Credentials> {
        self.cred
    }

    fn fs(&self) -> Arc<FsContext> {
        self.fs.clone()
    }

    fn process(&self) -> Arc<dyn Any + Send + Sync> {
        self.thread.process().clone()
    }

    fn pid(&self) -> u32 {
        self.thread.process().pid()
    }

    fn tid(&self) -> u32 {
        self.thread.tid()
    }

    fn pgrp(&self) -> u32 {
        self.thread.process().group()
    }

    fn session(&self) -> u32 {
        self.thread.process().session()
    }

    fn controlling_tty(&self) -> Option<Terminal> {
        self.thread.process().tty()
    }

    fn set_controlling_tty(&self, tty: Option<Terminal>) -> Result<()> {
        if !self.leads_session() {
            return Err(Errno::EPERM);
        }
        drop(self.thread.process().set_tty(tty));
        Ok(())
    }

    fn file(&self, fd: i32) -> Result<Arc<OpenFile>> {
        self.thread.files()?.get(fd)
    }

    fn install(&self, file: Arc<OpenFile>, cloexec: bool) -> Result<usize> {
        let fd = self
            .thread
            .files()?
            .install(file, self.descriptors(), cloexec)?;
        Ok(fd as usize)
    }

    fn install_after(
        &self,
        file: Arc<OpenFile>,
        cloexec: bool,
        make: &mut dyn FnMut(i32) -> Result<()>,
    ) -> Result<()> {
        let files = self.thread.files()?;
        let kept = files.reserve(0, self.descriptors(), cloexec)?;
        make(kept.fd())?;
        kept.install(file);
        Ok(())
    }
}

/// Gives the current thread to a closure, if it is a program's.
pub fn with(f: &mut dyn FnMut(&dyn Caller)) {
    if let Some(thread) = crate::try_current()
        && let Ok(fs) = thread.fs()
    {
        f(&Calling::new(&thread, &thread.cred(), &fs));
    }
}
