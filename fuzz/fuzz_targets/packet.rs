//! Packets as the network may send them: headers, extension headers, UDP, quoted packets, what routers and DHCP's servers
//! say, addresses of programs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::address::{Endpoint, Family};
use inet::{input, udp};
use inet::link::dhcp::Client;
use inet::link::router;

fuzz_target!(|bytes: &[u8]| {
    if let Some(packet) = input::parse(bytes, 1) {
        assert!(packet.payload.len() <= bytes.len());
        let _ = packet.with_header();
        if let Some(header) = udp::parse(packet.payload) {
            assert!(header.length <= packet.payload.len());
        }
    }
    if let Some(told) = router::read(bytes) {
        assert!(told.prefixes.iter().all(|one| one.network.len() <= 128));
    }
    let mut client = Client::new(7, [2; 6]);
    let heard = client.hear(bytes);
    assert!(client.lease().is_none() && (heard || client == Client::new(7, [2; 6])));
    for family in [Family::V4, Family::V6] {
        if let Ok(end) = Endpoint::parse(family, bytes) {
            assert_eq!(Endpoint::parse(family, &end.to_bytes(family)), Ok(end));
        }
    }
});
