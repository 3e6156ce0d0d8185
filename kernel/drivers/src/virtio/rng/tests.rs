//! proves A13: a source of entropy that lies.

use super::super::lies::{faults, listen, until};
use super::*;
use hal::virtio::fake::{Remote, Request, device};
use hal::virtio::{Kind, Wrong};

/// Asks for bytes of a device that does as `play` says with the request.
fn ask(play: impl FnOnce(&Remote, &Request) + Send) -> (Vec<u8>, Remote) {
    listen();
    let (device, remote) = device(Kind::Entropy, 0, &[]);
    let rng = Rng::start(device).unwrap();
    let mut bytes = [0; 64];
    let got = std::thread::scope(|scope| {
        scope.spawn(|| {
            let request = until(|| remote.requests(0).pop());
            play(&remote, &request);
            remote.interrupt(true, false);
        });
        rng.fill(&mut bytes)
    });
    (bytes[..got].to_vec(), remote)
}

#[test]
fn the_length_is_what_there_was_room_for() {
    let (bytes, remote) = ask(|remote, request| {
        remote.write(0, request.id, &[7; 100]);
        remote.give_back(0, request.id.into(), u32::MAX);
    });
    assert_eq!((bytes, faults(&remote)), (vec![7; 64], vec![]));
    let (bytes, _) = ask(|remote, request| remote.answer(0, request, &[7; 3]));
    assert_eq!(bytes, [7; 3]);
    let (bytes, _) = ask(|remote, request| remote.give_back(0, request.id.into(), 0));
    assert_eq!(bytes, []);
}

#[test]
fn a_wrong_id_ends_it_once() {
    for id in [1, 2, 4, 0xffff] {
        let (bytes, remote) = ask(|remote, _| remote.give_back(0, id, 8));
        let wrong = Wrong::NotLent {
            queue: 0,
            id: id as u16,
        };
        assert_eq!((bytes, faults(&remote)), (vec![], vec![wrong]));
    }
}

#[test]
fn giving_back_twice_is_told_at_the_next_question() {
    listen();
    let (device, remote) = device(Kind::Entropy, 0, &[]);
    let rng = Rng::start(device).unwrap();
    let mut bytes = [0; 8];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let request = until(|| remote.requests(0).pop());
            remote.answer(0, &request, &[1; 8]);
            remote.give_back(0, request.id.into(), 8);
            remote.interrupt(true, false);
        });
        assert_eq!(rng.fill(&mut bytes), 8);
    });
    assert_eq!(rng.fill(&mut bytes), 0);
    assert_eq!(rng.fill(&mut bytes), 0);
    assert_eq!(faults(&remote).len(), 1);
}

#[test]
fn a_device_that_was_switched_off_gives_nothing() {
    listen();
    let (device, remote) = device(Kind::Entropy, 0, &[]);
    let rng = Rng::start(device).unwrap();
    remote.reset();
    // Nobody answers: it is given up.
    assert_eq!(rng.fill(&mut [0; 8]), 0);
    assert_eq!(faults(&remote), []);
}
