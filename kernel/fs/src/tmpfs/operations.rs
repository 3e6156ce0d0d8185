//! Open files and directories of tmpfs.

use abi::fcntl::{FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, OFlags};
use abi::{Errno, Result};
use alloc::sync::Arc;
use mm::{IoDst, IoSrc, MemObject};
use vfs::ops::attr::drop_set_id_on_write;
use vfs::{AT_END, DirSink, FileOps, FileType, Inode, MmapRequest, OpenFile, Whence, seek};

use super::directory::FIRST_COOKIE;
use super::inode::{Body, File, TmpInode};

impl TmpInode {
    fn as_file(&self) -> Result<&File> {
        match &self.body {
            Body::File(file) => Ok(file),
            Body::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    fn write_from(&self, file: &File, src: &mut IoSrc<'_>, pos: &mut u64) -> Result<usize> {
        let room = seek::MAX_SIZE.saturating_sub(*pos);
        if room == 0 && src.remaining() > 0 {
            return Err(Errno::EFBIG);
        }
        src.limit(usize::try_from(room).unwrap_or(usize::MAX));
        let done = file.object.write_at(*pos, src)?;
        *pos += done as u64;
        if done > 0 {
            self.attr().touch_modified();
        }
        Ok(done)
    }
}

impl FileOps for TmpInode {
    fn positioned(&self) -> bool {
        true
    }

    fn read(&self, open: &OpenFile, dst: &mut IoDst<'_>, pos: &mut u64) -> Result<usize> {
        let done = self.as_file()?.object.read_at(*pos, dst)?;
        *pos += done as u64;
        if !open.flags().contains(OFlags::NOATIME) {
            open.path().mount().accessed(self.attr());
        }
        Ok(done)
    }

    fn write(&self, open: &OpenFile, src: &mut IoSrc<'_>, pos: &mut u64) -> Result<usize> {
        let file = self.as_file()?;
        if src.remaining() == 0 {
            return Ok(0);
        }
        drop_set_id_on_write(self.attr(), open.cred());
        if *pos == AT_END {
            let _end = file.append.lock();
            let mut end = file.object.size();
            let done = self.write_from(file, src, &mut end)?;
            *pos = end;
            return Ok(done);
        }
        self.write_from(file, src, pos)
    }

    fn seek(&self, _open: &OpenFile, pos: &mut u64, offset: i64, whence: Whence) -> Result<u64> {
        match &self.body {
            Body::File(file) => seek::in_object(&file.object, pos, offset, whence),
            // Entries are counted from the start; there is no end to count from.
            _ if matches!(whence, Whence::Set | Whence::Cur) => {
                seek::within(seek::MAX_SIZE, pos, offset, whence)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    fn mmap(&self, _open: &OpenFile, _request: &MmapRequest) -> Result<Arc<MemObject>> {
        Ok(self.as_file().map_err(|_| Errno::ENODEV)?.object.clone())
    }

    fn fsync(&self, _open: &OpenFile, _data_only: bool) -> Result<()> {
        Ok(())
    }

    fn fallocate(&self, _open: &OpenFile, mode: u32, offset: u64, len: u64) -> Result<()> {
        let file = self.as_file().map_err(|_| Errno::ENODEV)?;
        let range = offset..offset.checked_add(len).ok_or(Errno::EFBIG)?;
        const PUNCH: u32 = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        match mode {
            PUNCH => file.object.punch_hole(range)?,
            0 | FALLOC_FL_KEEP_SIZE => file.object.allocate(range, mode != 0)?,
            _ => return Err(Errno::EOPNOTSUPP),
        }
        self.attr().touch_modified();
        Ok(())
    }

    fn readdir(&self, open: &OpenFile, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        let entries = self.entries()?;
        open.path().mount().accessed(self.attr());
        if !vfs::dots(open, self.attr().ino(), pos, sink) {
            return Ok(());
        }
        let entries = entries.lock();
        for (cookie, entry) in entries.from((*pos).max(FIRST_COOKIE)) {
            let attr = entry.inode.attr();
            let kind = FileType::from_mode(attr.mode()).unwrap_or(FileType::Regular);
            if !sink.entry(&entry.name, attr.ino(), kind, cookie + 1) {
                return Ok(());
            }
            *pos = cookie + 1;
        }
        Ok(())
    }
}
