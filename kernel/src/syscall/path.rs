//! Paths as programs pass them: the text, the descriptor it starts from, the place it names.

use abi::fcntl::{AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW, PATH_MAX};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::ucopy;
use task::caller::Calling;
use vfs::{LookupFlags, OpenFile, Path, Start};

use super::Cx;
use super::args::{DirFd, Fd, PathPtr};

/// Paths up to this length, their NUL included, are read without an allocation.
const SHORT: usize = 64;
/// The room most others need.
const MIDDLING: usize = 512;

/// Room for a path read from the program.
pub struct PathBuffer {
    short: [u8; SHORT],
    long: Vec<u8>,
}

impl PathBuffer {
    /// Room with nothing in it.
    #[inline]
    pub const fn new() -> Self {
        Self {
            short: [0; SHORT],
            long: Vec::new(),
        }
    }

    /// Reads a path.
    ///
    /// # Errors
    /// `EFAULT`; `ENAMETOOLONG` for 4,096 bytes or more; `ENOENT` for an empty one.
    #[inline]
    pub fn read(&mut self, path: PathPtr) -> Result<&[u8]> {
        let path = self.read_any(path)?;
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        Ok(path)
    }

    /// As [`Self::read`]; an empty path is one too.
    ///
    /// # Errors
    /// `EFAULT`, `ENAMETOOLONG`.
    #[inline]
    pub fn read_any(&mut self, path: PathPtr) -> Result<&[u8]> {
        let length = ucopy::read_cstr(path.0, &mut self.short).map_err(|_| Errno::EFAULT)?;
        if length < SHORT {
            return Ok(self.short.get(..length).unwrap_or_default());
        }
        self.read_long(path)
    }

    #[cold]
    fn read_long(&mut self, path: PathPtr) -> Result<&[u8]> {
        for room in [MIDDLING, PATH_MAX] {
            self.long
                .try_reserve_exact(room - self.long.len())
                .map_err(|_| Errno::ENOMEM)?;
            self.long.resize(room, 0);
            let length = ucopy::read_cstr(path.0, &mut self.long).map_err(|_| Errno::EFAULT)?;
            if length < room {
                return Ok(self.long.get(..length).unwrap_or_default());
            }
        }
        Err(Errno::ENAMETOOLONG)
    }
}

/// What a path is relative to, if it is: a descriptor's file, or the working directory.
pub struct Base(Option<Arc<OpenFile>>);

impl Base {
    /// The working directory.
    pub const CWD: Self = Self(None);

    /// What `path` begins at. The descriptor of an absolute path is not looked at.
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn new(cx: &Cx<'_>, dir: DirFd, path: &[u8]) -> Result<Self> {
        if path.first() == Some(&b'/') {
            return Ok(Self::CWD);
        }
        Self::scope(cx, dir)
    }

    /// The descriptor's file, whatever the path (`RESOLVE_BENEATH`, `RESOLVE_IN_ROOT`).
    ///
    /// # Errors
    /// `EBADF`.
    #[inline]
    pub fn scope(cx: &Cx<'_>, dir: DirFd) -> Result<Self> {
        if dir.0 == AT_FDCWD {
            return Ok(Self::CWD);
        }
        Ok(Self(Some(cx.file(Fd(dir.0))?)))
    }

    /// The file of the descriptor, where there is one.
    pub fn file(&self) -> Option<&Arc<OpenFile>> {
        self.0.as_ref()
    }

    /// Who walks, and from here.
    #[inline]
    pub fn start<'a>(&'a self, caller: &Calling<'a>) -> Start<'a> {
        Start {
            fs: caller.place(),
            base: self.0.as_ref().map(|file| file.path()),
            cred: caller.rights(),
        }
    }
}

/// How the `AT_*` flags of a call that follows links unless told otherwise are walked.
pub fn lookup_flags(flags: u32) -> LookupFlags {
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, flags & AT_SYMLINK_NOFOLLOW == 0);
    lookup.set(LookupFlags::EMPTY, flags & AT_EMPTY_PATH != 0);
    lookup
}

/// The same for a call that follows links when told to (`linkat`).
pub fn lookup_flags_of_link(flags: u32) -> LookupFlags {
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, flags & AT_SYMLINK_FOLLOW != 0);
    lookup.set(LookupFlags::EMPTY, flags & AT_EMPTY_PATH != 0);
    lookup
}

/// The place that `path` names to the caller.
///
/// # Errors
/// Those of reading the path, of the descriptor and of the walk.
#[inline]
pub fn find(cx: &Cx<'_>, dir: DirFd, path: PathPtr, flags: LookupFlags) -> Result<Path> {
    let mut buffer = PathBuffer::new();
    let path = if flags.contains(LookupFlags::EMPTY) {
        buffer.read_any(path)?
    } else {
        buffer.read(path)?
    };
    let base = Base::new(cx, dir, path)?;
    vfs::lookup(&base.start(&cx.caller()), path, flags)
}

/// As [`find`], from the working directory.
///
/// # Errors
/// As there.
pub fn find_here(cx: &Cx<'_>, path: PathPtr, flags: LookupFlags) -> Result<Path> {
    find(cx, DirFd(AT_FDCWD), path, flags)
}
