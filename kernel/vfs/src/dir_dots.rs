//! The two entries every directory begins with.

use crate::attr::FileType;
use crate::file::OpenFile;
use crate::file_ops::DirSink;

/// Puts `.` and `..` (cookies 0 and 1) where `pos` has not passed them yet; whether there was room.
pub fn dots(open: &OpenFile, ino: u64, pos: &mut u64, sink: &mut dyn DirSink) -> bool {
    if *pos == 0 {
        if !sink.entry(b".", ino, FileType::Directory, 1) {
            return false;
        }
        *pos = 1;
    }
    if *pos == 1 {
        let parent = open
            .path()
            .dentry()
            .parent()
            .map_or(ino, |parent| parent.inode().attr().ino());
        if !sink.entry(b"..", parent, FileType::Directory, 2) {
            return false;
        }
        *pos = 2;
    }
    true
}
