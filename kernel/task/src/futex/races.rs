//! Who comes, leaves, wakes and moves waiters at once: over `std` threads, and over shuttle's interleavings.
//! A waiter that is lost hangs here.

use std::sync::Arc;
use std::vec::Vec;

use abi::Errno;
use sync::Sleep;

use super::table::{Several, Table, Waiter};

#[cfg(feature = "shuttle")]
use shuttle::{
    check_random,
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};
#[cfg(not(feature = "shuttle"))]
use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    thread,
};

#[cfg(feature = "shuttle")]
const TRIES: usize = 2000;

#[cfg(not(feature = "shuttle"))]
fn check_random(body: impl Fn(), tries: usize) {
    (0..tries).for_each(|_| body());
}
#[cfg(not(feature = "shuttle"))]
const TRIES: usize = 200;

struct Futexes {
    table: Table<u64>,
    word: AtomicU32,
}

impl Futexes {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Table::new(),
            word: AtomicU32::new(0),
        })
    }

    /// On the list of `key` if the word is still `expected`.
    fn enter(&self, key: u64, expected: u32) -> Result<Waiter, Errno> {
        let waiter = Waiter::current();
        self.table.enter(&key, u32::MAX, &waiter, || {
            if self.word.load(SeqCst) == expected {
                Ok(())
            } else {
                Err(Errno::EAGAIN)
            }
        })?;
        Ok(waiter)
    }

    fn wait(&self, key: u64, expected: u32) {
        let Ok(waiter) = self.enter(key, expected) else {
            return;
        };
        let sleep = Sleep {
            deadline: None,
            exclusive: false,
            idle: false,
            interrupted: &|| false,
        };
        sync::wait_on(&sleep, &[], || waiter.is_woken())
            .unwrap()
            .unwrap();
    }

    fn move_all(&self, from: u64, to: u64, wake: usize) -> usize {
        let moved: Result<_, Errno> = self.table.requeue(&from, &to, wake, usize::MAX, || Ok(()));
        moved.unwrap()
    }

    fn wake(&self, key: u64, count: usize) -> usize {
        self.table.wake(&key, count, u32::MAX)
    }
}

fn spawn<T: Send + 'static>(
    futexes: &Arc<Futexes>,
    body: impl FnOnce(&Futexes) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let futexes = futexes.clone();
    thread::spawn(move || body(&futexes))
}

#[test]
fn a_change_and_a_wake_meet_every_waiter() {
    check_random(
        || {
            let futexes = Futexes::new();
            let waiters: Vec<_> = (0..2).map(|_| spawn(&futexes, |f| f.wait(1, 0))).collect();
            futexes.word.store(1, SeqCst);
            assert!(futexes.wake(1, usize::MAX) <= 2);
            for waiter in waiters {
                waiter.join().unwrap();
            }
            assert_eq!(futexes.wake(1, usize::MAX), 0);
        },
        TRIES,
    );
}

#[test]
fn who_leaves_is_not_woken_and_who_is_woken_has_not_left() {
    check_random(
        || {
            let futexes = Futexes::new();
            let leaver = spawn(&futexes, |f| {
                let Ok(waiter) = f.enter(1, 0) else {
                    return None;
                };
                Some(f.table.leave(&waiter))
            });
            let woken = futexes.wake(1, 1);
            match leaver.join().unwrap() {
                Some(true) => assert_eq!(woken + futexes.wake(1, 1), 0),
                Some(false) => assert_eq!(woken, 1),
                None => unreachable!(),
            }
        },
        TRIES,
    );
}

#[test]
fn who_leaves_while_being_moved_leaves_both_lists() {
    check_random(
        || {
            let futexes = Futexes::new();
            let leaver = spawn(&futexes, |f| {
                let waiter = f.enter(1, 0).unwrap();
                f.table.leave(&waiter)
            });
            let mover = spawn(&futexes, |f| f.move_all(1, 2, 0));
            let moved = mover.join().unwrap();
            assert!(moved <= 1);
            assert!(leaver.join().unwrap());
            assert_eq!(futexes.wake(1, 1) + futexes.wake(2, 1), 0);
        },
        TRIES,
    );
}

#[test]
fn moving_there_and_back_loses_nobody() {
    check_random(
        || {
            let futexes = Futexes::new();
            let waiters: Vec<_> = (0..2).map(|_| spawn(&futexes, |f| f.wait(1, 0))).collect();
            let movers = [
                spawn(&futexes, |f| f.move_all(1, 2, 0)),
                spawn(&futexes, |f| f.move_all(2, 1, 1)),
            ];
            for mover in movers {
                mover.join().unwrap();
            }
            // Those who come later do not wait.
            futexes.word.store(1, SeqCst);
            let woken = futexes.wake(1, usize::MAX) + futexes.wake(2, usize::MAX);
            assert!(woken <= 2);
            for waiter in waiters {
                waiter.join().unwrap();
            }
            assert_eq!(futexes.wake(1, 9) + futexes.wake(2, 9), 0);
        },
        TRIES,
    );
}

#[test]
fn a_lock_of_one_word_passes_from_hand_to_hand() {
    check_random(
        || {
            let futexes = Futexes::new();
            let owners: Vec<_> = (0..3)
                .map(|_| {
                    spawn(&futexes, |f| {
                        // 0 free, 1 taken, 2 taken and waited for.
                        if f.word.compare_exchange(0, 1, SeqCst, SeqCst).is_err() {
                            while f.word.swap(2, SeqCst) != 0 {
                                f.wait(1, 2);
                            }
                        }
                        if f.word.swap(0, SeqCst) == 2 {
                            f.wake(1, 1);
                        }
                    })
                })
                .collect();
            for owner in owners {
                owner.join().unwrap();
            }
            assert_eq!(futexes.word.load(SeqCst), 0);
        },
        TRIES,
    );
}

#[test]
fn changing_one_word_and_waking_two_meets_both_waiters() {
    check_random(
        || {
            let futexes = Futexes::new();
            let waiters = [
                spawn(&futexes, |f| f.wait(1, 0)),
                spawn(&futexes, |f| f.wait(2, 0)),
            ];
            let woken: Result<_, ()> = futexes.table.wake_both(&1, &2, 9, 9, || {
                futexes.word.store(1, SeqCst);
                Ok(true)
            });
            assert!(woken.unwrap() <= 2);
            for waiter in waiters {
                waiter.join().unwrap();
            }
        },
        TRIES,
    );
}

#[test]
fn who_waits_for_several_is_told_of_each_that_was_woken() {
    check_random(
        || {
            let futexes = Futexes::new();
            let waiter = spawn(&futexes, |f| {
                let several = Several::new(2).unwrap();
                let part = |at| Waiter::Several(several.clone(), at);
                for at in 0..2 {
                    let entered: Result<(), Errno> =
                        f.table.enter(&(at as u64), u32::MAX, &part(at), || Ok(()));
                    entered.unwrap();
                }
                let sleep = Sleep {
                    deadline: None,
                    exclusive: false,
                    idle: false,
                    interrupted: &|| false,
                };
                sync::wait_on(&sleep, &[], || several.is_woken())
                    .unwrap()
                    .unwrap();
                (0..2).filter(|at| !f.table.leave(&part(*at))).count()
            });
            let wakers = [0, 1].map(|key| {
                spawn(&futexes, move |f| {
                    let mut woken = 0;
                    for _ in 0..2 {
                        woken += f.wake(key, 1);
                        thread::yield_now();
                    }
                    woken
                })
            });
            let mut woken: usize = wakers.into_iter().map(|waker| waker.join().unwrap()).sum();
            while woken == 0 {
                woken += futexes.wake(0, 1);
                thread::yield_now();
            }
            assert_eq!(waiter.join().unwrap(), woken);
        },
        TRIES,
    );
}
