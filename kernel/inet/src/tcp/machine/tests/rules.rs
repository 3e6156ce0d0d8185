//! What a connection owns, when small segments wait, when silence ends it, and what it refuses.

use super::super::segment::{Bits, Header};
use super::super::sequence::{Seq, Steps};
use super::super::*;
use super::{Dice, GOOD, Mood, SETTINGS, World, pattern};
use alloc::vec;
use alloc::vec::Vec;

#[test]
fn an_idle_connection_owns_no_buffer() {
    let mut world = World::connected(4, GOOD);
    world.write(0, b"hello");
    world.run_until("the bytes", |world| world.ends[1].waiting() == 5);
    world.read(1, 5);
    world.rest(Duration::from_secs(1));
    for end in &world.ends {
        assert_eq!(end.out.len() + end.inbox.memory(), 0);
        assert_eq!(end.deadline(), None);
    }
    assert!(size_of::<Machine>() < 1024, "{}", size_of::<Machine>());
}

#[test]
fn who_has_no_room_is_asked_and_goes_on() {
    let mut world = World::connected(5, GOOD);
    let data = pattern(400_000, 5);
    let mut written = 0;
    for _ in 0..3000 {
        written += world.write(0, &data[written..]);
        world.rest(Duration::from_millis(10));
    }
    assert_eq!(world.ends[0].window, 0);
    assert_eq!(
        world.ends[0].end(),
        None,
        "thirty seconds without room are no end"
    );
    let mut got = Vec::new();
    let end = world.now.saturating_add(Duration::from_secs(600));
    while got.len() < data.len() {
        written += world.write(0, &data[written..]);
        let bytes = world.read(1, 5000);
        got.extend(bytes);
        world.rest(Duration::from_millis(1));
        assert!(world.now < end);
    }
    assert!(got == data);
}

#[test]
fn small_segments_wait_for_the_answer_to_those_before() {
    let mut world = World::connected(6, GOOD);
    world.rest(Duration::from_secs(1));
    let before = world.sent[0];
    world.write(0, b"a");
    world.flush();
    world.write(0, b"b");
    world.flush();
    world.write(0, b"c");
    world.flush();
    assert_eq!(world.sent[0] - before, 1);
    world.rest(Duration::from_millis(300));
    assert_eq!(world.read(1, 9), b"abc");
    let before = world.sent[0];
    world.ends[0].set(&Settings {
        nagle: false,
        ..Settings::default()
    });
    for byte in [b"a", b"b", b"c"] {
        world.write(0, byte);
        world.flush();
    }
    assert_eq!(world.sent[0] - before, 3);
}

#[test]
fn a_cork_holds_part_of_a_segment_for_200_ms() {
    let mut world = World::connected(7, GOOD);
    let corked = Settings {
        corked: true,
        nagle: false,
        ..Settings::default()
    };
    world.ends[0].set(&corked);
    world.flush();
    world.write(0, &[1; 2000]);
    world.rest(Duration::from_millis(100));
    assert_eq!(world.ends[1].waiting(), 1460);
    world.rest(Duration::from_millis(150));
    assert_eq!(world.ends[1].waiting(), 2000);
    world.write(0, &[1; 10]);
    world.rest(Duration::from_millis(100));
    assert_eq!(world.ends[1].waiting(), 2000);
    world.ends[0].set(&Settings::default());
    world.rest(Duration::from_millis(10));
    assert_eq!(world.ends[1].waiting(), 2010);
    // MSG_MORE is a cork until the next write.
    world.ends[0].write(&mut IoSrc::kernel(b"more"), true);
    world.rest(Duration::from_millis(100));
    assert_eq!(world.ends[1].waiting(), 2010);
    world.write(0, b"end");
    world.rest(Duration::from_millis(10));
    assert_eq!(world.ends[1].waiting(), 2017);
}

#[test]
fn a_silent_end_is_asked_and_given_up() {
    let mut world = World::connected(8, GOOD);
    let keep = KeepAlive {
        idle: Duration::from_secs(10),
        interval: Duration::from_secs(2),
        count: 3,
    };
    world.ends[0].set(&Settings {
        keep_alive: Some(keep),
        ..Settings::default()
    });
    world.rest(Duration::from_secs(60));
    assert_eq!(world.ends[0].end(), None);
    world.mood.drops = 100;
    let start = world.now;
    world.run_until("the end", |world| world.ends[0].end().is_some());
    let time = world.now.saturating_since(start);
    assert_eq!(world.ends[0].end(), Some(End::TimedOut));
    assert!(
        time >= Duration::from_secs(6) && time <= Duration::from_secs(16),
        "{time:?}"
    );
}

#[test]
fn what_stays_unanswered_is_given_up_when_the_program_says() {
    let mut world = World::connected(9, GOOD);
    let patience = Some(Duration::from_millis(2500));
    world.ends[0].set(&Settings {
        user_timeout: patience,
        ..Settings::default()
    });
    world.mood.drops = 100;
    let start = world.now;
    world.write(0, b"hello");
    world.run_until("the end", |world| world.ends[0].end().is_some());
    let time = world.now.saturating_since(start);
    assert!(
        time >= Duration::from_millis(2500) && time < Duration::from_millis(2600),
        "{time:?}"
    );
}

#[test]
fn nobody_answers_a_syn() {
    let mut world = World::new(10, Mood { drops: 100, ..GOOD });
    world.ends[0].set(&Settings {
        syn_count: 2,
        ..Settings::default()
    });
    let start = world.now;
    world.run_until("the end", |world| world.ends[0].end().is_some());
    // One second, two and four.
    assert_eq!(world.now.saturating_since(start), Duration::from_secs(7));
    assert_eq!(world.sent[0], 3);
}

#[test]
fn a_reset_counts_in_its_place_only() {
    let mut world = World::connected(11, GOOD);
    let now = world.now;
    let mut reset = Header {
        from: 80,
        to: 4000,
        seq: world.ends[0].inbox.next.plus(1),
        bits: Bits::RST,
        ..Header::default()
    };
    world.ends[0].input(&reset, &[], now);
    assert_eq!(world.ends[0].state(), State::Established);
    assert_eq!(world.ends[0].answer, Answer::Now);
    reset.seq = reset.seq.plus(1 << 24);
    world.ends[0].input(&reset, &[], now);
    assert_eq!(world.ends[0].state(), State::Established);
    reset.seq = world.ends[0].inbox.next;
    world.ends[0].input(&reset, &[], now);
    assert_eq!(world.ends[0].end(), Some(End::Reset));
}

#[test]
fn a_reset_counts_behind_what_came_too_early_and_behind_the_end() {
    for late in [false, true] {
        let mut world = World::connected(14, GOOD);
        let now = world.now;
        let next = world.ends[0].inbox.next;
        let mut header = Header {
            from: 80,
            to: 4000,
            seq: if late { next } else { next.plus(10) },
            ack: world.ends[0].nxt,
            bits: Bits::ACK,
            window: 1000,
            ..Header::default()
        };
        if late {
            header.bits |= Bits::FIN;
            world.ends[0].input(&header, b"", now);
            assert_eq!(world.ends[0].state(), State::CloseWait);
        } else {
            world.ends[0].input(&header, b"early", now);
            header.seq = next.plus(14);
            header.bits = Bits::RST;
            world.ends[0].input(&header, b"", now);
            assert_eq!(world.ends[0].end(), None);
            header.seq = next.plus(15);
        }
        header.bits = Bits::RST;
        world.ends[0].input(&header, b"", now);
        assert_eq!(world.ends[0].end(), Some(End::Reset), "{late}");
    }
}

#[test]
fn what_does_not_fit_is_challenged_now_and_then() {
    let mut world = World::connected(15, GOOD);
    let (start, next) = (world.now, world.ends[0].inbox.next);
    let mut answers = 0;
    for step in 0..200 {
        world.now = start.saturating_add(Duration::from_millis(10 * step));
        let header = Header {
            from: 80,
            to: 4000,
            seq: next.plus(1 << 20),
            bits: Bits::SYN,
            ..Header::default()
        };
        let now = world.now;
        world.ends[0].answer = Answer::None;
        world.ends[0].input(&header, b"", now);
        answers += usize::from(world.ends[0].answer == Answer::Now);
    }
    assert_eq!(answers, 4);
}

#[test]
fn who_never_has_room_does_not_keep_what_nobody_holds() {
    let mut world = World::connected(16, GOOD);
    let data = pattern(400_000, 5);
    let mut written = 0;
    for _ in 0..300 {
        written += world.write(0, &data[written..]);
        world.rest(Duration::from_millis(10));
    }
    assert_eq!(world.ends[0].window, 0);
    world.ends[0].set(&Settings {
        give_up: Duration::from_secs(100),
        ..SETTINGS
    });
    world.ends[0].forsake();
    world.ends[0].close();
    world.rest(Duration::from_secs(300));
    assert_eq!(world.ends[0].end(), Some(End::TimedOut));
    assert_eq!(world.ends[0].unanswered(), 0);
}

#[test]
fn bytes_beside_an_answer_that_was_never_on_its_way_are_not_taken() {
    let mut world = World::connected(13, GOOD);
    world.rest(Duration::from_secs(1));
    world.write(0, &[1; 3000]);
    world.rest(Duration::from_secs(1));
    let window = world.ends[0].window_most;
    assert!(window > 4000 && world.ends[0].una == world.ends[0].first.plus(3001));
    let (now, una) = (world.now, world.ends[0].una);
    let mut forged = Header {
        from: 80,
        to: 4000,
        seq: world.ends[0].inbox.next,
        ack: Seq(una.0.wrapping_sub(3002)),
        bits: Bits::ACK,
        window: 1,
        ..Header::default()
    };
    world.ends[0].input(&forged, b"forged", now);
    assert_eq!(world.ends[0].waiting(), 0);
    assert_eq!(world.ends[0].answer, Answer::Now);
    forged.ack = Seq(una.0.wrapping_sub(1 << 30));
    world.ends[0].input(&forged, b"forged", now);
    assert_eq!(world.ends[0].waiting(), 0);
    assert!(world.ends[0].window_most == window && world.ends[0].window > 1);
    // One that was sent before the last answers came is only late.
    forged.ack = Seq(una.0.wrapping_sub(3000));
    world.ends[0].input(&forged, b"late", now);
    assert_eq!(world.read(0, 9), b"late");
}

#[test]
fn an_end_without_reader_refuses_what_comes() {
    let mut world = World::connected(12, GOOD);
    world.ends[1].forsake();
    world.ends[1].close();
    world.write(0, b"hello");
    world.run_until("the reset", |world| world.ends[0].end().is_some());
    assert_eq!(world.ends[0].end(), Some(End::Reset));
}

#[test]
fn forged_segments_change_nothing_and_never_panic() {
    let mut dice = Dice(77);
    for round in 0..300 {
        let mut world = World::connected(round, GOOD);
        let state = world.ends[0].state();
        for _ in 0..100 {
            let near = |dice: &mut Dice, seq: Seq| match dice.roll() % 3 {
                0 => seq,
                1 => Seq(seq
                    .0
                    .wrapping_add((dice.roll() % 100_000) as i32)
                    .wrapping_sub(50_000)),
                _ => Seq(dice.roll() as i32),
            };
            let mut header = Header {
                from: 80,
                to: 4000,
                seq: near(&mut dice, world.ends[0].inbox.next),
                ack: near(&mut dice, world.ends[0].nxt),
                bits: Bits::from_bits_truncate(dice.roll() as u8) - Bits::RST - Bits::FIN,
                window: dice.roll() as u16,
                ..Header::default()
            };
            for _ in 0..dice.roll() % 4 {
                let range = (
                    near(&mut dice, world.ends[0].una),
                    near(&mut dice, world.ends[0].nxt),
                );
                let _ = header.ranges.try_push(range);
            }
            let payload = vec![9; dice.roll() as usize % 2000];
            let now = world.now;
            world.ends[0].input(&header, &payload, now);
            world.write(0, &payload);
            world.flush();
            world.read(0, 1000);
            world.now = world
                .now
                .saturating_add(Duration::from_micros(dice.roll() % 100_000));
        }
        assert_eq!(world.ends[0].state(), state, "round {round}");
    }
}
