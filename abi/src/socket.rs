//! Sockets: families, types, options, flags and the layouts of `msghdr`, `cmsghdr`, `ucred`,
//! `sockaddr_un` (`man 2 socket`, `man 7 socket`, `man 3 cmsg`, `man 7 unix`).

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Address families.
pub mod family {
    /// No family: `connect` with it dissolves a datagram association.
    pub const AF_UNSPEC: u16 = 0;
    /// Local sockets.
    pub const AF_UNIX: u16 = 1;
    /// IPv4.
    pub const AF_INET: u16 = 2;
    /// IPv6.
    pub const AF_INET6: u16 = 10;
    /// Kernel messages.
    pub const AF_NETLINK: u16 = 16;
    /// Link-layer packets.
    pub const AF_PACKET: u16 = 17;
    /// Virtual machine sockets.
    pub const AF_VSOCK: u16 = 40;
    /// One past the last family Linux 6.12 knows (`AF_MAX`).
    pub const AF_MAX: u16 = 46;
}

/// `SOCK_STREAM`: a byte stream.
pub const SOCK_STREAM: u32 = 1;
/// `SOCK_DGRAM`: messages, connectionless.
pub const SOCK_DGRAM: u32 = 2;
/// `SOCK_RAW`: on AF_UNIX another name of `SOCK_DGRAM`.
pub const SOCK_RAW: u32 = 3;
/// `SOCK_SEQPACKET`: messages over a connection.
pub const SOCK_SEQPACKET: u32 = 5;
/// The bits of a type argument that name the type.
pub const SOCK_TYPE_MASK: u32 = 0xf;
/// One past the last type (`SOCK_MAX`).
pub const SOCK_MAX: u32 = 11;
/// `SOCK_NONBLOCK` in a type argument, the same bit as `O_NONBLOCK`.
pub const SOCK_NONBLOCK: u32 = 0o4000;
/// `SOCK_CLOEXEC` in a type argument, the same bit as `O_CLOEXEC`.
pub const SOCK_CLOEXEC: u32 = 0o2_000_000;

/// `SHUT_RD`.
pub const SHUT_RD: u32 = 0;
/// `SHUT_WR`.
pub const SHUT_WR: u32 = 1;
/// `SHUT_RDWR`.
pub const SHUT_RDWR: u32 = 2;

/// The level of options every socket has.
pub const SOL_SOCKET: i32 = 1;

/// Options of [`SOL_SOCKET`].
#[allow(missing_docs, reason = "the names are those of man 7 socket")]
pub mod so {
    pub const DEBUG: i32 = 1;
    pub const REUSEADDR: i32 = 2;
    pub const TYPE: i32 = 3;
    pub const ERROR: i32 = 4;
    pub const DONTROUTE: i32 = 5;
    pub const BROADCAST: i32 = 6;
    pub const SNDBUF: i32 = 7;
    pub const RCVBUF: i32 = 8;
    pub const KEEPALIVE: i32 = 9;
    pub const OOBINLINE: i32 = 10;
    pub const NO_CHECK: i32 = 11;
    pub const PRIORITY: i32 = 12;
    pub const LINGER: i32 = 13;
    pub const BSDCOMPAT: i32 = 14;
    pub const REUSEPORT: i32 = 15;
    pub const PASSCRED: i32 = 16;
    pub const PEERCRED: i32 = 17;
    pub const RCVLOWAT: i32 = 18;
    pub const SNDLOWAT: i32 = 19;
    pub const RCVTIMEO: i32 = 20;
    pub const SNDTIMEO: i32 = 21;
    pub const BINDTODEVICE: i32 = 25;
    pub const ATTACH_FILTER: i32 = 26;
    pub const DETACH_FILTER: i32 = 27;
    pub const PEERNAME: i32 = 28;
    pub const TIMESTAMP: i32 = 29;
    pub const ACCEPTCONN: i32 = 30;
    pub const PEERSEC: i32 = 31;
    pub const SNDBUFFORCE: i32 = 32;
    pub const RCVBUFFORCE: i32 = 33;
    pub const PASSSEC: i32 = 34;
    pub const TIMESTAMPNS: i32 = 35;
    pub const MARK: i32 = 36;
    pub const TIMESTAMPING: i32 = 37;
    pub const PROTOCOL: i32 = 38;
    pub const DOMAIN: i32 = 39;
    pub const RXQ_OVFL: i32 = 40;
    pub const WIFI_STATUS: i32 = 41;
    pub const PEEK_OFF: i32 = 42;
    pub const NOFCS: i32 = 43;
    pub const LOCK_FILTER: i32 = 44;
    pub const SELECT_ERR_QUEUE: i32 = 45;
    pub const BUSY_POLL: i32 = 46;
    pub const MAX_PACING_RATE: i32 = 47;
    pub const BPF_EXTENSIONS: i32 = 48;
    pub const INCOMING_CPU: i32 = 49;
    pub const CNX_ADVICE: i32 = 53;
    pub const MEMINFO: i32 = 55;
    pub const INCOMING_NAPI_ID: i32 = 56;
    pub const COOKIE: i32 = 57;
    pub const PEERGROUPS: i32 = 59;
    pub const ZEROCOPY: i32 = 60;
    pub const TXTIME: i32 = 61;
    pub const BINDTOIFINDEX: i32 = 62;
    pub const TIMESTAMP_NEW: i32 = 63;
    pub const TIMESTAMPNS_NEW: i32 = 64;
    pub const TIMESTAMPING_NEW: i32 = 65;
    pub const RCVTIMEO_NEW: i32 = 66;
    pub const SNDTIMEO_NEW: i32 = 67;
    pub const PREFER_BUSY_POLL: i32 = 69;
    pub const BUSY_POLL_BUDGET: i32 = 70;
    pub const NETNS_COOKIE: i32 = 71;
    pub const BUF_LOCK: i32 = 72;
    pub const RESERVE_MEM: i32 = 73;
    pub const TXREHASH: i32 = 74;
    pub const RCVMARK: i32 = 75;
    pub const PASSPIDFD: i32 = 76;
    pub const PEERPIDFD: i32 = 77;
}

/// Control messages of [`SOL_SOCKET`].
pub mod scm {
    /// An array of descriptors.
    pub const RIGHTS: i32 = 1;
    /// A [`super::Ucred`].
    pub const CREDENTIALS: i32 = 2;
    /// The LSM's label of the sender.
    pub const SECURITY: i32 = 3;
    /// A descriptor of the sender's process.
    pub const PIDFD: i32 = 4;
}

/// Descriptors one message may carry (`SCM_MAX_FD`).
pub const SCM_MAX_FD: usize = 253;
/// The longest backlog a listener may ask for (`net.core.somaxconn`).
pub const SOMAXCONN: u32 = 4096;
/// Elements of an `iovec` array (`UIO_MAXIOV`).
pub const UIO_MAXIOV: usize = 1024;

bitflags! {
    /// Flags of the send and receive calls.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MsgFlags: u32 {
        /// `MSG_OOB`.
        const OOB = 0x1;
        /// `MSG_PEEK`.
        const PEEK = 0x2;
        /// `MSG_DONTROUTE`.
        const DONTROUTE = 0x4;
        /// `MSG_CTRUNC`.
        const CTRUNC = 0x8;
        /// `MSG_PROBE`.
        const PROBE = 0x10;
        /// `MSG_TRUNC`.
        const TRUNC = 0x20;
        /// `MSG_DONTWAIT`.
        const DONTWAIT = 0x40;
        /// `MSG_EOR`.
        const EOR = 0x80;
        /// `MSG_WAITALL`.
        const WAITALL = 0x100;
        /// `MSG_FIN`.
        const FIN = 0x200;
        /// `MSG_SYN`.
        const SYN = 0x400;
        /// `MSG_CONFIRM`.
        const CONFIRM = 0x800;
        /// `MSG_RST`.
        const RST = 0x1000;
        /// `MSG_ERRQUEUE`.
        const ERRQUEUE = 0x2000;
        /// `MSG_NOSIGNAL`.
        const NOSIGNAL = 0x4000;
        /// `MSG_MORE`.
        const MORE = 0x8000;
        /// `MSG_WAITFORONE`.
        const WAITFORONE = 0x1_0000;
        /// `MSG_BATCH`.
        const BATCH = 0x4_0000;
        /// `MSG_ZEROCOPY`.
        const ZEROCOPY = 0x400_0000;
        /// `MSG_FASTOPEN`.
        const FASTOPEN = 0x2000_0000;
        /// `MSG_CMSG_CLOEXEC`.
        const CMSG_CLOEXEC = 0x4000_0000;
        // Bits without a name pass through: Linux ignores them.
        const _ = !0;
    }
}

/// The header of `sendmsg` and `recvmsg`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MsgHdr {
    /// Address buffer.
    pub name: u64,
    /// Its length in bytes; an `int` to the kernel.
    pub name_len: i32,
    #[doc(hidden)]
    pub pad0: u32,
    /// Array of `iovec`.
    pub iov: u64,
    /// Its elements.
    pub iov_len: u64,
    /// Control buffer.
    pub control: u64,
    /// Its length in bytes.
    pub control_len: u64,
    /// Flags of the message received.
    pub flags: u32,
    #[doc(hidden)]
    pub pad1: u32,
}

/// One message of `sendmmsg` and `recvmmsg`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MMsgHdr {
    /// The message.
    pub header: MsgHdr,
    /// Bytes moved, written by the kernel.
    pub len: u32,
    #[doc(hidden)]
    pub pad: u32,
}

/// The header of one control message; data follows, aligned to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CmsgHdr {
    /// Header and data, without the padding behind.
    pub len: u64,
    /// `SOL_SOCKET` or a protocol.
    pub level: i32,
    /// What the data is.
    pub kind: i32,
}

/// Who sent a message or stands at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ucred {
    /// Process id.
    pub pid: i32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// Bytes of `sun_path`.
pub const UNIX_PATH_MAX: usize = 108;

/// The address of an AF_UNIX socket, whole.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SockAddrUn {
    /// `AF_UNIX`.
    pub family: u16,
    /// A path, or a NUL and an abstract name.
    pub path: [u8; UNIX_PATH_MAX],
}

/// Room for any address (`struct sockaddr_storage`).
pub const SOCKADDR_STORAGE: usize = 128;

const _: () = {
    assert!(size_of::<MsgHdr>() == 56);
    assert!(core::mem::offset_of!(MsgHdr, control) == 32);
    assert!(core::mem::offset_of!(MsgHdr, flags) == 48);
    assert!(size_of::<MMsgHdr>() == 64);
    assert!(size_of::<CmsgHdr>() == 16);
    assert!(size_of::<Ucred>() == 12);
    assert!(size_of::<SockAddrUn>() == 110);
};

/// Who gets SIGIO, in the words of BSD.
pub const FIOSETOWN: u32 = 0x8901;
/// The same in those of System V.
pub const SIOCSPGRP: u32 = 0x8902;
/// Read the same.
pub const FIOGETOWN: u32 = 0x8903;
/// Read the same.
pub const SIOCGPGRP: u32 = 0x8904;
/// `SIOCINQ`, the same as `FIONREAD`: bytes that wait to be read.
pub const SIOCINQ: u32 = 0x541b;
/// `SIOCOUTQ`, the same as `TIOCOUTQ`: bytes sent that the peer has not read.
pub const SIOCOUTQ: u32 = 0x5411;
/// `SIOCATMARK`: whether the next byte is the urgent one.
pub const SIOCATMARK: u32 = 0x8905;
/// `SIOCUNIXFILE`: opens the file a bound socket hangs on.
pub const SIOCUNIXFILE: u32 = 0x89e0;
