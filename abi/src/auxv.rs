//! Keys of the auxiliary vector (`man 3 getauxval`).

/// End of the vector.
pub const AT_NULL: u64 = 0;
/// Program headers of the program.
pub const AT_PHDR: u64 = 3;
/// Size of one program header.
pub const AT_PHENT: u64 = 4;
/// Number of program headers.
pub const AT_PHNUM: u64 = 5;
/// Page size.
pub const AT_PAGESZ: u64 = 6;
/// Base address of the interpreter.
pub const AT_BASE: u64 = 7;
/// Flags, 0.
pub const AT_FLAGS: u64 = 8;
/// Entry point of the program.
pub const AT_ENTRY: u64 = 9;
/// Real user.
pub const AT_UID: u64 = 11;
/// Effective user.
pub const AT_EUID: u64 = 12;
/// Real group.
pub const AT_GID: u64 = 13;
/// Effective group.
pub const AT_EGID: u64 = 14;
/// Name of the platform.
pub const AT_PLATFORM: u64 = 15;
/// Features of the processor.
pub const AT_HWCAP: u64 = 16;
/// Ticks a second of `times`.
pub const AT_CLKTCK: u64 = 17;
/// Whether the program runs with more rights than its caller.
pub const AT_SECURE: u64 = 23;
/// Sixteen random bytes.
pub const AT_RANDOM: u64 = 25;
/// More features of the processor.
pub const AT_HWCAP2: u64 = 26;
/// Bytes of `struct rseq` that the kernel fills.
pub const AT_RSEQ_FEATURE_SIZE: u64 = 27;
/// What a `struct rseq` is aligned to.
pub const AT_RSEQ_ALIGN: u64 = 28;
/// Name the program was run by.
pub const AT_EXECFN: u64 = 31;
/// The vDSO's ELF header.
pub const AT_SYSINFO_EHDR: u64 = 33;
/// Least size of a signal stack.
pub const AT_MINSIGSTKSZ: u64 = 51;
