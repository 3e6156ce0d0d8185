//! What an open file is ready for, as poll(2) counts it.

bitflags::bitflags! {
    /// Readiness, with the numbers of `POLLIN` and its kin on AArch64 (`man 2 poll`).
    #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
    pub struct Events: u32 {
        /// There is something to read.
        const IN = 0x001;
        /// Exceptional condition: out-of-band data, a packet-mode pty's change.
        const PRI = 0x002;
        /// Writing would not block.
        const OUT = 0x004;
        /// An error is pending; reported whether asked for or not.
        const ERR = 0x008;
        /// Hung up; reported whether asked for or not.
        const HUP = 0x010;
        /// The descriptor is not open (poll's answer only).
        const NVAL = 0x020;
        /// Normal data can be read.
        const RDNORM = 0x040;
        /// Priority band data can be read.
        const RDBAND = 0x080;
        /// Normal data can be written.
        const WRNORM = 0x100;
        /// Priority band data can be written.
        const WRBAND = 0x200;
        /// A SIGPOLL message is there (unused by Linux).
        const MSG = 0x400;
        /// The peer has shut down its writing half.
        const RDHUP = 0x2000;
        /// Inside the kernel only: a sleeping lock may be free.
        const UNLOCKED = 1 << 31;
    }
}

impl Events {
    /// What is reported even when nobody asks.
    pub const ALWAYS: Self = Self::ERR.union(Self::HUP);
    /// Readable in poll's two words for it.
    pub const READABLE: Self = Self::IN.union(Self::RDNORM);
    /// Writable in poll's two words for it.
    pub const WRITABLE: Self = Self::OUT.union(Self::WRNORM);
}
