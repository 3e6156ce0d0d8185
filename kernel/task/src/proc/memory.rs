//! What is read from a process's own memory: arguments, environment, `mem`.

use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec;
use alloc::vec::Vec;
use fs::proc::{Content, Style, Text};
use hal::{PAGE_SIZE, UserAddr};
use mm::{AddressSpace, IoDst, IoSrc};
use vfs::{Abilities, FileOps, OpenFile, OpenRequest, Whence};

use super::directory::Guarded;
use super::subject::Subject;

/// Longest run of arguments or environment that is shown.
const STRINGS_MAX: usize = 2 << 20;

/// Reads what can be read of `[start, end)`.
fn read(mm: &AddressSpace, start: usize, end: usize) -> Result<Vec<u8>> {
    let len = end.saturating_sub(start).min(STRINGS_MAX);
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
    bytes.resize(len, 0);
    let done = mm.read_foreign(UserAddr(start), &mut bytes);
    bytes.truncate(done);
    Ok(bytes)
}

/// The arguments, each ended by a NUL. A program that has written over the last NUL has made one text of
/// arguments and environment, which is shown up to its first NUL.
pub(super) fn show_cmdline(of: &Subject, out: &mut Text) -> Result<()> {
    let Some(mm) = of.mm() else {
        return Ok(());
    };
    let layout = mm.layout();
    let bytes = read(&mm, layout.args.0, layout.args.1)?;
    if bytes.last().is_none_or(|last| *last == 0) || layout.args.1 != layout.env.0 {
        out.push(&bytes);
        return Ok(());
    }
    let end = layout.env.1.min(layout.args.0 + PAGE_SIZE);
    let bytes = read(&mm, layout.args.0, end)?;
    // Within a page, its NUL included.
    let end = bytes.iter().position(|byte| *byte == 0).map(|at| at + 1);
    out.push(bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default());
    Ok(())
}

fn show_environ(of: &Subject, out: &mut Text) -> Result<()> {
    if let Some(mm) = of.mm() {
        let (start, end) = mm.layout().env;
        out.push(&read(&mm, start, end)?);
    }
    Ok(())
}

pub(super) fn environ(of: Subject) -> Arc<dyn Content> {
    Arc::new(Guarded {
        style: Style::Plain { written: false },
        of,
        show: show_environ,
        refusal: Errno::EACCES,
        of_memory: true,
    })
}

fn show_auxv(of: &Subject, out: &mut Text) -> Result<()> {
    if of.mm().is_some() {
        for word in &*of.process().program().auxv {
            out.push(&word.to_le_bytes());
        }
    }
    Ok(())
}

pub(super) fn auxv(of: Subject) -> Arc<dyn Content> {
    Arc::new(Guarded {
        style: Style::Plain { written: false },
        of,
        show: show_auxv,
        refusal: Errno::EACCES,
        of_memory: true,
    })
}

/// `/proc/<pid>/mem`.
pub(super) fn mem(of: Subject) -> Arc<dyn Content> {
    Arc::new(Mem { of })
}

struct Mem {
    of: Subject,
}

impl Content for Mem {
    fn show(&self, _out: &mut Text) -> Result<()> {
        Err(Errno::EINVAL)
    }

    fn open(
        &self,
        _this: &Arc<dyn Content>,
        _request: &OpenRequest<'_>,
    ) -> Result<Arc<dyn FileOps>> {
        self.of.alive()?;
        if !self.of.may_be_seen() {
            return Err(Errno::EACCES);
        }
        let mm = self.of.mm().ok_or(Errno::ESRCH)?;
        Ok(Arc::new(Memory {
            mm: Arc::downgrade(&mm),
        }))
    }
}

/// The open memory: an address is a position. It does not keep the memory.
struct Memory {
    mm: Weak<AddressSpace>,
}

impl FileOps for Memory {
    fn abilities(&self) -> Abilities {
        Abilities::READ | Abilities::WRITE | Abilities::WRITE_AT
    }

    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, _open: &OpenFile, dst: &mut IoDst<'_>, pos: &mut u64) -> Result<usize> {
        let Some(mm) = self.mm.upgrade() else {
            return Ok(0);
        };
        let mut page = vec![0; PAGE_SIZE];
        let mut done = 0;
        while dst.remaining() > 0 {
            let want = dst.remaining().min(PAGE_SIZE);
            let part = page.get_mut(..want).unwrap_or_default();
            let got = mm.read_foreign(UserAddr(*pos as usize), part);
            if got == 0 {
                if done == 0 {
                    return Err(Errno::EIO);
                }
                break;
            }
            let put = dst.put(part.get(..got).unwrap_or_default());
            *pos = pos.wrapping_add(put as u64);
            done += put;
            if put < got {
                break;
            }
        }
        Ok(done)
    }

    fn write(&self, _open: &OpenFile, src: &mut IoSrc<'_>, pos: &mut u64) -> Result<usize> {
        let Some(mm) = self.mm.upgrade() else {
            return Ok(0);
        };
        let mut page = vec![0; PAGE_SIZE];
        let mut done = 0;
        while src.remaining() > 0 {
            let want = src.remaining().min(PAGE_SIZE);
            let mark = src.mark();
            let part = page.get_mut(..want).unwrap_or_default();
            let taken = src.take(part);
            let part = part.get(..taken).unwrap_or_default();
            let written = mm.write_foreign(UserAddr(*pos as usize), part);
            *pos = pos.wrapping_add(written as u64);
            done += written;
            if written < taken {
                src.rewind(mark);
                src.limit(written);
                let _ = src.take(page.get_mut(..written).unwrap_or_default());
                if done == 0 {
                    return Err(Errno::EIO);
                }
                break;
            }
            if taken < want {
                break;
            }
        }
        Ok(done)
    }

    fn has_addresses(&self) -> bool {
        true
    }

    fn seek(&self, _open: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        // Any address is a position, the negative ones too.
        *pos = match whence {
            Whence::Set => offset as u64,
            Whence::Cur => pos.wrapping_add_signed(offset),
            _ => return Err(Errno::EINVAL),
        };
        Ok(*pos)
    }
}
