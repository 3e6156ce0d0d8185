//! What holds of the discipline whatever is typed, set and read.

#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use abi::termios::ControlFlags;
use proptest::prelude::*;
use std::{vec, vec::Vec};

/// One thing done to a discipline.
#[derive(Clone, Debug)]
enum Step {
    Type(Vec<u8>),
    Event(u8),
    Read(usize),
    Write(Vec<u8>, usize),
    Set(u32, u32, u32, Vec<u8>),
    Stop(bool),
    Flush,
    Echoed(usize),
}

fn step() -> impl Strategy<Value = Step> {
    // Keys the standard settings give a meaning, and any others.
    let key = prop_oneof![
        Just(b'\n'),
        Just(b'\r'),
        Just(4),
        Just(0x7f),
        Just(0o25),
        Just(0o27),
        Just(0o26),
        Just(0o22),
        Just(3),
        Just(b'\t'),
        Just(0x13),
        Just(0x11),
        Just(b'a'),
        any::<u8>(),
    ];
    prop_oneof![
        4 => prop::collection::vec(key.clone(), 0..300).prop_map(Step::Type),
        1 => any::<u8>().prop_map(Step::Event),
        4 => (0usize..600).prop_map(Step::Read),
        2 => (prop::collection::vec(key, 0..100), 0usize..80).prop_map(|(b, n)| Step::Write(b, n)),
        1 => (any::<u32>(), any::<u32>(), any::<u32>(), prop::collection::vec(any::<u8>(), 19))
            .prop_map(|(i, o, l, cc)| Step::Set(i, o, l, cc)),
        1 => any::<bool>().prop_map(Step::Stop),
        1 => Just(Step::Flush),
        2 => (0usize..500).prop_map(Step::Echoed),
    ]
}

fn settings(words: (u32, u32, u32), cc: &[u8]) -> Termios2 {
    let mut termios = Termios2::STANDARD;
    termios.iflag = InputFlags(words.0);
    termios.oflag = OutputFlags(words.1);
    termios.lflag = LocalFlags(words.2);
    termios.cflag = ControlFlags::CREAD.union(ControlFlags::CS8);
    for (to, from) in termios.cc.iter_mut().zip(cc) {
        *to = *from;
    }
    termios
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn nothing_breaks_its_bounds(steps in prop::collection::vec(step(), 1..40)) {
        let mut discipline = LineDiscipline::new(Termios2::STANDARD);
        for step in steps {
            let mut effects = Effects::default();
            match step {
                Step::Type(bytes) => {
                    let taken = discipline.receive(&bytes, &mut effects);
                    prop_assert!(taken <= bytes.len());
                }
                Step::Event(byte) => {
                    discipline.receive_one(Received::Damaged(byte), &mut effects);
                }
                Step::Read(want) => {
                    let told = discipline.readable_bytes();
                    let mut got = 0;
                    let outcome = discipline.read(want, 1, &mut |bytes| {
                        got += bytes.len();
                        bytes.len()
                    });
                    prop_assert!(got <= want);
                    prop_assert!(got <= told, "{got} of {told}");
                    match outcome {
                        ReadOutcome::Bytes(n) | ReadOutcome::Short(n) => prop_assert_eq!(n, got),
                        ReadOutcome::Empty => prop_assert_eq!(got, 0),
                    }
                }
                Step::Write(bytes, room) => {
                    let mut out = vec![];
                    let taken = discipline.process_output(&bytes, room, &mut out);
                    prop_assert!(taken <= bytes.len());
                    prop_assert!(out.len() <= room);
                }
                Step::Set(i, o, l, cc) => {
                    discipline.set_termios(settings((i, o, l), &cc));
                }
                Step::Stop(stopped) => {
                    discipline.set_stopped(stopped);
                }
                Step::Flush => {
                    discipline.flush_input();
                    prop_assert_eq!(discipline.readable_bytes(), 0);
                }
                Step::Echoed(count) => {
                    let count = count.min(discipline.pending_echo().len());
                    discipline.echo_written(count);
                }
            }
            prop_assert!(discipline.pending_echo().len() < 16 * 1024);
        }
    }

    #[test]
    fn raw_bytes_come_out_as_they_went_in(pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..900), 1usize..900), 1..40)) {
        let mut discipline = LineDiscipline::new(settings((0, 0, 0), &[0; 19]));
        let (mut sent, mut got) = (vec![], vec![]);
        for (bytes, want) in pieces {
            let taken = discipline.receive(&bytes, &mut Effects::default());
            sent.extend_from_slice(bytes.get(..taken).unwrap());
            discipline.read(want, 1, &mut |bytes| {
                got.extend_from_slice(bytes);
                bytes.len()
            });
        }
        discipline.read(usize::MAX, 1, &mut |bytes| {
            got.extend_from_slice(bytes);
            bytes.len()
        });
        prop_assert_eq!(sent, got);
    }

    #[test]
    fn lines_come_out_whole(lines in prop::collection::vec("[a-z ]{0,60}", 1..30)) {
        let mut termios = Termios2::STANDARD;
        termios.lflag.remove(LocalFlags::ECHO);
        let mut discipline = LineDiscipline::new(termios);
        for line in &lines {
            let typed = std::format!("{line}\n");
            prop_assert_eq!(discipline.receive(typed.as_bytes(), &mut Effects::default()), typed.len());
        }
        for line in &lines {
            let mut got = vec![];
            discipline.read(4096, 1, &mut |bytes| {
                got.extend_from_slice(bytes);
                bytes.len()
            });
            prop_assert_eq!(std::string::String::from_utf8(got).unwrap(), std::format!("{line}\n"));
        }
    }
}
