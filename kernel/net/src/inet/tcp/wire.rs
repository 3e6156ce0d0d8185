//! A connection that leaves the machine: one state machine of smoltcp's, with its own interface and a device that
//! holds the packets of one step.

use super::state::State;
use crate::inet::address::Endpoint;
use crate::inet::{resolve, route};
use crate::link;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{self, CongestionControl, Socket, SocketBuffer};
use smoltcp::time::Instant as Moment;
use smoltcp::wire::{HardwareAddress, IpCidr, IpEndpoint, IpListenEndpoint};
use sync::Instant;

/// Bytes of the two buffers of a connection.
const RECEIVE: usize = 65_535;
const SEND: usize = 65_536;
/// Packets of one step.
const BURST: usize = 64;

/// Where packets come from and go to in one step.
struct Post {
    incoming: Option<Vec<u8>>,
    outgoing: Vec<Vec<u8>>,
    mtu: usize,
}

struct Arrived(Vec<u8>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Outlet<'a>(&'a mut Vec<Vec<u8>>);

impl TxToken for Outlet<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = alloc::vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Post {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Outlet<'a>;

    fn receive(&mut self, _now: Moment) -> Option<(Arrived, Outlet<'_>)> {
        let packet = self.incoming.take()?;
        Some((Arrived(packet), Outlet(&mut self.outgoing)))
    }

    fn transmit(&mut self, _now: Moment) -> Option<Outlet<'_>> {
        (self.outgoing.len() < BURST).then_some(Outlet(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        // Sums of what came were looked at before.
        let mut checksum = ChecksumCapabilities::default();
        checksum.ipv4 = smoltcp::phy::Checksum::Tx;
        checksum.tcp = smoltcp::phy::Checksum::Tx;
        capabilities.checksum = checksum;
        capabilities
    }
}

/// How a connection stands after a step.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Its state.
    pub state: State,
    /// Bytes that wait to be read.
    pub waiting: usize,
    /// Whether there is room to send.
    pub room: bool,
    /// When it wants another step.
    pub again: Option<Instant>,
    /// The last packet was a reset.
    pub reset: bool,
}

/// The state machine of one connection.
pub struct Wire {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: Option<SocketHandle>,
    post: Post,
    to: IpAddr,
    device: u32,
    reset: bool,
    /// The key it stands under in the table of timers.
    pub timer: Option<Instant>,
}

fn now() -> Moment {
    moment(Instant::now())
}

fn moment(instant: Instant) -> Moment {
    Moment::from_micros((instant.as_nanos() / 1000) as i64)
}

fn instant(moment: Moment) -> Instant {
    Instant::from_nanos((moment.total_micros().max(0) as u64).saturating_mul(1000))
}

fn duration(duration: Duration) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_micros(duration.as_micros() as u64)
}

impl Wire {
    /// A machine at an own address, without a socket: it resets what it gets. `seed`: where its numbers come from.
    #[must_use]
    pub fn stranger(local: IpAddr, to: IpAddr, device: u32, seed: u64) -> Self {
        let mtu = link::route::lookup(to, device).map_or(1500, |way| way.mtu as usize);
        let mut post = Post {
            incoming: None,
            outgoing: Vec::new(),
            mtu: mtu.clamp(576, 9216),
        };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut post, now());
        let prefix = if local.is_ipv4() { 32 } else { 128 };
        interface.update_ip_addrs(|addrs| {
            // There is room for one.
            let _ = addrs.push(IpCidr::new(local.into(), prefix));
        });
        Self {
            interface,
            sockets: SocketSet::new(Vec::new()),
            handle: None,
            post,
            to,
            device,
            reset: false,
            timer: None,
        }
    }

    fn with_socket(mut self) -> Self {
        let mut socket = Socket::new(
            SocketBuffer::new(alloc::vec![0; RECEIVE]),
            SocketBuffer::new(alloc::vec![0; SEND]),
        );
        socket.set_congestion_control(CongestionControl::Reno);
        self.handle = Some(self.sockets.add(socket));
        self
    }

    /// A machine that connects.
    #[must_use]
    pub fn connecting(local: &Endpoint, remote: &Endpoint, device: u32) -> Self {
        let mut wire = Self::stranger(local.addr, remote.addr, device, seed()).with_socket();
        let (from, to) = (
            IpListenEndpoint {
                addr: Some(local.addr.into()),
                port: local.port,
            },
            IpEndpoint::new(remote.addr.into(), remote.port),
        );
        if let Some(handle) = wire.handle {
            let socket = wire.sockets.get_mut::<Socket<'static>>(handle);
            // Both ends are given, and it is new.
            let _ = socket.connect(wire.interface.context(), to, from);
        }
        wire
    }

    /// A machine that answers; with the same seed it answers the same.
    #[must_use]
    pub fn answering(local: &Endpoint, remote: &Endpoint, device: u32, seed: u64) -> Self {
        let mut wire = Self::stranger(local.addr, remote.addr, device, seed).with_socket();
        let at = IpListenEndpoint {
            addr: Some(local.addr.into()),
            port: local.port,
        };
        if let Some(socket) = wire.socket() {
            // The port is given, and it is new.
            let _ = socket.listen(at);
        }
        wire
    }

    /// The connection.
    pub fn socket(&mut self) -> Option<&mut Socket<'static>> {
        let handle = self.handle?;
        Some(self.sockets.get_mut(handle))
    }

    /// Takes a packet in; what it answers at once is kept for [`Wire::flush`].
    pub fn input(&mut self, packet: Vec<u8>, reset: bool) {
        self.post.incoming = Some(packet);
        self.interface
            .poll_ingress_single(now(), &mut self.post, &mut self.sockets);
        self.reset |= reset;
    }

    /// Drops what would be sent.
    pub fn forget(&mut self) {
        let at = now();
        while self.step(at) {}
        self.post.outgoing.clear();
    }

    fn step(&mut self, at: Moment) -> bool {
        let before = self.post.outgoing.len();
        self.interface
            .poll_egress(at, &mut self.post, &mut self.sockets);
        self.post.outgoing.len() > before
    }

    /// Sends what is to be sent, and says how the connection stands.
    pub fn flush(&mut self) -> Standing {
        let at = now();
        loop {
            while self.step(at) {}
            let full = self.post.outgoing.len() >= BURST;
            self.transmit();
            if !full {
                break;
            }
        }
        self.standing()
    }

    fn transmit(&mut self) {
        if self.post.outgoing.is_empty() {
            return;
        }
        let Ok(way) = link::route::lookup(self.to, self.device) else {
            self.post.outgoing.clear();
            return;
        };
        let next = way.gateway.unwrap_or(self.to);
        for packet in self.post.outgoing.drain(..) {
            // Lost like any other on the way.
            let _ = resolve::send(&way.interface, next, packet);
        }
    }

    fn standing(&mut self) -> Standing {
        let again = self.interface.poll_at(now(), &self.sockets).map(instant);
        let reset = self.reset;
        let Some(socket) = self.socket() else {
            return Standing {
                state: State::Closed,
                waiting: 0,
                room: false,
                again: None,
                reset,
            };
        };
        Standing {
            state: state_of(socket.state()),
            waiting: socket.recv_queue(),
            room: socket.send_queue() <= SEND / 3 * 2,
            again,
            reset,
        }
    }

    /// Options as they are now.
    pub fn set(&mut self, options: &Settings) {
        if let Some(socket) = self.socket() {
            socket.set_nagle_enabled(options.nagle);
            socket.set_keep_alive(options.keep_alive.map(duration));
            socket.set_timeout(options.timeout.map(duration));
            socket.set_hop_limit(Some(options.hop_limit.max(1)));
        }
    }
}

/// What a socket's options are to its connection.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Small segments wait for the answer to those before.
    pub nagle: bool,
    /// Silence after which the other end is asked whether it is there.
    pub keep_alive: Option<Duration>,
    /// How long what was sent may stay without an answer.
    pub timeout: Option<Duration>,
    /// The hop limit.
    pub hop_limit: u8,
}

/// A seed for a connection's numbers.
#[must_use]
pub fn seed() -> u64 {
    u64::from(crate::inet::random_u32()) << 32 | u64::from(crate::inet::random_u32())
}

fn state_of(state: tcp::State) -> State {
    match state {
        tcp::State::Closed => State::Closed,
        tcp::State::Listen => State::Listen,
        tcp::State::SynSent => State::SynSent,
        tcp::State::SynReceived => State::SynReceived,
        tcp::State::Established => State::Established,
        tcp::State::FinWait1 => State::FinWait1,
        tcp::State::FinWait2 => State::FinWait2,
        tcp::State::CloseWait => State::CloseWait,
        tcp::State::Closing => State::Closing,
        tcp::State::LastAck => State::LastAck,
        tcp::State::TimeWait => State::TimeWait,
    }
}

impl core::fmt::Debug for Wire {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Wire")
    }
}

/// Whether connections to an address leave the machine.
#[must_use]
pub fn leaves(to: IpAddr) -> bool {
    !route::is_local(to)
}
