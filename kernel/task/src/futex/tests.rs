//! Waiters and wakers as host threads.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;
use std::vec::Vec;

use abi::Errno;
use sync::{Instant, Sleep, Stop};

use super::table::{Table, Waiter};

static TABLE: LazyLock<Table<u64>> = LazyLock::new(Table::new);

/// FUTEX_WAIT as the handler does it.
fn wait(key: u64, word: &AtomicU32, expected: u32, limit: Option<Duration>) -> Result<(), Errno> {
    let waiter = Waiter::current();
    TABLE.enter(&key, u32::MAX, &waiter, || {
        if word.load(SeqCst) == expected {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    })?;
    let deadline = limit.map(Instant::after);
    let sleep = Sleep {
        deadline,
        exclusive: false,
        idle: false,
        interrupted: &|| false,
    };
    match sync::wait_on(&sleep, &[], || waiter.is_woken()) {
        Ok(answer) => answer,
        Err(Stop::TimedOut) if TABLE.leave(&waiter) => Err(Errno::ETIMEDOUT),
        Err(_) => Ok(()),
    }
}

#[test]
fn a_lock_made_of_a_word_excludes() {
    let word = Arc::new(AtomicU32::new(0));
    let shared = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (word, shared) = (word.clone(), shared.clone());
            thread::spawn(move || {
                for _ in 0..500 {
                    // 0 free, 1 taken, 2 taken and waited for.
                    if word.compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
                        while word.swap(2, SeqCst) != 0 {
                            let _ = wait(1, &word, 2, None);
                        }
                    }
                    let seen = shared.load(SeqCst);
                    thread::yield_now();
                    shared.store(seen + 1, SeqCst);
                    if word.swap(0, SeqCst) == 2 {
                        TABLE.wake(&1, 1, u32::MAX);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(shared.load(SeqCst), 2000);
}

#[test]
fn a_wait_that_times_out_leaves_nothing_behind() {
    let word = AtomicU32::new(5);
    assert_eq!(
        wait(2, &word, 5, Some(Duration::from_millis(5))),
        Err(Errno::ETIMEDOUT)
    );
    assert_eq!(TABLE.wake(&2, 1, u32::MAX), 0);
    assert_eq!(wait(2, &word, 6, None), Err(Errno::EAGAIN));
}

#[test]
fn requeueing_loses_nobody() {
    for round in 0..50u64 {
        let (from, to) = (100 + round * 2, 101 + round * 2);
        let word = Arc::new(AtomicU32::new(0));
        let waiting = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..6)
            .map(|_| {
                let (word, waiting) = (word.clone(), waiting.clone());
                thread::spawn(move || {
                    waiting.fetch_add(1, SeqCst);
                    let _ = wait(from, &word, 0, None);
                })
            })
            .collect();
        while waiting.load(SeqCst) < 6 {
            thread::yield_now();
        }
        let moved: Result<usize, Errno> = TABLE.requeue(&from, &to, 1, usize::MAX, || Ok(()));
        assert!(moved.is_ok());
        // Those who come late see the new value and do not wait.
        word.store(1, SeqCst);
        let mut woken = 0;
        while threads.iter().any(|thread| !thread.is_finished()) {
            woken += TABLE.wake(&to, usize::MAX, u32::MAX);
            woken += TABLE.wake(&from, usize::MAX, u32::MAX);
            thread::yield_now();
        }
        assert!(woken <= 6);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn bits_choose_who_is_woken() {
    let word = Arc::new(AtomicU32::new(0));
    let task = thread::spawn(move || {
        let waiter = Waiter::current();
        TABLE
            .enter(&9, 0b10, &waiter, || Ok::<_, Errno>(()))
            .unwrap();
        let sleep = Sleep {
            deadline: None,
            exclusive: false,
            idle: false,
            interrupted: &|| false,
        };
        sync::wait_on(&sleep, &[], || waiter.is_woken())
            .unwrap()
            .unwrap();
        drop(word);
    });
    thread::sleep(Duration::from_millis(20));
    assert_eq!(TABLE.wake(&9, 1, 0b01), 0);
    while TABLE.wake(&9, 1, 0b10) == 0 {
        thread::yield_now();
    }
    task.join().unwrap();
}
