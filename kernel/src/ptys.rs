//! Ties pseudo-terminals to devpts, which names them.

use abi::Result;
use alloc::sync::Arc;
use drivers::tty::pty::{self, PtyName, PtyNames};
use fs::devpts::{self, Entry};
use fs::proc::setting;
use sync::Credentials;
use vfs::{CharDevice, OpenFile, OpenRequest, Path};

/// The mounted instances of devpts.
struct Mounted;

impl PtyNames for Mounted {
    fn allot(&self, request: &OpenRequest<'_>) -> Result<Arc<dyn PtyName>> {
        Ok(Arc::new(Named(devpts::allot(request)?)))
    }
}

/// A number in one of them.
struct Named(Entry);

impl PtyName for Named {
    fn index(&self) -> u32 {
        self.0.index()
    }

    fn show(&self, device: u64, slave: Arc<dyn CharDevice>, owner: &Credentials) -> Result<()> {
        self.0.show(device, slave, owner)
    }

    fn hide(&self) {
        self.0.hide();
    }

    fn peer(&self, master: &OpenFile) -> Result<Path> {
        self.0.peer(master.path())
    }
}

/// Makes ptys openable; called once at start-up.
pub fn install() {
    vfs::superblock::register(&devpts::DevPtsType);
    pty::register(&Mounted);
    setting::number("sys/kernel/pty/max", || i64::from(devpts::counts().0));
    setting::number("sys/kernel/pty/nr", || i64::from(devpts::counts().1));
}
