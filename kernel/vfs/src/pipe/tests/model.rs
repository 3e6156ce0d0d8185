//! Bytes keep their order, whatever moves them.

use crate::pipe::*;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use hal::UFrame;
use proptest::prelude::*;

use super::{cred, get, of, put};

fn pipe(flags: OFlags) -> (Arc<OpenFile>, Arc<OpenFile>) {
    pair(flags, &cred()).unwrap()
}

#[test]
fn ends_tell_of_each_other() {
    let (reader, writer) = pipe(OFlags::empty());
    assert_eq!(get(&reader, 1), Err(Errno::EAGAIN));
    assert_eq!(writer.ready(), Events::WRITABLE);
    assert_eq!(put(&writer, b"ab"), Ok(2));
    assert_eq!(reader.ready(), Events::READABLE);
    drop(writer);
    assert_eq!(reader.ready(), Events::READABLE | Events::HUP);
    assert_eq!(get(&reader, 9).unwrap(), b"ab");
    assert_eq!(get(&reader, 9).unwrap(), b"");
    let (reader, writer) = pipe(OFlags::empty());
    drop(reader);
    assert_eq!(put(&writer, b"x"), Err(Errno::EPIPE));
    assert_eq!(writer.ready(), Events::WRITABLE | Events::ERR);
}

#[test]
fn packets_are_read_one_by_one_and_cut() {
    let (reader, writer) = pipe(OFlags::DIRECT);
    assert_eq!(put(&writer, b"one"), Ok(3));
    assert_eq!(put(&writer, b"two"), Ok(3));
    assert_eq!(get(&reader, 9).unwrap(), b"one");
    assert_eq!(get(&reader, 1).unwrap(), b"t");
    assert_eq!(get(&reader, 9), Err(Errno::EAGAIN));
}

#[test]
fn a_small_write_to_an_almost_full_pipe_goes_whole_or_not() {
    let (reader, writer) = pipe(OFlags::empty());
    assert_eq!(
        put(&writer, &vec![1; 16 * PAGE_SIZE - 100]),
        Ok(16 * PAGE_SIZE - 100)
    );
    assert_eq!(put(&writer, &[2; 101]), Err(Errno::EAGAIN));
    assert_eq!(put(&writer, &[2; 100]), Ok(100));
    assert_eq!(get(&reader, PAGE_SIZE - 1).unwrap().len(), PAGE_SIZE - 1);
    assert_eq!(put(&writer, &[3]), Err(Errno::EAGAIN));
    assert_eq!(get(&reader, 1).unwrap(), [1]);
    assert_eq!(put(&writer, &vec![3; 2 * PAGE_SIZE]), Ok(PAGE_SIZE));
}

#[test]
fn shared_pages_are_not_written_to() {
    let (first, writer) = pipe(OFlags::empty());
    let (second, other) = pipe(OFlags::empty());
    put(&writer, b"ab").unwrap();
    assert_eq!(link(of(&first), of(&other), 9), Ok(2));
    put(&writer, b"cd").unwrap();
    put(&other, b"XY").unwrap();
    assert_eq!(get(&first, 9).unwrap(), b"abcd");
    assert_eq!(get(&second, 9).unwrap(), b"abXY");
}

#[test]
fn what_was_not_used_goes_back_in_front() {
    let (reader, writer) = pipe(OFlags::empty());
    put(&writer, b"abcdef").unwrap();
    let mut slot = of(&reader).take(4).unwrap().unwrap();
    assert_eq!(slot.len, 4);
    slot.offset += 1;
    slot.len -= 1;
    of(&reader).give_back(slot);
    assert_eq!(get(&reader, 9).unwrap(), b"bcdef");
}

#[test]
fn moving_needs_two_pipes_with_ends() {
    let (reader, writer) = pipe(OFlags::empty());
    assert_eq!(transfer(of(&reader), of(&writer), 1), Err(Errno::EINVAL));
    let (other, sink) = pipe(OFlags::empty());
    assert_eq!(transfer(of(&reader), of(&sink), 1), Err(Errno::EAGAIN));
    drop(other);
    assert_eq!(transfer(of(&reader), of(&sink), 1), Err(Errno::EPIPE));
    drop(writer);
    let (_other, sink) = pipe(OFlags::empty());
    assert_eq!(transfer(of(&reader), of(&sink), 1), Ok(0));
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Write(usize, usize),
    Read(usize, usize),
    Transfer(usize),
    Link(usize),
    Fill(usize),
    TakeAndGiveBack(usize, usize),
    Resize(usize, usize),
}

fn call() -> impl Strategy<Value = Call> {
    let len = prop_oneof![1usize..200, 4000usize..4200, 1usize..80_000];
    prop_oneof![
        4 => (0..2usize, len.clone()).prop_map(|(pipe, len)| Call::Write(pipe, len)),
        4 => (0..2usize, len.clone()).prop_map(|(pipe, len)| Call::Read(pipe, len)),
        2 => len.clone().prop_map(Call::Transfer),
        2 => len.clone().prop_map(Call::Link),
        1 => len.clone().prop_map(Call::Fill),
        1 => (1usize..5000, 0usize..5000).prop_map(|(take, used)| Call::TakeAndGiveBack(take, used)),
        1 => (0..2usize, 1usize..20).prop_map(|(pipe, pages)| Call::Resize(pipe, pages)),
    ]
}

/// Bytes that never repeat for long.
fn fresh(next: &mut u32, len: usize) -> Vec<u8> {
    (0..len)
        .map(|_| {
            *next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*next >> 24) as u8
        })
        .collect()
}

proptest! {
    /// Whatever moves the bytes, they come out in the order they went in, none lost and none made up.
    #[test]
    fn bytes_keep_their_order(calls in proptest::collection::vec(call(), 1..60)) {
        let ends = [pipe(OFlags::empty()), pipe(OFlags::empty())];
        let mut held = [VecDeque::new(), VecDeque::new()];
        let mut next = 1;
        for call in calls {
            match call {
                Call::Write(at, len) => {
                    let bytes = fresh(&mut next, len);
                    match put(&ends[at].1, &bytes) {
                        Ok(done) => {
                            prop_assert!(done == len || len > PIPE_BUF);
                            held[at].extend(&bytes[..done]);
                        }
                        Err(error) => prop_assert_eq!(error, Errno::EAGAIN),
                    }
                }
                Call::Read(at, len) => match get(&ends[at].0, len) {
                    Ok(bytes) => {
                        prop_assert_eq!(bytes.len(), len.min(held[at].len()));
                        let expected: Vec<u8> = held[at].drain(..bytes.len()).collect();
                        prop_assert_eq!(bytes, expected);
                    }
                    Err(error) => {
                        prop_assert_eq!(error, Errno::EAGAIN);
                        prop_assert!(held[at].is_empty());
                    }
                },
                Call::Transfer(len) => {
                    if let Ok(moved) = transfer(of(&ends[0].0), of(&ends[1].1), len) {
                        prop_assert!(moved > 0 && moved <= len);
                        let bytes: Vec<u8> = held[0].drain(..moved).collect();
                        held[1].extend(bytes);
                    }
                }
                Call::Link(len) => {
                    if let Ok(linked) = link(of(&ends[0].0), of(&ends[1].1), len) {
                        prop_assert!(linked > 0 && linked <= len);
                        let bytes: Vec<u8> = held[0].iter().take(linked).copied().collect();
                        held[1].extend(bytes);
                    }
                }
                Call::Fill(len) => {
                    let bytes = fresh(&mut next, len);
                    let filled = fill(of(&ends[0].1), len, |done, most| {
                        let len = most.min(1000);
                        let frame = UFrame::alloc_zeroed().ok_or(Errno::ENOMEM)?;
                        frame.write(7, &bytes[done..done + len]);
                        Ok(Some(Slot::of(frame, 7, len)))
                    });
                    if let Ok(filled) = filled {
                        held[0].extend(&bytes[..filled]);
                    }
                }
                Call::TakeAndGiveBack(take, used) => {
                    if let Ok(Some(mut slot)) = of(&ends[1].0).take(take) {
                        let used = used.min(slot.len);
                        let mut bytes = vec![0; used];
                        slot.frame.read(slot.offset, &mut bytes);
                        let expected: Vec<u8> = held[1].drain(..used).collect();
                        prop_assert_eq!(bytes, expected);
                        if used < slot.len {
                            slot.offset += used;
                            slot.len -= used;
                            of(&ends[1].0).give_back(slot);
                        }
                    }
                }
                Call::Resize(at, pages) => {
                    let pipe = of(&ends[at].0);
                    match pipe.set_capacity(pages * PAGE_SIZE, &cred()) {
                        Ok(size) => prop_assert_eq!(size, pages.next_power_of_two() * PAGE_SIZE),
                        Err(error) => prop_assert_eq!(error, Errno::EBUSY),
                    }
                }
            }
            for at in 0..2 {
                let pipe = of(&ends[at].0);
                prop_assert_eq!(pipe.queued(), held[at].len());
                prop_assert!(pipe.queued() <= pipe.capacity());
            }
        }
    }
}
