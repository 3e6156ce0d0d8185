//! Errors that come after a message went (`IP_RECVERR`).

use super::DatagramSocket;
use crate::ip_options::{IpFlags, SOL_IP, SOL_IPV6, ip, ipv6};
use abi::socket::MsgFlags;
use abi::{Errno, Result};
use alloc::vec::Vec;
use mm::io::IoDst;
use net::address::{Endpoint, Family};
use net::control::Ancillary;
use net::name::Name;
use net::socket::Received;
use sync::Events;

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Report {
    /// The error.
    pub error: Errno,
    /// `SO_EE_ORIGIN_*`
    pub origin: u8,
    /// ICMP's type and code.
    pub kind: (u8, u8),
    /// The size that would have passed, where that is the matter.
    pub info: u32,
    /// Who says so.
    pub offender: Endpoint,
    /// Where the message went.
    pub to: Endpoint,
    /// Its bytes, as far as they came back.
    pub bytes: Vec<u8>,
}

/// Reports kept for one socket.
const MOST: usize = 128;

impl DatagramSocket {
    /// A message of this socket's was refused. `hard`: told to a connected socket even if it did not ask.
    pub fn report(&self, report: Report, hard: bool) {
        let wanted = match self.core.family {
            Family::V4 => IpFlags::RECVERR,
            Family::V6 if report.to.addr.is_ipv4() => IpFlags::RECVERR | IpFlags::V6_RECVERR,
            Family::V6 => IpFlags::V6_RECVERR,
        };
        let asked = self.core.ip.flags().intersects(wanted);
        {
            let mut link = self.link.lock();
            if !(asked || hard && link.remote.is_some()) {
                return;
            }
            link.error = Some(report.error);
        }
        if asked {
            let mut inbox = self.inbox.lock();
            if inbox.errors.len() < MOST {
                inbox.errors.push_back(report);
            }
        }
        self.core.pollee.notify(Events::ERR);
    }

    pub(super) fn receive_error(&self, dst: &mut IoDst<'_>, into: &mut Received) -> Result<()> {
        let mut inbox = self.inbox.lock();
        let report = inbox.errors.pop_front().ok_or(Errno::EAGAIN)?;
        drop(inbox);
        let wanted = report.bytes.len().min(dst.remaining());
        let copied = dst.put(report.bytes.get(..wanted).unwrap_or_default());
        into.flags |= MsgFlags::ERRQUEUE;
        if wanted < report.bytes.len() {
            into.flags |= MsgFlags::TRUNC;
        }
        // The next report's error is the pending one.
        self.link.lock().error = None;
        (into.bytes, into.whole, into.last) = (copied, report.bytes.len(), true);
        into.from = Some(Name::Ip(report.to, self.core.family));
        into.control = alloc::vec![extended(&report)].into();
        Ok(())
    }
}

/// `struct sock_extended_err` and the offender's address.
fn extended(report: &Report) -> Ancillary {
    let family = if report.offender.addr.is_ipv4() {
        Family::V4
    } else {
        Family::V6
    };
    let mut data = Vec::with_capacity(44);
    data.extend_from_slice(&report.error.number().to_ne_bytes());
    data.extend_from_slice(&[report.origin, report.kind.0, report.kind.1, 0]);
    data.extend_from_slice(&report.info.to_ne_bytes());
    data.extend_from_slice(&[0; 4]);
    data.extend_from_slice(&report.offender.to_bytes(family));
    let (level, kind) = match family {
        Family::V4 => (SOL_IP, ip::RECVERR),
        Family::V6 => (SOL_IPV6, ipv6::RECVERR),
    };
    Ancillary { level, kind, data }
}
