//! Which operations a file has at all: Linux tells a file without one from a file whose one fails, and the
//! older kind of one, without flags of a call, from the newer.

bitflags::bitflags! {
    /// The operations of a file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Abilities: u16 {
        /// It can be read.
        const READ = 1;
        /// It can be written.
        const WRITE = 2;
        /// Flags of a call (`RWF_*`) go with a read.
        const READ_FLAGS = 4;
        /// Flags of a call go with a write.
        const WRITE_FLAGS = 8;
        /// `RWF_NOWAIT` is one of them.
        const NOWAIT = 16;
        /// It can be written at a place given, where it has places.
        const WRITE_AT = 32;
        /// A pipe can be filled from it by the kernel.
        const SPLICE_FROM = 64;
        /// A pipe can be emptied into it by the kernel.
        const SPLICE_INTO = 128;
        /// `pread` and `pwrite` reach the operations although it has no places.
        const ANY_PLACE = 256;
    }
}

impl Abilities {
    /// What most files can.
    pub const USUAL: Self = Self::all().difference(Self::ANY_PLACE);
}
