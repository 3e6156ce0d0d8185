//! What `man 7 pipe` and `man 7 fifo` say, one rule a test.

use super::*;
use alloc::vec;
use hal::PAGE_SIZE;
use sync::{CapSet, Events};

const FULL: usize = 16 * PAGE_SIZE;

#[test]
fn ends_are_for_one_way() {
    let (r, w) = pipe();
    assert_eq!(put(&r, b"x"), Err(Errno::EBADF));
    assert_eq!(get(&w, 1), Err(Errno::EBADF));
}

#[test]
fn what_is_ready_follows_the_state() {
    let (r, w) = pipe();
    assert_eq!(r.ready(), Events::empty());
    assert_eq!(w.ready(), Events::WRITABLE);
    put(&w, &vec![1; FULL]).unwrap();
    assert_eq!(r.ready(), Events::READABLE);
    assert_eq!(w.ready(), Events::empty());
    // A page's slot is free when all of the page is read.
    get(&r, PAGE_SIZE - 1).unwrap();
    assert_eq!(w.ready(), Events::empty());
    get(&r, 1).unwrap();
    assert_eq!(w.ready(), Events::WRITABLE);
    drop(w);
    assert_eq!(r.ready(), Events::READABLE | Events::HUP);
}

#[test]
fn capacity_is_a_power_of_two_and_keeps_what_is_there() {
    let (r, w) = pipe();
    let (root, mut user) = (Credentials::root(), Credentials::root());
    user.effective = CapSet::default();
    let pipe = of(&r);
    assert_eq!(pipe.capacity(), FULL);
    assert_eq!(pipe.set_capacity(1, &user), Ok(PAGE_SIZE));
    assert_eq!(pipe.set_capacity(3 * PAGE_SIZE, &user), Ok(4 * PAGE_SIZE));
    put(&w, &vec![1; 2 * PAGE_SIZE]).unwrap();
    assert_eq!(pipe.set_capacity(PAGE_SIZE, &user), Err(Errno::EBUSY));
    assert_eq!(pipe.set_capacity(4 << 20, &user), Err(Errno::EPERM));
    assert_eq!(pipe.set_capacity(4 << 20, &root), Ok(4 << 20));
    assert_eq!(pipe.set_capacity(usize::MAX, &root), Err(Errno::EINVAL));
}

#[test]
fn a_fifo_waits_for_its_partner() {
    let pipe = Pipe::new(&cred()).unwrap();
    let end = |flags| PipeEnd::of_fifo(pipe.clone(), flags);
    assert!(matches!(
        end(OFlags::WRONLY | OFlags::NONBLOCK),
        Err(Errno::ENXIO)
    ));
    let waiting = end(OFlags::RDONLY).unwrap();
    assert!(!waiting.has_partner());
    // It may come and go before the reader looks.
    drop(end(OFlags::WRONLY).unwrap());
    assert!(waiting.has_partner());
    drop(waiting);
    assert!(end(OFlags::RDWR).unwrap().has_partner());
    assert!(
        end(OFlags::RDONLY | OFlags::NONBLOCK)
            .unwrap()
            .has_partner()
    );
}

#[test]
fn a_fifo_opened_without_waiting_hangs_up_after_its_first_writer() {
    let pipe = Pipe::new(&cred()).unwrap();
    let reader = PipeEnd::of_fifo(pipe.clone(), OFlags::RDONLY | OFlags::NONBLOCK).unwrap();
    assert_eq!(reader.events(), Events::empty());
    let writer = PipeEnd::of_fifo(pipe, OFlags::WRONLY).unwrap();
    assert_eq!(reader.events(), Events::empty());
    drop(writer);
    assert_eq!(reader.events(), Events::HUP);
}
