//! What each flag does, one rule a test.

use super::*;
use crate::pipe;
use abi::epoll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT, EPOLLWAKEUP};
use abi::fcntl::OFlags;

#[test]
fn level_triggered_repeats() {
    let (epoll, file) = (Epoll::new(0), counter(0));
    epoll.add(&file, 3, &event(IN, 7)).unwrap();
    assert_eq!(ready(&epoll, 9), []);
    put(&file);
    assert_eq!(ready(&epoll, 9), [(7, IN)]);
    assert_eq!(ready(&epoll, 9), [(7, IN)]);
    take(&file);
    assert_eq!(ready(&epoll, 9), []);
}

#[test]
fn a_walk_tells_once_of_each_though_many_are_gone() {
    let epoll = Epoll::new(0);
    let mut files: Vec<_> = (0..100).map(|_| counter(1)).collect();
    for (fd, file) in files.iter().enumerate() {
        epoll.add(file, fd as i32, &event(IN, fd as u64)).unwrap();
    }
    // These stay on the list, being less than half of it, until the walk meets those that are closed.
    for (fd, file) in files.iter().enumerate().skip(60) {
        epoll.remove(file, fd as i32).unwrap();
    }
    files.drain(5..50);
    let mut told: Vec<_> = ready(&epoll, 64).into_iter().map(|(fd, _)| fd).collect();
    told.sort_unstable();
    assert_eq!(told, (0..5).chain(50..60).collect::<Vec<_>>());
    assert_eq!(ready(&epoll, 64).len(), 15);
}

#[test]
fn edge_triggered_tells_once_an_arrival() {
    let (epoll, file) = (Epoll::new(0), counter(1));
    epoll.add(&file, 3, &event(IN | EPOLLET, 7)).unwrap();
    assert_eq!(ready(&epoll, 9), [(7, IN)]);
    assert_eq!(ready(&epoll, 9), []);
    put(&file);
    put(&file);
    assert_eq!(ready(&epoll, 9), [(7, IN)]);
    assert_eq!(ready(&epoll, 9), []);
}

#[test]
fn one_shot_waits_for_a_change() {
    let (epoll, file) = (Epoll::new(0), counter(1));
    let once = event(IN | EPOLLONESHOT, 7);
    epoll.add(&file, 3, &once).unwrap();
    assert_eq!(ready(&epoll, 9), [(7, IN)]);
    put(&file);
    assert_eq!(ready(&epoll, 9), []);
    epoll.modify(&file, 3, &once).unwrap();
    assert_eq!(ready(&epoll, 9), [(7, IN)]);
}

#[test]
fn one_shot_keeps_silent_about_hang_ups_too() {
    let (epoll, (read, write)) = (Epoll::new(0), pipe::pair(OFlags::empty(), &cred()).unwrap());
    epoll.add(&read, 3, &event(IN | EPOLLONESHOT, 7)).unwrap();
    drop(write);
    assert_eq!(ready(&epoll, 9), [(7, 0x10)]);
    assert_eq!(ready(&epoll, 9), []);
}

#[test]
fn errors_come_unasked() {
    let (epoll, (read, write)) = (Epoll::new(0), pipe::pair(OFlags::empty(), &cred()).unwrap());
    epoll.add(&write, 3, &event(0, 7)).unwrap();
    assert_eq!(ready(&epoll, 9), []);
    drop(read);
    assert_eq!(ready(&epoll, 9), [(7, 8)]);
}

#[test]
fn a_change_asks_again_and_disarming_silences() {
    let (epoll, file) = (Epoll::new(0), counter(0));
    epoll.add(&file, 3, &event(IN, 7)).unwrap();
    epoll.modify(&file, 3, &event(OUT | EPOLLET, 8)).unwrap();
    assert_eq!(ready(&epoll, 9), [(8, OUT)]);
    epoll.modify(&file, 3, &event(0, 9)).unwrap();
    put(&file);
    assert_eq!(ready(&epoll, 9), []);
}

#[test]
fn many_take_turns() {
    let epoll = Epoll::new(0);
    let files: Vec<_> = (0..40).map(|_| counter(1)).collect();
    for (file, fd) in files.iter().zip(0..) {
        epoll.add(file, fd, &event(IN, fd as u64)).unwrap();
    }
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.extend(ready(&epoll, 10).into_iter().map(|(data, _)| data));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..40).collect::<Vec<u64>>());
    assert_eq!(ready(&epoll, 99).len(), 40);
}

#[test]
fn what_the_sink_cannot_take_stays() {
    let epoll = Epoll::new(0);
    let files = [counter(1), counter(1)];
    epoll.add(&files[0], 3, &event(IN | EPOLLET, 3)).unwrap();
    epoll.add(&files[1], 4, &event(IN | EPOLLET, 4)).unwrap();
    assert_eq!(epoll.collect(9, |_| false), Ok(Collected::Fault));
    let mut room = 1;
    let one = epoll.collect(9, |_| core::mem::take(&mut room) == 1);
    assert_eq!(one, Ok(Collected::Events(1)));
    assert_eq!(ready(&epoll, 9), [(4, IN)]);
}

#[test]
fn refusals() {
    let (epoll, file) = (Epoll::new(0), counter(0));
    assert_eq!(epoll.remove(&file, 3), Err(Errno::ENOENT));
    assert_eq!(epoll.modify(&file, 3, &event(IN, 0)), Err(Errno::ENOENT));
    epoll.add(&file, 3, &event(IN | EPOLLWAKEUP, 0)).unwrap();
    assert_eq!(epoll.add(&file, 3, &event(IN, 0)), Err(Errno::EEXIST));
    // Another number of the same file is another interest.
    assert_eq!(epoll.add(&file, 4, &event(IN, 0)), Ok(()));
    assert_eq!(epoll.remove(&file, 3), Ok(()));
    assert_eq!(epoll.remove(&file, 3), Err(Errno::ENOENT));
}

#[test]
fn exclusive_has_rules() {
    let (epoll, file) = (Epoll::new(0), counter(0));
    let exclusive = |more| event(EPOLLEXCLUSIVE | more, 0);
    assert_eq!(
        epoll.add(&file, 3, &exclusive(IN | EPOLLONESHOT)),
        Err(Errno::EINVAL)
    );
    epoll.add(&file, 3, &exclusive(IN | EPOLLET)).unwrap();
    assert_eq!(epoll.modify(&file, 3, &event(IN, 0)), Err(Errno::EINVAL));
    let inner = Epoll::file(cred());
    assert_eq!(epoll.add(&inner, 4, &exclusive(IN)), Err(Errno::EINVAL));
}

#[test]
fn a_closed_file_is_forgotten() {
    let (epoll, file) = (Epoll::new(0), counter(1));
    epoll.add(&file, 3, &event(IN, 0)).unwrap();
    let item = Arc::downgrade(epoll.interest.lock().items.values().next().unwrap());
    drop(file);
    assert_eq!(ready(&epoll, 9), []);
    assert!(epoll.interest.lock().items.is_empty());
    // At most the ready list still has it, until it is next turned.
    assert!(item.strong_count() <= 1);
    drop(epoll);
    assert_eq!(item.strong_count(), 0);
}

#[test]
fn closed_files_are_swept_without_a_wait() {
    let epoll = Epoll::new(0);
    for fd in 0..1000 {
        epoll.add(&counter(1), fd, &event(IN, 0)).unwrap();
    }
    assert!(epoll.interest.lock().items.len() < 100);
    assert!(epoll.ready.listed() < 100);
}

#[test]
fn a_closed_instance_is_forgotten() {
    let (epoll, file) = (Epoll::file(cred()), counter(1));
    let inner: &Epoll = epoll.ops_as().unwrap();
    inner.add(&file, 3, &event(IN, 0)).unwrap();
    let item = Arc::downgrade(inner.interest.lock().items.values().next().unwrap());
    assert!(is_watched(&file));
    drop(epoll);
    assert!(!is_watched(&file));
    assert_eq!(item.strong_count(), 0);
}

#[test]
fn adding_and_removing_for_ever_stays_small() {
    let (epoll, file) = (Epoll::new(0), counter(1));
    for _ in 0..1000 {
        epoll.add(&file, 3, &event(IN, 0)).unwrap();
        epoll.remove(&file, 3).unwrap();
    }
    assert!(epoll.ready.listed() < 40);
    assert!(!is_watched(&file));
    assert_eq!(ready(&epoll, 9), []);
}

fn of(file: &OpenFile) -> &Epoll {
    file.ops_as().unwrap()
}

#[test]
fn an_instance_in_an_instance_is_readable() {
    let (outer, inner, file) = (Epoll::new(0), Epoll::file(cred()), counter(0));
    of(&inner).add(&file, 3, &event(IN | EPOLLET, 3)).unwrap();
    outer.add(&inner, 4, &event(IN, 4)).unwrap();
    assert_eq!(ready(&outer, 9), []);
    put(&file);
    // Asking consumes nothing.
    assert_eq!(ready(&outer, 9), [(4, IN)]);
    assert_eq!(ready(&outer, 9), [(4, IN)]);
    assert_eq!(ready(of(&inner), 9), [(3, IN)]);
    assert_eq!(ready(&outer, 9), []);
}

#[test]
fn circles_are_refused() {
    let [a, b, c] = [(); 3].map(|()| Epoll::file(cred()));
    assert_eq!(of(&a).add(&a, 3, &event(IN, 0)), Err(Errno::EINVAL));
    of(&a).add(&b, 3, &event(IN, 0)).unwrap();
    of(&b).add(&c, 3, &event(IN, 0)).unwrap();
    assert_eq!(of(&c).add(&a, 3, &event(IN, 0)), Err(Errno::ELOOP));
    of(&a).remove(&b, 3).unwrap();
    assert_eq!(of(&c).add(&a, 3, &event(IN, 0)), Ok(()));
}

#[test]
fn towers_are_low() {
    let files: Vec<_> = (0..8).map(|_| Epoll::file(cred())).collect();
    let mut built = 0;
    for pair in files.windows(2) {
        match of(&pair[1]).add(&pair[0], 3, &event(IN, 0)) {
            Ok(()) => built += 1,
            Err(error) => {
                assert_eq!(error, Errno::ELOOP);
                break;
            }
        }
    }
    assert_eq!(built, 4);
}

#[test]
fn tying_again_and_again_keeps_one_parent() {
    let (outer, inner) = (Epoll::new(0), Epoll::file(cred()));
    for _ in 0..100 {
        outer.add(&inner, 3, &event(IN, 0)).unwrap();
        outer.remove(&inner, 3).unwrap();
    }
    assert!(of(&inner).interest.lock().parents.len() <= 1);
}
