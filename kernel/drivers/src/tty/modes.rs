//! Settings: speeds, and what a change of them means to a packet-mode master.

use abi::termios::{ControlFlags, InputFlags, LocalFlags, Termio, Termios2, cc, ioctl};

/// Speeds behind the CBAUD codes 0 to 15 and 0x1001 on.
const LOW: [u32; 16] = [
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400,
];
const HIGH: [u32; 15] = [
    57600, 115_200, 230_400, 460_800, 500_000, 576_000, 921_600, 1_000_000, 1_152_000, 1_500_000,
    2_000_000, 2_500_000, 3_000_000, 3_500_000, 4_000_000,
];

/// The speed a CBAUD code stands for; `None` for BOTHER.
fn speed(code: u32) -> Option<u32> {
    let low = (code & 0xf) as usize;
    if code & ControlFlags::BOTHER.bits() == 0 {
        LOW.get(low).copied()
    } else {
        low.checked_sub(1).and_then(|at| HIGH.get(at)).copied()
    }
}

/// Fills in the speeds that the flag words name (a plain `struct termios` has no other place for them).
pub(super) fn settle_speeds(termios: &mut Termios2) {
    let cflag = termios.cflag.bits();
    if let Some(baud) = speed(cflag & ControlFlags::CBAUD.bits()) {
        termios.ospeed = baud;
    }
    let input = (cflag & ControlFlags::CIBAUD.bits()) >> 16;
    if input == 0 {
        termios.ispeed = termios.ospeed;
    } else if let Some(baud) = speed(input) {
        termios.ispeed = baud;
    }
}

/// What a change of settings tells a packet-mode master (`man 2 ioctl_tty`, TIOCPKT).
pub(super) fn packet_status(old: &Termios2, new: &Termios2) -> u8 {
    let flow = |t: &Termios2| {
        t.iflag.contains(InputFlags::IXON)
            && t.cc.get(cc::VSTOP) == Some(&0o23)
            && t.cc.get(cc::VSTART) == Some(&0o21)
    };
    let external = |t: &Termios2| t.lflag.contains(LocalFlags::EXTPROC);
    let mut status = 0;
    if flow(old) != flow(new) {
        status |= if flow(new) {
            ioctl::TIOCPKT_DOSTOP
        } else {
            ioctl::TIOCPKT_NOSTOP
        };
    }
    if external(old) != external(new) || external(new) && old != new {
        status |= ioctl::TIOCPKT_IOCTL;
    }
    status
}

/// System V's view.
pub(super) fn to_termio(termios: &Termios2) -> Termio {
    let mut cc = [0; 8];
    for (to, from) in cc.iter_mut().zip(termios.cc) {
        *to = from;
    }
    Termio {
        iflag: termios.iflag.bits() as u16,
        oflag: termios.oflag.bits() as u16,
        cflag: termios.cflag.bits() as u16,
        lflag: termios.lflag.bits() as u16,
        line: termios.line,
        cc,
        pad: 0,
    }
}

/// Settings with System V's view put in: the low halves and eight characters.
pub(super) fn with_termio(mut termios: Termios2, from: &Termio) -> Termios2 {
    let low = |word: u32, half: u16| word & 0xffff_0000 | u32::from(half);
    termios.iflag.0 = low(termios.iflag.0, from.iflag);
    termios.oflag.0 = low(termios.oflag.0, from.oflag);
    termios.cflag.0 = low(termios.cflag.0, from.cflag);
    termios.lflag.0 = low(termios.lflag.0, from.lflag);
    termios.line = from.line;
    for (to, from) in termios.cc.iter_mut().zip(from.cc) {
        *to = from;
    }
    termios
}
