//! File systems by name, and device nodes as programs see them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use drivers::node::{Bytes, Node, NodeSink};
use fs::devtmpfs;
use fs::sysfs::Attribute;
use vfs::{NewNode, superblock};

use crate::sysfs;

/// Bytes that are made when they are read.
struct Made(Bytes);

impl Attribute for Made {
    fn show(&self, out: &mut String) {
        out.push_str(&String::from_utf8_lossy(&(self.0)()));
    }

    fn bytes(&self) -> Vec<u8> {
        (self.0)()
    }
}

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
        let (place, class, lines) = sysfs::event(node);
        self.uevent("add", &place, class, &lines);
    }

    fn remove(&self, node: &Node) {
        // A program may have removed it first.
        let _ = devtmpfs::remove(&node.name, node.device);
        sysfs::withdraw(node);
        let (place, class, lines) = sysfs::event(node);
        self.uevent("remove", &place, class, &lines);
    }

    fn file(&self, path: &str, bytes: Bytes) {
        if let Err(error) = fs::sysfs::file(path, 0o444, Arc::new(Made(bytes))) {
            log::warn!("/sys does not show {path}: {error}");
        }
    }

    fn link(&self, path: &str, target: &str) {
        if let Err(error) = fs::sysfs::link(path, target) {
            log::warn!("/sys does not show {path}: {error}");
        }
    }

    fn uevent(&self, action: &str, place: &str, class: &str, more: &str) {
        inet::netlink::uevent::send(action, place, class, more);
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
