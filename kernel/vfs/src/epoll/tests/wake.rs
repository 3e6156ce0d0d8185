//! Nobody sleeps through an event: over `std` threads, and over shuttle's interleavings.

use super::*;
use abi::epoll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLONESHOT};
use sync::{Events, Sleep, wait_on};

#[cfg(feature = "shuttle")]
use shuttle::{check_random, thread};
#[cfg(not(feature = "shuttle"))]
use std::thread;

#[cfg(feature = "shuttle")]
const TRIES: usize = 1500;

#[cfg(not(feature = "shuttle"))]
fn check_random(body: impl Fn(), tries: usize) {
    (0..tries).for_each(|_| body());
}
#[cfg(not(feature = "shuttle"))]
const TRIES: usize = 200;

/// Waits for one event without an end: a lost wake-up hangs here.
fn wait(epoll: &Epoll) -> (u64, u32) {
    let sleep = Sleep {
        deadline: None,
        exclusive: true,
        idle: false,
        interrupted: &|| false,
    };
    let on = [(epoll.waiters(), Events::READABLE)];
    let mut got = (0, 0);
    let answer = wait_on(&sleep, &on, || {
        epoll.collect(1, |event| {
            got = (event.data, event.events);
            true
        })
    });
    assert_eq!(answer, Ok(Ok(Collected::Events(1))));
    got
}

fn arrival_wakes(mask: u32) {
    check_random(
        move || {
            let (epoll, file) = (Epoll::new(0), counter(0));
            epoll.add(&file, 3, &event(mask, 3)).unwrap();
            let writer = thread::spawn({
                let file = file.clone();
                move || put(&file)
            });
            assert_eq!(wait(&epoll), (3, IN));
            writer.join().unwrap();
        },
        TRIES,
    );
}

#[test]
fn an_arrival_wakes_level_triggered() {
    arrival_wakes(IN);
}

#[test]
fn an_arrival_wakes_edge_triggered() {
    arrival_wakes(IN | EPOLLET);
}

#[test]
fn an_arrival_wakes_exclusive() {
    arrival_wakes(IN | EPOLLEXCLUSIVE);
}

#[test]
fn adding_a_ready_file_wakes() {
    check_random(
        || {
            let (epoll, file) = (Epoll::new(0), counter(1));
            let adder = thread::spawn({
                let (epoll, file) = (epoll.clone(), file.clone());
                move || epoll.add(&file, 3, &event(IN, 3)).unwrap()
            });
            assert_eq!(wait(&epoll), (3, IN));
            adder.join().unwrap();
        },
        TRIES,
    );
}

#[test]
fn arming_a_one_shot_again_meets_an_arrival() {
    check_random(
        || {
            let (epoll, file) = (Epoll::new(0), counter(1));
            let once = event(IN | EPOLLONESHOT, 3);
            epoll.add(&file, 3, &once).unwrap();
            assert_eq!(wait(&epoll), (3, IN));
            take(&file);
            let writer = thread::spawn({
                let file = file.clone();
                move || put(&file)
            });
            epoll.modify(&file, 3, &once).unwrap();
            assert_eq!(wait(&epoll), (3, IN));
            writer.join().unwrap();
        },
        TRIES,
    );
}

#[test]
fn two_events_wake_two_who_wait() {
    check_random(
        || {
            let epoll = Epoll::new(0);
            let files = [counter(0), counter(0)];
            let mask = IN | EPOLLONESHOT;
            epoll.add(&files[0], 3, &event(mask, 3)).unwrap();
            epoll.add(&files[1], 4, &event(mask, 4)).unwrap();
            let waiter = thread::spawn({
                let epoll = epoll.clone();
                move || wait(&epoll).0
            });
            let writer = thread::spawn({
                let files = files.clone();
                move || files.iter().for_each(|file| put(file))
            });
            let here = wait(&epoll).0;
            let there = waiter.join().unwrap();
            writer.join().unwrap();
            assert_eq!(here + there, 7);
        },
        TRIES,
    );
}

#[test]
fn an_arrival_wakes_through_an_instance_in_an_instance() {
    check_random(
        || {
            let (outer, inner, file) = (Epoll::new(0), Epoll::file(cred()), counter(0));
            let within: &Epoll = inner.ops_as().unwrap();
            within.add(&file, 3, &event(IN, 3)).unwrap();
            outer.add(&inner, 4, &event(IN, 4)).unwrap();
            let writer = thread::spawn({
                let file = file.clone();
                move || put(&file)
            });
            assert_eq!(wait(&outer), (4, IN));
            writer.join().unwrap();
        },
        TRIES,
    );
}

#[test]
fn removal_meets_an_arrival() {
    check_random(
        || {
            let (epoll, file) = (Epoll::new(0), counter(0));
            epoll.add(&file, 3, &event(IN, 3)).unwrap();
            let writer = thread::spawn({
                let file = file.clone();
                move || put(&file)
            });
            epoll.remove(&file, 3).unwrap();
            assert_eq!(ready(&epoll, 9), []);
            writer.join().unwrap();
            assert_eq!(ready(&epoll, 9), []);
            assert!(!is_watched(&file));
        },
        TRIES,
    );
}
