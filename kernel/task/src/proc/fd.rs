//! `/proc/<pid>/fd` and `fdinfo`: the descriptors of a process.

use abi::fcntl::OFlags;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt::Write as _;
use fs::proc::{Content, Entry, File, Link, Names, Target, Text};
use sync::Credentials;
use vfs::lock::LockOwner;
use vfs::{Access, Attributes, Fd, FdTable, FileType, Inode, LinkTarget, OpenFile, perm};

use super::links::shown;
use super::subject::Subject;
use crate::thread::with_current;

/// Entries of the numbers of inodes below these directories.
const LINK: u8 = 254;
const INFO: u8 = 255;

pub(super) fn links(of: Subject) -> Arc<dyn Names> {
    Arc::new(Descriptors { of, infos: false })
}

pub(super) fn infos(of: Subject) -> Arc<dyn Names> {
    Arc::new(Descriptors { of, infos: true })
}

struct Descriptors {
    of: Subject,
    infos: bool,
}

fn table(of: &Subject) -> Option<Arc<FdTable>> {
    of.thread()?.files().ok()
}

fn file(of: &Subject, fd: Fd) -> Result<Arc<OpenFile>> {
    table(of)
        .and_then(|files| files.get(fd).ok())
        .ok_or(Errno::ENOENT)
}

impl Names for Descriptors {
    fn find(&self, name: &[u8]) -> Result<Arc<dyn Inode>> {
        let number = fs::proc::number(name)?;
        let fd = Fd::try_from(number).map_err(|_| Errno::ENOENT)?;
        let file = file(&self.of, fd)?;
        let owner = self.of.owner(false);
        let of = self.of.clone();
        if self.infos {
            let ino = self.of.ino(INFO, number);
            return Ok(File::new(ino, 0o444, owner, Info { of, fd }));
        }
        let ino = self.of.ino(LINK, number);
        Ok(Link::new(ino, link_mode(&file), owner, Opened { of, fd }))
    }

    fn list(&self, from: u64, take: &mut dyn FnMut(&Entry<'_>) -> bool) -> Result<()> {
        self.of.alive().map_err(|_| Errno::ENOENT)?;
        let Some(table) = table(&self.of) else {
            return Ok(());
        };
        let mut at = usize::try_from(from).unwrap_or(usize::MAX);
        while let Some((fd, file)) = table.next(at) {
            drop(file);
            let number = fd as u32;
            at = number as usize + 1;
            let mut name = Text::default();
            let _ = write!(name, "{number}");
            let (entry, kind) = if self.infos {
                (INFO, FileType::Regular)
            } else {
                (LINK, FileType::Symlink)
            };
            let listed = Entry {
                name: &name.finish()?,
                ino: self.of.ino(entry, number),
                kind,
                next: at as u64,
            };
            if !take(&listed) {
                break;
            }
        }
        Ok(())
    }

    fn permission(&self, attr: &Attributes, cred: &Credentials, access: Access) -> Result<()> {
        if self.infos {
            if !self.of.may_be_seen() {
                return Err(Errno::EACCES);
            }
            return perm::check(attr, cred, access);
        }
        // A process that may not be dumped still sees its own.
        let mine = with_current(|thread| Arc::ptr_eq(thread.process(), self.of.process()));
        match perm::check(attr, cred, access) {
            Err(_) if mine == Some(true) => Ok(()),
            other => other,
        }
    }

    fn size(&self) -> u64 {
        if self.infos {
            return 0;
        }
        let Some(table) = table(&self.of) else {
            return 0;
        };
        let (mut at, mut count) = (0, 0);
        while let Some((fd, _)) = table.next(at) {
            at = fd as usize + 1;
            count += 1;
        }
        count
    }
}

/// The permissions of a descriptor's link say how the file is open.
fn link_mode(file: &OpenFile) -> u32 {
    let read = if file.readable() { 0o500 } else { 0 };
    let write = if file.writable() { 0o300 } else { 0 };
    read | write
}

/// The link of one descriptor.
struct Opened {
    of: Subject,
    fd: Fd,
}

impl Opened {
    fn file(&self) -> Result<Arc<OpenFile>> {
        if !self.of.may_be_seen() {
            return Err(Errno::EACCES);
        }
        file(&self.of, self.fd)
    }
}

impl Target for Opened {
    fn text(&self) -> Result<Arc<[u8]>> {
        shown(self.file()?.path())
    }

    fn follow(&self) -> Result<LinkTarget> {
        Ok(LinkTarget::Jump(self.file()?.path().clone()))
    }

    fn size(&self) -> u64 {
        // Linux shows a fixed number for these links.
        64
    }

    fn is_magic(&self) -> bool {
        true
    }
}

/// What is known of one descriptor.
struct Info {
    of: Subject,
    fd: Fd,
}

impl Content for Info {
    fn show(&self, out: &mut Text) -> Result<()> {
        let table = table(&self.of).ok_or(Errno::ENOENT)?;
        let file = table.get(self.fd).map_err(|_| Errno::ENOENT)?;
        let mut flags = file.flags();
        flags.set(
            OFlags::CLOEXEC,
            table.cloexec(self.fd).map_err(|_| Errno::ENOENT)?,
        );
        // Text does not fail before its end.
        let _ = write!(
            out,
            "pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n",
            file.position_seen(),
            flags.bits(),
            file.path().mount().id(),
            file.inode().attr().ino()
        );
        show_locks(&table, &file, out)?;
        let _ = file.ops().show_info(&file, out);
        Ok(())
    }

    fn write(&self, _bytes: &[u8], _at: u64, _open: &OpenFile) -> Result<usize> {
        Err(Errno::EINVAL)
    }
}

/// A line for each lock held through the file.
fn show_locks(table: &FdTable, file: &OpenFile, out: &mut Text) -> Result<()> {
    let Some(attached) = file.inode().attr().existing_attached() else {
        return Ok(());
    };
    let inode = (file.path().mount().sb().dev(), file.inode().attr().ino());
    let owners = [LockOwner::file(file), LockOwner::Table(table.id())];
    let rows = attached.rows(&|row| owners.contains(&row.owner))?;
    for (number, row) in (1..).zip(&rows) {
        // Text does not fail before its end.
        let _ = write!(out, "lock:\t{number}: ");
        fs::proc::lock_row(out, row, inode);
    }
    Ok(())
}
