//! Listing directories (`man 2 getdents64`).

use abi::dirent::DIRENT64_HEADER;
use abi::inotify::InotifyMask;
use abi::{Errno, Result};
use alloc::vec::Vec;
use hal::UserAddr;
use hal::ucopy::UserSlice;
use vfs::{DirSink, FileType, notify};

use super::Cx;
use super::args::Fd;

/// One call lists at most this many bytes, whatever room there is.
const MOST: usize = 16 << 10;

/// Records on their way to the program: the directory is listed under its lock, where the program's
/// memory must not be waited for.
struct Records {
    bytes: Vec<u8>,
    room: usize,
    /// An entry did not fit.
    full: bool,
}

impl DirSink for Records {
    fn entry(&mut self, name: &[u8], ino: u64, kind: FileType, next: u64) -> bool {
        // With the NUL, in words.
        let len = (DIRENT64_HEADER + name.len() + 1).next_multiple_of(8);
        if self.bytes.len() + len > self.room || self.bytes.try_reserve(len).is_err() {
            self.full = true;
            return false;
        }
        let end = self.bytes.len() + len;
        self.bytes.extend_from_slice(&ino.to_ne_bytes());
        self.bytes.extend_from_slice(&next.to_ne_bytes());
        self.bytes.extend_from_slice(&(len as u16).to_ne_bytes());
        self.bytes.push(kind.dirent_type());
        self.bytes.extend_from_slice(name);
        self.bytes.resize(end, 0);
        true
    }
}

/// `getdents64(2)`
pub fn getdents64(cx: &mut Cx<'_>, fd: Fd, buf: UserAddr, len: u32) -> Result<usize> {
    let file = cx.usable_file(fd)?;
    let mut records = Records {
        bytes: Vec::new(),
        room: (len as usize).min(MOST),
        full: false,
    };
    let attr = file.inode().attr();
    if attr.is_dir() && attr.nlink() == 0 {
        return Err(Errno::ENOENT);
    }
    let mut position = file.position();
    let mut at = *position;
    file.ops().readdir(&file, &mut at, &mut records)?;
    notify::on(file.path().dentry(), InotifyMask::ACCESS);
    if records.bytes.is_empty() && records.full {
        return Err(Errno::EINVAL);
    }
    UserSlice::new(buf, records.bytes.len()).write(&records.bytes)?;
    *position = at;
    Ok(records.bytes.len())
}
