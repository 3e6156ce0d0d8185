//! The discipline against tables of typed bytes, echo and what a read then returns.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use abi::termios::{ControlFlags, OutputFlags};
use std::{string::String, vec, vec::Vec};

struct Bench {
    discipline: LineDiscipline,
    effects: Effects,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Termios2)) -> Self {
        let mut termios = Termios2::STANDARD;
        assert!(termios.cflag.contains(ControlFlags::CREAD));
        change(&mut termios);
        Self {
            discipline: LineDiscipline::new(termios),
            effects: Effects::default(),
        }
    }

    fn raw() -> Self {
        Self::new(|t| {
            t.lflag = LocalFlags::empty();
            t.iflag = InputFlags::empty();
            t.oflag = OutputFlags::empty();
        })
    }

    fn set(&mut self, change: impl FnOnce(&mut Termios2)) {
        let mut termios = *self.discipline.termios();
        change(&mut termios);
        self.discipline.set_termios(termios);
    }

    fn kind(&mut self, bytes: &[u8]) -> usize {
        self.discipline.receive(bytes, &mut self.effects)
    }

    fn echo(&mut self) -> String {
        let echo = self.discipline.pending_echo().to_vec();
        self.discipline.echo_written(echo.len());
        String::from_utf8_lossy(&echo).into_owned()
    }

    fn read(&mut self, want: usize) -> Option<Vec<u8>> {
        let mut got = Vec::new();
        match self.discipline.read(want, 1, &mut |bytes| {
            got.extend_from_slice(bytes);
            bytes.len()
        }) {
            ReadOutcome::Empty => None,
            _ => Some(got),
        }
    }

    fn line(&mut self) -> Option<String> {
        self.read(4096)
            .map(|line| String::from_utf8_lossy(&line).into_owned())
    }
}

/// Typed bytes, the echo, and the lines that can be read.
fn check(change: impl FnOnce(&mut Termios2), typed: &[u8], echo: &str, lines: &[&str]) {
    let mut bench = Bench::new(change);
    assert_eq!(bench.kind(typed), typed.len());
    assert_eq!(bench.echo(), echo, "echo of {typed:?}");
    for line in lines {
        assert_eq!(bench.line().as_deref(), Some(*line));
    }
    assert_eq!(bench.line(), None);
}

#[test]
fn a_line_is_echoed_and_read() {
    check(|_| {}, b"hi\n", "hi\r\n", &["hi\n"]);
    check(|_| {}, b"hi\r", "hi\r\n", &["hi\n"]);
    check(|_| {}, b"a\nb\nc", "a\r\nb\r\nc", &["a\n", "b\n"]);
}

#[test]
fn erase_word_and_kill_wipe() {
    check(|_| {}, b"ab\x7fc\n", "ab\x08 \x08c\r\n", &["ac\n"]);
    check(|_| {}, b"\x7f\n", "\r\n", &["\n"]);
    check(
        |_| {},
        b"foo bar\x17x\n",
        "foo bar\x08 \x08\x08 \x08\x08 \x08x\r\n",
        &["foo x\n"],
    );
    check(|_| {}, b"ab\x15c\n", "ab\x08 \x08\x08 \x08c\r\n", &["c\n"]);
    check(
        |t| t.lflag.remove(LocalFlags::ECHOKE),
        b"ab\x15c\n",
        "ab^U\r\nc\r\n",
        &["c\n"],
    );
    check(
        |t| t.lflag.remove(LocalFlags::ECHOE),
        b"ab\x7f\n",
        "ab^?\r\n",
        &["a\n"],
    );
    check(
        |t| t.lflag.insert(LocalFlags::ECHOPRT),
        b"ab\x7f\x7fc\n",
        "ab\\ba/c\r\n",
        &["c\n"],
    );
}

#[test]
fn erasing_control_characters_takes_both_columns() {
    check(
        |_| {},
        b"\x01\x7fb\n",
        "^A\x08 \x08\x08 \x08b\r\n",
        &["b\n"],
    );
}

#[test]
fn erasing_a_tab_goes_back_to_where_it_began() {
    check(
        |_| {},
        b"ab\t\x7fc\n",
        "ab\t\x08\x08\x08\x08\x08\x08c\r\n",
        &["abc\n"],
    );
    let mut bench = Bench::new(|_| {});
    let mut out = Vec::new();
    bench.discipline.process_output(b"$ ", 64, &mut out);
    bench.kind(b"\t\x7f");
    assert_eq!(bench.echo(), "\t\x08\x08\x08\x08\x08\x08");
}

#[test]
fn utf8_characters_are_erased_whole() {
    check(
        |t| t.iflag.insert(InputFlags::IUTF8),
        "aé\x7f\n".as_bytes(),
        "aé\x08 \x08\r\n",
        &["a\n"],
    );
    check(
        |t| t.iflag.insert(InputFlags::IUTF8),
        "€🦀\x7f\x7fb\n".as_bytes(),
        "€🦀\x08 \x08\x08 \x08b\r\n",
        &["b\n"],
    );
}

#[test]
fn literal_next_takes_anything() {
    check(|_| {}, b"\x16\x03x\n", "^\x08^Cx\r\n", &["\x03x\n"]);
    check(|_| {}, b"\x16\nx\n", "^\x08^Jx\r\n", &["\nx\n"]);
}

#[test]
fn reprint_shows_the_line_again() {
    check(
        |_| {},
        b"ab\x12c\n",
        "ab^R\r\nabc\r\n",
        &["ab\n".replace('b', "bc").as_str()],
    );
}

#[test]
fn end_of_file() {
    check(|_| {}, b"\x04", "", &[""]);
    check(|_| {}, b"ab\x04cd\n", "abcd\r\n", &["ab", "cd\n"]);
    // A read that takes exactly what stands before the mark takes the mark too.
    let mut bench = Bench::new(|_| {});
    bench.kind(b"abcd\x04");
    assert_eq!(bench.read(4).as_deref(), Some(&b"abcd"[..]));
    assert_eq!(bench.read(4), None);
    // One that ends earlier does not.
    bench.kind(b"abcd\x04");
    assert_eq!(bench.read(3).as_deref(), Some(&b"abc"[..]));
    assert_eq!(bench.read(3).as_deref(), Some(&b"d"[..]));
    assert_eq!(bench.read(3), None);
}

#[test]
fn other_line_ends() {
    check(
        |t| {
            t.cc[cc::VEOL] = b';';
            t.cc[cc::VEOL2] = b',';
        },
        b"a;b,c\n",
        "a;b,c\r\n",
        &["a;", "b,", "c\n"],
    );
}

#[test]
fn signals_flush_unless_told_not_to() {
    let mut bench = Bench::new(|_| {});
    bench.kind(b"abc\x03d\n");
    assert_eq!(bench.effects.signals, vec![KeySignal::Interrupt]);
    assert!(bench.effects.flush_output);
    assert_eq!(bench.echo(), "^Cd\r\n");
    assert_eq!(bench.line().as_deref(), Some("d\n"));

    let mut bench = Bench::new(|t| t.lflag.insert(LocalFlags::NOFLSH));
    bench.kind(b"a\x1c\x1ab\n");
    assert_eq!(
        bench.effects.signals,
        vec![KeySignal::Quit, KeySignal::Suspend]
    );
    assert!(!bench.effects.flush_output);
    assert_eq!(bench.echo(), "a^\\^Zb\r\n");
    assert_eq!(bench.line().as_deref(), Some("ab\n"));

    let mut bench = Bench::new(|t| t.lflag.remove(LocalFlags::ISIG));
    bench.kind(b"\x03\n");
    assert!(bench.effects.signals.is_empty());
    assert_eq!(bench.line().as_deref(), Some("\x03\n"));
}

#[test]
fn a_disabled_character_is_data() {
    check(
        |t| t.cc[cc::VINTR] = 0,
        b"\x03\x00\n",
        "^C^@\r\n",
        &["\x03\0\n"],
    );
}

#[test]
fn flow_control() {
    let mut bench = Bench::new(|_| {});
    bench.kind(b"\x13");
    assert!(bench.discipline.stopped() && bench.effects.flow_changed);
    bench.kind(b"a");
    assert!(bench.discipline.stopped());
    bench.kind(b"\x11");
    assert!(!bench.discipline.stopped());
    bench.set(|t| t.iflag.insert(InputFlags::IXANY));
    bench.kind(b"\x13b");
    assert!(!bench.discipline.stopped());
    bench.kind(b"\x13");
    let mut off = *bench.discipline.termios();
    off.iflag.remove(InputFlags::IXON);
    assert!(bench.discipline.set_termios(off));
    assert!(!bench.discipline.stopped());
    bench.kind(b"\n");
    assert_eq!(bench.line().as_deref(), Some("ab\n"));
}

#[test]
fn input_mappings() {
    check(
        |t| t.iflag.insert(InputFlags::IGNCR),
        b"a\rb\n",
        "ab\r\n",
        &["ab\n"],
    );
    check(
        |t| {
            t.iflag.remove(InputFlags::ICRNL);
            t.iflag.insert(InputFlags::INLCR);
            t.cc[cc::VEOL] = b'\r';
        },
        b"a\n",
        "a^M",
        &["a\r"],
    );
    check(
        |t| t.iflag.insert(InputFlags::ISTRIP | InputFlags::IUCLC),
        b"\xc1B\n",
        "ab\r\n",
        &["ab\n"],
    );
}

#[test]
fn echo_switches() {
    check(|t| t.lflag.remove(LocalFlags::ECHO), b"ab\n", "", &["ab\n"]);
    check(
        |t| {
            t.lflag.remove(LocalFlags::ECHO);
            t.lflag.insert(LocalFlags::ECHONL);
        },
        b"ab\n",
        "\r\n",
        &["ab\n"],
    );
    check(
        |t| t.lflag.remove(LocalFlags::ECHOCTL),
        b"\x01\n",
        "\x01\r\n",
        &["\x01\n"],
    );
}

#[test]
fn raw_bytes_pass() {
    let mut bench = Bench::raw();
    let all: Vec<u8> = (0..=255).collect();
    bench.kind(&all);
    assert_eq!(bench.read(100).map(|b| b.len()), Some(100));
    assert_eq!(bench.read(4096).as_deref(), Some(&all[100..]));
    assert_eq!(bench.echo(), "");
}

#[test]
fn vmin_is_a_threshold() {
    let mut bench = Bench::raw();
    bench.set(|t| t.cc[cc::VMIN] = 3);
    bench.kind(b"ab");
    assert!(!bench.discipline.input_ready());
    let none = bench.discipline.read(10, 3, &mut |b| b.len());
    assert_eq!(none, ReadOutcome::Empty);
    assert_eq!(
        bench.discipline.read(2, 3, &mut |b| b.len()),
        ReadOutcome::Bytes(2)
    );
    bench.kind(b"cde");
    assert!(bench.discipline.input_ready());
    bench.set(|t| {
        t.cc[cc::VTIME] = 1;
        t.cc[cc::VMIN] = 9;
    });
    assert!(bench.discipline.input_ready());
}

#[test]
fn a_newline_still_fits_a_full_line() {
    let mut bench = Bench::new(|t| t.lflag.remove(LocalFlags::ECHO));
    let long = vec![b'x'; 5000];
    assert_eq!(bench.kind(&long), 5000);
    assert_eq!(bench.kind(b"\n"), 1);
    let line = bench.read(8192).unwrap();
    assert_eq!(line.len(), 4096);
    assert_eq!(line.last(), Some(&b'\n'));
}

#[test]
fn a_full_queue_of_lines_holds_back() {
    let mut bench = Bench::new(|t| t.lflag.remove(LocalFlags::ECHO));
    let lines = b"0123456\n".repeat(1000);
    let taken = bench.kind(&lines);
    assert!(taken < lines.len() && taken >= 4088);
    assert!(!bench.discipline.has_room());
    assert_eq!(bench.line().as_deref(), Some("0123456\n"));
    assert!(bench.discipline.has_room());
}

#[test]
fn switching_modes_keeps_the_bytes() {
    let mut bench = Bench::new(|_| {});
    bench.kind(b"ab");
    assert_eq!(bench.line(), None);
    bench.set(|t| t.lflag.remove(LocalFlags::ICANON));
    assert_eq!(bench.read(1).as_deref(), Some(&b"a"[..]));
    bench.set(|t| t.lflag.insert(LocalFlags::ICANON));
    assert_eq!(bench.line().as_deref(), Some("b"));
    bench.kind(b"c\n");
    assert_eq!(bench.line().as_deref(), Some("c\n"));
}

#[test]
fn a_fault_loses_nothing() {
    let mut bench = Bench::new(|_| {});
    bench.kind(b"hello\n");
    assert_eq!(
        bench.discipline.read(100, 1, &mut |_| 2),
        ReadOutcome::Short(2)
    );
    assert_eq!(bench.line().as_deref(), Some("llo\n"));
}

#[test]
fn parity_marks() {
    let mut bench = Bench::raw();
    bench.set(|t| t.iflag.insert(InputFlags::PARMRK | InputFlags::INPCK));
    bench.kind(&[0xff]);
    bench
        .discipline
        .receive_one(Received::Damaged(b'a'), &mut bench.effects);
    bench
        .discipline
        .receive_one(Received::Break, &mut bench.effects);
    assert_eq!(
        bench.read(99).as_deref(),
        Some(&[0xff, 0xff, 0xff, 0, b'a', 0xff, 0, 0][..])
    );
}

#[test]
fn output_processing() {
    let run = |change: &dyn Fn(&mut Termios2), bytes: &[u8]| {
        let mut bench = Bench::new(|t| change(t));
        let mut out = Vec::new();
        assert_eq!(
            bench.discipline.process_output(bytes, 1000, &mut out),
            bytes.len()
        );
        String::from_utf8_lossy(&out).into_owned()
    };
    assert_eq!(run(&|_| {}, b"a\nb"), "a\r\nb");
    assert_eq!(run(&|t| t.oflag = OutputFlags::empty(), b"a\nb"), "a\nb");
    assert_eq!(
        run(&|t| t.oflag.insert(OutputFlags::TABDLY), b"ab\tc"),
        "ab      c"
    );
    assert_eq!(
        run(
            &|t| t.oflag = OutputFlags::OPOST | OutputFlags::OCRNL,
            b"a\r"
        ),
        "a\n"
    );
    assert_eq!(
        run(
            &|t| t.oflag = OutputFlags::OPOST | OutputFlags::ONOCR,
            b"\ra\r"
        ),
        "a\r"
    );
    assert_eq!(run(&|t| t.oflag.insert(OutputFlags::OLCUC), b"aB"), "AB");
}

#[test]
fn output_stops_at_the_room_there_is() {
    let mut bench = Bench::new(|_| {});
    let mut out = Vec::new();
    assert_eq!(bench.discipline.process_output(b"abc\nd", 4, &mut out), 3);
    assert_eq!(out, b"abc");
    assert_eq!(bench.discipline.process_output(b"\nd", 2, &mut out), 1);
    assert_eq!(out, b"abc\r\n");
}

#[test]
fn fionread_does_not_count_marks() {
    let mut bench = Bench::new(|_| {});
    bench.kind(b"ab\x04cd\nef");
    assert_eq!(bench.discipline.readable_bytes(), 5);
}
