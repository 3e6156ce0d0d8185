//! Everything arrives, whole and in a bounded time, whatever the link does.

use super::super::*;
use super::{Dice, GOOD, Mood, SETTINGS, World, pattern};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

/// What the two programs do.
struct Plan {
    lengths: [usize; 2],
    /// Bytes of one write.
    chunk: usize,
    /// Bytes of one read at most, and how often there is one.
    reads: usize,
    often: u64,
    /// The second ends only when it saw the first's end.
    waits: bool,
}

impl Plan {
    fn plain(lengths: [usize; 2]) -> Self {
        Self {
            lengths,
            chunk: 8192,
            reads: usize::MAX,
            often: 100,
            waits: false,
        }
    }
}

fn is_over(end: &Machine) -> bool {
    matches!(end.state(), State::Closed | State::TimeWait)
}

/// Sends each way at once, as programs do that wait for room and for bytes, ends both, and checks what came.
fn transfer(world: &mut World, seed: u64, plan: &Plan) {
    let data = plan.lengths.map(|length| pattern(length, seed));
    let mut written = [0; 2];
    let mut got = [Vec::new(), Vec::new()];
    let mut reader = Dice::of(seed + 7);
    while !(world.ends.iter().all(is_over) && world.ends.iter().all(|end| end.waiting() == 0)) {
        let mut moved = false;
        for side in 0..2 {
            let end = &world.ends[side];
            assert_eq!(end.end(), None, "seed {seed}: given up: {end:#?}");
            let rest = &data[side][written[side]..];
            if end.state().may_send() && end.has_room() && !rest.is_empty() {
                let chunk = &rest[..rest.len().min(plan.chunk)];
                let count = world.write(side, chunk);
                written[side] += count;
                moved |= count > 0;
            }
            let other_ended = !matches!(world.ends[side].state(), State::Established);
            if written[side] == data[side].len()
                && world.ends[side].state().may_send()
                && (!plan.waits || side == 0 || other_ended)
            {
                world.ends[side].close();
                moved = true;
            }
            if world.ends[1 - side].waiting() > 0 && reader.percent(plan.often) {
                let most = 1 + reader.below(plan.reads.min(1 << 20) as u64) as usize;
                let most = if plan.reads == usize::MAX {
                    usize::MAX
                } else {
                    most
                };
                got[side].extend(world.read(1 - side, most));
                moved = true;
            }
        }
        // A reader that rests does so for a millisecond, whatever else happens or not.
        let later = world.now.saturating_add(Duration::from_millis(1));
        let reads = world.ends.iter().any(|end| end.waiting() > 0);
        world.flush();
        if reads && world.next().is_none_or(|next| next > later) {
            world.now = later;
        } else {
            assert!(
                world.step() || moved,
                "seed {seed}: stuck: {:#?}",
                world.ends
            );
        }
        let age = world.age();
        assert!(
            age < Duration::from_secs(7200),
            "seed {seed}: {:#?}",
            world.ends
        );
    }
    for side in 0..2 {
        assert!(
            got[side] == data[side],
            "seed {seed}, way {side}: {} of {} bytes came, or others",
            got[side].len(),
            data[side].len()
        );
    }
}

/// A link, its ends and what goes over it, all by a seed.
fn anything(seed: u64, largest: u64) -> World {
    let mut dice = Dice::of(seed ^ 0x5eed);
    let mut chance = |most: u64| {
        if dice.percent(50) {
            dice.below(most)
        } else {
            0
        }
    };
    let mood = Mood {
        drops: chance(21),
        repeats: chance(21),
        delays: chance(21),
        corrupts: chance(6),
    };
    let crosses = dice.percent(10);
    let mut world = if crosses {
        World::crossing(seed, mood)
    } else {
        World::new(seed, mood)
    };
    world.number(dice.roll() as i32, dice.roll() as i32);
    if dice.percent(30) {
        let near = |dice: &mut Dice| -(dice.below(largest) as i32) - 1;
        let (one, other) = (near(&mut dice), near(&mut dice));
        world.number(one, other);
    }
    world.way = Duration::from_micros([10, 500, 5000, 60_000][dice.below(4) as usize]);
    world.late = [100, 5000, 300_000][dice.below(3) as usize];
    world.strips = [dice.percent(15), dice.percent(15), dice.percent(15)];
    if dice.percent(70) {
        world = world.telling_times();
    }
    for end in &mut world.ends {
        let mut settings = SETTINGS;
        settings.nagle = dice.percent(60);
        settings.corked = dice.percent(10);
        let mut size = |least: u64, most: u64| {
            let size = least + dice.below(most) as usize as u64;
            dice.percent(20).then_some(size as usize)
        };
        settings.send_buffer = size(4096, 100_000);
        settings.receive_buffer = size(2048, 100_000);
        settings.max_segment = size(88, 1400).map(|size| size as u16);
        if dice.percent(10) {
            settings.not_sent_low = 1 + dice.below(20_000) as usize;
        }
        end.set(&settings);
    }
    let mut length = || match dice.below(4) {
        0 => dice.below(3) as usize,
        1 => dice.below(largest / 30) as usize,
        _ => dice.below(largest) as usize,
    };
    let lengths = [length(), length()];
    let slow = dice.percent(30);
    let chunk = [100, 3000, 30_000][dice.below(3) as usize];
    let plan = Plan {
        lengths,
        chunk: 1 + dice.below(chunk) as usize,
        reads: if slow {
            200 + dice.below(9000) as usize
        } else {
            usize::MAX
        },
        often: if slow { 5 + dice.below(50) } else { 100 },
        waits: dice.percent(30),
    };
    // Many tiny segments over a bad link take long and show nothing else.
    let tiny = plan.chunk < 50 && lengths.iter().any(|length| *length > 20_000);
    let plan = if tiny {
        Plan { chunk: 500, ..plan }
    } else {
        plan
    };
    transfer(&mut world, seed, &plan);
    world
}

/// A number from the environment, for longer runs than the suite's.
fn wanted(name: &str, usual: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

#[test]
fn any_link_and_any_programs_carry_everything() {
    let first = wanted("NACRE_FIRST_SEED", 0);
    let largest = wanted("NACRE_LARGEST", 60_000);
    let mut longest = (Duration::ZERO, 0);
    let mut all = Duration::ZERO;
    for seed in first..first + wanted("NACRE_SEEDS", 400) {
        let world = anything(seed, largest);
        longest = longest.max((world.age(), seed));
        all += world.age();
    }
    std::println!("longest: {longest:?}, all: {all:?}");
}

#[test]
fn a_good_link_carries_a_megabyte_without_sending_anything_twice() {
    let mut world = World::connected(1, GOOD);
    transfer(&mut world, 1, &Plan::plain([1 << 20, 0]));
    assert_eq!(world.ends[0].flight.resent, 0);
    let least = (1 << 20) / 1460 + 1;
    assert!(world.sent[0] < least + 80, "{} segments", world.sent[0]);
    // At most an answer to each, at the beginning, and to every other then.
    assert!(world.sent[1] < least, "{} answers", world.sent[1]);
}

#[test]
fn a_megabyte_both_ways_with_five_of_a_hundred_lost() {
    for seed in 0..3 {
        let mood = Mood { drops: 5, ..GOOD };
        let mut world = World::connected(seed, mood);
        transfer(&mut world, seed, &Plan::plain([1 << 20, 1 << 20]));
        assert!(world.age() < Duration::from_secs(60), "{:?}", world.age());
    }
}

#[test]
fn one_lost_segment_does_not_cost_a_timeout() {
    for seed in 0..20 {
        let mood = Mood { drops: 1, ..GOOD };
        let mut world = World::connected(1000 + seed, mood);
        transfer(&mut world, seed, &Plan::plain([1 << 20, 0]));
        assert!(
            world.age() < Duration::from_secs(4),
            "seed {seed}: {:?}",
            world.age()
        );
    }
}

#[test]
fn the_window_grows_with_a_long_way() {
    let mut world = World::new(3, GOOD);
    world.way = Duration::from_millis(50);
    world.connect();
    let chunk = vec![1; 262_144];
    let start = world.now;
    let mut got = 0;
    while got < 30_000_000 {
        world.write(0, &chunk);
        got += world.read(1, usize::MAX).len();
        assert!(world.step());
    }
    let time = world.now.saturating_since(start);
    let limit = world.ends[1].inbox.limit;
    assert!(limit > 1_000_000, "{limit}");
    // With 64 KiB a round trip it would be 45 seconds.
    assert!(time < Duration::from_secs(8), "{time:?}");
}
