//! File systems by name, and device nodes as programs see them.

use alloc::sync::Arc;

use drivers::node::{Node, NodeSink};
use fs::devtmpfs;
use vfs::{NewNode, superblock};

/// Shows nodes in devtmpfs.
struct Shown;

impl NodeSink for Shown {
    fn add(&self, node: &Node) {
        if let Err(error) = devtmpfs::add(&node.name, NewNode::Char(node.device), node.mode) {
            log::warn!("no /dev/{}: {error}", node.name);
        }
    }

    fn remove(&self, node: &Node) {
        // A program may have removed it first.
        let _ = devtmpfs::remove(&node.name, node.device);
    }
}

/// Makes file systems mountable and devices without hardware openable; called once, before the first process.
pub fn install() {
    superblock::register(&fs::tmpfs::TmpFsType);
    superblock::register(&fs::tmpfs::RamFsType);
    superblock::register(&devtmpfs::DevTmpFsType);
    drivers::memory::register();
    task::random_device::register();
    task::kmsg::register();
    crate::ptys::install();
    drivers::node::install_sink(Arc::new(Shown));
}
