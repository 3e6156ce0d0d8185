#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::anon::AnonInode;
use crate::attr::FileType;
use crate::dentry::{AnonName, Dentry};
use crate::notify;
use abi::inotify::InotifyEvent;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use zerocopy::FromBytes;

fn cred(uid: u32) -> Arc<Credentials> {
    let mut cred = Credentials::root();
    cred.uid = uid;
    Arc::new(cred)
}

fn inode() -> Arc<dyn Inode> {
    AnonInode::new(FileType::Regular, &cred(0))
}

/// A place of an inode, in no tree.
fn place(inode: &Arc<dyn Inode>) -> Arc<Dentry> {
    Dentry::anon(inode.clone(), AnonName::Pipe)
}

fn open(uid: u32) -> Arc<OpenFile> {
    Instance::file(IN_NONBLOCK, cred(uid)).unwrap()
}

fn of(file: &OpenFile) -> &Instance {
    file.ops_as().unwrap()
}

/// Descriptor, mask and name of each event that waits.
fn news(file: &OpenFile) -> Vec<(i32, InotifyMask, String)> {
    let mut bytes = [0; 4096];
    let Ok(mut left) = file.read(&mut IoDst::kernel(&mut bytes), None) else {
        return Vec::new();
    };
    let mut at = &bytes[..];
    let mut all = Vec::new();
    while left > 0 {
        let (event, rest) = InotifyEvent::read_from_prefix(at).unwrap();
        let (name, rest) = rest.split_at(event.len as usize);
        let name = core::str::from_utf8(name).unwrap().trim_end_matches('\0');
        all.push((
            event.wd,
            InotifyMask::from_bits_retain(event.mask),
            name.to_string(),
        ));
        left -= size_of::<InotifyEvent>() + event.len as usize;
        at = rest;
    }
    all
}

fn unnamed(wd: i32, mask: InotifyMask) -> (i32, InotifyMask, String) {
    (wd, mask, String::new())
}

#[test]
fn a_watch_hears_what_it_asked_for() {
    let (file, inode) = (open(1), inode());
    let wd = of(&file)
        .add(&inode, 1, InotifyMask::MODIFY | InotifyMask::ATTRIB)
        .unwrap();
    let here = place(&inode);
    notify::on(&here, InotifyMask::MODIFY);
    notify::on(&here, InotifyMask::MODIFY);
    notify::on(&here, InotifyMask::ACCESS);
    notify::on(&here, InotifyMask::ATTRIB);
    assert_eq!(file.ready(), Events::READABLE);
    let right = [InotifyMask::MODIFY, InotifyMask::ATTRIB];
    assert_eq!(news(&file), right.map(|mask| unnamed(wd, mask)));
    assert_eq!(file.ready(), Events::empty());
}

#[test]
fn a_directory_hears_its_children_by_name() {
    let (file, dir, child) = (open(2), inode(), inode());
    let wd = of(&file).add(&dir, 1, InotifyMask::ALL_EVENTS).unwrap();
    let (parent, child) = (place(&dir), place(&child));
    notify::on_child(&parent, &child, InotifyMask::CREATE, 0, b"name");
    let right = (wd, InotifyMask::CREATE, "name".to_string());
    assert_eq!(news(&file), [right]);
}

#[test]
fn the_same_inode_is_the_same_watch() {
    let (file, inode) = (open(3), inode());
    let instance = of(&file);
    let wd = instance.add(&inode, 1, InotifyMask::MODIFY).unwrap();
    assert_eq!(instance.add(&inode, 1, InotifyMask::ATTRIB), Ok(wd));
    let here = place(&inode);
    notify::on(&here, InotifyMask::MODIFY);
    assert_eq!(news(&file), []);
    let more = InotifyMask::MODIFY | InotifyMask::MASK_ADD;
    assert_eq!(instance.add(&inode, 1, more), Ok(wd));
    notify::on(&here, InotifyMask::ATTRIB);
    assert_eq!(news(&file), [unnamed(wd, InotifyMask::ATTRIB)]);
    let new = InotifyMask::MODIFY | InotifyMask::MASK_CREATE;
    assert_eq!(instance.add(&inode, 1, new), Err(Errno::EEXIST));
}

#[test]
fn a_watch_that_ends_says_so_and_is_gone() {
    let (file, inode) = (open(4), inode());
    let instance = of(&file);
    let first = instance.add(&inode, 1, InotifyMask::MODIFY).unwrap();
    assert_eq!(instance.remove(first), Ok(()));
    assert_eq!(instance.remove(first), Err(Errno::EINVAL));
    let once = InotifyMask::MODIFY | InotifyMask::ONESHOT;
    let second = instance.add(&inode, 1, once).unwrap();
    assert_ne!(second, first);
    let here = place(&inode);
    notify::on(&here, InotifyMask::MODIFY);
    notify::on(&here, InotifyMask::MODIFY);
    let right = [
        unnamed(first, InotifyMask::IGNORED),
        unnamed(second, InotifyMask::MODIFY),
        unnamed(second, InotifyMask::IGNORED),
    ];
    assert_eq!(news(&file), right);
    // Nothing keeps the inode but this test and its place.
    assert_eq!(Arc::strong_count(&inode), 2);
}

#[test]
fn a_file_is_gone_when_its_last_opener_lets_go() {
    let dir = place(&inode());
    let (file, inode) = (open(5), inode());
    let wd = of(&file).add(&inode, 1, InotifyMask::DELETE_SELF).unwrap();
    let name: Arc<[u8]> = Arc::from(&b"gone"[..]);
    let first = Dentry::unlinked(&dir, name.clone(), inode.clone());
    // Another link is left.
    drop(first);
    assert_eq!(news(&file), []);
    inode.attr().set_nlink(0);
    let last = Dentry::unlinked(&dir, name, inode.clone());
    let opener = last.clone();
    drop(last);
    assert_eq!(news(&file), []);
    drop(opener);
    let right = [InotifyMask::DELETE_SELF, InotifyMask::IGNORED];
    assert_eq!(news(&file), right.map(|mask| unnamed(wd, mask)));
}

#[test]
fn an_unmounted_file_system_ends_its_watches() {
    let (file, inode, other) = (open(8), inode(), inode());
    let wd = of(&file).add(&inode, 77, InotifyMask::MODIFY).unwrap();
    of(&file).add(&other, 78, InotifyMask::MODIFY).unwrap();
    notify::unmounted(77);
    let right = [InotifyMask::UNMOUNT, InotifyMask::IGNORED];
    assert_eq!(news(&file), right.map(|mask| unnamed(wd, mask)));
    notify::unmounted(77);
    assert_eq!(news(&file), []);
    assert_eq!(Arc::strong_count(&inode), 1);
}

#[test]
fn a_closed_instance_is_forgotten() {
    let (file, inode) = (open(6), inode());
    of(&file).add(&inode, 1, InotifyMask::MODIFY).unwrap();
    assert_eq!(Arc::strong_count(&inode), 2);
    drop(file);
    assert_eq!(Arc::strong_count(&inode), 1);
}

#[test]
fn a_user_has_so_many_instances() {
    let all: Vec<_> = (0..128).map(|_| open(7)).collect();
    assert!(matches!(Instance::file(0, cred(7)), Err(Errno::EMFILE)));
    drop(all);
    drop(open(7));
}
