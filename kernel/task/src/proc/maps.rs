//! `/proc/<pid>/maps`.

use abi::mman::ProtFlags;
use abi::stat::{major, minor};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::fmt::Write as _;
use fs::proc::{Content, Opened, Style, Text};
use mm::{AddressSpace, VmaFlags, VmaView};
use vfs::{FileOps, OpenFile, OpenRequest};

use super::subject::Subject;

/// Where a mapping's name begins in its line.
const NAME_COLUMN: usize = 72;

/// What is written of the mappings of a space.
type Show = fn(&AddressSpace, &mut Text);

pub(super) fn content(of: Subject) -> Arc<dyn Content> {
    Arc::new(Maps { of, show })
}

fn show(mm: &AddressSpace, out: &mut Text) {
    let mut at = 0;
    while let Some(view) = mm.view_from(at, false) {
        line(&view, out);
        at = view.end;
    }
}

/// A file about the mappings.
pub(super) struct Maps {
    pub(super) of: Subject,
    pub(super) show: Show,
}

impl Content for Maps {
    fn show(&self, _out: &mut Text) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// The memory is the one at the time of opening; nothing is shown when it has gone.
    fn open(
        &self,
        _this: &Arc<dyn Content>,
        _request: &OpenRequest<'_>,
    ) -> Result<Arc<dyn FileOps>> {
        self.of.alive()?;
        if !self.of.may_be_seen() {
            return Err(Errno::EACCES);
        }
        let of = self.of.clone();
        let mm = of.mm().map(|mm| Arc::downgrade(&mm)).unwrap_or_default();
        let show = self.show;
        Ok(Opened::new(Arc::new(MapsOf { of, mm, show })))
    }
}

struct MapsOf {
    of: Subject,
    mm: Weak<AddressSpace>,
    show: Show,
}

impl Content for MapsOf {
    fn style(&self) -> Style {
        Style::Sequence { written: false }
    }

    fn show(&self, out: &mut Text) -> Result<()> {
        self.of.alive()?;
        if let Some(mm) = self.mm.upgrade() {
            (self.show)(&mm, out);
        }
        Ok(())
    }

    fn write(&self, _bytes: &[u8], _at: u64, _open: &OpenFile) -> Result<usize> {
        Err(Errno::EINVAL)
    }
}

/// The line of a mapping.
pub(super) fn line(view: &VmaView, out: &mut Text) {
    let start = out.len();
    let right = |flag, letter| {
        if view.prot.contains(flag) {
            letter
        } else {
            '-'
        }
    };
    let (device, inode) = view.device_inode;
    // Text does not fail before its end.
    let _ = write!(
        out,
        "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {inode} ",
        view.start,
        view.end,
        right(ProtFlags::READ, 'r'),
        right(ProtFlags::WRITE, 'w'),
        right(ProtFlags::EXEC, 'x'),
        if view.flags.contains(VmaFlags::SHARED) {
            's'
        } else {
            'p'
        },
        view.offset,
        major(device),
        minor(device),
    );
    if !view.name.is_empty() {
        out.pad_to(start, NAME_COLUMN);
        out.push(b" ");
        out.push_escaped(&view.name, b"\n");
    }
    out.push(b"\n");
}
