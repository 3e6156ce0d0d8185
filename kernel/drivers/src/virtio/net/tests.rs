//! proves A13: a network card that lies.

use super::super::lies::{faults, listen};
use super::*;
use hal::virtio::fake::{Remote, device};
use hal::virtio::{Kind, Wrong};

const ALL: u64 = 1 | 1 << 1 | 1 << 3 | 1 << 5 | 1 << 16;

/// Address, carrier, pairs of queues, largest packet.
fn config(mtu: u16) -> Vec<u8> {
    let mut bytes = vec![0x52, 0x54, 0, 1, 2, 3, 1, 0, 1, 0];
    bytes.extend(mtu.to_le_bytes());
    bytes
}

fn card() -> (Arc<Card>, Remote) {
    listen();
    let (device, remote) = device(Kind::Network, ALL, &config(1500));
    let card = connect(device).unwrap();
    card.open();
    (card, remote)
}

fn receive(card: &Card) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    card.receive(1000, &mut |frame| frames.push(frame.bytes.to_vec()));
    frames
}

fn send(card: &Card, length: usize) -> abi::Result<()> {
    card.transmit(&Outgoing::whole(&vec![0; length]))
}

#[test]
fn a_frame_is_what_was_written_after_its_header() {
    let (card, remote) = card();
    let lent = remote.requests(RECEIVING);
    assert_eq!(lent.len(), SLOTS);
    for (request, len) in lent.iter().zip(0..=HEADER as u32) {
        remote.give_back(RECEIVING, request.id.into(), len);
    }
    assert_eq!(receive(&card), Vec::<Vec<u8>>::new());
    let lent = remote.requests(RECEIVING);
    assert_eq!(lent.len(), HEADER + 1);
    let mut bytes = vec![0; HEADER];
    bytes.extend([1, 2, 3]);
    remote.answer(RECEIVING, &lent[0], &bytes);
    assert_eq!(receive(&card), [[1, 2, 3]]);
    remote.give_back(RECEIVING, lent[1].id.into(), u32::MAX);
    let frames = receive(&card);
    assert_eq!(frames[0].len(), lent[1].room - HEADER);
    assert_eq!(faults(&remote), []);
}

#[test]
fn wrong_ids_end_the_side_they_came_from() {
    let (card, remote) = card();
    for id in [SLOTS as u32, 0x8000] {
        remote.give_back(RECEIVING, id, 64);
        assert_eq!(receive(&card), Vec::<Vec<u8>>::new());
    }
    let wrong = |queue, id| Wrong::NotLent { queue, id };
    assert_eq!(faults(&remote), [wrong(RECEIVING, SLOTS as u16)]);
    // It still sends, until that side lies too.
    assert_eq!(send(&card, 60), Ok(()));
    let sent = remote.requests(SENDING);
    assert_eq!((sent.len(), sent[0].bytes.len()), (1, HEADER + 60));
    remote.give_back(SENDING, sent[0].id.into(), 0);
    remote.give_back(SENDING, sent[0].id.into(), 0);
    assert_eq!(send(&card, 60), Err(Errno::EIO));
    assert_eq!(send(&card, 60), Err(Errno::EIO));
    assert_eq!(remote.requests(SENDING), []);
    assert_eq!(faults(&remote)[1..], [wrong(SENDING, sent[0].id)]);
}

#[test]
fn counts_that_run_ahead_keep_nobody() {
    let (card, remote) = card();
    remote.skip(RECEIVING, 40_000);
    let mut rounds = 0;
    while card.receive(64, &mut |_| {}) == 64 {
        rounds += 1;
        assert!(rounds < 1000);
    }
    remote.skip(SENDING, 1);
    for _ in 0..SLOTS * 2 {
        let _ = send(&card, 60);
    }
    assert!(faults(&remote).len() <= 2);
}

#[test]
fn a_card_that_takes_nothing_fills() {
    let (card, remote) = card();
    for _ in 0..SLOTS {
        assert_eq!(send(&card, 60), Ok(()));
    }
    assert_eq!(send(&card, 60), Err(Errno::EAGAIN));
    // Switched off and on, it does not take them either.
    remote.reset();
    assert_eq!(send(&card, 60), Err(Errno::EAGAIN));
    assert_eq!(receive(&card), Vec::<Vec<u8>>::new());
    assert_eq!(send(&card, 2000), Err(Errno::EMSGSIZE));
    assert_eq!(faults(&remote), []);
}

#[test]
fn a_configuration_that_changes_is_no_carrier() {
    let (card, remote) = card();
    assert!(card.has_carrier());
    remote.keep_changing(true);
    assert!(card.look_at_carrier());
    assert!(!card.has_carrier());
    remote.keep_changing(false);
    remote.set_config(STATUS_AT, &[0xff, 0xff]);
    assert!(card.look_at_carrier());
    assert!(card.has_carrier());
}

#[test]
fn sizes_are_kept_within_reason() {
    for (said, is) in [(0, 68), (67, 68), (1400, 1400), (u16::MAX, MTU_MOST)] {
        let (device, remote) = device(Kind::Network, ALL, &config(said));
        let card = connect(device).unwrap();
        card.open();
        assert_eq!(card.mtu(), u32::from(is));
        let room = HEADER + ETHERNET + usize::from(is);
        assert!(
            remote
                .requests(RECEIVING)
                .iter()
                .all(|one| one.room == room)
        );
    }
    let (short, _) = device(Kind::Network, ALL, &[0; 4]);
    assert_eq!(connect(short).err(), Some(Unusable));
}
