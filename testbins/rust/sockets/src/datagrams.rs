//! E7 and E8: UDP, to one and to many.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{InterfaceIndexOrAddress, SockRef};

use crate::{Outcome, cases, expect, expect_eq};

cases![
    e7_the_largest_message_passes_and_one_byte_more_does_not,
    e7_a_broadcast_wants_the_option,
    e7_the_connected_is_told_of_a_closed_port,
    e8_an_ipv4_group_is_joined_and_left,
    e8_an_ipv6_group_is_joined_and_left,
];

const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

/// The loopback's number, the same on every machine.
const LO: u32 = 1;

fn e7_the_largest_message_passes_and_one_byte_more_does_not() -> Outcome {
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let message: Vec<u8> = (0..65507_u32).map(|at| at.to_le_bytes()[0]).collect();
    expect_eq!(sender.send_to(&message, receiver.local_addr()?)?, 65507);
    let mut bytes = vec![0; 65536];
    let (len, from) = receiver.recv_from(&mut bytes)?;
    expect_eq!((len, from), (65507, sender.local_addr()?));
    expect!(bytes.get(..len) == Some(&message));
    bytes.truncate(65508);
    let longer = sender.send_to(&bytes, receiver.local_addr()?);
    expect_eq!(
        longer.err().and_then(|error| error.raw_os_error()),
        Some(Errno::MSGSIZE.raw_os_error())
    );
    Ok(())
}

fn e7_a_broadcast_wants_the_option() -> Outcome {
    let receiver = UdpSocket::bind("0.0.0.0:0")?;
    receiver.set_read_timeout(Some(PATIENCE))?;
    let to = SocketAddrV4::new(
        Ipv4Addr::new(127, 255, 255, 255),
        receiver.local_addr()?.port(),
    );
    let sender = UdpSocket::bind("127.0.0.1:0")?;
    let refused = sender.send_to(b"to all", to).map_err(|error| error.kind());
    expect_eq!(refused, Err(ErrorKind::PermissionDenied));
    sender.set_broadcast(true)?;
    sender.send_to(b"to all", to)?;
    let mut bytes = [0; 16];
    expect_eq!(receiver.recv(&mut bytes)?, 6);
    Ok(())
}

fn e7_the_connected_is_told_of_a_closed_port() -> Outcome {
    let gone = UdpSocket::bind("127.0.0.1:0")?;
    let address = gone.local_addr()?;
    drop(gone);
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(b"anybody there")?;
    let told = socket.recv(&mut [0; 4]).map_err(|error| error.kind());
    expect_eq!(told, Err(ErrorKind::ConnectionRefused));
    Ok(())
}

fn e8_an_ipv4_group_is_joined_and_left() -> Outcome {
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let receiver = UdpSocket::bind("0.0.0.0:0")?;
    let to = SocketAddrV4::new(group, receiver.local_addr()?.port());
    let sender = UdpSocket::bind("0.0.0.0:0")?;
    SockRef::from(&sender).set_multicast_if_v4(&Ipv4Addr::LOCALHOST)?;
    let socket = SockRef::from(&receiver);
    socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(LO))?;
    let twice = socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(LO));
    expect_eq!(
        twice.map_err(|error| error.kind()),
        Err(ErrorKind::AddrInUse)
    );
    receiver.set_read_timeout(Some(PATIENCE))?;
    sender.send_to(b"members", to)?;
    let mut bytes = [0; 16];
    expect_eq!(receiver.recv(&mut bytes)?, 7);
    socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(LO))?;
    receiver.set_read_timeout(Some(SHORT))?;
    sender.send_to(b"members", to)?;
    let left = receiver.recv(&mut bytes).map_err(|error| error.kind());
    expect_eq!(left, Err(ErrorKind::WouldBlock));
    let again = socket.leave_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(LO));
    expect_eq!(
        again.map_err(|error| error.kind()),
        Err(ErrorKind::AddrNotAvailable)
    );
    Ok(())
}

/// (Linux has no route for groups on its loopback, so nothing is sent to this one.)
fn e8_an_ipv6_group_is_joined_and_left() -> Outcome {
    let group: Ipv6Addr = "ff02::4:2".parse()?;
    let receiver = UdpSocket::bind("[::]:0")?;
    receiver.join_multicast_v6(&group, LO)?;
    let twice = receiver.join_multicast_v6(&group, LO);
    expect_eq!(
        twice.map_err(|error| error.kind()),
        Err(ErrorKind::AddrInUse)
    );
    receiver.leave_multicast_v6(&group, LO)?;
    let again = receiver.leave_multicast_v6(&group, LO);
    expect_eq!(
        again.map_err(|error| error.kind()),
        Err(ErrorKind::AddrNotAvailable)
    );
    let no_group = receiver.join_multicast_v6(&Ipv6Addr::LOCALHOST, LO);
    expect_eq!(
        no_group.map_err(|error| error.kind()),
        Err(ErrorKind::InvalidInput)
    );
    Ok(())
}
