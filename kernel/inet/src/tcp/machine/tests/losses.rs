//! One thing goes wrong at a time: what is lost, forged, trimmed or crosses, and what comes of it.

use super::super::segment::{Bits, Header};
use super::super::sequence::{Seq, Steps};
use super::super::*;
use super::{GOOD, World, pattern};
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

fn is_syn(header: &Header, _: usize) -> bool {
    header.bits.contains(Bits::SYN)
}

fn is_fin(header: &Header, _: usize) -> bool {
    header.bits.contains(Bits::FIN)
}

fn is_answer(header: &Header, length: usize) -> bool {
    length == 0 && !(header.bits.intersects(Bits::SYN | Bits::FIN | Bits::RST))
}

fn has_bytes(_: &Header, length: usize) -> bool {
    length > 0
}

fn ends(world: &World, end: usize, state: State) -> bool {
    world.ends[end].state() == state
}

fn both_over(world: &World) -> bool {
    let over = |end: &Machine| matches!(end.state(), State::Closed | State::TimeWait);
    world.ends.iter().all(over)
}

/// The segment the other end of `to` would send next, with nothing in it.
fn forged(world: &World, to: usize) -> Header {
    let (ports, end) = ([4000, 80], &world.ends[to]);
    Header {
        from: ports[1 - to],
        to: ports[to],
        seq: end.inbox.next,
        ack: end.nxt,
        bits: Bits::ACK,
        window: 500,
        ..Header::default()
    }
}

#[test]
fn a_syn_its_answer_and_the_last_step_are_lost() {
    for (from, is) in [
        (0, is_syn as fn(&Header, usize) -> bool),
        (1, is_syn),
        (0, is_answer),
    ] {
        let mut world = World::new(1, GOOD);
        world.lose(from, 2, is);
        world.connect();
        assert!(world.lost_all());
        world.write(0, b"hello");
        world.run_until("the bytes", |world| world.ends[1].waiting() == 5);
        world.write(1, b"and back");
        world.run_until("the answer", |world| world.ends[0].waiting() == 8);
        assert!(world.age() < Duration::from_secs(8), "{:?}", world.age());
    }
}

#[test]
fn both_ask_at_once_and_both_end_at_once() {
    for lost in [None, Some(0), Some(1)] {
        let mut world = World::crossing(2, GOOD);
        if let Some(from) = lost {
            world.lose(from, 2, is_syn);
        }
        world.connect();
        world.write(0, b"one");
        world.write(1, b"other");
        for end in &mut world.ends {
            end.close();
        }
        if let Some(from) = lost {
            world.lose(from, 2, is_fin);
        }
        world.run_until("the end", both_over);
        assert_eq!(world.read(1, 9), b"one");
        assert_eq!(world.read(0, 9), b"other");
        if lost.is_none() {
            assert!(ends(&world, 0, State::TimeWait) && ends(&world, 1, State::TimeWait));
        }
    }
}

#[test]
fn ends_are_lost_both_ways_and_so_are_their_answers() {
    for (side, count) in [(0, 1), (0, 3), (1, 1), (1, 3)] {
        let mut world = World::connected(3, GOOD);
        world.lose(side, count, is_fin);
        world.lose(1 - side, count, is_answer);
        world.write(0, b"the last");
        world.ends[0].close();
        world.run_until("the first's end", |world| ends(world, 1, State::CloseWait));
        assert_eq!(world.read(1, 99), b"the last");
        world.ends[1].close();
        world.run_until("the end", both_over);
        assert!(ends(&world, 0, State::TimeWait) && ends(&world, 1, State::Closed));
        assert_eq!((world.ends[0].end(), world.ends[1].end()), (None, None));
    }
}

/// A sender whose other end has no room left: and what it has to send yet.
fn without_room() -> (World, Vec<u8>) {
    let mut world = World::connected(4, GOOD);
    let data = pattern(300_000, 4);
    let mut written = 0;
    while world.ends[0].window > 0 || world.ends[0].unsent() == 0 {
        written += world.write(0, &data[written..]);
        world.rest(Duration::from_millis(50));
    }
    world.write(0, &data[written..]);
    (world, data)
}

#[test]
fn the_news_of_room_is_lost_and_so_are_questions_and_answers() {
    for (from, count) in [(0, 0), (1, 1), (1, 4), (0, 3)] {
        let (mut world, data) = without_room();
        world.lose(from, count, is_answer);
        if from == 0 {
            // Questions only go while nobody reads.
            world.rest(Duration::from_secs(300));
        }
        let start = world.now;
        let mut got = Vec::new();
        let mut written = world.ends[0].out.len() + world.ends[1].waiting();
        while got.len() < data.len() {
            assert!(world.ends[0].end().is_none());
            let bytes = world.read(1, usize::MAX);
            got.extend(bytes);
            written += world.write(0, &data[written..]);
            world.step();
        }
        assert!(got == data && world.lost_all());
        let time = world.now.saturating_since(start);
        assert!(time < Duration::from_secs(60), "{time:?}");
    }
}

#[test]
fn an_end_without_room_that_answers_is_not_given_up() {
    let (mut world, _) = without_room();
    world.rest(Duration::from_secs(7200));
    assert_eq!(world.ends[0].end(), None);
    world.mood.drops = 100;
    world.run_until("the end", |world| world.ends[0].end().is_some());
}

#[test]
fn what_was_told_of_a_range_may_be_taken_back() {
    let mut world = World::connected(5, GOOD);
    world.lose(0, 1, has_bytes);
    world.write(0, &pattern(8 * 1460, 5));
    world.run_until("a range", |world| !world.ends[0].flight.in_order());
    // The receiver forgets what came too early, and the frames on their way are lost.
    world.ends[1].inbox.forget_early();
    world.wire.clear();
    world.run_until("all", |world| world.ends[1].waiting() == 8 * 1460);
    assert!(world.read(1, usize::MAX) == pattern(8 * 1460, 5));
}

#[test]
fn a_lost_segment_is_sent_again_before_its_time_is_up() {
    let mut world = World::connected(6, GOOD);
    world.lose(0, 1, has_bytes);
    let start = world.now;
    world.write(0, &pattern(8 * 1460, 6));
    world.run_until("all", |world| world.ends[1].waiting() == 8 * 1460);
    let time = world.now.saturating_since(start);
    assert!(time < Duration::from_millis(20), "{time:?}");
    assert_eq!(world.ends[0].flight.resent, 1);
}

#[test]
fn the_last_segments_are_asked_after_and_then_their_time_is_up() {
    for count in 1..4 {
        let mut world = World::connected(7, GOOD);
        world.write(0, b"measure");
        world.rest(Duration::from_secs(1));
        world.lose(0, count, has_bytes);
        world.write(0, b" the last");
        world.run_until("all", |world| world.ends[1].waiting() == 16);
        assert!(world.lost_all());
    }
}

#[test]
fn what_came_late_is_not_taken_for_lost_for_ever() {
    // Each segment a quarter of the way later than the next: after the first surprise nothing is sent again.
    let mut world = World::connected(8, GOOD);
    world.way = Duration::from_millis(20);
    world.mood.delays = 40;
    world.late = 4000;
    let data = pattern(600_000, 8);
    let (mut written, mut got) = (0, 0);
    while got < data.len() {
        written += world.write(0, &data[written..]);
        got += world.read(1, usize::MAX).len();
        world.step();
    }
    let resent = world.ends[0].flight.resent;
    assert!(resent < 60, "{resent} of {} sent again", world.sent[0]);
}

#[test]
fn a_segment_is_trimmed_to_what_is_wanted() {
    let mut world = World::connected(9, GOOD);
    let now = world.now;
    let mut header = forged(&world, 1);
    world.ends[1].input(&header, b"abcdef", now);
    // Half of it is known; its end counts.
    header.seq = header.seq.plus(3);
    header.bits |= Bits::FIN;
    world.ends[1].input(&header, b"defgh", now);
    assert_eq!(world.read(1, 99), b"abcdefgh");
    assert!(ends(&world, 1, State::CloseWait));
    // All of it, with its end, again: an answer and no more.
    world.flush();
    world.ends[1].input(&header, b"defgh", now);
    assert_eq!(world.ends[1].answer, Answer::Now);
    assert_eq!(world.ends[1].waiting(), 0);
}

#[test]
fn nothing_beyond_the_window_is_taken() {
    let mut world = World::connected(10, GOOD);
    let now = world.now;
    let mut header = forged(&world, 1);
    let edge = header.seq.plus(world.ends[1].inbox.told());
    header.seq = edge;
    header.bits |= Bits::FIN;
    world.ends[1].input(&header, b"beyond", now);
    header.seq = Seq(edge.0.wrapping_sub(3));
    world.ends[1].input(&header, b"partly", now);
    assert_eq!(world.ends[1].inbox.ranges()[..], [(header.seq, edge)]);
    assert!(ends(&world, 1, State::Established));
}

#[test]
fn numbers_that_cannot_be_answered_change_nothing() {
    let mut world = World::connected(11, GOOD);
    let now = world.now;
    for bits in [
        Bits::ACK,
        Bits::ACK | Bits::SYN,
        Bits::SYN,
        Bits::empty(),
        Bits::FIN,
    ] {
        let mut header = forged(&world, 0);
        header.bits = bits;
        header.ack = header.ack.plus(1);
        world.ends[0].input(&header, b"forged", now);
        assert_eq!(world.ends[0].waiting(), 0, "{bits:?}");
        assert!(ends(&world, 0, State::Established), "{bits:?}");
    }
    world.write(0, b"goes on");
    world.run_until("the bytes", |world| world.ends[1].waiting() == 7);
}

#[test]
fn who_waits_after_the_end_is_not_ended_by_a_reset() {
    let mut world = World::connected(12, GOOD);
    world.ends[0].close();
    world.run_until("the first's end", |world| ends(world, 1, State::CloseWait));
    world.ends[1].close();
    world.run_until("the end", both_over);
    let mut reset = forged(&world, 0);
    reset.bits = Bits::RST;
    let now = world.now;
    world.ends[0].input(&reset, &[], now);
    assert!(ends(&world, 0, State::TimeWait));
}

#[test]
fn ranges_never_make_a_segment_longer_than_the_link_carries() {
    // Both have a hole, and full segments to send: the world asserts what the link carries.
    for holes in 1..5 {
        let mut world = World::connected(13, GOOD);
        world.lose(0, holes, has_bytes);
        world.lose(1, holes, has_bytes);
        let data = pattern(20 * 1460, 13);
        for side in 0..2 {
            assert_eq!(world.write(side, &data), data.len());
        }
        let length = data.len();
        world.run_until("all, both ways", |world| {
            world.ends.iter().all(|end| end.waiting() == length)
        });
        assert!(world.lost_all());
        assert!(world.age() < Duration::from_secs(5), "{:?}", world.age());
    }
}

#[test]
fn small_segments_that_are_lost_go_again_as_one() {
    let mut world = World::connected(14, GOOD);
    world.ends[0].set(&Settings {
        nagle: false,
        ..Settings::default()
    });
    world.lose(0, 9, has_bytes);
    for _ in 0..8 {
        world.write(0, b"x");
        world.flush();
    }
    world.run_until("all", |world| world.ends[1].waiting() == 8);
    assert!(
        world.ends[0].flight.resent <= 3,
        "{}",
        world.ends[0].flight.resent
    );
}

#[test]
fn a_way_that_became_longer_is_measured_again() {
    let mut world = World::connected(15, GOOD);
    world.write(0, &vec![1; 100_000]);
    world.rest(Duration::from_secs(1));
    world.read(1, usize::MAX);
    world.way = Duration::from_millis(1500);
    for _ in 0..100 {
        world.write(0, &vec![1; 10_000]);
        world.rest(Duration::from_secs(2));
        world.read(1, usize::MAX);
    }
    let smooth = world.ends[0].flight.rtt.smooth().unwrap();
    assert!(smooth > Duration::from_millis(1000), "{smooth:?}");
    assert_eq!(world.ends[0].backoff, 0);
}
