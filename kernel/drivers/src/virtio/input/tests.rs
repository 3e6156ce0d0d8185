//! proves A13: a lying keyboard.

use super::super::lies::{faults, listen, until};
use super::*;
use hal::virtio::fake::{Remote, device};
use hal::virtio::{Kind, Wrong};
use proptest::prelude::*;

fn keyboard() -> (Arc<Input>, Remote) {
    listen();
    let (mut device, remote) = device(Kind::Input, 0, &[0; DATA + MOST]);
    device.negotiate(Features::empty()).unwrap();
    let input = connect(device).unwrap();
    input.lend_room();
    (input, remote)
}

/// Key 30 goes down.
const KEY: [u8; EVENT] = [1, 0, 30, 0, 1, 0, 0, 0];

#[test]
fn what_was_not_written_is_no_event() {
    let (input, remote) = keyboard();
    let requests = remote.requests(EVENTS);
    assert_eq!(requests.len(), SLOTS);
    for (request, len) in requests.iter().zip(0..EVENT as u32) {
        remote.write(EVENTS, request.id, &KEY);
        remote.give_back(EVENTS, request.id.into(), len);
    }
    assert_eq!(input.collect(), (Vec::new(), false));
    let again = remote.requests(EVENTS);
    assert_eq!(again.len(), EVENT);
    remote.write(EVENTS, again[0].id, &KEY);
    remote.give_back(EVENTS, again[0].id.into(), u32::MAX);
    assert_eq!(input.collect(), (vec![(1, 30, 1)], false));
    assert_eq!(faults(&remote), []);
}

#[test]
fn ids_never_lent_end_the_queue_once() {
    let (input, remote) = keyboard();
    for id in [SLOTS as u32, 0xffff, 3] {
        remote.give_back(EVENTS, id, 8);
        assert_eq!(input.collect(), (Vec::new(), false));
    }
    let (queue, id) = (EVENTS, SLOTS as u16);
    assert_eq!(faults(&remote), [Wrong::NotLent { queue, id }]);
    // Its lights are another queue.
    input.send(EV_LED, 1, 1);
    assert_eq!(remote.requests(STATUS).len(), 1);
    remote.give_back(STATUS, 9, 0);
    input.send(EV_LED, 1, 0);
    input.send(EV_LED, 1, 1);
    assert_eq!(remote.requests(STATUS).len(), 0);
    assert_eq!(faults(&remote).len(), 2);
}

#[test]
fn counts_that_run_ahead_keep_nobody() {
    let (input, remote) = keyboard();
    for ahead in [1, 63, 64, 65, 1000, 40_000] {
        remote.skip(EVENTS, ahead);
        // Each round is bounded, and what it finds was written by nobody.
        for _ in 0..1024 {
            let (events, more) = input.collect();
            assert_eq!(events, []);
            if !more {
                break;
            }
        }
    }
    assert!(faults(&remote).len() <= 1);
}

#[test]
fn a_device_that_describes_nonsense_is_taken_as_far_as_it_goes() {
    for (config, restless) in [
        (vec![0xff; DATA + MOST], false),
        (vec![0xff; DATA + MOST], true),
        (vec![0; SIZE], false),
        (vec![0x7f; DATA + 3], false),
    ] {
        listen();
        let (device, remote) = device(Kind::Input, 0, &config);
        remote.keep_changing(restless);
        start(device).unwrap();
        // They are lent one after the other.
        let mut lent = Vec::new();
        until(|| {
            lent.extend(remote.requests(EVENTS));
            (lent.len() == SLOTS).then_some(())
        });
        remote.answer(EVENTS, &lent[0], &[0xff; EVENT]);
        remote.answer(EVENTS, &lent[1], &[3, 0, 47, 0, 0, 0, 0, 0x80]);
        remote.answer(EVENTS, &lent[2], &KEY);
        remote.interrupt(true, true);
        // It took them, and waits for more.
        let mut back = 0;
        until(|| {
            back += remote.requests(EVENTS).len();
            (back == 3).then_some(())
        });
        remote.ask_for_reset();
        remote.interrupt(false, true);
        remote.interrupt(false, true);
        assert_eq!(faults(&remote), [Wrong::NeedsReset]);
    }
}

#[test]
fn a_device_that_wants_nothing_agreed_is_left_alone() {
    let (one, remote) = device(Kind::Input, 0, &[0; DATA + MOST]);
    remote.refuse_features(true);
    assert_eq!(start(one), Err(Unusable));
    let (small, remote) = device(Kind::Input, 0, &[0; DATA + MOST]);
    remote.set_room(SLOTS as u32 / 2);
    assert_eq!(start(small), Err(Unusable));
}

proptest! {
    #[test]
    fn any_events_may_come(events in proptest::collection::vec(any::<(u16, u16, i32)>(), 0..64), near in any::<bool>()) {
        let mut kinds = Bits::new(EV_CNT);
        let mut codes = SortedMap::new();
        for kind in [EV_KEY, EV_REL, EV_ABS, EV_MSC, EV_SW, EV_LED, EV_SND, EV_FF] {
            kinds.put(kind.into(), true);
            if let Some(count) = evdev::codes(kind) {
                codes.insert(kind, Bits::from_bytes(count, &[0xff; 96]));
            }
        }
        kinds.put(EV_REP.into(), true);
        let description = Description { kinds, codes, ..Description::default() };
        let device = InputDevice::new(description, Box::new(|_, _, _| {}), Arc::new(Pollee::new()));
        let clamp = |(kind, code, value): (u16, u16, i32)| {
            if near { (kind % 0x18, code % 0x300, value) } else { (kind, code, value) }
        };
        let events: Vec<_> = events.into_iter().map(clamp).collect();
        device.feed(&events);
        device.repeat();
    }
}
