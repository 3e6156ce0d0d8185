//! Propagation of mounts and unmounts between peers and to slaves (`man 7 mount_namespaces`, "Shared
//! subtrees").
//!
//! Peers are the mounts of one group; a slave names the group it receives from. Both are numbers of the mount,
//! changed under the lock of the tree.

use abi::mount::{MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use sync::SortedMap;

use crate::dentry::Dentry;
use crate::mount::{self, MOUNT_MAX, Mount, MountFlags, TreeGuard};
use crate::path::Path;

/// The lowest number no group has, as Linux numbers them.
fn new_group(tree: &TreeGuard, taken: &mut Vec<u32>) -> u32 {
    let all = tree.all();
    let used = |group: u32| {
        taken.contains(&group)
            || all
                .iter()
                .any(|it| it.group() == group || it.master() == group)
    };
    let group = (1..).find(|group| !used(*group)).unwrap_or(u32::MAX);
    taken.push(group);
    group
}

/// Makes `mount` of the kind that one of the four bits names.
pub(crate) fn change(tree: &TreeGuard, mount: &Arc<Mount>, kind: u64) {
    let mut flags = mount.flags();
    match kind {
        MS_SHARED => {
            if mount.group() == 0 {
                mount.set_group(new_group(tree, &mut Vec::new()));
            }
        }
        MS_SLAVE => {
            let group = mount.group();
            if group != 0 && leave(tree, mount) {
                mount.set_master(group);
            }
        }
        MS_PRIVATE | MS_UNBINDABLE => {
            leave(tree, mount);
            mount.set_master(0);
        }
        _ => return,
    }
    flags.set(MountFlags::UNBINDABLE, kind == MS_UNBINDABLE);
    mount.set_flags(flags);
}

/// Takes `mount` out of its group; whether others stay in it. Without any, the slaves receive from whom the mount
/// received.
pub(crate) fn leave(tree: &TreeGuard, mount: &Arc<Mount>) -> bool {
    let group = mount.group();
    if group == 0 {
        return false;
    }
    mount.set_group(0);
    let all = tree.all();
    let stay = all
        .iter()
        .any(|other| other.group() == group && !Arc::ptr_eq(other, mount));
    if !stay {
        for slave in all.iter().filter(|other| other.master() == group) {
            slave.set_master(mount.master());
        }
    }
    stay
}

/// A mount that hears of what happens on another, and as what.
struct Receiver {
    mount: Arc<Mount>,
    /// The groups from the one where it happens down to the mount's own side.
    way: Vec<u32>,
}

/// Who hears of what happens on `mount`: its peers, their slaves, the peers of these, and so on.
fn receivers(tree: &TreeGuard, mount: &Arc<Mount>) -> Vec<Receiver> {
    let mut found = Vec::new();
    if mount.group() == 0 {
        return found;
    }
    let all = tree.all();
    let mut work = alloc::vec![alloc::vec![mount.group()]];
    while let Some(way) = work.pop() {
        let group = way.last().copied().unwrap_or(0);
        for other in &all {
            if other.group() == group && !Arc::ptr_eq(other, mount) {
                let (mount, way) = (other.clone(), way.clone());
                found.push(Receiver { mount, way });
            }
            if other.master() != group {
                continue;
            }
            if other.group() == 0 {
                let mut way = way.clone();
                way.push(0);
                let mount = other.clone();
                found.push(Receiver { mount, way });
            } else if !way.contains(&other.group()) {
                let mut way = way.clone();
                way.push(other.group());
                if !work.contains(&way) {
                    work.push(way);
                }
            }
        }
    }
    found
}

fn shows(mount: &Mount, of: &Mount, dentry: &Arc<Dentry>) -> bool {
    Arc::ptr_eq(mount.sb(), of.sb()) && mount.root().is_ancestor_of(dentry)
}

/// Whether there may be as many mounts as there are when the tree of `top` stands on `point` and wherever that is heard
/// of. What only `moves` is there already.
///
/// # Errors
/// `ENOSPC`
pub(crate) fn ensure_room(
    tree: &TreeGuard,
    top: &Arc<Mount>,
    point: &Path,
    moves: bool,
) -> Result<()> {
    let max = MOUNT_MAX.load(Ordering::Relaxed) as usize;
    let parent = point.mount();
    let mut places: Vec<Arc<Mount>> = receivers(tree, parent)
        .into_iter()
        .filter(|receiver| shows(&receiver.mount, parent, point.dentry()))
        .map(|receiver| receiver.mount)
        .collect();
    let more = tree.subtree(top).len();
    // No namespace has more than all have.
    if mount::living().saturating_add(more.saturating_mul(places.len())) <= max {
        return Ok(());
    }
    if !moves {
        places.push(parent.clone());
    }
    let mut sizes: SortedMap<usize, usize> = SortedMap::new();
    for place in places {
        let root = tree.top_of(&place);
        let size =
            sizes.get_or_insert_with(Arc::as_ptr(&root).addr(), || tree.subtree(&root).len());
        *size += more;
        if *size > max {
            return Err(Errno::ENOSPC);
        }
    }
    Ok(())
}

/// Puts the tree of `top` on `point`, and copies of it wherever that is heard of.
pub(crate) fn attach(tree: &TreeGuard, top: &Arc<Mount>, point: &Path) {
    let parent = point.mount();
    if parent.group() == 0 {
        tree.attach(top, point);
        return;
    }
    let members = tree.subtree(top);
    let mut taken = Vec::new();
    for member in &members {
        if member.group() == 0 {
            member.set_group(new_group(tree, &mut taken));
        }
    }
    // All copies are made before any stands: a place may lead on to `top` or to a copy, and what stood there already
    // would be copied with it the next time.
    let mut copies = Vec::new();
    // The groups of the copies, by the way to them and the mount they are of.
    let mut groups: SortedMap<(Vec<u32>, u32), u32> = SortedMap::new();
    for Receiver { mount, way } in receivers(tree, parent) {
        if !shows(&mount, parent, point.dentry()) {
            continue;
        }
        let copy = copy_tree(top, top.root());
        for (of, copy) in members.iter().zip(tree.subtree(&copy)) {
            let (mut group, mut master) = (of.group(), of.master());
            for end in 2..=way.len() {
                master = group;
                let side = way.get(..end).unwrap_or_default();
                let peers = side.last().is_some_and(|last| *last != 0);
                group = match peers {
                    true => *groups.get_or_insert_with((side.to_vec(), of.id()), || {
                        new_group(tree, &mut taken)
                    }),
                    false => 0,
                };
            }
            copy.set_group(group);
            copy.set_master(master);
        }
        copies.push((copy, Path::new(mount, point.dentry().clone())));
    }
    tree.attach(top, point);
    for (copy, place) in copies {
        tree.attach(&copy, &place.topmost());
    }
}

/// The mounts that go with one that goes from `point`: those in its place wherever that is heard of, unless others
/// stand on them.
pub(crate) fn followers(tree: &TreeGuard, point: &Path) -> Vec<Arc<Mount>> {
    let parent = point.mount();
    receivers(tree, parent)
        .into_iter()
        .filter(|receiver| shows(&receiver.mount, parent, point.dentry()))
        .filter_map(|receiver| receiver.mount.mounted_on(point.dentry()))
        .filter(|mount| mount.children().is_empty())
        .collect()
}

/// A mount of `root` like `mount`, in no tree; of the same peers and master.
pub(crate) fn copy_of(mount: &Mount, root: Arc<Dentry>) -> Arc<Mount> {
    let (sb, source) = (mount.sb().clone(), Arc::from(mount.source()));
    let copy = Mount::new(sb, root, source, mount.flags());
    copy.set_group(mount.group());
    copy.set_master(mount.master());
    copy
}

/// A copy of `mount` from `root` on and of the mounts below, but for those that cannot be bound: each of it in the
/// group of what it is of.
pub(crate) fn copy_tree(mount: &Arc<Mount>, root: &Arc<Dentry>) -> Arc<Mount> {
    copy_below(mount, root, false)
}

/// A copy of a namespace's tree, those that cannot be bound included.
pub(crate) fn copy_whole(root: &Arc<Mount>) -> Arc<Mount> {
    copy_below(root, root.root(), true)
}

fn copy_below(mount: &Arc<Mount>, root: &Arc<Dentry>, unbindable: bool) -> Arc<Mount> {
    let top = copy_of(mount, root.clone());
    let mut work = alloc::vec![(mount.clone(), root.clone(), top.clone())];
    while let Some((mount, from, copy)) = work.pop() {
        for child in mount.children() {
            let Some(point) = child.mountpoint() else {
                continue;
            };
            if child.flags().contains(MountFlags::UNBINDABLE) && !unbindable
                || !from.is_ancestor_of(point.dentry())
            {
                continue;
            }
            let below = copy_of(&child, child.root().clone());
            below.hang(&Path::new(copy.clone(), point.dentry().clone()));
            work.push((child.clone(), child.root().clone(), below));
        }
    }
    top
}
