//! Threads and what they share.

use std::cell::Cell;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, OnceLock, PoisonError, RwLock};
use std::thread::{self, Builder};
use std::time::Duration;

use crate::{Outcome, cases, expect, expect_eq};

cases![
    thread_gives_its_value_to_join,
    threads_in_a_scope_borrow,
    thread_panic_is_an_error_at_join,
    panic_is_caught_in_place,
    thread_names_and_ids_are_apart,
    thread_locals_are_apart_and_dropped,
    thread_parks_until_unparked,
    mutex_counts_right_among_threads,
    mutex_is_poisoned_by_a_panic,
    condition_variable_hands_over,
    reader_writer_lock_sees_whole_writes,
    barrier_has_one_leader_a_round,
    channel_delivers_in_order_from_many,
    bounded_channel_holds_senders_back,
    channel_receive_times_out,
    once_runs_once,
    atomics_agree,
    large_stack_is_usable,
    two_hundred_threads_at_once,
    parallelism_is_known,
];

fn joined<T>(handle: thread::JoinHandle<T>) -> Result<T, &'static str> {
    handle.join().map_err(|_| "a thread panicked")
}

fn quiet() {
    panic::set_hook(Box::new(|_| {}));
}

#[expect(clippy::panic, reason = "the panic is what is tried")]
fn boom() {
    panic!("boom");
}

fn thread_gives_its_value_to_join() -> Outcome {
    let text = String::from("moved");
    expect_eq!(joined(thread::spawn(move || text + " back"))?, "moved back");
    Ok(())
}

fn threads_in_a_scope_borrow() -> Outcome {
    let mut numbers = vec![1, 2, 3, 4];
    thread::scope(|scope| {
        for number in &mut numbers {
            scope.spawn(move || *number *= 10);
        }
    });
    expect_eq!(numbers, [10, 20, 30, 40]);
    Ok(())
}

fn thread_panic_is_an_error_at_join() -> Outcome {
    quiet();
    let result = thread::spawn(boom).join();
    expect_eq!(
        result.err().and_then(|e| e.downcast_ref::<&str>().copied()),
        Some("boom")
    );
    Ok(())
}

fn panic_is_caught_in_place() -> Outcome {
    quiet();
    expect!(panic::catch_unwind(boom).is_err());
    Ok(())
}

fn thread_names_and_ids_are_apart() -> Outcome {
    let handle = Builder::new().name("worker".into()).spawn(|| {
        let comm = std::fs::read_to_string("/proc/thread-self/comm").unwrap_or_default();
        (
            thread::current().name().map(str::to_owned),
            thread::current().id(),
            comm,
        )
    })?;
    let (name, id, comm) = joined(handle)?;
    expect_eq!(name.as_deref(), Some("worker"));
    expect_eq!(comm, "worker\n");
    expect!(id != thread::current().id());
    Ok(())
}

static DROPS: AtomicU64 = AtomicU64::new(0);

struct Counted(Cell<u64>);

impl Drop for Counted {
    fn drop(&mut self) {
        DROPS.fetch_add(self.0.get(), Ordering::SeqCst);
    }
}

thread_local! {
    static LOCAL: Counted = const { Counted(Cell::new(1)) };
}

fn thread_locals_are_apart_and_dropped() -> Outcome {
    let handles: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| LOCAL.with(|local| local.0.set(local.0.get() + 1))))
        .collect();
    for handle in handles {
        joined(handle)?;
    }
    expect_eq!(DROPS.load(Ordering::SeqCst), 8);
    expect_eq!(LOCAL.with(|local| local.0.get()), 1);
    Ok(())
}

fn thread_parks_until_unparked() -> Outcome {
    let go = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&go);
    let handle = thread::spawn(move || {
        while !flag.load(Ordering::SeqCst) {
            thread::park();
        }
    });
    thread::sleep(Duration::from_millis(20));
    go.store(true, Ordering::SeqCst);
    handle.thread().unpark();
    joined(handle)?;
    thread::park_timeout(Duration::from_millis(10));
    Ok(())
}

fn mutex_counts_right_among_threads() -> Outcome {
    let count = Mutex::new(0_u64);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5_000 {
                    *count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                }
            });
        }
    });
    expect_eq!(count.into_inner()?, 40_000);
    Ok(())
}

fn mutex_is_poisoned_by_a_panic() -> Outcome {
    quiet();
    let lock = Arc::new(Mutex::new(1));
    let other = Arc::clone(&lock);
    let result = thread::spawn(move || {
        let _guard = other.lock();
        boom();
    })
    .join();
    expect!(result.is_err());
    expect!(lock.is_poisoned());
    Ok(())
}

fn condition_variable_hands_over() -> Outcome {
    let pair = Arc::new((Mutex::new(0_u32), Condvar::new()));
    let theirs = Arc::clone(&pair);
    let handle = thread::spawn(move || {
        for odd in (1..200).step_by(2) {
            let mut turn = theirs.0.lock().unwrap_or_else(PoisonError::into_inner);
            while *turn != odd {
                turn = theirs.1.wait(turn).unwrap_or_else(PoisonError::into_inner);
            }
            *turn += 1;
            theirs.1.notify_one();
        }
    });
    for even in (0..200).step_by(2) {
        let mut turn = pair.0.lock().unwrap_or_else(PoisonError::into_inner);
        while *turn != even {
            turn = pair.1.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        *turn += 1;
        pair.1.notify_one();
    }
    joined(handle)?;
    expect_eq!(*pair.0.lock().unwrap_or_else(PoisonError::into_inner), 200);
    Ok(())
}

fn reader_writer_lock_sees_whole_writes() -> Outcome {
    let pair = RwLock::new((0_u64, 0_u64));
    let torn = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..3_000 {
                    let value = pair.read().unwrap_or_else(PoisonError::into_inner);
                    torn.fetch_add(u64::from(value.0 != value.1), Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            for i in 0..3_000 {
                *pair.write().unwrap_or_else(PoisonError::into_inner) = (i, i);
            }
        });
    });
    expect_eq!(torn.into_inner(), 0);
    Ok(())
}

fn barrier_has_one_leader_a_round() -> Outcome {
    let barrier = Barrier::new(6);
    let leaders = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..100 {
                    leaders.fetch_add(u64::from(barrier.wait().is_leader()), Ordering::SeqCst);
                }
            });
        }
    });
    expect_eq!(leaders.into_inner(), 100);
    Ok(())
}

fn channel_delivers_in_order_from_many() -> Outcome {
    let (sender, receiver) = mpsc::channel();
    for who in 0..4_usize {
        let sender = sender.clone();
        thread::spawn(move || {
            for i in 0..500_u32 {
                let _ = sender.send((who, i));
            }
        });
    }
    drop(sender);
    let mut next = [0_u32; 4];
    for (who, i) in receiver {
        let expected = next.get_mut(who).ok_or("a stranger")?;
        expect_eq!(i, *expected);
        *expected += 1;
    }
    expect_eq!(next, [500; 4]);
    Ok(())
}

fn bounded_channel_holds_senders_back() -> Outcome {
    let (sender, receiver) = mpsc::sync_channel(2);
    expect!(sender.try_send(1).is_ok() && sender.try_send(2).is_ok());
    expect!(sender.try_send(3).is_err());
    let handle = thread::spawn(move || sender.send(3));
    expect_eq!(receiver.recv()?, 1);
    joined(handle)??;
    expect_eq!(receiver.recv()?, 2);
    expect_eq!(receiver.recv()?, 3);
    expect!(receiver.recv().is_err());
    Ok(())
}

fn channel_receive_times_out() -> Outcome {
    let (sender, receiver) = mpsc::channel::<()>();
    let result = receiver.recv_timeout(Duration::from_millis(20));
    expect_eq!(result, Err(RecvTimeoutError::Timeout));
    drop(sender);
    expect_eq!(
        receiver.recv_timeout(Duration::from_secs(20)),
        Err(RecvTimeoutError::Disconnected)
    );
    Ok(())
}

fn once_runs_once() -> Outcome {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    static LAZY: LazyLock<u64> = LazyLock::new(|| RUNS.fetch_add(1, Ordering::SeqCst) + 7);
    let once = OnceLock::new();
    thread::scope(|scope| {
        for i in 0..8 {
            let once = &once;
            scope.spawn(move || (*LAZY, *once.get_or_init(|| i)));
        }
    });
    expect_eq!(*LAZY, 7);
    expect_eq!(RUNS.load(Ordering::SeqCst), 1);
    expect!(once.get().is_some());
    Ok(())
}

fn atomics_agree() -> Outcome {
    let total = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for i in 0..10_000 {
                    total.fetch_add(i, Ordering::Relaxed);
                }
            });
        }
    });
    expect_eq!(total.into_inner(), 8 * 49_995_000);
    Ok(())
}

fn large_stack_is_usable() -> Outcome {
    let handle = Builder::new().stack_size(64 << 20).spawn(|| {
        let block = std::hint::black_box([7_u8; 32 << 20]);
        block
            .iter()
            .step_by(4096)
            .map(|&b| u64::from(b))
            .sum::<u64>()
    })?;
    expect_eq!(joined(handle)?, 7 * 8192);
    Ok(())
}

fn two_hundred_threads_at_once() -> Outcome {
    let barrier = Arc::new(Barrier::new(201));
    let handles: Vec<_> = (0..200)
        .map(|i| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || {
                barrier.wait();
                i
            })
        })
        .collect();
    barrier.wait();
    let mut sum = 0;
    for handle in handles {
        sum += joined(handle)?;
    }
    expect_eq!(sum, 19_900);
    Ok(())
}

fn parallelism_is_known() -> Outcome {
    let status = std::fs::read_to_string("/proc/cpuinfo")?;
    let cpus = status
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    expect_eq!(thread::available_parallelism()?.get(), cpus);
    Ok(())
}
