//! IPv6 by itself (RFC 4862): new addresses are asked for before they are used, routers are asked to advertise, and
//! lives end. What comes of it is the [table](crate::link::autoconf)'s business; here are the packets and the times.

use super::groups::{solicited as group_of, tell};
use super::resolve::{flush, probe, solicit_routers};
use crate::link::conf6::Setting;
use crate::link::events::{self, Cause};
use crate::link::flags::Ifa;
use crate::link::{self, Interface, change, neighbour, router};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv6Addr};
use core::time::Duration;
use sync::{Instant, SortedMap, SpinLock, rank};

/// How long an answer to a question may take (`retrans_time_ms`).
const ANSWER: Duration = Duration::from_secs(1);

/// An address that is asked for.
#[derive(Clone, Copy)]
struct Probe {
    /// Questions still to be sent.
    left: i32,
    next: Instant,
}

/// An interface whose routers are asked.
#[derive(Clone, Copy)]
struct Asking {
    /// Questions still to be sent; less than 0: as many as it takes.
    left: i32,
    interval: Duration,
    next: Instant,
}

struct State {
    /// The state of the table when this was looked at last.
    seen: u64,
    next: Instant,
    probes: SortedMap<(u32, Ipv6Addr), Probe>,
    asking: SortedMap<u32, Asking>,
}

static STATE: SpinLock<State, { rank::LEAF }> = SpinLock::new(State {
    seen: 0,
    next: Instant::NEVER,
    probes: SortedMap::new(),
    asking: SortedMap::new(),
});

/// Some moment before `most` seconds are over.
fn some_of(most: i32, luck: u32) -> Duration {
    let most = u64::from(most.max(0).cast_unsigned()) * 1000;
    Duration::from_millis(u64::from(luck) % most.max(1))
}

/// A bit less or more than `whole`, as RFC 8415 has it: a tenth.
fn about(whole: Duration, luck: u32) -> Duration {
    let tenth = whole / 10;
    let share = luck % 2001;
    (whole + tenth * share / 1000).saturating_sub(tenth)
}

/// Does what time has come for. When to come again.
pub(super) fn settle() -> Option<Instant> {
    let now = Instant::now();
    let generation = events::generation();
    {
        let state = STATE.lock();
        if state.seen == generation && state.next > now {
            return (state.next != Instant::NEVER).then_some(state.next);
        }
    }
    if link::table().next_end() <= now {
        // It fails in nothing.
        let _ = change(Cause::default(), |table| {
            table.end_lives(now);
            Ok(())
        });
    }
    let table = link::table();
    let ready = |one: &&Arc<Interface>| !one.is_loopback() && one.is_up() && one.port.has_carrier();
    let interfaces: Vec<_> = table.interfaces().iter().filter(ready).collect();
    let mut asked = Vec::new();
    let mut free = Vec::new();
    let mut solicited = Vec::new();
    let luck = super::random_u32();
    let next = {
        let mut state = STATE.lock();
        state.seen = generation;
        state.probe(&interfaces, now, luck, &mut asked, &mut free);
        state.ask(&interfaces, now, luck, &mut solicited);
        let probes = state.probes.values().map(|one| one.next);
        let asking = state.asking.values().map(|one| one.next);
        let next = probes.chain(asking).chain([table.next_end()]).min();
        state.next = next.unwrap_or(Instant::NEVER);
        state.next
    };
    for (interface, own) in asked {
        tell(IpAddr::V6(group_of(own)), interface.index, true);
        probe(interface, own);
    }
    for (interface, own) in solicited {
        solicit_routers(interface, own);
    }
    for (index, own) in free {
        // One that went in between is nobody's business any more.
        let _ = change(Cause::default(), |table| {
            table.probed(index, own.into(), true)
        });
    }
    (next != Instant::NEVER).then_some(next)
}

impl State {
    /// Addresses that are not yet known to be this machine's alone: those to ask for now, and those nobody has.
    fn probe<'a>(
        &mut self,
        interfaces: &[&'a Arc<Interface>],
        now: Instant,
        luck: u32,
        asked: &mut Vec<(&'a Arc<Interface>, Ipv6Addr)>,
        free: &mut Vec<(u32, Ipv6Addr)>,
    ) {
        let mut old = core::mem::take(&mut self.probes);
        for interface in interfaces {
            let conf = &interface.conf6;
            let waits = interface.v6().filter(|own| {
                own.flags.contains(Ifa::TENTATIVE) && !own.flags.contains(Ifa::DADFAILED)
            });
            for own in waits {
                let IpAddr::V6(own) = own.local else { continue };
                let key = (interface.index, own);
                let mut one = old.remove(&key).unwrap_or_else(|| Probe {
                    left: conf.get(Setting::DadTransmits),
                    next: now
                        .saturating_add(some_of(conf.get(Setting::RouterSolicitationDelay), luck)),
                });
                if one.next <= now {
                    if one.left <= 0 {
                        free.push(key);
                        // In case it is not in the table any more when it is to be marked.
                        one.next = Instant::NEVER;
                    } else {
                        asked.push((interface, own));
                        one.left -= 1;
                        one.next = now.saturating_add(ANSWER);
                    }
                }
                self.probes.insert(key, one);
            }
        }
    }

    /// Interfaces whose routers are to be asked now. Who has answered is asked no more until the interface comes up
    /// anew.
    fn ask<'a>(
        &mut self,
        interfaces: &[&'a Arc<Interface>],
        now: Instant,
        luck: u32,
        solicited: &mut Vec<(&'a Arc<Interface>, Ipv6Addr)>,
    ) {
        let old = core::mem::take(&mut self.asking);
        for interface in interfaces {
            let Some(own) = interface.first_link_local() else {
                continue;
            };
            let conf = &interface.conf6;
            let mut one = match old.get(&interface.index) {
                Some(one) => *one,
                None => Asking {
                    left: conf.get(Setting::RouterSolicitations),
                    interval: Duration::ZERO,
                    next: now,
                },
            };
            if one.next <= now {
                let heeds = conf.is(Setting::AcceptRa);
                if one.left == 0 || !heeds {
                    one.next = Instant::NEVER;
                } else {
                    solicited.push((interface, own));
                    one.left -= i32::from(one.left > 0);
                    one.interval = longer(
                        one.interval,
                        conf.get(Setting::RouterSolicitationInterval),
                        luck,
                    );
                    let most = conf.get(Setting::RouterSolicitationMaxInterval);
                    let most = Duration::from_secs(u64::from(most.max(1).cast_unsigned()));
                    if one.interval > most {
                        one.interval = about(most, luck);
                    }
                    one.next = now.saturating_add(one.interval);
                }
            }
            self.asking.insert(interface.index, one);
        }
    }
}

/// The next wait after one: about the first, then about twice as long each time.
fn longer(last: Duration, first: i32, luck: u32) -> Duration {
    if last.is_zero() {
        let first = Duration::from_secs(u64::from(first.max(1).cast_unsigned()));
        return about(first, luck);
    }
    last + about(last, luck)
}

/// A router advertised something on an interface's link.
pub(super) fn advertised(interface: &Arc<Interface>, from: Ipv6Addr, message: &[u8]) {
    let conf = &interface.conf6;
    if !from.is_unicast_link_local()
        || interface.is_loopback()
        || !conf.is(Setting::AcceptRa)
        || conf.is(Setting::DisableIpv6)
    {
        return;
    }
    let Some(told) = router::read(message) else {
        return;
    };
    if let Some(one) = STATE.lock().asking.get_mut(&interface.index) {
        one.next = Instant::NEVER;
    }
    // The interface may go at any time; then there is nothing to do.
    let _ = change(Cause::default(), |table| {
        table.hear_router(interface.index, from, &told, Instant::now())
    });
    if let Some(mac) = told.mac.filter(|[first, ..]| first & 1 == 0) {
        neighbour::heard(interface.index, from.into(), mac);
        flush(interface, from.into(), &mac);
    }
}

/// Somebody else claims an address, which may be one that this machine asks for.
pub(super) fn claimed(interface: &Arc<Interface>, target: IpAddr) {
    let asks =
        |own: &crate::link::Address| own.local == target && own.flags.contains(Ifa::TENTATIVE);
    if !interface.v6().any(asks) {
        return;
    }
    let lost = change(Cause::default(), |table| {
        table.probed(interface.index, target, false)
    });
    if lost.is_ok() {
        log::info!(
            "IPv6: {}: IPv6 duplicate address {target} detected!",
            interface.name
        );
    }
}
