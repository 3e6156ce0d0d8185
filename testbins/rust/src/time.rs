//! Clocks and sleeping, and the little else that needs the kernel.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::{Outcome, cases, expect, expect_eq};

cases![
    instants_never_go_back,
    sleep_is_no_shorter_than_asked,
    system_time_is_past_2020_and_moves,
    durations_of_both_clocks_agree,
    hash_maps_get_random_keys,
    large_allocations_come_and_go,
];

fn instants_never_go_back() -> Outcome {
    let mut last = Instant::now();
    for _ in 0..10_000 {
        let now = Instant::now();
        expect!(now >= last);
        last = now;
    }
    Ok(())
}

fn sleep_is_no_shorter_than_asked() -> Outcome {
    for micros in [0, 1, 100, 20_000] {
        let start = Instant::now();
        thread::sleep(Duration::from_micros(micros));
        expect!(start.elapsed() >= Duration::from_micros(micros));
    }
    Ok(())
}

fn system_time_is_past_2020_and_moves() -> Outcome {
    let start = SystemTime::now();
    expect!(start.duration_since(SystemTime::UNIX_EPOCH)? > Duration::from_secs(1_577_836_800));
    while SystemTime::now() <= start {}
    Ok(())
}

fn durations_of_both_clocks_agree() -> Outcome {
    let (instant, system) = (Instant::now(), SystemTime::now());
    thread::sleep(Duration::from_millis(50));
    let inner = system.elapsed()?;
    let outer = instant.elapsed();
    expect!(outer >= inner.saturating_sub(Duration::from_millis(1)));
    Ok(())
}

fn hash_maps_get_random_keys() -> Outcome {
    let map: HashMap<u32, u32> = (0..10_000).map(|i| (i, i * 2)).collect();
    expect_eq!(map.get(&4_321), Some(&8_642));
    let set: HashSet<&u32> = map.values().collect();
    expect_eq!(set.len(), 10_000);
    Ok(())
}

fn large_allocations_come_and_go() -> Outcome {
    for round in 0..20_u8 {
        let mut block = vec![0_u8; 8 << 20];
        for byte in block.iter_mut().step_by(4096) {
            *byte = round;
        }
        expect_eq!(
            block.iter().step_by(4096).filter(|&&b| b == round).count(),
            2048
        );
        expect_eq!(block.get(1), Some(&0));
    }
    Ok(())
}
