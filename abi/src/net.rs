//! Interfaces by ioctl: numbers and layouts (`man 7 netdevice`, `man 7 arp`, `man 8 route`).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Numbers of ioctls on sockets.
#[allow(missing_docs, reason = "the names are those of man 7 netdevice")]
pub mod sioc {
    pub const ADDRT: u32 = 0x890b;
    pub const DELRT: u32 = 0x890c;
    pub const GIFNAME: u32 = 0x8910;
    pub const SIFLINK: u32 = 0x8911;
    pub const GIFCONF: u32 = 0x8912;
    pub const GIFFLAGS: u32 = 0x8913;
    pub const SIFFLAGS: u32 = 0x8914;
    pub const GIFADDR: u32 = 0x8915;
    pub const SIFADDR: u32 = 0x8916;
    pub const GIFDSTADDR: u32 = 0x8917;
    pub const SIFDSTADDR: u32 = 0x8918;
    pub const GIFBRDADDR: u32 = 0x8919;
    pub const SIFBRDADDR: u32 = 0x891a;
    pub const GIFNETMASK: u32 = 0x891b;
    pub const SIFNETMASK: u32 = 0x891c;
    pub const GIFMETRIC: u32 = 0x891d;
    pub const SIFMETRIC: u32 = 0x891e;
    pub const GIFMEM: u32 = 0x891f;
    pub const SIFMEM: u32 = 0x8920;
    pub const GIFMTU: u32 = 0x8921;
    pub const SIFMTU: u32 = 0x8922;
    pub const SIFNAME: u32 = 0x8923;
    pub const SIFHWADDR: u32 = 0x8924;
    pub const GIFENCAP: u32 = 0x8925;
    pub const SIFENCAP: u32 = 0x8926;
    pub const GIFHWADDR: u32 = 0x8927;
    pub const GIFSLAVE: u32 = 0x8929;
    pub const SIFSLAVE: u32 = 0x8930;
    pub const ADDMULTI: u32 = 0x8931;
    pub const DELMULTI: u32 = 0x8932;
    pub const GIFINDEX: u32 = 0x8933;
    pub const SIFPFLAGS: u32 = 0x8934;
    pub const GIFPFLAGS: u32 = 0x8935;
    pub const DIFADDR: u32 = 0x8936;
    pub const SIFHWBROADCAST: u32 = 0x8937;
    pub const GIFCOUNT: u32 = 0x8938;
    pub const GIFTXQLEN: u32 = 0x8942;
    pub const SIFTXQLEN: u32 = 0x8943;
    pub const ETHTOOL: u32 = 0x8946;
    pub const DARP: u32 = 0x8953;
    pub const GARP: u32 = 0x8954;
    pub const SARP: u32 = 0x8955;
    pub const GIFMAP: u32 = 0x8970;
    pub const SIFMAP: u32 = 0x8971;
}

/// Bytes of an interface's name, its end included.
pub const IFNAMSIZ: usize = 16;

/// `struct ifreq`: a name, and what is asked or told.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IfReq {
    /// The interface's name.
    pub name: [u8; IFNAMSIZ],
    /// An address, a number, flags, or a `struct ifmap`.
    pub data: [u8; 24],
}

/// `struct ifconf`: a buffer for several [`IfReq`].
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IfConf {
    /// Its bytes.
    pub len: i32,
    #[doc(hidden)]
    pub pad: u32,
    /// Where it is; 0 asks how many bytes it would take.
    pub buffer: u64,
}

/// `struct sockaddr_in`
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct SockAddrIn {
    /// `AF_INET`
    pub family: u16,
    /// The port, high byte first.
    pub port: [u8; 2],
    /// The address.
    pub address: [u8; 4],
    /// Nothing.
    pub zero: [u8; 8],
}

/// `struct sockaddr` of a link-layer address.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SockAddrHw {
    /// `ARPHRD_*`
    pub family: u16,
    /// The address.
    pub data: [u8; 14],
}

/// `struct rtentry`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RtEntry {
    #[doc(hidden)]
    pub pad1: u64,
    /// Where to.
    pub destination: SockAddrIn,
    /// The next machine.
    pub gateway: SockAddrIn,
    /// The network's mask.
    pub mask: SockAddrIn,
    /// `RTF_*`
    pub flags: u16,
    #[doc(hidden)]
    pub pad2: [u8; 6],
    #[doc(hidden)]
    pub pad3: [u64; 2],
    /// The metric and one.
    pub metric: i16,
    #[doc(hidden)]
    pub pad4: [u8; 6],
    /// The interface's name, by address; 0: none is named.
    pub device: u64,
    /// The largest packet.
    pub mtu: u64,
    /// The window.
    pub window: u64,
    /// The first guess of the round trip.
    pub rtt: u16,
    #[doc(hidden)]
    pub pad5: [u8; 6],
}

/// `struct in6_rtmsg`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct In6RtMsg {
    /// Where to.
    pub destination: [u8; 16],
    /// Where from; never used.
    pub source: [u8; 16],
    /// The next machine.
    pub gateway: [u8; 16],
    /// `RTMSG_*`
    pub kind: u32,
    /// Bits of the destination.
    pub destination_len: u16,
    /// Bits of the source.
    pub source_len: u16,
    /// The metric.
    pub metric: u32,
    #[doc(hidden)]
    pub pad: u32,
    /// Its lifetime.
    pub info: u64,
    /// `RTF_*`
    pub flags: u32,
    /// The interface's number.
    pub interface: i32,
}

/// `struct in6_ifreq`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct In6IfReq {
    /// The address.
    pub address: [u8; 16],
    /// Bits of its network.
    pub prefix_len: u32,
    /// The interface's number.
    pub interface: i32,
}

/// `struct arpreq`
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ArpReq {
    /// The address.
    pub protocol: SockAddrIn,
    /// Its card's.
    pub hardware: SockAddrHw,
    /// `ATF_*`
    pub flags: u32,
    /// The network's mask, for proxies.
    pub mask: SockAddrIn,
    /// The interface's name.
    pub device: [u8; IFNAMSIZ],
}

/// Flags of routes.
#[allow(missing_docs, reason = "the names are those of linux/route.h")]
pub mod rtf {
    pub const UP: u32 = 0x1;
    pub const GATEWAY: u32 = 0x2;
    pub const HOST: u32 = 0x4;
    pub const REJECT: u32 = 0x200;
}

/// Flags of neighbours.
#[allow(missing_docs, reason = "the names are those of man 7 arp")]
pub mod atf {
    pub const COM: u32 = 0x2;
    pub const PERM: u32 = 0x4;
    pub const PUBL: u32 = 0x8;
    pub const NETMASK: u32 = 0x20;
    pub const DONTPUB: u32 = 0x40;
}

const _: () = {
    assert!(size_of::<IfReq>() == 40);
    assert!(size_of::<IfConf>() == 16);
    assert!(size_of::<SockAddrIn>() == 16);
    assert!(size_of::<RtEntry>() == 120);
    assert!(core::mem::offset_of!(RtEntry, flags) == 56);
    assert!(core::mem::offset_of!(RtEntry, metric) == 80);
    assert!(core::mem::offset_of!(RtEntry, device) == 88);
    assert!(size_of::<In6RtMsg>() == 80);
    assert!(core::mem::offset_of!(In6RtMsg, info) == 64);
    assert!(size_of::<In6IfReq>() == 24);
    assert!(size_of::<ArpReq>() == 68);
};
