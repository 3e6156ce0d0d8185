//! Arming, cancelling and expiring at once: over `std` threads and the host's timer thread, and over
//! shuttle's interleavings, where the clock stands at zero and the test is the timer interrupt.

use super::*;
use alloc::vec::Vec;

#[cfg(feature = "shuttle")]
use shuttle::thread;
#[cfg(not(feature = "shuttle"))]
use std::thread;

#[cfg(feature = "shuttle")]
const TRIES: usize = 3000;

/// The queues are the process's: one model at a time.
#[cfg(feature = "shuttle")]
fn check_random(body: impl Fn() + Send + Sync + 'static, tries: usize) {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock();
    shuttle::check_random(body, tries);
}

#[cfg(not(feature = "shuttle"))]
fn check_random(body: impl Fn(), tries: usize) {
    (0..tries).for_each(|_| body());
}
#[cfg(not(feature = "shuttle"))]
const TRIES: usize = 300;

type Count = Arc<core::sync::atomic::AtomicUsize>;

fn counting() -> (Arc<Timer>, Count) {
    let count = Count::default();
    let rings = count.clone();
    let timer = Timer::new(Arc::new(move || {
        rings.fetch_add(1, Ordering::SeqCst);
    }));
    (Arc::new(timer), count)
}

/// Lets what is due ring.
fn interrupt() {
    #[cfg(feature = "shuttle")]
    expired();
    #[cfg(not(feature = "shuttle"))]
    thread::yield_now();
}

/// Until all that is due has rung.
fn settle(done: impl Fn() -> bool) {
    #[cfg(feature = "shuttle")]
    expired();
    #[cfg(not(feature = "shuttle"))]
    for _ in 0..100_000 {
        if done() {
            break;
        }
        thread::sleep(core::time::Duration::from_millis(1));
    }
    assert!(done());
}

#[test]
fn a_timer_rings_or_is_cancelled_and_never_both() {
    check_random(
        || {
            let (timer, rings) = counting();
            let canceller = thread::spawn({
                let timer = timer.clone();
                move || {
                    timer.arm(Instant::BOOT);
                    usize::from(timer.cancel())
                }
            });
            interrupt();
            let cancelled = canceller.join().unwrap();
            settle(|| rings.load(Ordering::SeqCst) + cancelled == 1);
            assert!(!timer.is_armed());
        },
        TRIES,
    );
}

#[test]
fn a_timer_armed_by_two_at_once_rings_and_rests() {
    check_random(
        || {
            let (timer, rings) = counting();
            let armers: Vec<_> = (0..2)
                .map(|_| {
                    let timer = timer.clone();
                    thread::spawn(move || timer.arm(Instant::BOOT))
                })
                .collect();
            interrupt();
            for armer in armers {
                armer.join().unwrap();
            }
            settle(|| !timer.is_armed());
            settle(|| (1..=2).contains(&rings.load(Ordering::SeqCst)));
        },
        TRIES,
    );
}

#[test]
fn a_timer_dropped_while_it_rings_lets_its_callback_go() {
    check_random(
        || {
            let (timer, rings) = counting();
            timer.arm(Instant::BOOT);
            let dropper = thread::spawn(move || drop(timer));
            interrupt();
            dropper.join().unwrap();
            assert!(rings.load(Ordering::SeqCst) <= 1);
            interrupt();
            // One of the counts is the test's; the callback's may lie with the reaper.
            assert!(Arc::strong_count(&rings) <= 2);
        },
        TRIES,
    );
}

#[test]
fn timers_beside_each_other_do_not_disturb() {
    check_random(
        || {
            let far = Instant::from_nanos(u64::MAX / 2);
            let timers: Vec<_> = (0..3).map(|_| counting()).collect();
            let threads: Vec<_> = timers
                .iter()
                .enumerate()
                .map(|(at, (timer, _))| {
                    let timer = timer.clone();
                    thread::spawn(move || {
                        timer.arm(far);
                        if at != 1 {
                            timer.arm(Instant::BOOT);
                        }
                    })
                })
                .collect();
            interrupt();
            for thread in threads {
                thread.join().unwrap();
            }
            let rung = |at: usize| timers[at].1.load(Ordering::SeqCst);
            settle(|| rung(0) == 1 && rung(2) == 1);
            assert_eq!(rung(1), 0);
            assert!(timers[1].0.is_armed());
            assert!(timers[1].0.cancel());
        },
        TRIES,
    );
}

#[test]
#[cfg(not(feature = "shuttle"))]
fn timers_ring_in_the_order_of_their_moments() {
    let order = Arc::new(std::sync::Mutex::new(Vec::new()));
    let now = Instant::now().as_nanos();
    let timers: Vec<_> = [30, 10, 20]
        .map(|ms: u64| {
            let order = order.clone();
            let timer = Timer::new(Arc::new(move || order.lock().unwrap().push(ms)));
            timer.arm(Instant::from_nanos(now + ms * 1_000_000));
            timer
        })
        .into_iter()
        .collect();
    settle(|| order.lock().unwrap().len() == 3);
    assert_eq!(*order.lock().unwrap(), [10, 20, 30]);
    drop(timers);
}
