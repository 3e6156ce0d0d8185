//! Names that come and go without a program asking for it: ptys, devices in sysfs.

use abi::Result;
use abi::inotify::InotifyMask;
use alloc::sync::Arc;

use crate::dentry::{Cached, Dentry};
use crate::inode::Inode;
use crate::notify;

impl Dentry {
    /// The file system has made `name` below this directory; its own lookup finds it already. May sleep.
    ///
    /// # Errors
    /// `ENOTDIR`.
    pub fn appeared(self: &Arc<Self>, name: &[u8], inode: Arc<dyn Inode>) -> Result<()> {
        let state = self.lock_dir()?;
        let child = self.instantiate(Arc::from(name), inode);
        drop(state);
        notify::on_child(self, &child, InotifyMask::CREATE, 0, name);
        Ok(())
    }

    /// The file system has taken `name` away; its own lookup finds it no more. May sleep.
    ///
    /// # Errors
    /// `ENOTDIR`.
    pub fn vanished(self: &Arc<Self>, name: &[u8]) -> Result<()> {
        let state = self.lock_dir()?;
        let Cached::Hit(child) = self.cached(name) else {
            self.uncache(name);
            return Ok(());
        };
        self.forget(name, &child);
        drop(state);
        notify::on_child(self, &child, InotifyMask::DELETE, 0, name);
        Ok(())
    }
}
