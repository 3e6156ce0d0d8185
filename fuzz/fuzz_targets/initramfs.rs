//! Archives, plain and compressed, unpacked into a root of their own.
#![no_main]

use std::sync::Arc;

use fs::initramfs::{Source, Tree, unpack};
use fs::tmpfs::TmpFs;
use hal::UFrame;
use libfuzzer_sys::fuzz_target;
use sync::Credentials;
use vfs::{FsContext, Mount, MountFlags, Path};

const PAGE: usize = hal::PAGE_SIZE;

struct Bytes<'a> {
    all: &'a [u8],
    left: &'a [u8],
}

impl Source for Bytes<'_> {
    fn bytes(&self) -> &[u8] {
        self.left
    }

    fn skip(&mut self, count: usize) {
        self.left = self.left.get(count..).unwrap_or_default();
    }

    fn take_page(&mut self) -> Option<UFrame> {
        if !(self.all.len() - self.left.len()).is_multiple_of(PAGE) {
            return None;
        }
        let (page, rest) = self.left.split_at_checked(PAGE)?;
        let frame = UFrame::alloc_zeroed()?;
        frame.write(0, page);
        self.left = rest;
        Some(frame)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(block) = TmpFs::super_block("rootfs", b"mode=755,size=4m,nr_inodes=200", 0) else {
        return;
    };
    let root = block.root().clone();
    let name = Arc::from(&b"rootfs"[..]);
    let mount = Mount::new(block, root.clone(), name, MountFlags::empty());
    let place = FsContext::new(Path::new(mount, root));
    let rights = Credentials::root();
    let mut tree = Tree::new(&place, &rights);
    // A bad archive is refused with a reason; what was unpacked before it stays.
    let _ = unpack(
        &mut Bytes {
            all: bytes,
            left: bytes,
        },
        &mut tree,
    );
});
