//! File systems made step by step: options are collected, then the file system is made or changed, then mounted
//! (`man 2 fsopen`, `man 2 fsconfig`, `man 2 fsmount`).

use abi::fcntl::OFlags;
use abi::mount::{MS_DIRSYNC, MS_LAZYTIME, MS_RDONLY, MS_SYNCHRONOUS};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use mm::io::IoDst;
use sync::{Credentials, Mutex, rank};

use super::mounts;
use super::trees;
use crate::anon::anon_file;
use crate::file::OpenFile;
use crate::file_ops::FileOps;
use crate::mount::MountFlags;
use crate::path::Path;
use crate::superblock::{self, FileSystemType, SuperBlock};

/// How far it has come.
enum Phase {
    /// Options of one to be made.
    Making(&'static dyn FileSystemType),
    /// Made, not mounted.
    Made(Arc<SuperBlock>),
    /// Mounted: nothing is left to do.
    Mounted,
    /// Options of one there is.
    Changing(Path),
    /// Making it failed.
    Failed,
}

struct State {
    phase: Phase,
    source: Option<Vec<u8>>,
    options: Vec<u8>,
    flags: u64,
}

/// A file system being configured.
pub struct FsConfig {
    state: Mutex<State, { rank::FILE_POSITION }>,
}

impl FileOps for FsConfig {
    /// The messages of what went wrong, of which none are kept.
    fn read(&self, _: &OpenFile, _: &mut IoDst<'_>, _: &mut u64) -> Result<usize> {
        Err(Errno::ENODATA)
    }
}

fn file(phase: Phase, flags: u64, cred: Arc<Credentials>) -> Arc<OpenFile> {
    let state = State {
        phase,
        source: None,
        options: Vec::new(),
        flags,
    };
    let config = FsConfig {
        state: Mutex::new(state),
    };
    anon_file("[fscontext]", Arc::new(config), OFlags::RDWR, cred)
}

/// Begins to make a file system of this kind.
///
/// # Errors
/// `ENODEV`.
pub fn begin(kind: &[u8], cred: Arc<Credentials>) -> Result<Arc<OpenFile>> {
    Ok(file(Phase::Making(superblock::find(kind)?), 0, cred))
}

/// Begins to change the file system mounted at `path`.
///
/// # Errors
/// `EINVAL` for what is no mount's root.
pub fn pick(path: Path, cred: Arc<Credentials>) -> Result<Arc<OpenFile>> {
    if !path.is_mount_root() {
        return Err(Errno::EINVAL);
    }
    let flags = u64::from(path.mount().sb().flags());
    Ok(file(Phase::Changing(path), flags, cred))
}

impl FsConfig {
    /// Sets an option, with a value or without.
    ///
    /// # Errors
    /// `EINVAL` for one that is not known, `EBUSY` when it is too late.
    pub fn set(&self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        let mut state = self.state.lock();
        let kind = match &state.phase {
            Phase::Making(kind) => *kind,
            Phase::Changing(path) => superblock::find(path.mount().sb().kind().as_bytes())?,
            _ => return Err(Errno::EBUSY),
        };
        if value.is_none() {
            for (name, bit, on) in [
                (&b"ro"[..], MS_RDONLY, true),
                (b"rw", MS_RDONLY, false),
                (b"sync", MS_SYNCHRONOUS, true),
                (b"async", MS_SYNCHRONOUS, false),
                (b"dirsync", MS_DIRSYNC, true),
                (b"lazytime", MS_LAZYTIME, true),
                (b"nolazytime", MS_LAZYTIME, false),
            ] {
                if key == name {
                    state.flags &= !bit;
                    if on {
                        state.flags |= bit;
                    }
                    return Ok(());
                }
            }
        }
        if key == b"source" {
            let value = value.ok_or(Errno::EINVAL)?;
            if state.source.is_some() {
                return Err(Errno::EINVAL);
            }
            state.source = Some(value.to_vec());
            return Ok(());
        }
        let mut option = key.to_vec();
        if let Some(value) = value {
            option.push(b'=');
            option.extend_from_slice(value);
        }
        // One option is one option, whatever is written in it.
        if option.contains(&b',') {
            return Err(Errno::EINVAL);
        }
        kind.check(&option)?;
        if !state.options.is_empty() {
            state.options.push(b',');
        }
        state.options.extend_from_slice(&option);
        Ok(())
    }

    /// Makes the file system.
    ///
    /// # Errors
    /// `EBUSY` when it is made already; those of its making.
    pub fn create(&self) -> Result<()> {
        let mut state = self.state.lock();
        let Phase::Making(kind) = state.phase else {
            return Err(Errno::EBUSY);
        };
        state.phase = Phase::Failed;
        if kind.needs_device() && state.source.is_none() {
            return Err(Errno::EINVAL);
        }
        let source = state.source.as_deref().unwrap_or(b"none");
        let sb = kind.mount(source, &state.options, state.flags as u32)?;
        state.phase = Phase::Made(sb);
        Ok(())
    }

    /// Changes the file system that was picked.
    ///
    /// # Errors
    /// `EBUSY` when none was; those of the change.
    pub fn reconfigure(&self) -> Result<()> {
        let mut state = self.state.lock();
        let Phase::Changing(path) = &state.phase else {
            return Err(Errno::EBUSY);
        };
        mounts::remount_sb(path.mount(), state.flags, &state.options)?;
        state.options.clear();
        Ok(())
    }

    /// Mounts what was made, nowhere yet.
    ///
    /// # Errors
    /// `EINVAL` when nothing was, `EBUSY` when it is mounted already.
    pub fn mount(&self, flags: MountFlags, cred: Arc<Credentials>) -> Result<Arc<OpenFile>> {
        let mut state = self.state.lock();
        match core::mem::replace(&mut state.phase, Phase::Mounted) {
            Phase::Made(sb) => {
                let source = state.source.take();
                let source = Arc::from(source.as_deref().unwrap_or(b"none"));
                Ok(trees::open_new(sb, source, flags, cred))
            }
            other => {
                let late = matches!(other, Phase::Mounted | Phase::Changing(_));
                state.phase = other;
                Err(if late { Errno::EBUSY } else { Errno::EINVAL })
            }
        }
    }
}
