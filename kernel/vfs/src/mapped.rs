//! An open file as the name of a mapping (`/proc/pid/maps`).

use alloc::vec::Vec;

use mm::MapName;

use crate::OpenFile;

impl MapName for OpenFile {
    fn path(&self) -> Vec<u8> {
        let path = OpenFile::path(self);
        match crate::mount::root() {
            Ok(root) => path.display(&root),
            Err(_) => Vec::new(),
        }
    }

    fn device_inode(&self) -> (u64, u64) {
        let superblock = OpenFile::path(self).mount().sb();
        (superblock.dev(), self.inode().attr().ino())
    }
}
