//! From a path's text to a place (`man 7 path_resolution`).
//!
//! No lock is held across the walk: each step looks into the cache of one directory and goes on with
//! its own reference to what it found.

use core::sync::atomic::Ordering::Relaxed;

use abi::stat::{S_ISVTX, S_IWOTH};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use sync::Credentials;

use crate::dentry::{Cached, Dentry};
use crate::fs_context::FsContext;
use crate::inode::LinkTarget;
use crate::mount::MountFlags;
use crate::path::Path;
use crate::perm::{self, Access};

mod text;

pub use text::Last;
use text::{Text, component, what_follows};

/// Symbolic links followed in one walk before `ELOOP`.
const MAX_LINKS: u32 = 40;

bitflags::bitflags! {
    /// How a path is walked.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct LookupFlags: u32 {
        /// Follow a symbolic link at the end.
        const FOLLOW = 1;
        /// The end must be a directory.
        const DIRECTORY = 2;
        /// An empty path is the starting point.
        const EMPTY = 4;
        /// `RESOLVE_NO_XDEV`.
        const NO_XDEV = 8;
        /// `RESOLVE_NO_MAGICLINKS`.
        const NO_MAGICLINKS = 16;
        /// `RESOLVE_NO_SYMLINKS`.
        const NO_SYMLINKS = 32;
        /// `RESOLVE_BENEATH`.
        const BENEATH = 64;
        /// `RESOLVE_IN_ROOT`.
        const IN_ROOT = 128;
        /// `RESOLVE_CACHED`.
        const CACHED = 256;
        /// Entering a mount is no use of it (`umount2` with `MNT_EXPIRE`).
        const UNUSED = 512;
    }
}

/// Who walks, and from where.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// Root and working directory.
    pub fs: &'a FsContext,
    /// The directory a relative path begins at; `None`: the working directory.
    pub base: Option<&'a Path>,
    /// Whose permissions count.
    pub cred: &'a Credentials,
}

/// A walk under way.
pub struct Walk<'a> {
    cred: &'a Credentials,
    fs: &'a FsContext,
    /// What `..` and absolute links stop at: the scope, or the process's root once it was asked for.
    root: Option<Path>,
    at: Path,
    flags: LookupFlags,
    links: u32,
}

/// The place `path` names.
///
/// # Errors
/// `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`; `EXDEV` and `EAGAIN` by `RESOLVE_*`.
pub fn lookup(start: &Start<'_>, path: &[u8], flags: LookupFlags) -> Result<Path> {
    if path.is_empty() {
        if !flags.contains(LookupFlags::EMPTY) {
            return Err(Errno::ENOENT);
        }
        return Ok(start.base.map_or_else(|| start.fs.cwd(), Path::clone));
    }
    let mut walk = Walk::new(start, path, flags)?;
    let done = walk.plain(path, false)?;
    if done < path.len() {
        walk.run(Text::Given(path), done, false)?;
    } else if flags.contains(LookupFlags::DIRECTORY) && !walk.at.dentry().is_dir() {
        return Err(Errno::ENOTDIR);
    }
    Ok(walk.at)
}

/// The directory the last component of `path` is to be looked up in, and that component.
///
/// # Errors
/// As [`lookup`], for what comes before the last component.
pub fn lookup_parent<'p>(
    start: &Start<'_>,
    path: &'p [u8],
    flags: LookupFlags,
) -> Result<(Path, Last<'p>)> {
    let (walk, last) = Walk::to_parent(start, path, flags)?;
    Ok((walk.at, last))
}

impl<'a> Walk<'a> {
    // Built where it stays: it is too large to be handed around.
    #[inline(always)]
    fn new(start: &Start<'a>, path: &[u8], flags: LookupFlags) -> Result<Self> {
        let base = || start.base.map_or_else(|| start.fs.cwd(), Path::clone);
        let absolute = path.first() == Some(&b'/');
        let (root, at) = if flags.intersects(LookupFlags::IN_ROOT | LookupFlags::BENEATH) {
            if absolute && flags.contains(LookupFlags::BENEATH) {
                return Err(Errno::EXDEV);
            }
            let base = base();
            (Some(base.clone()), base)
        } else if absolute {
            (None, start.fs.root())
        } else {
            (None, base())
        };
        Ok(Self {
            cred: start.cred,
            fs: start.fs,
            root,
            at,
            flags,
            links: 0,
        })
    }

    /// Walks to the directory of the last component.
    ///
    /// # Errors
    /// As [`lookup`].
    pub fn to_parent<'p>(
        start: &Start<'a>,
        path: &'p [u8],
        flags: LookupFlags,
    ) -> Result<(Self, Last<'p>)> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut walk = Self::new(start, path, flags)?;
        let done = walk.plain(path, true)?;
        let (start, end) = component(path, done);
        let last = if start < end && end == path.len() {
            Last {
                text: Text::Given(path),
                start,
                end,
                trailing_slash: false,
            }
        } else {
            walk.run(Text::Given(path), done, true)?
        };
        if !walk.at.dentry().is_dir() {
            return Err(Errno::ENOTDIR);
        }
        Ok((walk, last))
    }

    /// Where the walk is.
    #[must_use]
    pub fn at(&self) -> &Path {
        &self.at
    }

    /// Looks `name` up where the walk is, without going there.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES`.
    pub fn child(&self, name: &[u8]) -> Result<Path> {
        self.search()?;
        let mut there = self.at.clone();
        Self::enter(self.flags, &mut there, self.find(name)?)?;
        Ok(there)
    }

    fn find(&self, name: &[u8]) -> Result<Arc<Dentry>> {
        match self.at.dentry().cached(name) {
            Cached::Hit(child) => Ok(child),
            Cached::Negative => Err(Errno::ENOENT),
            Cached::Miss if self.flags.contains(LookupFlags::CACHED) => Err(Errno::EAGAIN),
            Cached::Miss => self.at.dentry().lookup(name),
        }
    }

    /// Follows the link `link`, found where the walk is, to the directory of its last component. `None`
    /// when it jumped, and the walk is at the end.
    ///
    /// # Errors
    /// As [`lookup`].
    pub fn follow_to_parent(&mut self, link: &Path) -> Result<Option<Last<'static>>> {
        match self.follow(link, true)? {
            Some(text) => {
                let last = self.run(Text::Link(text), 0, true)?;
                if !self.at.dentry().is_dir() {
                    return Err(Errno::ENOTDIR);
                }
                Ok(Some(last))
            }
            None => Ok(None),
        }
    }

    #[inline]
    fn search(&self) -> Result<()> {
        if !self.at.dentry().is_dir() {
            return Err(Errno::ENOTDIR);
        }
        self.at.inode().permission(self.cred, Access::EXEC)
    }

    /// Goes from `path` to its child, or to what is mounted there.
    #[inline]
    fn enter(flags: LookupFlags, path: &mut Path, child: Arc<Dentry>) -> Result<()> {
        let mounted = child.is_mountpoint();
        path.set_dentry(child);
        if mounted {
            Self::cross(flags, path)
        } else {
            Ok(())
        }
    }

    /// Goes to what is mounted at `path`, the last when several are.
    fn cross(flags: LookupFlags, path: &mut Path) -> Result<()> {
        while path.dentry().is_mountpoint() {
            let Some(mount) = path.mount().mounted_on(path.dentry()) else {
                break;
            };
            if flags.contains(LookupFlags::NO_XDEV) {
                return Err(Errno::EXDEV);
            }
            if !flags.contains(LookupFlags::UNUSED) {
                mount.used();
            }
            let root = mount.root().clone();
            *path = Path::new(mount, root);
        }
        Ok(())
    }

    /// What `..` and absolute links stop at.
    fn root(&mut self) -> &Path {
        self.root.get_or_insert_with(|| self.fs.root())
    }

    fn up(&mut self) -> Result<()> {
        let root = self.root().clone();
        if self.at.same(&root) {
            if self.flags.contains(LookupFlags::BENEATH) {
                return Err(Errno::EXDEV);
            }
            return Ok(());
        }
        let parent = self.at.parent(&root);
        if self.flags.contains(LookupFlags::NO_XDEV)
            && !Arc::ptr_eq(parent.mount(), self.at.mount())
        {
            return Err(Errno::EXDEV);
        }
        self.at = parent;
        Ok(())
    }

    /// `fs.protected_symlinks`: the last link of a path, in a directory where everybody may make one
    /// and nobody may remove another's, must be one's own or the directory's owner's.
    fn may_follow_last(&self, link: &Path) -> Result<()> {
        const OPEN: u32 = S_ISVTX | S_IWOTH;
        let (dir, link) = (self.at.inode().attr(), link.inode().attr());
        if perm::PROTECTED_SYMLINKS.load(Relaxed) != 0
            && dir.mode() & OPEN == OPEN
            && link.uid() != self.cred.fsuid
            && link.uid() != dir.uid()
        {
            return Err(Errno::EACCES);
        }
        Ok(())
    }

    /// What a link leads to: text to go on with, or nothing when the walk has jumped. `last`: the path ends
    /// here.
    fn follow(&mut self, link: &Path, last: bool) -> Result<Option<Arc<[u8]>>> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Errno::ELOOP);
        }
        if last {
            self.may_follow_last(link)?;
        }
        if self.flags.contains(LookupFlags::NO_SYMLINKS)
            || link.mount().flags().contains(MountFlags::NOSYMFOLLOW)
        {
            return Err(Errno::ELOOP);
        }
        let scoped = self
            .flags
            .intersects(LookupFlags::BENEATH | LookupFlags::IN_ROOT);
        if link.inode().is_magic() {
            if self.flags.contains(LookupFlags::NO_MAGICLINKS) {
                return Err(Errno::ELOOP);
            }
            if scoped {
                return Err(Errno::EXDEV);
            }
        }
        match link.inode().follow(self.cred)? {
            LinkTarget::Jump(path) => {
                if self.flags.contains(LookupFlags::NO_XDEV)
                    && !Arc::ptr_eq(path.mount(), self.at.mount())
                {
                    return Err(Errno::EXDEV);
                }
                self.at = path;
                Ok(None)
            }
            LinkTarget::Text(text) => {
                link.mount().accessed(link.inode().attr());
                match text.first() {
                    None => return Err(Errno::ENOENT),
                    Some(b'/') => self.jump_to_root()?,
                    Some(_) => {}
                }
                Ok(Some(text))
            }
        }
    }

    fn jump_to_root(&mut self) -> Result<()> {
        if self.flags.contains(LookupFlags::BENEATH) {
            return Err(Errno::EXDEV);
        }
        let root = self.root().clone();
        if self.flags.contains(LookupFlags::NO_XDEV) && !Arc::ptr_eq(root.mount(), self.at.mount())
        {
            return Err(Errno::EXDEV);
        }
        self.at = root;
        Ok(())
    }

    /// Walks what most paths are made of: cached names of files that are no links. Answers how far it came: to the
    /// end, or to the first component that is something else (or, with `to_parent`, the last), for
    /// [`Self::run`] to go on with.
    #[inline]
    fn plain(&mut self, path: &[u8], to_parent: bool) -> Result<usize> {
        let (mut start, mut end) = component(path, 0);
        while start < end {
            let next = component(path, end);
            let last = end == path.len();
            let slashes_follow = !last && next.0 == next.1;
            let name = path.get(start..end).unwrap_or_default();
            if last && to_parent || slashes_follow || matches!(name, b"." | b"..") {
                break;
            }
            self.search()?;
            match self.at.dentry().cached(name) {
                Cached::Hit(child) if !child.is_symlink() => {
                    Self::enter(self.flags, &mut self.at, child)?;
                }
                _ => break,
            }
            if last {
                return Ok(end);
            }
            (start, end) = next;
        }
        Ok(start)
    }

    /// Walks `text` from `next` on; with `to_parent` up to its last component, which is returned.
    fn run<'p>(&mut self, text: Text<'p>, next: usize, to_parent: bool) -> Result<Last<'p>> {
        let (mut text, mut next) = (text, next);
        // What is left of the texts that links interrupted.
        let mut outer: Vec<(Text<'p>, usize)> = Vec::new();
        let mut must_be_dir = self.flags.contains(LookupFlags::DIRECTORY);
        loop {
            let bytes = text.bytes();
            let (start, end) = component(bytes, next);
            if start == end {
                match outer.pop() {
                    Some((resumed, at)) => {
                        (text, next) = (resumed, at);
                        continue;
                    }
                    None => {
                        // Only slashes: the path is the root (or where a link jumped to).
                        if to_parent {
                            return Ok(Last {
                                text,
                                start: end,
                                end,
                                trailing_slash: false,
                            });
                        }
                        break;
                    }
                }
            }
            let (more, trailing) = if end == bytes.len() && outer.is_empty() {
                (false, false)
            } else {
                what_follows(text.from(end), &outer)
            };
            if !more && to_parent {
                return Ok(Last {
                    text,
                    start,
                    end,
                    trailing_slash: trailing,
                });
            }
            self.search()?;
            next = end;
            match bytes.get(start..end).unwrap_or_default() {
                b"." => {}
                b".." => self.up()?,
                name => {
                    let child = self.find(name)?;
                    if child.is_symlink()
                        && (more || trailing || self.flags.contains(LookupFlags::FOLLOW))
                    {
                        let link = Path::new(self.at.mount().clone(), child);
                        if let Some(target) = self.follow(&link, !more)? {
                            outer.push((core::mem::replace(&mut text, Text::Link(target)), next));
                            next = 0;
                        }
                        must_be_dir |= !more && trailing;
                        continue;
                    }
                    Self::enter(self.flags, &mut self.at, child)?;
                }
            }
            if !more {
                must_be_dir |= trailing;
                break;
            }
        }
        if must_be_dir && !self.at.dentry().is_dir() {
            return Err(Errno::ENOTDIR);
        }
        Ok(Last {
            text,
            start: 0,
            end: 0,
            trailing_slash: false,
        })
    }
}
