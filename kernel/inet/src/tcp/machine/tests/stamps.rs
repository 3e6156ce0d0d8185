//! Times in segments (RFC 7323): told once both ends want them, and what is of an earlier time does not count.

use super::super::*;
use super::{Bits, GOOD, Header, Met, Mood, Seq, Steps, World, pattern};
use alloc::vec::Vec;

fn stamped(seed: u64, mood: Mood) -> World {
    let mut world = World::new(seed, mood).telling_times();
    world.connect();
    world
}

/// What an end sends now.
fn sent(end: &mut Machine, now: Instant) -> Vec<Header> {
    let mut out = Vec::new();
    end.output(now, &mut |header, _| out.push(header.clone()));
    out
}

/// What the first end would send next: `length` bytes, at the time told `stamp`.
fn next(world: &World, stamp: Option<(u32, u32)>) -> Header {
    let end = &world.ends[0];
    Header {
        from: 4000,
        to: 80,
        seq: end.nxt,
        ack: end.inbox.next,
        bits: Bits::ACK,
        window: 500,
        stamps: stamp,
        ..Header::default()
    }
}

#[test]
fn they_are_told_when_both_ends_want_them() {
    let mut world = stamped(1, GOOD);
    for end in &world.ends {
        assert!(end.measures(world.now).stamps);
        assert_eq!((end.mss, end.measures(world.now).advmss), (1448, 1448));
    }
    world.write(0, &pattern(5000, 1));
    world.run_until("bytes", |world| world.ends[1].waiting() == 5000);
    world.ends[1].abort();
    let now = world.now;
    let reset = sent(&mut world.ends[1], now);
    assert!(!reset.is_empty() && reset.iter().all(|header| header.stamps.is_some()));
    for strips in [[false, false, true], [true, false, true]] {
        let mut world = World::new(2, GOOD).telling_times();
        world.strips = strips;
        world.connect();
        for end in &world.ends {
            assert!(!end.measures(world.now).stamps);
            assert_eq!(end.mss, 1460);
        }
        let now = world.now;
        world.write(0, b"x");
        let data = sent(&mut world.ends[0], now);
        assert!(!data.is_empty() && data.iter().all(|header| header.stamps.is_none()));
    }
}

#[test]
fn bytes_of_an_earlier_time_are_answered_and_not_taken() {
    let mut world = stamped(3, GOOD);
    world.rest(Duration::from_millis(50));
    let now = world.now;
    let current = world.ends[0].stamps.unwrap().value(now);
    world.ends[1].input(&next(&world, Some((current, 0))), b"one", now);
    let mut behind = next(&world, Some((current.wrapping_sub(2), 0)));
    behind.seq = behind.seq.plus(3);
    let _ = sent(&mut world.ends[1], now);
    world.ends[1].input(&behind, b"two", now);
    assert_eq!(world.ends[1].waiting(), 3);
    let answers = sent(&mut world.ends[1], now);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].ack, behind.seq);
    // One less than the latest passes, but the latest stays.
    behind.stamps = Some((current.wrapping_sub(1), 0));
    world.ends[1].input(&behind, b"two", now);
    assert_eq!(world.ends[1].waiting(), 6);
    let answers = sent(&mut world.ends[1], now);
    assert!(
        answers
            .iter()
            .all(|answer| answer.stamps.unwrap().1 == current)
    );
    behind.seq = behind.seq.plus(3);
    // Without a time, as Linux has it, and with a later one they count.
    behind.stamps = None;
    world.ends[1].input(&behind, b"six", now);
    assert_eq!(world.ends[1].waiting(), 9);
    behind.seq = behind.seq.plus(3);
    behind.stamps = Some((current.wrapping_add(1 << 30), 0));
    world.ends[1].input(&behind, b"end", now);
    assert_eq!(world.ends[1].waiting(), 12);
}

#[test]
fn a_reset_counts_at_any_time() {
    let mut world = stamped(4, GOOD);
    let now = world.now;
    let current = world.ends[0].stamps.unwrap().value(now);
    let mut reset = next(&world, Some((current.wrapping_sub(1000), 0)));
    reset.bits = Bits::RST;
    world.ends[1].input(&reset, &[], now);
    assert_eq!(world.ends[1].end(), Some(End::Reset));
}

#[test]
fn an_answer_to_a_syn_nobody_sent_is_refused() {
    let mut world = World::new(5, GOOD).telling_times();
    let now = world.now;
    let syn = sent(&mut world.ends[0], now).remove(0);
    let told = syn.stamps.unwrap().0;
    let mut answer = Header {
        from: 80,
        to: 4000,
        seq: Seq(77),
        ack: syn.seq.plus(1),
        bits: Bits::SYN | Bits::ACK,
        window: 500,
        stamps: Some((9, told.wrapping_add(5))),
        ..Header::default()
    };
    world.ends[0].input(&answer, &[], now);
    assert_eq!(world.ends[0].state(), State::SynSent);
    assert!(sent(&mut world.ends[0], now)[0].bits.contains(Bits::RST));
    answer.stamps = Some((9, told));
    world.ends[0].input(&answer, &[], now);
    assert_eq!(world.ends[0].state(), State::Established);
}

#[test]
fn what_was_sent_twice_is_measured_by_its_echo() {
    let mut world = stamped(6, GOOD);
    world.way = Duration::from_millis(80);
    world.lose(0, 1, |_, length| length > 0);
    world.write(0, b"once more");
    world.run_until("bytes", |world| world.ends[1].waiting() == 9);
    world.run_until("the answer", |world| world.ends[0].unanswered() == 0);
    // The first measure was of a way of a millisecond; without the echo there is no second.
    assert!(world.ends[0].flight.rtt.smooth() > Some(Duration::from_millis(10)));
}

#[test]
fn one_that_is_remembered_knows_a_new_one_from_an_old_segment() {
    let mut world = stamped(7, GOOD);
    world.ends[0].close();
    world.rest(Duration::from_millis(10));
    world.ends[1].close();
    world.run_until("the end", |world| world.ends[0].state() == State::TimeWait);
    let now = world.now;
    let last = world.ends[0].last();
    let other = world.ends[1].nxt;
    let stamp = world.ends[1].stamps.unwrap().value(now);
    let segment = |seq: Seq, bits, stamps| Header {
        seq,
        bits,
        stamps,
        ..Header::default()
    };
    let meet = |header: &Header, span| last.clone().meet(header, span, now);
    let later = Some((stamp.wrapping_add(9), 0));
    let old = Some((stamp.wrapping_sub(900), 0));
    // A SYN: beyond the last number, or with a later time, and never of an earlier one.
    let begins = |seq, stamps| {
        matches!(
            meet(&segment(seq, Bits::SYN, stamps), 1).0,
            Met::Begins { .. }
        )
    };
    assert!(begins(other.plus(5), None) && begins(other.plus(5), later));
    assert!(begins(other.minus_one(), later) && !begins(other.minus_one(), None));
    assert!(!begins(other.plus(5), old));
    if let Met::Begins { number, .. } = meet(&segment(other.plus(5), Bits::SYN, None), 1).0 {
        assert!(number.after(world.ends[0].nxt));
    }
    // The FIN again is answered, by what is remembered.
    let fin = Bits::FIN | Bits::ACK;
    match meet(&segment(other.minus_one(), fin, later), 1) {
        (Met::Answer(reply), true) => {
            assert_eq!((reply.seq, reply.ack), (world.ends[0].nxt, other));
            assert_eq!(reply.stamps.map(|stamps| stamps.0 != 0), Some(true));
        }
        met => panic!("{met:?}"),
    }
    // A reset in its place is the end of it, another is nothing.
    let reset = |seq| meet(&segment(seq, Bits::RST, None), 0).0;
    assert!(matches!(reset(other), Met::Over));
    assert!(matches!(reset(other.plus(1)), Met::Nothing));
}
