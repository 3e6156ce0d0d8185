//! Terminal settings: `struct termios`, `struct termios2`, window sizes and the ioctl numbers (man 3 termios,
//! man 2 ioctl_tty).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Number of control characters the kernel keeps.
pub const NCCS: usize = 19;

macro_rules! flag_word {
    ($(#[$doc:meta])* $name:ident { $($flag:ident = $value:expr, $what:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(transparent)]
        pub struct $name(pub u32);
        bitflags::bitflags! {
            impl $name: u32 {
                $(#[doc = $what] const $flag = $value;)*
                const _ = !0;
            }
        }
    };
}

flag_word! {
    /// `c_iflag`: what happens to bytes on the way in.
    InputFlags {
        IGNBRK = 0x1, "Ignore a break.";
        BRKINT = 0x2, "A break is an interrupt.";
        IGNPAR = 0x4, "Drop bytes with errors.";
        PARMRK = 0x8, "Mark errors with 0377 0.";
        INPCK = 0x10, "Check parity.";
        ISTRIP = 0x20, "Strip the eighth bit.";
        INLCR = 0x40, "NL becomes CR.";
        IGNCR = 0x80, "Drop CR.";
        ICRNL = 0x100, "CR becomes NL.";
        IUCLC = 0x200, "Upper case becomes lower case.";
        IXON = 0x400, "START and STOP control output.";
        IXANY = 0x800, "Any byte restarts output.";
        IXOFF = 0x1000, "Send STOP when the queue fills.";
        IMAXBEL = 0x2000, "Bell when the queue is full.";
        IUTF8 = 0x4000, "Input is UTF-8, for erasing.";
    }
}

flag_word! {
    /// `c_oflag`: what happens to bytes on the way out.
    OutputFlags {
        OPOST = 0x1, "Process output at all.";
        OLCUC = 0x2, "Lower case becomes upper case.";
        ONLCR = 0x4, "NL becomes CR NL.";
        OCRNL = 0x8, "CR becomes NL.";
        ONOCR = 0x10, "No CR at column 0.";
        ONLRET = 0x20, "NL does the work of CR.";
        OFILL = 0x40, "Fill bytes instead of delays.";
        OFDEL = 0x80, "The fill byte is DEL.";
        NLDLY = 0x100, "Delay after NL.";
        CRDLY = 0x600, "Delay after CR.";
        TABDLY = 0x1800, "Delay after TAB; all bits set (XTABS): expand tabs.";
        BSDLY = 0x2000, "Delay after BS.";
        VTDLY = 0x4000, "Delay after VT.";
        FFDLY = 0x8000, "Delay after FF.";
    }
}

flag_word! {
    /// `c_cflag`: the line itself.
    ControlFlags {
        CBAUD = 0x100f, "The speed.";
        B9600 = 0xd, "9600 baud.";
        B38400 = 0xf, "38400 baud.";
        B115200 = 0x1002, "115200 baud.";
        BOTHER = 0x1000, "The speed stands in c_ospeed.";
        CSIZE = 0x30, "Bits a character.";
        CS8 = 0x30, "Eight bits.";
        CSTOPB = 0x40, "Two stop bits.";
        CREAD = 0x80, "Receive.";
        PARENB = 0x100, "Parity.";
        PARODD = 0x200, "Odd parity.";
        HUPCL = 0x400, "Hang up on last close.";
        CLOCAL = 0x800, "Ignore modem lines.";
        CIBAUD = 0x100f_0000, "The input speed.";
        CMSPAR = 0x4000_0000, "Mark or space parity.";
        CRTSCTS = 0x8000_0000, "Hardware flow control.";
    }
}

flag_word! {
    /// `c_lflag`: the line discipline.
    LocalFlags {
        ISIG = 0x1, "INTR, QUIT and SUSP signal.";
        ICANON = 0x2, "Lines with editing.";
        XCASE = 0x4, "Upper case only terminal.";
        ECHO = 0x8, "Echo input.";
        ECHOE = 0x10, "ERASE wipes the character.";
        ECHOK = 0x20, "KILL is followed by NL.";
        ECHONL = 0x40, "Echo NL even without ECHO.";
        NOFLSH = 0x80, "Signals do not flush.";
        TOSTOP = 0x100, "Background output stops.";
        ECHOCTL = 0x200, "Control characters echo as ^X.";
        ECHOPRT = 0x400, "Erased characters are printed.";
        ECHOKE = 0x800, "KILL wipes the line.";
        FLUSHO = 0x1000, "Output is being discarded.";
        PENDIN = 0x4000, "Reprint at the next read.";
        IEXTEN = 0x8000, "WERASE, LNEXT, REPRINT, EOL2.";
        EXTPROC = 0x1_0000, "Editing happens elsewhere.";
    }
}

/// Positions in `c_cc`.
pub mod cc {
    #![allow(missing_docs, reason = "names of termios(3)")]
    pub const VINTR: usize = 0;
    pub const VQUIT: usize = 1;
    pub const VERASE: usize = 2;
    pub const VKILL: usize = 3;
    pub const VEOF: usize = 4;
    pub const VTIME: usize = 5;
    pub const VMIN: usize = 6;
    pub const VSWTC: usize = 7;
    pub const VSTART: usize = 8;
    pub const VSTOP: usize = 9;
    pub const VSUSP: usize = 10;
    pub const VEOL: usize = 11;
    pub const VREPRINT: usize = 12;
    pub const VDISCARD: usize = 13;
    pub const VWERASE: usize = 14;
    pub const VLNEXT: usize = 15;
    pub const VEOL2: usize = 16;
}

/// `struct termios2`, also what the kernel keeps (`ktermios`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Termios2 {
    /// Input modes.
    pub iflag: InputFlags,
    /// Output modes.
    pub oflag: OutputFlags,
    /// Line modes.
    pub cflag: ControlFlags,
    /// Discipline modes.
    pub lflag: LocalFlags,
    /// Line discipline number; 0 is N_TTY.
    pub line: u8,
    /// Control characters, see [`cc`].
    pub cc: [u8; NCCS],
    /// Input speed in baud.
    pub ispeed: u32,
    /// Output speed in baud.
    pub ospeed: u32,
}

/// `struct termios` as the plain TCGETS carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Termios {
    /// Input modes.
    pub iflag: InputFlags,
    /// Output modes.
    pub oflag: OutputFlags,
    /// Line modes.
    pub cflag: ControlFlags,
    /// Discipline modes.
    pub lflag: LocalFlags,
    /// Line discipline number; 0 is N_TTY.
    pub line: u8,
    /// Control characters, see [`cc`].
    pub cc: [u8; NCCS],
}

/// `struct termio`, System V's, for TCGETA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Termio {
    /// Low half of the input modes.
    pub iflag: u16,
    /// Low half of the output modes.
    pub oflag: u16,
    /// Low half of the line modes.
    pub cflag: u16,
    /// Low half of the discipline modes.
    pub lflag: u16,
    /// Line discipline number.
    pub line: u8,
    /// The first eight control characters.
    pub cc: [u8; 8],
    /// Zero.
    pub pad: u8,
}

/// `struct winsize`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct WinSize {
    /// Rows of characters.
    pub row: u16,
    /// Columns of characters.
    pub col: u16,
    /// Width in pixels.
    pub xpixel: u16,
    /// Height in pixels.
    pub ypixel: u16,
}

const _: () = assert!(size_of::<Termios2>() == 44);
const _: () = assert!(core::mem::offset_of!(Termios2, cc) == 17);
const _: () = assert!(core::mem::offset_of!(Termios2, ispeed) == 36);
const _: () = assert!(size_of::<Termios>() == 36);
const _: () = assert!(size_of::<Termio>() == 18);
const _: () = assert!(size_of::<WinSize>() == 8);

impl Termios2 {
    /// What a terminal starts with (`stty sane`, nearly).
    pub const STANDARD: Self = Self {
        iflag: InputFlags::ICRNL.union(InputFlags::IXON),
        oflag: OutputFlags::OPOST.union(OutputFlags::ONLCR),
        cflag: ControlFlags::B38400
            .union(ControlFlags::CS8)
            .union(ControlFlags::CREAD)
            .union(ControlFlags::HUPCL),
        lflag: LocalFlags::ISIG
            .union(LocalFlags::ICANON)
            .union(LocalFlags::ECHO)
            .union(LocalFlags::ECHOE)
            .union(LocalFlags::ECHOK)
            .union(LocalFlags::ECHOCTL)
            .union(LocalFlags::ECHOKE)
            .union(LocalFlags::IEXTEN),
        line: 0,
        cc: [
            3, 0o34, 0o177, 0o25, 4, 0, 1, 0, 0o21, 0o23, 0o32, 0, 0o22, 0o17, 0o27, 0o26, 0, 0, 0,
        ],
        ispeed: 38400,
        ospeed: 38400,
    };

    /// The form TCGETS shows.
    #[must_use]
    pub fn narrow(&self) -> Termios {
        Termios {
            iflag: self.iflag,
            oflag: self.oflag,
            cflag: self.cflag,
            lflag: self.lflag,
            line: self.line,
            cc: self.cc,
        }
    }

    /// These settings with what a `struct termios` says; speeds stay.
    #[must_use]
    pub fn widen(&self, from: &Termios) -> Self {
        Self {
            iflag: from.iflag,
            oflag: from.oflag,
            cflag: from.cflag,
            lflag: from.lflag,
            line: from.line,
            cc: from.cc,
            ispeed: self.ispeed,
            ospeed: self.ospeed,
        }
    }
}

/// ioctl numbers of terminals (asm-generic).
pub mod ioctl {
    #![allow(missing_docs, reason = "names of ioctl_tty(2)")]
    pub const TCGETS: u32 = 0x5401;
    pub const TCSETS: u32 = 0x5402;
    pub const TCSETSW: u32 = 0x5403;
    pub const TCSETSF: u32 = 0x5404;
    pub const TCGETA: u32 = 0x5405;
    pub const TCSETA: u32 = 0x5406;
    pub const TCSETAW: u32 = 0x5407;
    pub const TCSETAF: u32 = 0x5408;
    pub const TCSBRK: u32 = 0x5409;
    pub const TCXONC: u32 = 0x540A;
    pub const TCFLSH: u32 = 0x540B;
    pub const TIOCEXCL: u32 = 0x540C;
    pub const TIOCNXCL: u32 = 0x540D;
    pub const TIOCSCTTY: u32 = 0x540E;
    pub const TIOCGPGRP: u32 = 0x540F;
    pub const TIOCSPGRP: u32 = 0x5410;
    pub const TIOCOUTQ: u32 = 0x5411;
    pub const TIOCSTI: u32 = 0x5412;
    pub const TIOCGWINSZ: u32 = 0x5413;
    pub const TIOCSWINSZ: u32 = 0x5414;
    pub const TIOCMGET: u32 = 0x5415;
    pub const TIOCMBIS: u32 = 0x5416;
    pub const TIOCMBIC: u32 = 0x5417;
    pub const TIOCMSET: u32 = 0x5418;
    pub const TIOCGSOFTCAR: u32 = 0x5419;
    pub const TIOCSSOFTCAR: u32 = 0x541A;
    pub const FIONREAD: u32 = 0x541B;
    pub const TIOCLINUX: u32 = 0x541C;
    pub const TIOCCONS: u32 = 0x541D;
    pub const TIOCGSERIAL: u32 = 0x541E;
    pub const TIOCSSERIAL: u32 = 0x541F;
    pub const TIOCPKT: u32 = 0x5420;
    pub const FIONBIO: u32 = 0x5421;
    pub const TIOCNOTTY: u32 = 0x5422;
    pub const TIOCSETD: u32 = 0x5423;
    pub const TIOCGETD: u32 = 0x5424;
    pub const TCSBRKP: u32 = 0x5425;
    pub const TIOCSBRK: u32 = 0x5427;
    pub const TIOCCBRK: u32 = 0x5428;
    pub const TIOCGSID: u32 = 0x5429;
    pub const TCGETS2: u32 = 0x802C_542A;
    pub const TCSETS2: u32 = 0x402C_542B;
    pub const TCSETSW2: u32 = 0x402C_542C;
    pub const TCSETSF2: u32 = 0x402C_542D;
    pub const TIOCGPTN: u32 = 0x8004_5430;
    pub const TIOCSPTLCK: u32 = 0x4004_5431;
    pub const TIOCGDEV: u32 = 0x8004_5432;
    pub const TIOCSIG: u32 = 0x4004_5436;
    pub const TIOCVHANGUP: u32 = 0x5437;
    pub const TIOCGPKT: u32 = 0x8004_5438;
    pub const TIOCGPTLCK: u32 = 0x8004_5439;
    pub const TIOCGEXCL: u32 = 0x8004_5440;
    pub const TIOCGPTPEER: u32 = 0x5441;

    pub const TCIFLUSH: usize = 0;
    pub const TCOFLUSH: usize = 1;
    pub const TCIOFLUSH: usize = 2;
    pub const TCOOFF: usize = 0;
    pub const TCOON: usize = 1;
    pub const TCIOFF: usize = 2;
    pub const TCION: usize = 3;

    pub const TIOCM_DTR: u32 = 0x002;
    pub const TIOCM_RTS: u32 = 0x004;
    pub const TIOCM_CTS: u32 = 0x020;
    pub const TIOCM_CAR: u32 = 0x040;
    pub const TIOCM_RNG: u32 = 0x080;
    pub const TIOCM_DSR: u32 = 0x100;

    pub const TIOCPKT_DATA: u8 = 0;
    pub const TIOCPKT_FLUSHREAD: u8 = 1;
    pub const TIOCPKT_FLUSHWRITE: u8 = 2;
    pub const TIOCPKT_STOP: u8 = 4;
    pub const TIOCPKT_START: u8 = 8;
    pub const TIOCPKT_NOSTOP: u8 = 16;
    pub const TIOCPKT_DOSTOP: u8 = 32;
    pub const TIOCPKT_IOCTL: u8 = 64;
}
