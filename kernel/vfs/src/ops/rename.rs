//! Renaming.

use abi::inotify::InotifyMask;
use abi::stat::{RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT};
use abi::{Errno, Result};
use alloc::sync::Arc;
use sync::Credentials;

use crate::dentry::{Dentry, DirGuard, DirState};
use crate::inode::{NewNode, same_inode};
use crate::mount_ns;
use crate::notify;
use crate::ops::create::{create_locked, may_create};
use crate::ops::remove::may_remove;
use crate::path::Path;
use crate::perm::Access;
use crate::walk::{LookupFlags, Start, lookup_parent};

/// Both directories of a rename, locked: an ancestor first, strangers by address.
struct Locked<'a> {
    old: DirGuard<'a>,
    /// `None` when both are one.
    new: Option<DirGuard<'a>>,
}

impl<'a> Locked<'a> {
    /// The caller holds the file system's rename lock when the directories differ.
    fn new(old: &'a Arc<Dentry>, new: &'a Arc<Dentry>) -> Result<Self> {
        if Arc::ptr_eq(old, new) {
            return Ok(Self {
                old: old.lock_dir()?,
                new: None,
            });
        }
        let new_first = if new.is_ancestor_of(old) {
            true
        } else if old.is_ancestor_of(new) {
            false
        } else {
            Arc::as_ptr(new) < Arc::as_ptr(old)
        };
        if new_first {
            let new = new.lock_dir()?;
            Ok(Self {
                old: old.lock_dir_nested()?,
                new: Some(new),
            })
        } else {
            let old = old.lock_dir()?;
            Ok(Self {
                old,
                new: Some(new.lock_dir_nested()?),
            })
        }
    }

    fn new_state(&self) -> &DirState {
        self.new.as_ref().map_or(&self.old, |new| new)
    }
}

/// Renames `old` to `new`; `flags` are `RENAME_*`.
///
/// # Errors
/// `EINVAL` for flags Linux refuses and for moving a directory below itself; `EXDEV`, `EBUSY`, `ENOENT`,
/// `EEXIST`, `ENOTDIR`, `EISDIR`, `ENOTEMPTY`, `EACCES`, `EPERM`, `EROFS`.
pub fn rename(from: &Start<'_>, old: &[u8], to: &Start<'_>, new: &[u8], flags: u32) -> Result<()> {
    let exchange = flags & RENAME_EXCHANGE != 0;
    let no_replace = flags & RENAME_NOREPLACE != 0;
    let whiteout = flags & RENAME_WHITEOUT != 0;
    if flags & !(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT) != 0
        || exchange && (no_replace || whiteout)
    {
        return Err(Errno::EINVAL);
    }
    let (old_dir, old_last) = lookup_parent(from, old, LookupFlags::empty())?;
    let (new_dir, new_last) = lookup_parent(to, new, LookupFlags::empty())?;
    if !Arc::ptr_eq(old_dir.mount(), new_dir.mount()) {
        return Err(Errno::EXDEV);
    }
    if !old_last.is_normal() {
        return Err(Errno::EBUSY);
    }
    if !new_last.is_normal() {
        return Err(if no_replace {
            Errno::EEXIST
        } else {
            Errno::EBUSY
        });
    }
    old_dir.mount().writable()?;
    let cred = from.cred;
    let sb = old_dir.mount().sb();
    let one_dir = Arc::ptr_eq(old_dir.dentry(), new_dir.dentry());
    let rename_lock = (!one_dir).then(|| sb.rename.lock());
    let locked = Locked::new(old_dir.dentry(), new_dir.dentry())?;
    old_dir.inode().permission(cred, Access::EXEC)?;
    new_dir.inode().permission(cred, Access::EXEC)?;
    let source = old_dir
        .dentry()
        .lookup_locked(&locked.old, old_last.name())?;
    let target = match new_dir
        .dentry()
        .lookup_locked(locked.new_state(), new_last.name())
    {
        Ok(target) => Some(target),
        // In a directory that takes no new names the lookup itself fails.
        Err(Errno::ENOENT) if !locked.new_state().dead => None,
        Err(other) => return Err(other),
    };
    if no_replace && target.is_some() {
        return Err(Errno::EEXIST);
    }
    if exchange {
        let target = target.as_ref().ok_or(Errno::ENOENT)?;
        if !target.is_dir() && new_last.trailing_slash {
            return Err(Errno::ENOTDIR);
        }
    }
    if !source.is_dir() && (old_last.trailing_slash || !exchange && new_last.trailing_slash) {
        return Err(Errno::ENOTDIR);
    }
    if source.is_ancestor_of(new_dir.dentry()) {
        return Err(Errno::EINVAL);
    }
    if let Some(target) = &target
        && target.is_ancestor_of(old_dir.dentry())
    {
        return Err(if exchange {
            Errno::EINVAL
        } else {
            Errno::ENOTEMPTY
        });
    }
    if let Some(target) = &target
        && same_inode(source.inode(), target.inode())
    {
        return Ok(());
    }
    let names = Names {
        old_dir: &old_dir,
        old: old_last.name(),
        new_dir: &new_dir,
        new: new_last.name(),
    };
    names.check(&locked, &source, target.as_ref(), exchange, cred)?;
    let busy = |dentry| mount_ns::is_mountpoint(from.fs, dentry);
    if busy(&source) || target.as_deref().is_some_and(busy) {
        return Err(Errno::EBUSY);
    }
    match &target {
        Some(target) if exchange => names.exchange(&source, target)?,
        _ => names.replace(&source, target.as_ref())?,
    }
    if whiteout {
        // What an overlay takes for a name that is not there: a device of number 0.
        create_locked(old_dir.dentry(), old_last.name(), NewNode::Char(0), 0, cred)?;
    }
    drop(locked);
    drop(rename_lock);
    if let Some(target) = target.as_ref().filter(|_| !exchange) {
        mount_ns::detach_from(target);
    }
    names.tell(&source, target.as_ref(), exchange);
    Ok(())
}

struct Names<'a> {
    old_dir: &'a Path,
    old: &'a [u8],
    new_dir: &'a Path,
    new: &'a [u8],
}

impl Names<'_> {
    fn check(
        &self,
        locked: &Locked<'_>,
        source: &Dentry,
        target: Option<&Arc<Dentry>>,
        exchange: bool,
        cred: &Credentials,
    ) -> Result<()> {
        may_remove(self.old_dir.dentry(), source, source.is_dir(), cred)?;
        match target {
            None => may_create(self.new_dir.dentry(), locked.new_state(), cred)?,
            Some(target) => {
                let as_dir = if exchange {
                    target.is_dir()
                } else {
                    source.is_dir()
                };
                may_remove(self.new_dir.dentry(), target, as_dir, cred)?;
            }
        }
        if !Arc::ptr_eq(self.old_dir.dentry(), self.new_dir.dentry()) {
            // The directory's own `..` changes.
            if source.is_dir() {
                source.inode().permission(cred, Access::WRITE)?;
            }
            if let Some(target) = target
                && exchange
                && target.is_dir()
            {
                target.inode().permission(cred, Access::WRITE)?;
            }
        }
        Ok(())
    }

    fn replace(&self, source: &Arc<Dentry>, target: Option<&Arc<Dentry>>) -> Result<()> {
        let new: Arc<[u8]> = Arc::from(self.new);
        let mut victim = match target {
            Some(target) if target.is_dir() => Some(target.lock_dir_nested()?),
            _ => None,
        };
        self.old_dir
            .inode()
            .rename(self.old, self.new_dir.inode(), &new)?;
        if let Some(victim) = &mut victim {
            victim.dead = true;
        }
        drop(victim);
        if let Some(target) = target {
            target.mark_unlinked();
        }
        source.relocate(self.new_dir.dentry(), new);
        self.old_dir.dentry().uncache(self.old);
        if let Some(target) = target {
            target.prune();
        }
        Ok(())
    }

    fn exchange(&self, source: &Arc<Dentry>, target: &Arc<Dentry>) -> Result<()> {
        self.old_dir
            .inode()
            .exchange(self.old, self.new_dir.inode(), self.new)?;
        source.relocate(self.new_dir.dentry(), Arc::from(self.new));
        target.relocate(self.old_dir.dentry(), Arc::from(self.old));
        Ok(())
    }

    fn tell(&self, source: &Arc<Dentry>, target: Option<&Arc<Dentry>>, exchange: bool) {
        let cookie = notify::next_cookie();
        notify::on_child(
            self.old_dir.dentry(),
            source,
            InotifyMask::MOVED_FROM,
            cookie,
            self.old,
        );
        notify::on_child(
            self.new_dir.dentry(),
            source,
            InotifyMask::MOVED_TO,
            cookie,
            self.new,
        );
        let (victim, partner) = if exchange {
            (None, target)
        } else {
            (target, None)
        };
        if let Some(victim) = victim {
            notify::on_self(victim, InotifyMask::ATTRIB);
        }
        notify::on_self(source, InotifyMask::MOVE_SELF);
        if let Some(target) = partner {
            let cookie = notify::next_cookie();
            notify::on_child(
                self.new_dir.dentry(),
                target,
                InotifyMask::MOVED_FROM,
                cookie,
                self.new,
            );
            notify::on_child(
                self.old_dir.dentry(),
                target,
                InotifyMask::MOVED_TO,
                cookie,
                self.old,
            );
            notify::on_self(target, InotifyMask::MOVE_SELF);
        }
    }
}
