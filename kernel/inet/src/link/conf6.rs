//! What is set for IPv6 of one interface (`/proc/sys/net/ipv6/conf`, Linux's `ip-sysctl.rst`).

use super::{Interface, change, events::Cause};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::array::from_fn;
use core::fmt::Write as _;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use fs::proc::setting;
use sync::Instant;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Duplicates are looked for.
    AcceptDad,
    /// Routers are heard: 1 when packets are not forwarded, 2 always.
    AcceptRa,
    /// They may be the way to everything.
    AcceptRaDefrtr,
    /// The least hop limit that is taken from them.
    AcceptRaMinHopLimit,
    /// The largest packet of the link is taken from them.
    AcceptRaMtu,
    /// Networks of the link are taken from them.
    AcceptRaPinfo,
    /// Addresses of those networks are made.
    Autoconf,
    /// How often an address is asked for before it is used.
    DadTransmits,
    /// There is no IPv6 here.
    DisableIpv6,
    /// The hop limit of packets nobody has chosen one for.
    HopLimit,
    /// The most addresses made by advertisements.
    MaxAddresses,
    /// The largest packet.
    Mtu,
    /// The metric of the way to everything by an advertising router.
    RaDefrtrMetric,
    /// The longest first wait before something is asked, in seconds.
    RouterSolicitationDelay,
    /// The first wait for an answer of routers, in seconds.
    RouterSolicitationInterval,
    /// The longest one.
    RouterSolicitationMaxInterval,
    /// How often routers are asked; less than 0: until one answers.
    RouterSolicitations,
}

use Setting as S;

/// Name, first value, least and most of each.
const ALL: [(&str, Setting, i32, i32, i32); 17] = [
    ("accept_dad", S::AcceptDad, 1, i32::MIN, i32::MAX),
    ("accept_ra", S::AcceptRa, 1, i32::MIN, i32::MAX),
    ("accept_ra_defrtr", S::AcceptRaDefrtr, 1, i32::MIN, i32::MAX),
    (
        "accept_ra_min_hop_limit",
        S::AcceptRaMinHopLimit,
        1,
        i32::MIN,
        i32::MAX,
    ),
    ("accept_ra_mtu", S::AcceptRaMtu, 1, i32::MIN, i32::MAX),
    ("accept_ra_pinfo", S::AcceptRaPinfo, 1, i32::MIN, i32::MAX),
    ("autoconf", S::Autoconf, 1, i32::MIN, i32::MAX),
    ("dad_transmits", S::DadTransmits, 1, i32::MIN, i32::MAX),
    ("disable_ipv6", S::DisableIpv6, 0, i32::MIN, i32::MAX),
    ("hop_limit", S::HopLimit, 64, 1, 255),
    ("max_addresses", S::MaxAddresses, 16, i32::MIN, i32::MAX),
    ("mtu", S::Mtu, LEAST_MTU, LEAST_MTU, i32::MAX),
    ("ra_defrtr_metric", S::RaDefrtrMetric, 1024, 1, i32::MAX),
    (
        "router_solicitation_delay",
        S::RouterSolicitationDelay,
        1,
        i32::MIN,
        i32::MAX,
    ),
    (
        "router_solicitation_interval",
        S::RouterSolicitationInterval,
        4,
        i32::MIN,
        i32::MAX,
    ),
    (
        "router_solicitation_max_interval",
        S::RouterSolicitationMaxInterval,
        3600,
        i32::MIN,
        i32::MAX,
    ),
    (
        "router_solicitations",
        S::RouterSolicitations,
        -1,
        -1,
        i32::MAX,
    ),
];

/// The least a link must carry.
pub const LEAST_MTU: i32 = 1280;

/// The settings of one interface.
#[derive(Debug)]
pub struct Conf6([AtomicI32; ALL.len()]);

/// What holds for all interfaces.
static EVERY: Conf6 = Conf6::first();
/// What a new interface has.
static FUTURE: Conf6 = Conf6::first();

impl Conf6 {
    const fn first() -> Self {
        let mut values = [const { AtomicI32::new(0) }; ALL.len()];
        let mut at = 0;
        while at < ALL.len() {
            #[allow(
                clippy::indexing_slicing,
                reason = "at is less than the length, and this runs in the compiler"
            )]
            {
                values[at] = AtomicI32::new(ALL[at].2);
            }
            at += 1;
        }
        Self(values)
    }

    /// Those of a new interface.
    pub(super) fn of_new(mtu: u32) -> Arc<Self> {
        let new = Self(from_fn(|at| {
            AtomicI32::new(FUTURE.0.get(at).map_or(0, |one| one.load(Relaxed)))
        }));
        new.put(Setting::Mtu, i32::try_from(mtu).unwrap_or(i32::MAX));
        Arc::new(new)
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, which: Setting) -> i32 {
        self.0
            .get(which as usize)
            .map_or(0, |one| one.load(Relaxed))
    }

    /// Whether one is on.
    #[must_use]
    pub fn is(&self, which: Setting) -> bool {
        self.get(which) > 0
    }

    /// Sets one.
    pub fn put(&self, which: Setting, value: i32) {
        if let Some(one) = self.0.get(which as usize) {
            one.store(value, Relaxed);
        }
    }

    /// Whether a new address is asked for before it is used.
    #[must_use]
    pub fn looks_for_duplicates(&self) -> bool {
        EVERY.is(Setting::AcceptDad) || self.is(Setting::AcceptDad)
    }
}

/// Whose settings a directory shows.
#[derive(Clone)]
enum Of {
    All,
    New,
    One(u32, Arc<Conf6>),
}

impl Of {
    fn conf(&self) -> &Conf6 {
        match self {
            Self::All => &EVERY,
            Self::New => &FUTURE,
            Self::One(_, conf) => conf,
        }
    }

    fn set(&self, which: Setting, value: i32) -> Result<()> {
        if let Self::One(index, conf) = self {
            return set(*index, conf, which, value);
        }
        self.conf().put(which, value);
        if matches!(self, Self::All) && which == Setting::DisableIpv6 {
            FUTURE.put(which, value);
            for interface in super::interfaces() {
                set(interface.index, &interface.conf6, which, value)?;
            }
        }
        Ok(())
    }
}

/// The directory of an interface below `/proc/sys/net/ipv6/conf`.
pub(super) fn show(interface: &Interface) {
    let of = Of::One(interface.index, interface.conf6.clone());
    directory(&interface.name, &of);
}

/// The directories of all interfaces and of those to come.
pub(super) fn show_common() {
    // An interface looks for duplicates because it does, not because all do.
    EVERY.put(Setting::AcceptDad, 0);
    directory("all", &Of::All);
    directory("default", &Of::New);
}

fn directory(name: &str, of: &Of) {
    // Interfaces stay, and so do the names of their files.
    let path = |file: &str| -> &'static str {
        Box::leak(alloc::format!("sys/net/ipv6/conf/{name}/{file}").into_boxed_str())
    };
    for (file, which, _, least, most) in ALL {
        let (shown, changed) = (of.clone(), of.clone());
        setting::settable(
            path(file),
            least.into()..=most.into(),
            move || shown.conf().get(which).into(),
            move |value| changed.set(which, i32::try_from(value).map_err(|_| Errno::EINVAL)?),
        );
    }
    // What is so and cannot be set: addresses are made of the card's alone, packets of others go nowhere.
    for file in ["addr_gen_mode", "forwarding", "use_tempaddr"] {
        setting::text(path(file), |out| writeln!(out, "0"));
    }
}

/// Sets a setting of an interface, and does what comes of it.
fn set(index: u32, conf: &Conf6, which: Setting, value: i32) -> Result<()> {
    match which {
        Setting::Mtu => {
            let most = super::by_index(index).map_or(0, |on| on.mtu);
            if value > i32::try_from(most).unwrap_or(i32::MAX) {
                return Err(Errno::EINVAL);
            }
            conf.put(which, value);
            Ok(())
        }
        Setting::DisableIpv6 => {
            let before = conf.is(which);
            conf.put(which, value);
            if before == (value > 0) {
                return Ok(());
            }
            change(Cause::default(), |table| {
                table.turn_v6(index, value <= 0, Instant::now())
            })
        }
        _ => {
            conf.put(which, value);
            Ok(())
        }
    }
}

/// The largest packet of a family an interface takes.
#[must_use]
pub fn mtu(interface: &Interface, to: core::net::IpAddr) -> u32 {
    if to.is_ipv4() || interface.is_loopback() {
        return interface.mtu;
    }
    let own = interface.conf6.get(Setting::Mtu);
    interface.mtu.min(u32::try_from(own).unwrap_or(u32::MAX))
}
