//! What an operation may ask of the thread that calls it, without reaching up to it.

use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use sync::Credentials;

use crate::{FsContext, OpenFile};

/// The calling thread as files see it.
pub trait Caller {
    /// Credentials.
    fn cred(&self) -> &Arc<Credentials>;
    /// Root, working directory and umask.
    fn fs(&self) -> Arc<FsContext>;
    /// The process itself, for those who remember whom they dealt with; its type is the task
    /// layer's.
    fn process(&self) -> Arc<dyn Any + Send + Sync>;
    /// Process number (thread group).
    fn pid(&self) -> u32;
    /// Thread number.
    fn tid(&self) -> u32;
    /// Process group.
    fn pgrp(&self) -> u32;
    /// Session.
    fn session(&self) -> u32;
    /// Whether the process leads its session.
    fn leads_session(&self) -> bool {
        self.pid() == self.session()
    }
    /// The session's terminal, as the tty layer stored it.
    fn controlling_tty(&self) -> Option<Arc<dyn Any + Send + Sync>>;
    /// Sets or clears the session's terminal.
    ///
    /// # Errors
    /// `EPERM` when the process does not lead its session.
    fn set_controlling_tty(&self, tty: Option<Arc<dyn Any + Send + Sync>>) -> Result<()>;
    /// The file behind a descriptor of the process.
    ///
    /// # Errors
    /// `EBADF`: there is none.
    fn file(&self, _fd: i32) -> Result<Arc<OpenFile>> {
        Err(Errno::EBADF)
    }
    /// Gives the process a descriptor of `file`, the lowest one free.
    ///
    /// # Errors
    /// `EMFILE`.
    fn install(&self, file: Arc<OpenFile>, cloexec: bool) -> Result<usize>;
    /// Keeps the lowest free descriptor and gives `make` its number; the descriptor becomes `file`'s if that succeeds.
    ///
    /// # Errors
    /// `EMFILE`; those of `make`.
    fn install_after(
        &self,
        _file: Arc<OpenFile>,
        _cloexec: bool,
        _make: &mut dyn FnMut(i32) -> Result<()>,
    ) -> Result<()> {
        Err(Errno::EMFILE)
    }
}
