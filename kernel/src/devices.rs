//! File systems by name, and device nodes as programs see them.

use alloc::sync::Arc;

use drivers::node::{Node, NodeSink};
use fs::devtmpfs;
use vfs::{NewNode, superblock};

use crate::sysfs;

/// Shows nodes in devtmpfs and sysfs.
struct Shown;

impl NodeSink for Shown {
    fn add(&self, node: &Node) {
        if let Err(error) = devtmpfs::add(&node.name, NewNode::Char(node.device), node.mode) {
            log::warn!("no /dev/{}: {error}", node.name);
        }
        if let Err(error) = sysfs::add(node) {
            log::warn!("/sys does not show {}: {error}", node.name);
        }
    }

    fn remove(&self, node: &Node) {
        // A program may have removed it first.
        let _ = devtmpfs::remove(&node.name, node.device);
        sysfs::withdraw(node);
    }
}

/// Makes file systems mountable and devices without hardware openable; called once, before the first process.
/// The machine has `cpus` processors.
pub fn install(cpus: usize) {
    superblock::register(&fs::tmpfs::TmpFsType);
    superblock::register(&fs::tmpfs::RamFsType);
    superblock::register(&devtmpfs::DevTmpFsType);
    superblock::register(&fs::sysfs::SysFsType);
    if let Err(error) = sysfs::install(cpus) {
        log::warn!("/sys is not whole: {error}");
    }
    drivers::memory::register();
    task::random_device::register();
    task::kmsg::register();
    crate::ptys::install();
    drivers::node::install_sink(Arc::new(Shown));
}
