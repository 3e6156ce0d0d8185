//! Numbers of interfaces, addresses and routes (`man 7 netdevice`, `man 7 rtnetlink`).

bitflags::bitflags! {
    /// `IFF_*`
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Iff: u32 {
        /// Administratively up.
        const UP = 1;
        /// It has a broadcast address.
        const BROADCAST = 1 << 1;
        /// Debugging.
        const DEBUG = 1 << 2;
        /// Frames sent come back.
        const LOOPBACK = 1 << 3;
        /// A line between two.
        const POINTOPOINT = 1 << 4;
        /// No trailers.
        const NOTRAILERS = 1 << 5;
        /// Up and with a carrier (told, never set).
        const RUNNING = 1 << 6;
        /// No address resolution.
        const NOARP = 1 << 7;
        /// Receives everything.
        const PROMISC = 1 << 8;
        /// Receives all multicast.
        const ALLMULTI = 1 << 9;
        /// Can multicast.
        const MULTICAST = 1 << 12;
        /// Has a carrier.
        const LOWER_UP = 1 << 16;
    }
}

/// What a program may switch on an Ethernet interface, besides [`Iff::UP`].
pub const SETTABLE: Iff = Iff::DEBUG
    .union(Iff::NOTRAILERS)
    .union(Iff::NOARP)
    .union(Iff::PROMISC)
    .union(Iff::ALLMULTI)
    .union(Iff::MULTICAST);

bitflags::bitflags! {
    /// `IFA_F_*`
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Ifa: u32 {
        /// Another address of the same network came first.
        const SECONDARY = 0x01;
        /// No duplicate address detection.
        const NODAD = 0x02;
        /// Another machine has it.
        const DADFAILED = 0x08;
        /// Past its preferred lifetime.
        const DEPRECATED = 0x20;
        /// Being probed for duplicates.
        const TENTATIVE = 0x40;
        /// Without a lifetime.
        const PERMANENT = 0x80;
        /// Temporary addresses are made of its prefix.
        const MANAGETEMPADDR = 0x100;
        /// It brings no route to its network.
        const NOPREFIXROUTE = 0x200;
    }
}

/// `ARPHRD_ETHER`
pub const ETHER: u16 = 1;
/// `ARPHRD_LOOPBACK`
pub const LOOPBACK: u16 = 772;

/// Scopes of addresses and routes (`RT_SCOPE_*`).
pub mod scope {
    /// Everywhere.
    pub const UNIVERSE: u8 = 0;
    /// Within the site (IPv6).
    pub const SITE: u8 = 200;
    /// On this link.
    pub const LINK: u8 = 253;
    /// On this machine.
    pub const HOST: u8 = 254;
    /// Nowhere.
    pub const NOWHERE: u8 = 255;
}

/// Kinds of routes (`RTN_*`).
pub mod kind {
    /// Unset.
    pub const UNSPEC: u8 = 0;
    /// To a gateway or a network.
    pub const UNICAST: u8 = 1;
    /// To this machine.
    pub const LOCAL: u8 = 2;
    /// To all on the link.
    pub const BROADCAST: u8 = 3;
    /// To one of several machines.
    pub const ANYCAST: u8 = 4;
    /// To a group.
    pub const MULTICAST: u8 = 5;
    /// Dropped in silence: `EINVAL`.
    pub const BLACKHOLE: u8 = 6;
    /// `EHOSTUNREACH`
    pub const UNREACHABLE: u8 = 7;
    /// `EACCES`
    pub const PROHIBIT: u8 = 8;
    /// Goes on with the next table.
    pub const THROW: u8 = 9;
    /// The last kind Linux knows (`RTN_MAX`).
    pub const MAX: u8 = 11;
}

/// Who made a route (`RTPROT_*`).
pub mod origin {
    /// Not told.
    pub const UNSPEC: u8 = 0;
    /// The kernel.
    pub const KERNEL: u8 = 2;
    /// Boot scripts and old tools.
    pub const BOOT: u8 = 3;
    /// The administrator.
    pub const STATIC: u8 = 4;
    /// A router's advertisement.
    pub const RA: u8 = 9;
}

/// Tables of routes (`RT_TABLE_*`).
pub mod table_id {
    /// Not told: the main one.
    pub const UNSPEC: u32 = 0;
    /// Empty, for the administrator.
    pub const DEFAULT: u32 = 253;
    /// The one of everyday.
    pub const MAIN: u32 = 254;
    /// The machine's own addresses and broadcasts.
    pub const LOCAL: u32 = 255;
}
