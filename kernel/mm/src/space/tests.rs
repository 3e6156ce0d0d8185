//! Address spaces over the host's model of the MMU, whose translation caches forget nothing by
//! themselves.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, Once};

use abi::Errno;
use abi::mman::{MlockallFlags, ProtFlags, RemapFlags, Seals, advice::*};
use hal::{Access, UserAddr, ucopy};

use super::*;
use crate::io::{IoDst, IoSrc};
use crate::object::MemObject;

mod model;

const P: usize = 4096;
const RW: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);
const MAY: VmaFlags = VmaFlags::MAYREAD
    .union(VmaFlags::MAYWRITE)
    .union(VmaFlags::MAYEXEC);

thread_local! {
    static CURRENT: RefCell<Option<Arc<AddressSpace>>> = const { RefCell::new(None) };
}

fn resolve(addr: UserAddr, access: Access) -> bool {
    let space = CURRENT.with_borrow(Clone::clone);
    space.is_some_and(|s| s.fault(addr, access).is_ok())
}

/// The machine's CPUs, which host threads share, are one test's at a time.
struct Machine {
    _one: MutexGuard<'static, ()>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Not left to the end of the thread, when what a space needs is gone.
        CURRENT.set(None);
    }
}

fn machine() -> Machine {
    static ONE: Mutex<()> = Mutex::new(());
    static HOOKS: Once = Once::new();
    HOOKS.call_once(|| {
        hal::hooks::install(hal::hooks::Hooks {
            reschedule: || (),
            timer_expired: || (),
            page_fault: resolve,
            after_switch: drop,
            call_function: || (),
        });
    });
    Machine {
        _one: ONE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner),
    }
}

fn enter(space: &Arc<AddressSpace>) {
    let _here = hal::preempt::PreemptGuard::new();
    space.activate();
    CURRENT.set(Some(space.clone()));
}

fn space() -> Arc<AddressSpace> {
    let s = Arc::new(AddressSpace::new().unwrap());
    enter(&s);
    s
}

fn anon(s: &AddressSpace, pages: usize) -> usize {
    s.map(MapRequest::anon(Placement::Anywhere(0), pages * P, RW))
        .unwrap()
        .0
}

fn file(s: &AddressSpace, o: &Arc<MemObject>, pages: usize, shared: bool) -> usize {
    let flags = if shared { MAY | VmaFlags::SHARED } else { MAY };
    s.map(MapRequest {
        flags,
        backing: Backing::Object {
            object: o.clone(),
            offset: 0,
        },
        ..MapRequest::anon(Placement::Anywhere(0), pages * P, RW)
    })
    .unwrap()
    .0
}

fn store(at: usize, byte: u8) -> bool {
    ucopy::copy_out(UserAddr(at), &[byte]).is_ok()
}

fn load(at: usize) -> Option<u8> {
    let mut b = [0];
    ucopy::copy_in(&mut b, UserAddr(at)).ok().map(|()| b[0])
}

#[test]
fn copies_stop_exactly_where_nothing_is_mapped() {
    let _m = machine();
    let s = space();
    let at = anon(&s, 2);
    s.unmap(UserAddr(at + P), P).unwrap();
    assert_eq!(ucopy::copy_out(UserAddr(at + P - 5), &[1; 9]), Err(5));
    assert_eq!(load(at + P - 1), Some(1));
    assert_eq!(load(at + P), None);
    assert_eq!(
        ucopy::copy_in_nofault(&mut [0; 4], UserAddr(at + P)),
        Err(0)
    );
    assert_eq!(
        ucopy::copy_in(&mut [0; 8], UserAddr(usize::MAX - 3)),
        Err(0)
    );
    let mut buf = [0; 16];
    ucopy::copy_out(UserAddr(at), b"name\0rest").unwrap();
    assert_eq!(ucopy::read_cstr(UserAddr(at), &mut buf), Ok(4));
    assert_eq!(
        ucopy::cmpxchg_u32(UserAddr(at + 8), u32::from(b't'), 7),
        Some(u32::from(b't'))
    );
    assert_eq!(ucopy::load_u32(UserAddr(at + 8)), Some(7));
    assert_eq!(ucopy::load_u32(UserAddr(at + 2)), None);
}

#[test]
fn fork_shares_until_one_side_writes() {
    let _m = machine();
    let parent = space();
    let at = anon(&parent, 4);
    let shared = file(&parent, &MemObject::new_anon(P as u64), 1, true);
    for i in 0..4 {
        assert!(store(at + i * P, i as u8 + 1));
    }
    assert!(store(shared, 9));
    let child = Arc::new(parent.fork().unwrap());
    // The parent's rights must be gone from its translation caches.
    assert!(store(at, 100));
    enter(&child);
    assert_eq!(load(at), Some(1));
    assert!(store(at + P, 50) && store(shared, 10));
    enter(&parent);
    assert_eq!(load(at), Some(100));
    assert_eq!(load(at + P), Some(2));
    assert_eq!(load(shared), Some(10));
    drop(child);
    assert!(store(at + 2 * P, 7));
    assert_eq!(load(at + 2 * P), Some(7));
}

#[test]
fn fork_shares_a_private_mappings_own_pages_until_one_side_writes() {
    let _m = machine();
    let parent = space();
    let at = file(&parent, &MemObject::new_anon(2 * P as u64), 2, false);
    assert!(store(at, 1));
    let child = Arc::new(parent.fork().unwrap());
    assert!(store(at, 2) && store(at + P, 3));
    enter(&child);
    assert_eq!((load(at), load(at + P)), (Some(1), Some(0)));
    assert!(store(at, 4));
    enter(&parent);
    assert_eq!((load(at), load(at + P)), (Some(2), Some(3)));
}

#[test]
fn wipeonfork_and_dontfork_are_heeded() {
    let _m = machine();
    let parent = space();
    let (a, b) = (anon(&parent, 1), anon(&parent, 1));
    assert!(store(a, 1) && store(b, 2));
    parent.advise(UserAddr(a), P, MADV_WIPEONFORK).unwrap();
    parent.advise(UserAddr(b), P, MADV_DONTFORK).unwrap();
    let child = Arc::new(parent.fork().unwrap());
    enter(&child);
    assert_eq!((load(a), load(b)), (Some(0), None));
}

#[test]
fn truncation_takes_pages_from_who_maps_them() {
    let _m = machine();
    let s = space();
    let o = MemObject::new_anon(3 * P as u64);
    let (sh, pr) = (file(&s, &o, 4, true), file(&s, &o, 4, false));
    assert!(store(sh + 2 * P, 5) && store(pr + 2 * P, 6));
    assert_eq!((load(sh + 2 * P), load(pr + 2 * P)), (Some(5), Some(6)));
    assert_eq!(
        s.fault(UserAddr(sh + 3 * P), Access::Read),
        Err(FaultError::Bus)
    );
    o.punch_hole(2 * P as u64..3 * P as u64).unwrap();
    // A private copy survives a hole, not a truncation.
    assert_eq!((load(sh + 2 * P), load(pr + 2 * P)), (Some(0), Some(6)));
    o.truncate(P as u64).unwrap();
    assert_eq!(
        (load(sh + P), load(sh + 2 * P), load(pr + 2 * P)),
        (None, None, None)
    );
    assert!(store(sh, 1));
    o.truncate(3 * P as u64).unwrap();
    assert_eq!(load(sh + 2 * P), Some(0));
    let mut back = [0; 2];
    o.read_at(0, &mut IoDst::kernel(&mut back)).unwrap();
    assert_eq!(back, [1, 0]);
}

#[test]
fn a_mapping_gone_is_not_reached_by_truncation() {
    let _m = machine();
    let s = space();
    let o = MemObject::new_anon(4 * P as u64);
    let at = file(&s, &o, 4, true);
    assert!(store(at, 1));
    s.unmap(UserAddr(at), 2 * P).unwrap();
    let fixed = MapRequest::anon(Placement::Fixed(at), 2 * P, RW);
    s.map(fixed).unwrap();
    assert!(store(at, 8));
    o.truncate(0).unwrap();
    assert_eq!((load(at), load(at + 2 * P)), (Some(8), None));
}

#[test]
fn going_back_from_a_missing_page_does_not_forget_it() {
    let _m = machine();
    let s = space();
    let at = anon(&s, 2);
    assert!(store(at, 3));
    let mut src = IoSrc::user(hal::UserSlice::new(UserAddr(at + P - 4), 8));
    let mark = src.mark();
    let mut bytes = [9; 8];
    assert_eq!(src.take(&mut bytes), 4);
    src.rewind(mark);
    assert!(src.faulted());
    // It can be used up to there, and the page that comes is the missing one.
    assert_eq!(src.take(&mut bytes[..2]), 2);
    src.rewind(mark);
    assert!(src.fault_in() && !src.faulted());
    assert_eq!(src.take(&mut bytes), 8);
    assert_eq!(bytes, [0; 8]);
    assert!(!src.faulted());
}

#[test]
fn reads_and_writes_of_an_object_stop_at_missing_user_pages() {
    let _m = machine();
    let s = space();
    let at = anon(&s, 4);
    let o = MemObject::new_anon(0);
    assert!(store(at, 3));
    let mut src = IoSrc::user(hal::UserSlice::new(UserAddr(at), 2 * P));
    assert_eq!(o.write_at(0, &mut src), Ok(P));
    assert!(src.faulted() && src.fault_in());
    assert_eq!(o.write_at(P as u64, &mut src), Ok(P));
    assert_eq!(src.remaining(), 0);
    let pieces = [
        hal::UserSlice::new(UserAddr(at + 2 * P), 10),
        hal::UserSlice::new(UserAddr(at + 3 * P), 0),
        hal::UserSlice::new(UserAddr(at + 4 * P), 10),
    ];
    let mut dst = IoDst::iovec(&pieces);
    assert_eq!(o.read_at(0, &mut dst), Ok(0));
    assert!(dst.fault_in());
    assert_eq!(o.read_at(0, &mut dst), Ok(10));
    assert!(dst.faulted() && !dst.fault_in());
    assert_eq!(load(at + 2 * P), Some(3));
}

#[test]
fn mprotect_takes_rights_away_at_once_and_refuses_what_the_file_does() {
    let _m = machine();
    let s = space();
    let at = anon(&s, 3);
    assert!(store(at, 1) && store(at + P, 1));
    s.protect(UserAddr(at), P, ProtFlags::READ).unwrap();
    assert!(!store(at, 2) && store(at + P, 2));
    s.protect(UserAddr(at), P, ProtFlags::empty()).unwrap();
    assert_eq!(load(at), None);
    s.protect(UserAddr(at), P, RW).unwrap();
    assert!(store(at, 2));
    assert_eq!(s.protect(UserAddr(at + 1), P, RW), Err(Errno::EINVAL));
    assert_eq!(s.protect(UserAddr(at), 9 * P, RW), Err(Errno::ENOMEM));
    let o = MemObject::new_anon(P as u64);
    let read_only = s
        .map(MapRequest {
            flags: VmaFlags::SHARED | VmaFlags::MAYREAD | VmaFlags::MAYEXEC,
            backing: Backing::Object {
                object: o,
                offset: 0,
            },
            ..MapRequest::anon(Placement::Anywhere(0), P, ProtFlags::READ)
        })
        .unwrap();
    assert_eq!(s.protect(read_only, P, RW), Err(Errno::EACCES));
}

#[test]
fn mremap_moves_bytes_and_shrinks() {
    let _m = machine();
    let s = space();
    let at = anon(&s, 2);
    let _below = anon(&s, 1);
    assert!(store(at, 1) && store(at + P, 2));
    let no = RemapFlags::empty();
    assert_eq!(
        s.remap(UserAddr(at), 2 * P, 8 * P, no, UserAddr(0)),
        Err(Errno::ENOMEM)
    );
    let big = s
        .remap(UserAddr(at), 2 * P, 8 * P, RemapFlags::MAYMOVE, UserAddr(0))
        .unwrap()
        .0;
    assert_ne!(big, at);
    assert_eq!(
        (load(big), load(big + P), load(big + 7 * P)),
        (Some(1), Some(2), Some(0))
    );
    assert_eq!(load(at), None);
    assert_eq!(
        s.remap(UserAddr(big), 8 * P, P, no, UserAddr(0)).unwrap().0,
        big
    );
    assert_eq!(load(big + P), None);
    let grown = s.remap(UserAddr(big), P, 2 * P, no, UserAddr(0)).unwrap().0;
    assert_eq!(grown, big);
    let keep = RemapFlags::MAYMOVE | RemapFlags::DONTUNMAP;
    let moved = s.remap(UserAddr(big), P, P, keep, UserAddr(0)).unwrap().0;
    assert_eq!((load(moved), load(big)), (Some(1), Some(0)));
}

#[test]
fn the_heap_and_the_stack_grow_within_their_limits() {
    let _m = machine();
    let s = space();
    s.set_layout(Layout {
        brk: 0x10_0000,
        mmap_base: 1 << 40,
        ..Layout::default()
    });
    assert_eq!(s.brk(UserAddr(0)).0, 0x10_0000);
    assert_eq!(s.brk(UserAddr(0x10_2001)).0, 0x10_2001);
    assert!(store(0x10_2fff, 1));
    assert_eq!(s.brk(UserAddr(0x10_1000)).0, 0x10_1000);
    assert!(!store(0x10_1000, 1));
    s.set_limits(AddressLimits {
        data: 0x4000,
        stack: 64 * P as u64,
        ..AddressLimits::default()
    });
    assert_eq!(s.brk(UserAddr(0x10_9000)).0, 0x10_1000);
    let top = 1 << 41;
    s.map(MapRequest {
        flags: MAY | VmaFlags::GROWSDOWN,
        ..MapRequest::anon(Placement::Fixed(top - P), P, RW)
    })
    .unwrap();
    assert!(store(top - 10 * P, 1));
    assert!(!store(top - 65 * P, 1));
    assert!(store(top - 64 * P, 1));
    assert_eq!(s.stats().stack, 64);
}

#[test]
fn seals_meet_mappings() {
    let _m = machine();
    let s = space();
    let o = MemObject::new_anon(P as u64);
    o.set_initial_seals(Seals::empty());
    let at = file(&s, &o, 1, true);
    assert_eq!(o.add_seals(Seals::WRITE, false), Err(Errno::EBUSY));
    s.unmap(UserAddr(at), P).unwrap();
    o.add_seals(Seals::WRITE | Seals::SHRINK | Seals::SEAL, false)
        .unwrap();
    assert_eq!(o.truncate(0), Err(Errno::EPERM));
    assert_eq!(o.write_at(0, &mut IoSrc::kernel(b"x")), Err(Errno::EPERM));
    assert_eq!(o.add_seals(Seals::GROW, false), Err(Errno::EPERM));
}

#[test]
fn locked_memory_is_counted_and_limited() {
    let _m = machine();
    let s = space();
    let at = anon(&s, 4);
    s.set_limits(AddressLimits {
        locked: 2 * P as u64,
        ..AddressLimits::default()
    });
    s.lock(UserAddr(at), 2 * P, false).unwrap();
    assert_eq!(s.stats().locked, 2);
    assert_eq!(s.stats().resident, 2);
    s.lock(UserAddr(at), 2 * P, false).unwrap();
    assert_eq!(s.lock(UserAddr(at), 3 * P, false), Err(Errno::ENOMEM));
    assert_eq!(s.advise(UserAddr(at), P, MADV_DONTNEED), Err(Errno::EINVAL));
    assert_eq!(s.lock_all(MlockallFlags::CURRENT), Err(Errno::ENOMEM));
    s.unlock(UserAddr(at), P).unwrap();
    assert_eq!(s.stats().locked, 1);
    s.unlock_all().unwrap();
    assert_eq!(s.stats().locked, 0);
    let mut there = [9; 4];
    s.resident(UserAddr(at), &mut there).unwrap();
    assert_eq!(there, [1, 1, 0, 0]);
}

#[test]
fn everything_comes_back() {
    let _m = machine();
    let s = space();
    let before = hal::frame::free_count();
    for _ in 0..20 {
        let at = anon(&s, 600);
        for i in (0..600).step_by(7) {
            assert!(store(at + i * P, 1));
        }
        let child = s.fork().unwrap();
        s.unmap(UserAddr(at), 600 * P).unwrap();
        drop(child);
    }
    // What remains are magazines, which count as free, and cached tables of the space.
    // Other tests hold frames meanwhile; a leak here would be of thousands.
    assert!(hal::frame::free_count() + 800 >= before);
}
