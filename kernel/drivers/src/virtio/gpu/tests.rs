//! proves A13: a display device that lies.

use super::super::lies::{faults, listen};
use super::*;
use crate::drm::rect::Rect;
use core::sync::atomic::AtomicBool;
use hal::virtio::fake::{Remote, Request, device};
use hal::virtio::{Kind, Wrong};

fn display(scanouts: u32) -> (Arc<Gpu>, Remote) {
    listen();
    let mut config = vec![0; 8];
    config.extend(scanouts.to_le_bytes());
    config.extend([0; 4]);
    let (device, remote) = device(Kind::Gpu, FEATURE_EDID.bits(), &config);
    (connect(device).unwrap(), remote)
}

/// Runs `driver` while the device answers each command as `play` says.
fn played<T>(
    gpu: &Gpu,
    remote: &Remote,
    play: impl Fn(&Request) + Send + Sync,
    driver: impl FnOnce() -> T,
) -> T {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                for request in remote.requests(CONTROL) {
                    play(&request);
                    gpu.done.notify(Events::READABLE);
                }
                std::thread::yield_now();
            }
        });
        let done = driver();
        over.store(true, Ordering::Release);
        done
    })
}

fn kind(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().unwrap())
}

/// An answer of a kind, its data all `fill`.
fn answer(kind: u32, len: usize, fill: u8) -> Vec<u8> {
    let mut bytes = vec![0; 24];
    bytes[..4].copy_from_slice(&kind.to_le_bytes());
    bytes.resize(len, fill);
    bytes
}

const PICTURE: Op = Op::Flush {
    resource: 1,
    rect: Rect {
        x1: 0,
        y1: 0,
        x2: 8,
        y2: 8,
    },
};

#[test]
fn displays_of_any_size_are_taken_as_told() {
    let (gpu, remote) = display(u32::MAX);
    for fill in [0, 1, 0x7f, 0xff] {
        let play = |request: &Request| {
            let said = match kind(&request.bytes) {
                0x100 => answer(0x1101, wire::DISPLAY_INFO, fill),
                _ => answer(0x1104, wire::EDID, fill),
            };
            remote.answer(CONTROL, request, &said);
        };
        let found = played(&gpu, &remote, play, || gpu.scanouts()).unwrap();
        // Not more than the answer has.
        assert_eq!(found.len(), 16);
        for scanout in found {
            assert!(scanout.edid.len() <= 1024);
            // Whatever comes of it has sides that can be shown.
            for mode in crate::drm::modes::of_display(&scanout).0 {
                assert!((1..=8192).contains(&mode.hdisplay) && mode.vdisplay > 0);
            }
        }
    }
    assert_eq!(faults(&remote), []);
}

#[test]
fn short_and_wrong_answers_are_no_displays() {
    let (gpu, remote) = display(1);
    for said in [
        answer(0x1101, 4, 0),
        answer(0x1200, 24, 0),
        answer(0, 24, 0),
        answer(0x1104, wire::DISPLAY_INFO, 0xff),
        vec![],
    ] {
        let play = |request: &Request| remote.answer(CONTROL, request, &said);
        let found = played(&gpu, &remote, play, || gpu.scanouts()).unwrap();
        assert_eq!(found, []);
    }
    // Each refusal is told of, but not without end.
    let refuse = |request: &Request| remote.answer(CONTROL, request, &answer(0x1202, 24, 0));
    played(&gpu, &remote, refuse, || {
        for _ in 0..100 {
            let fence = gpu.submit(&[PICTURE]).unwrap();
            gpu.wait(fence).unwrap();
        }
    });
    assert_eq!(gpu.control.lock().refusals, TOLD);
    assert_eq!(gpu.control.lock().out.len(), 0);
    assert_eq!(gpu.control.lock().answers.len(), 0);
}

#[test]
fn lengths_beyond_the_room_are_the_room() {
    let (gpu, remote) = display(1);
    let play = |request: &Request| {
        remote.write(CONTROL, request.id, &answer(0x1101, wire::DISPLAY_INFO, 0));
        remote.give_back(CONTROL, request.id.into(), u32::MAX);
    };
    let found = played(&gpu, &remote, play, || gpu.scanouts()).unwrap();
    assert_eq!(found, [Scanout::default()]);
}

#[test]
fn a_lost_count_ends_every_wait() {
    let (gpu, remote) = display(1);
    let lie = |_: &Request| remote.give_back(CONTROL, 63, 24);
    assert_eq!(
        played(&gpu, &remote, lie, || gpu.scanouts()),
        Err(Errno::EIO)
    );
    let queue = CONTROL;
    assert_eq!(faults(&remote), [Wrong::NotLent { queue, id: 63 }]);
    assert_eq!(gpu.submit(&[PICTURE]), Err(Errno::EIO));
    assert_eq!(gpu.scanouts(), Err(Errno::EIO));
    assert_eq!(gpu.wait(1), Err(Errno::EIO));
    assert!(!gpu.finished(1));
    assert_eq!(faults(&remote).len(), 1);
}

#[test]
fn giving_back_twice_is_told_once() {
    let (gpu, remote) = display(1);
    let fence = gpu.submit(&[PICTURE, PICTURE]).unwrap();
    let sent = remote.requests(CONTROL);
    assert_eq!(sent.len(), 2);
    remote.answer(CONTROL, &sent[0], &answer(0x1100, 24, 0));
    remote.give_back(CONTROL, sent[0].id.into(), 24);
    assert!(!gpu.finished(fence));
    assert_eq!(gpu.wait(fence), Err(Errno::EIO));
    assert_eq!(faults(&remote).len(), 1);
}

#[test]
fn a_cursor_queue_that_lost_count_shows_no_cursor() {
    let (gpu, remote) = display(1);
    gpu.show_cursor(0, 1, (0, 0), (5, 5));
    assert_eq!(remote.requests(CURSOR).len(), 1);
    remote.give_back(CURSOR, 15, 0);
    for at in 0..100 {
        gpu.move_cursor(0, (at, at));
    }
    assert_eq!(remote.requests(CURSOR), []);
    assert_eq!(faults(&remote).len(), 1);
}

#[test]
fn changes_are_taken_one_at_a_time_whatever_the_configuration_does() {
    let (gpu, remote) = display(1);
    assert!(!gpu.take_change());
    for restless in [true, false] {
        remote.set_config(EVENTS_READ, &[1]);
        remote.keep_changing(restless);
        gpu.changed.store(true, Ordering::Release);
        assert_eq!(gpu.take_change(), !restless);
        assert!(!gpu.take_change());
    }
    assert_eq!(remote.config()[EVENTS_CLEAR], 1);
}
