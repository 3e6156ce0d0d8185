//! Nobody sleeps through a change: over `std` threads, and over shuttle's interleavings.

use super::*;
use alloc::vec;
use sync::{Events, Sleep, wait_on};

#[cfg(feature = "shuttle")]
use shuttle::{check_random, thread};
#[cfg(not(feature = "shuttle"))]
use std::thread;

#[cfg(feature = "shuttle")]
const TRIES: usize = 2000;

#[cfg(not(feature = "shuttle"))]
fn check_random(body: impl Fn(), tries: usize) {
    (0..tries).for_each(|_| body());
}
#[cfg(not(feature = "shuttle"))]
const TRIES: usize = 200;

/// Waits without an end: a lost wake-up hangs here.
fn wait<T>(file: &OpenFile, events: Events, attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let sleep = Sleep {
        deadline: None,
        exclusive: true,
        idle: false,
        interrupted: &|| false,
    };
    let on = [(file.ops().pollee().unwrap(), events)];
    match wait_on(&sleep, &on, attempt) {
        Ok(answer) => answer,
        Err(_) => panic!("nothing stops this wait"),
    }
}

fn read_all(file: &OpenFile, most: usize) -> Result<Vec<u8>> {
    wait(file, Events::READABLE, || get(file, most))
}

fn write_all(file: &OpenFile, bytes: &[u8]) -> Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        let done = wait(file, Events::WRITABLE, || put(file, left))?;
        left = &left[done..];
    }
    Ok(())
}

#[test]
fn writer_and_reader_take_turns() {
    check_random(
        || {
            let (r, w) = pipe();
            of(&r).set_capacity(1, &cred()).unwrap();
            let size = of(&r).capacity() * 2 + 1;
            let writer = thread::spawn(move || write_all(&w, &vec![7; size]));
            let mut got = 0;
            loop {
                match read_all(&r, 4000).unwrap().len() {
                    0 => break,
                    more => got += more,
                }
            }
            assert_eq!(got, size);
            assert_eq!(writer.join().unwrap(), Ok(()));
        },
        TRIES,
    );
}

#[test]
fn two_readers_get_a_byte_each() {
    check_random(
        || {
            let (r, w) = pipe();
            let other = thread::spawn({
                let r = r.clone();
                move || read_all(&r, 1).unwrap()
            });
            let writer = thread::spawn(move || {
                write_all(&w, b"a").unwrap();
                write_all(&w, b"b").unwrap();
                w
            });
            let mut got = read_all(&r, 1).unwrap();
            got.extend(other.join().unwrap());
            got.sort_unstable();
            assert_eq!(got, b"ab");
            drop(writer.join().unwrap());
        },
        TRIES,
    );
}

#[test]
fn a_closing_end_wakes_the_other() {
    check_random(
        || {
            let (r, w) = pipe();
            let closer = thread::spawn(move || drop(w));
            assert_eq!(read_all(&r, 1), Ok(vec![]));
            closer.join().unwrap();
            let (r, w) = pipe();
            let size = of(&r).capacity();
            write_all(&w, &vec![1; size]).unwrap();
            let closer = thread::spawn(move || drop(r));
            assert_eq!(write_all(&w, b"x"), Err(Errno::EPIPE));
            closer.join().unwrap();
        },
        TRIES,
    );
}
